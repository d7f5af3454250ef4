//! Cancelling operations, by button and by command. A cancel is a signal. The process that owns the operation decides what
//! follows from it.

use crate::records::PipelineState;
use crate::operation::{
    EngineError, Loaded, OperationState, PROMOTE, Signal, SignalKind, SignalOutcome, Status, answered,
    marked, send_signal,
};
use crate::build_op;
use crate::service::clicks::{cannot_be_read, late};
use crate::installation::delivery_of;
use crate::promote::requests::{Meant, Request, subject};
use crate::installation::{Invocation, Stop};
use crate::service::Service;
use sluice_model::{
    Answer, BuildNumber, Card, OperationId, PipelineName, Refusal, ReleaseNumber, StageName, Text, Tone,
};

/// How often a cancel is retried because the operation started or stopped waiting meanwhile.
const TRIES: usize = 5;

impl Service {
    /// `/build cancel`: the build with that number, or the newest running one.
    pub(crate) async fn cancel_build(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        number: Option<BuildNumber>,
    ) -> Result<Answer, Stop> {
        let is_meant = |op: &OperationState| {
            let params: build_op::Params = op.params()?;
            Ok(number.is_none_or(|number| number == params.number))
        };
        let what = number.map_or("No build".to_owned(), |number| format!("Build `{number}`"));
        let nothing = match number {
            None => format!("{what} of `{name}` is running."),
            Some(_) => format!("{what} of `{name}` is not running."),
        };
        self.cancel(invocation, name, "build", is_meant, nothing).await
    }

    /// `/deploy cancel`: the running deploy.
    pub(crate) async fn cancel_deploy(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
    ) -> Result<Answer, Stop> {
        self.cancel(invocation, name, "deploy", |_| Ok(true), format!("No deploy of `{name}` is running."))
            .await
    }

    /// `/promote cancel`: the running or waiting promotion to that stage, and of that release if there are several.
    pub(crate) async fn cancel_promotion(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        (stage, release): (&StageName, Option<ReleaseNumber>),
        reason: Option<String>,
    ) -> Result<Answer, Stop> {
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        state.pipeline(name)?;
        state.stage(name, stage)?;
        let mut unreadable = None;
        let mut open = self.requests(&state, stage, &mut unreadable).await?;
        if let Some(id) = unreadable.filter(|_| open.is_empty()) {
            return self.or_answered(invocation, cannot_be_read(name, self.noun(PROMOTE), &id).into()).await;
        }
        // A promotion that is already being cancelled matches only if there is no other.
        if open.iter().any(Request::is_open) {
            open.retain(Request::is_open);
        }
        let nothing = format!("No promotion of `{name}` to `{stage}` is running or waiting.");
        let meant = Meant { name, stage, release, word: "cancel", none: ("nothing-runs", nothing) };
        match self.meant(open, &meant) {
            Ok(request) => {
                let word = Signal { kind: SignalKind::Cancel, reason };
                self.stop(invocation, &request.head.id, word).await
            }
            Err(refusal) => self.or_answered(invocation, refusal.into()).await,
        }
    }

    /// Cancels the newest matching open operation of a kind.
    async fn cancel(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        kind: &str,
        is_meant: impl Fn(&OperationState) -> Result<bool, EngineError>,
        nothing: String,
    ) -> Result<Answer, Stop> {
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        state.pipeline(name)?;
        let mut unreadable = None;
        for ticket in state.tickets.iter().rev().filter(|ticket| ticket.kind == kind && !ticket.stuck) {
            let Some(loaded) = self.readable(&ticket.operation, &mut unreadable).await? else { continue };
            let Ok(is_meant) = is_meant(&loaded.op) else {
                unreadable = Some(ticket.operation.clone());
                continue;
            };
            if is_meant {
                let word = Signal { kind: SignalKind::Cancel, reason: None };
                return self.stop(invocation, &ticket.operation, word).await;
            }
        }
        if let Some((answer, _)) = answered(&self.engine, &invocation.delivery).await? {
            return Ok(answer);
        }
        if let Some(id) = unreadable {
            return Err(cannot_be_read(name, self.noun(kind), &id).into());
        }
        let hint = format!("See `/pipeline status {name}`.");
        Err(Refusal::new("nothing-runs", nothing, hint).into())
    }

