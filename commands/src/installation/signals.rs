//! Signals to operations: cancel, *Retry* and *Mark resolved*. The process that owns the operation decides what follows from a
//! signal.

use crate::installation::{Installation, Invocation, Reject, delivery_of, messages};
use crate::operation::{
    EngineError, Head, Loaded, OperationState, Signal, SignalKind, SignalOutcome, Status, answered, load,
    send_signal,
};
use crate::records::PipelineState;
use crate::rules::{Access, Roles};
use sluice_model::{Answer, OperationId, PipelineName, Refusal};

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
        none: Refusal,
    ) -> Result<Answer, Reject> {
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        state.pipeline(name)?;
        let mut unreadable = None;
        for ticket in state.queue.tickets.iter().rev().filter(|ticket| ticket.kind == kind && !ticket.stuck) {
            let Some(loaded) = self.readable(&ticket.operation, &mut unreadable).await? else { continue };
            let Ok(is_meant) = is_meant(&loaded.op) else {
                unreadable = Some(ticket.operation.clone());
                continue;
            };
            if is_meant {
                let signal = Signal { kind: SignalKind::Cancel, reason: None };
                return self.cancel_operation(invocation, &ticket.operation, signal).await;
            }
        }
        if let Some((answer, _)) = answered(&self.engine, &invocation.delivery).await? {
            return Ok(answer);
        }
        if let Some(id) = unreadable {
            return Err(messages::cannot_be_read(name, self.noun(kind), &id).into());
        }
        Err(none.into())
    }

    /// The noun for operations of that kind, for a sentence.
    pub(crate) fn noun<'k>(&self, kind: &'k str) -> &'k str {
        self.engine.registry().newest(kind).map_or(kind, |definition| definition.noun())
    }

    /// Sends the cancel signal to an operation.
    pub(crate) async fn cancel_operation(
        &self,
        invocation: &Invocation,
        id: &OperationId,
        signal: Signal,
    ) -> Result<Answer, Reject> {
        for _ in 0..CANCEL_TRIES {
            let Some(Loaded { head, op, .. }) = self.load(id).await? else {
                return Err(messages::no_operation().into());
            };
            let requester = &head.spec.actor.id;
            let granted = self.access(&head).await?.cancel(&invocation.actor.id, requester)?;
            let definition = self.engine.registry().get(&head.spec.kind, head.spec.version);
            if definition.is_none_or(|definition| !definition.can_cancel()) {
                return Err(messages::cannot_cancel(&head.spec.command).into());
            }
            let answer = Answer::private(messages::cancelling(&head.spec.command));
            let delivery = delivery_of(invocation);
            match send_signal(&self.engine, &delivery, &head, &op, signal.clone(), granted.rule(), answer)
                .await?
            {
                SignalOutcome::Recorded(answer) | SignalOutcome::Before(answer) => return Ok(answer),
                // It was cancelled before, or it has just started or stopped waiting.
                SignalOutcome::TooLate if op.cancelled.is_some() || !is_open(head.status) => {
                    return match answered(&self.engine, delivery.key).await? {
                        Some((answer, _)) => Ok(answer),
                        None => Err(messages::too_late_to_cancel(&head.spec.command, head.status).into()),
                    };
                }
                SignalOutcome::TooLate => {}
            }
        }
        Err(messages::not_cancelled().into())
    }

    /// Retries a stuck operation, or marks it as resolved and records what runs.
    pub(crate) async fn retry_or_resolve(
        &self,
        invocation: &Invocation,
        id: &OperationId,
        wait: &str,
        signal: Signal,
    ) -> Result<Answer, Reject> {
        let world = self.engine.world();
        let item = world.store.get(&world.keys.head(id)).await?;
        let head = item.map(|item| Head::from_item(&item)).transpose()?;
        let Some(head) = head else { return Err(messages::no_operation().into()) };
        let granted = self.access(&head).await?.administer(&invocation.actor.id)?;
        // An operation whose journal cannot be read can still be retried: a newer version may be able to read it.
        let op = match self.load(id).await {
            Ok(Some(loaded)) => loaded.op,
            _ => OperationState::new(id.clone(), head.spec.clone()),
        };
        let answer = Answer::private(match signal.kind {
            SignalKind::Retry => messages::retrying(&head.spec.command),
            _ => messages::resolved(&head.spec.command),
        });
        let delivery = delivery_of(invocation);
        if head.status == Status::Stuck && head.awaits == wait {
            match send_signal(&self.engine, &delivery, &head, &op, signal, granted.rule(), answer).await? {
                SignalOutcome::Recorded(answer) | SignalOutcome::Before(answer) => return Ok(answer),
                SignalOutcome::TooLate => {}
            }
        }
        match answered(&self.engine, delivery.key).await? {
            Some((answer, _)) => Ok(answer),
            None => Err(messages::not_stuck(&head.spec.pipeline, &head.spec.command).into()),
        }
    }

    /// An operation with its parameters, which the head does not have.
    pub(crate) async fn load(&self, id: &OperationId) -> Result<Option<Loaded>, Reject> {
        let world = self.engine.world();
        Ok(load(&*world.store, &world.keys, id).await?)
    }

    /// The same for one of several operations. An operation that cannot be read is skipped, and its id is put into `unreadable`.
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
        Ok(Roles::read(self.engine.world(), Some(&head.spec.pipeline)).await?.access())
    }

    /// The earlier answer, if the refused delivery repeats one that was accepted.
    pub(crate) async fn or_earlier_answer(
        &self,
        invocation: &Invocation,
        reject: Reject,
    ) -> Result<Answer, Reject> {
        match answered(&self.engine, &invocation.delivery).await? {
            Some((answer, _)) => Ok(answer),
            None => Err(reject),
        }
    }
}

fn is_open(status: Status) -> bool {
    matches!(status, Status::Running | Status::Waiting)
}
