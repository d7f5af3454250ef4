//! Signals to operations: a cancel, *Retry* and *Mark resolved*, and what reading them needs. The process that owns the operation
//! decides what follows from a signal.

use crate::installation::{Installation, Invocation, Reject, delivery_of};
use crate::operation::{
    EngineError, Head, Loaded, OperationState, Signal, SignalKind, SignalOutcome, Status, answered, load,
    marked, send_signal,
};
use crate::records::PipelineState;
use crate::rules::Access;
use sluice_model::{Answer, Card, OperationId, PipelineName, Refusal, Text, Tone};

/// How often a cancel is retried because the operation started or stopped waiting meanwhile.
const CANCEL_TRIES: usize = 5;

impl Installation {
    /// Cancels the newest matching open operation of a kind.
    pub(crate) async fn cancel(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        kind: &str,
        is_meant: impl Fn(&OperationState) -> Result<bool, EngineError>,
        nothing: String,
    ) -> Result<Answer, Reject> {
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
    pub(crate) fn noun<'k>(&self, kind: &'k str) -> &'k str {
        self.engine.registry().newest(kind).map_or(kind, |definition| definition.noun())
    }

    /// Sends the cancel signal to an operation.
    pub(crate) async fn stop(
        &self,
        invocation: &Invocation,
        id: &OperationId,
        word: Signal,
    ) -> Result<Answer, Reject> {
        for _ in 0..CANCEL_TRIES {
            let Some(Loaded { head, op, .. }) = self.load(id).await? else {
                return Err(no_operation().into());
            };
            let requester = &head.spec.actor.id;
            let granted = self.access(&head).await?.cancel(&invocation.actor.id, requester)?;
            let definition = self.engine.registry().get(&head.spec.kind, head.spec.version);
            if definition.is_none_or(|definition| !definition.can_cancel()) {
                let problem =
                    format!("`{}` cannot be cancelled, because it takes only a moment.", head.spec.command);
                return Err(Refusal::new("cannot-stop", problem, "Wait until it ends.").into());
            }
            let what = format!("`{}`", head.spec.command);
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
    ) -> Result<Answer, Reject> {
        let world = self.engine.world();
        let item = world.store.get(&world.keys.head(id)).await?;
        let head = item.map(|item| crate::operation::Head::from_item(&item)).transpose()?;
        let Some(head) = head else { return Err(no_operation().into()) };
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

    /// An operation with its parameters, which the head does not have.
    pub(crate) async fn load(&self, id: &OperationId) -> Result<Option<Loaded>, Reject> {
        let world = self.engine.world();
        Ok(load(&*world.store, &world.keys, id).await?)
    }

    /// The same for one of several operations: an operation that cannot be read is noted in `unreadable` and skipped.
    pub(crate) async fn readable(
        &self,
        id: &OperationId,
        unreadable: &mut Option<OperationId>,
    ) -> Result<Option<Loaded>, Reject> {
        match self.load(id).await {
            Err(Reject::EngineError(error)) if error.is_corrupt() => {
                tracing::warn!(operation = %id, %error, "an operation cannot be read");
                *unreadable = Some(id.clone());
                Ok(None)
            }
            loaded => loaded,
        }
    }

    /// The current roles for an operation's pipeline.
    pub(crate) async fn access(&self, head: &Head) -> Result<Access, Reject> {
        Ok(self.engine.world().roles(Some(&head.spec.pipeline)).await?.access())
    }

    /// The earlier answer, if the refused delivery is a repetition of one that was accepted.
    pub(crate) async fn or_answered(&self, invocation: &Invocation, stop: Reject) -> Result<Answer, Reject> {
        match answered(&self.engine, &invocation.delivery).await? {
            Some((answer, _)) => Ok(answer),
            None => Err(stop),
        }
    }
}

/// The refusal if the only matching operation cannot be read.
pub(crate) fn cannot_be_read(name: &PipelineName, noun: &str, id: &OperationId) -> Refusal {
    Refusal::new(
        "unreadable-operation",
        format!(
            "This version of Sluice cannot read a {noun} of `{name}`, so nothing was changed (operation `{id}`)."
        ),
        "Its message in the channel says that it is stuck: an admin can click *Retry* or *Mark resolved* there. Rollbacks go ahead.",
    )
}

/// The refusal of a click on an operation that does not exist.
pub(crate) fn no_operation() -> Refusal {
    Refusal::new("late", "This operation no longer exists; nothing changed.", "See `/pipeline status`.")
}

pub(crate) fn is_open(status: Status) -> bool {
    matches!(status, Status::Running | Status::Waiting)
}

pub(crate) fn too_late(what: &str, status: Status) -> Refusal {
    let problem = match status {
        Status::Succeeded => format!("{what} already succeeded. Nothing was changed."),
        Status::Failed => format!("{what} already ended. Nothing was changed."),
        Status::Stuck => format!("{what} is stuck. An admin can click *Retry* or *Mark resolved*."),
        _ => format!("{what} is already being cancelled."),
    };
    Refusal::new("late", problem, "The message in the channel shows its state.")
}
