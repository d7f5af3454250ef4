//! Resting while steps run or wait, and notifying about the current state.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::StreamExt;
use tokio::time::Instant;

use super::{Drive, HOLD};
use crate::error::EngineError;
use crate::follow_up;
use crate::hooks::{Hooks, Report};
use crate::ports::Update;
use crate::state::OperationState;
use crate::step::Node;
use sluice_model::{Part, Text};

impl<A: Hooks> Drive<'_, A> {
    /// Waits until something happens, and sends beats meanwhile. `false`: this process no longer owns the
    /// operation.
    pub(super) async fn rest(&mut self) -> bool {
        let world = Arc::clone(self.engine.world());
        loop {
            let held_back = self.held_back.map(|since| since + HOLD);
            let next = self.wake.values().chain(self.slot_wake.values()).copied().chain(held_back).min();
            let look = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            let nudge = Arc::clone(&self.nudge);
            // Counted from the last beat or append, not from here: a step that looks again often must not
            // delay the beat.
            let beat = self.shown + world.settings.lease / 3;
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(beat) => {
                    if !self.log.beat(&*world.store).await {
                        // Another replica claimed it, or a signal was sent. If that cannot be read now, the
                        // next append finds out.
                        return self.received().await.unwrap_or(true);
                    }
                    self.shown = Instant::now();
                }
                Some(event) = self.running.next(), if !self.running.is_empty() => {
                    self.take(event);
                    while let Some(Some(event)) = self.running.next().now_or_never() {
                        self.take(event);
                    }
                    return true;
                }
                () = tokio::time::sleep_until(look) => return true,
                () = self.engine.stopping() => return true,
                () = nudge.notified() => {
                    self.slot_wake.clear();
                    match self.received().await {
                        Ok(ours) => return ours,
                        Err(error) => {
                            // The next turn sees the signal, or the check before the operation goes to sleep.
                            tracing::warn!(operation = %self.log.head().id, %error, "signals could not be read");
                            return true;
                        }
                    }
                }
            }
        }
    }

    /// Sends the update where its failure changes nothing.
    pub(super) fn try_notify(&mut self) {
        if let Err(error) = self.notify() {
            tracing::warn!(operation = %self.log.head().id, %error, "an update could not be made");
        }
    }

    pub(super) fn notify(&mut self) -> Result<(), EngineError> {
        self.notify_as(false)
    }

    /// Notifies people that nothing can be recorded. The operation does not continue, and they would wait in
    /// vain.
    pub(super) fn notify_refused(&self) {
        let (op, world) = (self.log.op(), self.engine.world());
        let mut update = A::update(&self.report(op, &self.nodes));
        let words = "Sluice has no access to its own records, so this operation is paused. \
                     It continues by itself once an admin has fixed that; the log says what was refused.";
        update.card.parts.insert(0, Part::Text(Text::plain(words)));
        world.notifier.notify(update);
    }

    pub(super) fn notify_as(&mut self, first: bool) -> Result<(), EngineError> {
        let op = self.log.op().clone();
        // The message lists the steps of the operation, also of a resolved one.
        let resolution;
        let nodes = match op.resolved {
            None => {
                self.name_steps(&op, true)?;
                &self.nodes
            }
            Some(_) => {
                resolution = self.definition.nodes(&op, self.log.target()).unwrap_or_default();
                &resolution
            }
        };
        let update = follow_up::update(self.engine.world(), &self.report(&op, nodes));
        self.engine.world().notifier.notify(Update { first, ..update });
        Ok(())
    }

    /// What an update about that state is made from.
    fn report<'b>(&'b self, op: &'b OperationState, nodes: &'b [Node<A>]) -> Report<'b, A> {
        Report { definition: &*self.definition, op, nodes, notes: &self.notes, own_since: self.own_since }
    }
}
