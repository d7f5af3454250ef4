//! Resting, while steps run or wait, and telling how the operation stands.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::StreamExt;
use tokio::time::Instant;

use super::{Drive, HOLD};
use crate::operation::step::EngineError;
use crate::operation::update;
use crate::ports::Update;
use sluice_model::{Part, Text};

impl Drive<'_> {
    /// Waits until something happens, showing meanwhile that we live. `false`: the operation is not ours any more.
    pub(super) async fn rest(&mut self) -> bool {
        let world = Arc::clone(self.engine.world());
        loop {
            let held_back = self.held_back.map(|since| since + HOLD);
            let next = self.wake.values().chain(self.slot_wake.values()).copied().chain(held_back).min();
            let look = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            let nudge = Arc::clone(&self.nudge);
            // Counted from the last sign of life, not from here: a step that looks again often must not keep us silent.
            let beat = self.shown + world.settings.lease / 3;
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(beat) => {
                    if !self.log.beat(&*world.store).await {
                        // Somebody claimed it, or rang; if that cannot be told now, the next append can.
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
                            // What was rung for is seen by the next turn, or before going to sleep.
                            tracing::warn!(operation = %self.log.head().id, %error, "signals could not be read");
                            return true;
                        }
                    }
                }
            }
        }
    }

    /// Tells where others will, should it fail.
    pub(super) fn try_to_tell(&mut self) {
        if let Err(error) = self.notify() {
            tracing::warn!(operation = %self.log.head().id, %error, "news could not be made");
        }
    }

    pub(super) fn notify(&mut self) -> Result<(), EngineError> {
        self.tell_as(false)
    }

    /// Nothing can be recorded, so nothing goes on, and people would wait in vain.
    pub(super) fn tell_refused(&self) {
        let (op, world) = (self.log.op(), self.engine.world());
        let mut news = update::of_nodes(&*self.definition, op, &self.nodes, &self.notes, self.own_since);
        let words = "Sluice has no access to its own records, so this operation is paused. \
                     It continues by itself once an admin has fixed that; the log says what was refused.";
        news.card.parts.insert(0, Part::Text(Text::plain(words)));
        world.notifier.notify(news);
    }

    pub(super) fn tell_as(&mut self, first: bool) -> Result<(), EngineError> {
        let op = self.log.op().clone();
        // Its message lists the steps of the operation, also of one that was resolved.
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
        let news = update::of_nodes(&*self.definition, &op, nodes, &self.notes, self.own_since);
        self.engine.world().notifier.notify(Update { first, ..news });
        Ok(())
    }
}
