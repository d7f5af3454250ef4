//! Decisions by button and by command. Both send a signal to the waiting operation, bound to its id and the revision at
//! which it waits. A decision that is late, repeated, on one's own request or without the role is refused.

use std::collections::BTreeSet;

use crate::rules::{Access, Subjects};
use crate::records::PipelineState;
use crate::operation::{
    CANCEL_BUTTON, Delivery, Head, Loaded, OperationState, PROMOTE, RESOLVE_BUTTON, RETRY_BUTTON, Signal,
    SignalKind, SignalOutcome, Status, answered, load, marked, parse_wait, send_signal,
};
use crate::promote;
use crate::service::access_requests::{ASK_BUTTON, DECLINE_BUTTON, GRANT_BUTTON};
use crate::pipeline::history::OLDER;
use crate::promote::requests::{Meant, Request, subject};
use crate::installation::drift::GO_BUTTON;
use crate::installation::{Invocation, Stop};
use crate::stage::command::LOWER_BUTTON;
use crate::service::Service;
use sluice_model::{
    Answer, Card, Member, OperationId, PipelineName, Refusal, ReleaseNumber, StageName, Text, Tone,
};

impl Service {
    /// Handles a click on a button.
    pub(crate) async fn click(
        &self,
        invocation: &Invocation,
        action: &str,
        value: &str,
    ) -> Result<Answer, Stop> {
        if action == OLDER {
            return self.older(invocation, value).await;
        }
        let kind = match action {
            ASK_BUTTON => return self.ask(invocation, value).await,
            GRANT_BUTTON => return self.answer_request(invocation, value, true).await,
            DECLINE_BUTTON => return self.answer_request(invocation, value, false).await,
            GO_BUTTON => return self.go_on(invocation, value).await,
            LOWER_BUTTON => return self.lower(invocation, value).await,
            promote::APPROVE => SignalKind::Approve,
            promote::REJECT => SignalKind::Reject,
            CANCEL_BUTTON => SignalKind::Cancel,
            RETRY_BUTTON => SignalKind::Retry,
            RESOLVE_BUTTON => SignalKind::Resolve,
            _ => {
                return Err(Refusal::new(
                    "unknown-button",
                    "This button is no longer valid.",
                    "Use a command instead: see `/pipeline help`.",
                )
                .into());
            }
        };
        let parsed = value.split_once('|').and_then(|(id, wait)| {
            let id = OperationId::new(id).ok()?;
            (kind == SignalKind::Cancel || parse_wait(wait).is_some()).then_some((id, wait))
        });
        let Some((id, wait)) = parsed else {
            return Err(bad_button().into());
        };
        let word = Signal { kind, reason: None };
        match kind {
            SignalKind::Cancel => self.stop(invocation, &id, word).await,
            SignalKind::Retry | SignalKind::Resolve => self.get_on(invocation, &id, wait, word).await,
            _ => {
                let loaded = self.load(&id).await?.map(|loaded| (loaded.head, loaded.op));
                self.say_to(invocation, loaded, Some(wait), word).await
            }
        }
    }

    /// A decision by command, on the waiting promotion to that stage, and of that release if several wait.
    pub(crate) async fn decide(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        (stage, release): (&StageName, Option<ReleaseNumber>),
        kind: SignalKind,
        reason: Option<String>,
    ) -> Result<Answer, Stop> {
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        state.pipeline(name)?;
        state.stage(name, stage)?;
        let mut unreadable = None;
        let mut waiting = self.requests(&state, stage, &mut unreadable).await?;
        waiting.retain(Request::waits);
        if let Some(id) = unreadable.filter(|_| waiting.is_empty()) {
            return self.or_answered(invocation, cannot_be_read(name, self.noun(PROMOTE), &id).into()).await;
        }
        let word = if kind == SignalKind::Approve { "approve" } else { "reject" };
        let nothing = format!("No promotion of `{name}` to `{stage}` is waiting for a decision.");
        let meant = Meant { name, stage, release, word, none: ("nothing-waits", nothing) };
        match self.meant(waiting, &meant) {
            Ok(Request { head, op, .. }) => {
                self.say_to(invocation, Some((head, op)), None, Signal { kind, reason }).await
            }
            Err(refusal) => self.or_answered(invocation, refusal.into()).await,
        }
    }

    /// An operation with its parameters, which the head does not have.
    pub(crate) async fn load(&self, id: &OperationId) -> Result<Option<Loaded>, Stop> {
        let world = self.engine.world();
        Ok(load(&*world.store, &world.keys, id).await?)
    }

