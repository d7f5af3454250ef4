//! Decisions on a promotion, by button and by command. Both send a signal to the waiting operation, bound to its id and the
//! revision at which it waits. A decision that is late, repeated, on one's own request or without the role is refused.

use std::collections::BTreeSet;

use crate::installation::{
    Installation, Invocation, Reject, cannot_be_read, delivery_of, misdirected, no_operation,
};
use crate::operation::{
    Head, OperationState, PROMOTE, Signal, SignalKind, SignalOutcome, Status, answered, send_signal,
};
use crate::promote::outdated::{outdated, void_outdated};
use crate::promote::requests::{Request, Selection};
use crate::promote::{Params, messages, refusals};
use crate::records::PipelineState;
use crate::rules::{Access, Roles, Subjects};
use sluice_grammar::{Command, PromoteCommand};
use sluice_model::{Answer, Member};

impl Installation {
    /// `/promote approve`, `reject` or `cancel`: the promotion to that stage, and of that release if there are several.
    pub(crate) async fn signal_promotion(
        &self,
        invocation: &Invocation,
        command: PromoteCommand,
    ) -> Result<Answer, Reject> {
        let (kind, verb, name, stage, release, reason) = match command {
            PromoteCommand::Approve { name, stage, release, reason } => {
                (SignalKind::Approve, "approve", name, stage, release, reason)
            }
            PromoteCommand::Reject { name, stage, release, reason } => {
                (SignalKind::Reject, "reject", name, stage, release, reason)
            }
            PromoteCommand::Cancel { name, stage, release, reason } => {
                (SignalKind::Cancel, "cancel", name, stage, release, reason)
            }
            other => return Err(misdirected(Command::Promote(other))),
        };
        let cancels = kind == SignalKind::Cancel;
        let none = if cancels { refusals::none_runs } else { refusals::none_waits }(&name, &stage);
        let selection = Selection { name: &name, stage: &stage, release, verb, none };
        let keep = |requests: &mut Vec<Request>| match cancels {
            false => requests.retain(Request::waits),
            // A promotion that is already being cancelled matches only if there is no other.
            true if requests.iter().any(Request::is_open) => requests.retain(Request::is_open),
            true => {}
        };
        let signal = Signal { kind, reason };
        match self.selected(selection, keep).await {
            Ok(Request { head, .. }) if cancels => self.cancel_operation(invocation, &head.id, signal).await,
            Ok(Request { head, op, .. }) => {
                self.send_decision(invocation, Some((head, op)), None, signal).await
            }
            Err(reject) => self.or_earlier_answer(invocation, reject).await,
        }
    }

    /// The open promotion that a command selects among those to `keep`.
    async fn selected(
        &self,
        selection: Selection<'_>,
        keep: impl FnOnce(&mut Vec<Request>),
    ) -> Result<Request, Reject> {
        let (world, name, stage) = (self.engine.world(), selection.name, selection.stage);
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        state.pipeline(name)?;
        state.any_stage(name, stage)?;
        let mut unreadable = None;
        let mut found = self.requests(&state, stage, &mut unreadable).await?;
        keep(&mut found);
        match unreadable.filter(|_| found.is_empty()) {
            Some(id) => Err(cannot_be_read(name, self.noun(PROMOTE), &id).into()),
            None => Ok(self.select(found, selection)?),
        }
    }

    /// The access of people, for a request that only `named` may decide.
    async fn access_among(&self, head: &Head, named: &BTreeSet<Member>) -> Result<Access, Reject> {
        let subjects = Subjects::default().naming(named);
        Ok(Roles::read_about(self.engine.world(), Some(&head.spec.pipeline), subjects).await?.access())
    }

    /// Sends a decision to the operation, at this wait if it comes from a button.
    pub(crate) async fn send_decision(
        &self,
        invocation: &Invocation,
        asked: Option<(Head, OperationState)>,
        wait: Option<&str>,
        signal: Signal,
    ) -> Result<Answer, Reject> {
        let Some((head, op)) = asked else { return Err(no_operation().into()) };
        let params: Params = op.params()?;
        let late = || refusals::late(&params, head.status);
        if params.expires.is_some_and(|expires| expires <= self.engine.world().clock.now()) {
            return Err(late().into());
        }
        let access = self.access_among(&head, &params.named).await?;
        let granted = access.approve(&invocation.actor.id, &params.asked(&head.spec.actor.id));
        let granted = granted.map_err(|refusal| {
            Reject::from(refusal).with_request_button(Some(&head.spec.pipeline), &head.spec.command)
        })?;
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
        if let Some(refusal) = outdated(&op, &params, &state) {
            void_outdated(world, &state, Some(&params.to)).await?;
            return self.or_earlier_answer(invocation, refusal.into()).await;
        }
        let answer = Answer::private(messages::decided(signal.kind, &refusals::subject(&params)));
        match send_signal(&self.engine, &delivery, &head, &op, signal, granted.rule(), answer).await? {
            SignalOutcome::Recorded(answer) | SignalOutcome::Before(answer) => Ok(answer),
            SignalOutcome::TooLate => Err(late().into()),
        }
    }
}