    /// The noun for operations of that kind, for use in a sentence.
    pub(super) fn noun<'k>(&self, kind: &'k str) -> &'k str {
        self.engine.registry().newest(kind).map_or(kind, |definition| definition.noun())
    }

    /// Sends the cancel signal to an operation.
    pub(crate) async fn stop(
        &self,
        invocation: &Invocation,
        id: &OperationId,
        word: Signal,
    ) -> Result<Answer, Stop> {
        for _ in 0..TRIES {
            let Some(Loaded { head, op, .. }) = self.load(id).await? else {
                return Err(late(None).into());
            };
            let requester = &head.spec.actor.id;
            let granted = self.access(&head).await?.cancel(&invocation.actor.id, requester)?;
            let definition = self.engine.registry().get(&head.spec.kind, head.spec.version);
            if definition.is_none_or(|definition| !definition.can_cancel()) {
                let problem =
                    format!("`{}` cannot be cancelled, because it takes only a moment.", head.spec.command);
                return Err(Refusal::new("cannot-stop", problem, "Wait until it ends.").into());
            }
            let what = subject(&head, &op);
            let title = Text::plain("Cancelling: ").join(marked(&what));
            let hint = "Its changes are being undone. The message in the channel shows the progress.";
            let answer = Answer::private(Card::new(Tone::Good, title).hint(hint));
            let delivery = delivery_of(invocation);
            match send_signal(&self.engine, &delivery, &head, &op, word.clone(), &granted, answer).await? {
                SignalOutcome::Recorded(answer) | SignalOutcome::Before(answer) => return Ok(answer),
                // It was cancelled before, or it has just started or stopped waiting.
                SignalOutcome::TooLate if op.cancelled.is_some() || !is_open(head.status) => {
                    return match answered(&self.engine, delivery.key).await? {
                        Some((answer, _)) => Ok(answer),
                        None => Err(too_late(&what, head.status).into()),
                    };
                }
                SignalOutcome::TooLate => {}
            }
        }
        let problem = "The operation kept changing, so it was not cancelled.";
        Err(Refusal::new("busy", problem, "Run the command again.").into())
    }

    /// Retries a stuck operation, or marks it as resolved and records what runs.
    pub(crate) async fn get_on(
        &self,
        invocation: &Invocation,
        id: &OperationId,
        wait: &str,
        word: Signal,
    ) -> Result<Answer, Stop> {
        let world = self.engine.world();
        let item = world.store.get(&world.keys.head(id)).await?;
        let head = item.map(|item| crate::operation::Head::from_item(&item)).transpose()?;
        let Some(head) = head else { return Err(late(None).into()) };
        let granted = self.access(&head).await?.administer(&invocation.actor.id)?;
        // An operation whose journal cannot be read can still be retried: a newer version may be able to read it.
        let op = match self.load(id).await {
            Ok(Some(loaded)) => loaded.op,
            _ => OperationState::new(id.clone(), head.spec.clone()),
        };
        let said = match word.kind {
            SignalKind::Retry => "Retrying: ",
            _ => "Marked as resolved: ",
        };
        let title = Text::plain(said).code(head.spec.command.clone());
        let hint = "The message in the channel shows the progress.";
        let answer = Answer::private(Card::new(Tone::Good, title).hint(hint));
        let delivery = delivery_of(invocation);
        if head.status == Status::Stuck && head.awaits == wait {
            match send_signal(&self.engine, &delivery, &head, &op, word, &granted, answer).await? {
                SignalOutcome::Recorded(answer) | SignalOutcome::Before(answer) => return Ok(answer),
                SignalOutcome::TooLate => {}
            }
        }
        match answered(&self.engine, delivery.key).await? {
            Some((answer, _)) => Ok(answer),
            None => Err(Refusal::new(
                "late",
                format!(
                    "`{}` is no longer stuck, or somebody clicked before you. Nothing was changed.",
                    head.spec.command
                ),
                format!("See `/pipeline status {}`.", head.spec.pipeline),
            )
            .into()),
        }
    }
}

fn is_open(status: Status) -> bool {
    matches!(status, Status::Running | Status::Waiting)
}

fn too_late(what: &str, status: Status) -> Refusal {
    let problem = match status {
        Status::Succeeded => format!("{what} already succeeded. Nothing was changed."),
        Status::Failed => format!("{what} already ended. Nothing was changed."),
        Status::Stuck => format!("{what} is stuck. An admin can click *Retry* or *Mark resolved*."),
        _ => format!("{what} is already being cancelled."),
    };
    Refusal::new("late", problem, "The message in the channel shows its state.")
}