    /// The same for one of several operations: an operation that cannot be read is noted in `unreadable` and skipped.
    pub(super) async fn readable(
        &self,
        id: &OperationId,
        unreadable: &mut Option<OperationId>,
    ) -> Result<Option<Loaded>, Stop> {
        match self.load(id).await {
            Err(Stop::EngineError(error)) if error.is_corrupt() => {
                tracing::warn!(operation = %id, %error, "an operation cannot be read");
                *unreadable = Some(id.clone());
                Ok(None)
            }
            loaded => loaded,
        }
    }

    /// The current roles for an operation's pipeline.
    pub(super) async fn access(&self, head: &Head) -> Result<Access, Stop> {
        Ok(self.engine.world().roles(Some(&head.spec.pipeline)).await?.access())
    }

    /// The same for a request that only `named` may decide.
    async fn access_among(&self, head: &Head, named: &BTreeSet<Member>) -> Result<Access, Stop> {
        let subjects = Subjects::default().naming(named);
        Ok(self.engine.world().roles_about(Some(&head.spec.pipeline), subjects).await?.access())
    }

    async fn say_to(
        &self,
        invocation: &Invocation,
        asked: Option<(Head, OperationState)>,
        wait: Option<&str>,
        word: Signal,
    ) -> Result<Answer, Stop> {
        let Some((head, op)) = asked else { return Err(late(None).into()) };
        let late = || late(Some((&head, &op)));
        let params: promote::Params = op.params()?;
        if params.expires.is_some_and(|expires| expires <= self.engine.world().clock.now()) {
            return Err(late().into());
        }
        let access = self.access_among(&head, &params.named).await?;
        let granted = access.approve(&invocation.actor.id, &params.asked(&head.spec.actor.id));
        let granted = granted
            .map_err(|refusal| Stop::from(refusal).asking(Some(&head.spec.pipeline), &head.spec.command))?;
        let delivery = delivery_of(invocation);
        let open = head.status == Status::Waiting || head.status == Status::Running;
        if !open || head.awaits.is_empty() || wait.is_some_and(|wait| wait != head.awaits) {
            return match answered(&self.engine, delivery.key).await? {
                Some((answer, _)) => Ok(answer),
                None => Err(late().into()),
            };
        }
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, &params.name).await?;
        if let Some(refusal) = promote::outdated(&op, &params, &state) {
            promote::void_outdated(world, &state, Some(&params.to)).await?;
            return self.or_answered(invocation, refusal.into()).await;
        }
        let said = match word.kind {
            SignalKind::Approve => "Approved",
            _ => "Rejected",
        };
        let title = Text::plain(format!("{said}: ")).join(marked(&subject(&head, &op)));
        let answer = Answer::private(
            Card::new(Tone::Good, title).hint("The message in the channel shows the progress."),
        );
        match send_signal(&self.engine, &delivery, &head, &op, word, &granted, answer).await? {
            SignalOutcome::Recorded(answer) | SignalOutcome::Before(answer) => Ok(answer),
            SignalOutcome::TooLate => Err(late().into()),
        }
    }
}

/// The refusal of a button whose value cannot be read.
pub(super) fn bad_button() -> Refusal {
    let problem = "This button is not valid.";
    Refusal::new("bad-button", problem, "Use a command instead: see `/pipeline help`.")
}

/// The refusal if the only matching operation cannot be read.
pub(super) fn cannot_be_read(name: &PipelineName, noun: &str, id: &OperationId) -> Refusal {
    Refusal::new(
        "unreadable-operation",
        format!(
            "This version of Sluice cannot read a {noun} of `{name}`, so nothing was changed (operation `{id}`)."
        ),
        "Its message in the channel says that it is stuck: an admin can click *Retry* or *Mark resolved* there. Rollbacks go ahead.",
    )
}

/// The delivery of an invocation.
pub(super) fn delivery_of(invocation: &Invocation) -> Delivery<'_> {
    Delivery { key: &invocation.delivery, actor: &invocation.actor, channel: invocation.channel.as_ref() }
}

/// The refusal of a decision that is too late.
pub(super) fn late(asked: Option<(&Head, &OperationState)>) -> Refusal {
    let Some((head, op)) = asked else {
        let problem = "This promotion no longer exists; nothing changed.";
        return Refusal::new("late", problem, "See `/pipeline status`.");
    };
    let what = subject(head, op);
    let problem = match head.status {
        Status::Succeeded => format!("{what} was decided and succeeded already; nothing changed."),
        Status::Failed => format!("{what} was decided or ended already; nothing changed."),
        _ => format!("{what} has your decision already, or waits for another one; nothing changed."),
    };
    Refusal::new("late", problem, format!("See `/pipeline status {}`.", head.spec.pipeline))
}
