//! Shutdown: how a driver releases an operation when its process stops.
//!
//! Nothing new begins. Calls in flight are awaited and recorded, and the head is left due and without an
//! owner, so the next replica continues at once instead of after a lease. This prevents a race: a mutation is
//! still on its way when the next owner observes that it is absent. If a call remains in flight, the head
//! keeps its owner until the lease ends.

use std::time::Duration;

use futures::stream::StreamExt;
use tokio::time::Instant;

use super::{Drive, Next, Pending};
use crate::engine::Driven;
use crate::error::EngineError;
use crate::head::Head;
use crate::hooks::Hooks;
use crate::journal::Entry;
use crate::log::{Appended, Leave};
use crate::ports::{Cause, DueChange, Hint};
use crate::recorded_signal::parse_wait;
use crate::status::Status;

/// How long to wait for calls in flight. Most calls need a fraction of it; the process has 10 s in all.
const PATIENCE: Duration = Duration::from_secs(5);

impl<A: Hooks> Drive<'_, A> {
    /// Releases the operation.
    pub(super) async fn shut_down(&mut self) -> Result<Driven, EngineError> {
        if !self.drain().await {
            return Ok(Driven::NotOurs);
        }
        self.retract();
        let is_clear = self.in_flight.running.iter().all(|step| !self.is_mutation(step));
        if let Some(Next::Over(driven)) = self.make_room().await? {
            return Ok(driven);
        }
        while !self.pending.is_empty() {
            let awaits = self.log.head().awaits.clone();
            let awaited = parse_wait(&awaits).map(|(step, _)| step);
            let is_over = awaited.is_some() && self.pending.iter().any(|pending| pending.step == awaited);
            let awaits = if is_over { String::new() } else { awaits };
            let leave = Leave { status: Status::Running, owned: !is_clear, due: DueChange::Keep, awaits };
            match self.append(vec![], vec![], vec![], leave).await? {
                Appended::Recorded => self.try_notify(),
                // A refused entry is no longer pending. The next owner runs its step again.
                Appended::Refused(_) => {}
                Appended::Fenced => return Ok(Driven::NotOurs),
            }
        }
        if !is_clear {
            return Ok(Driven::Later);
        }
        let world = self.engine.world();
        if !self.log.release(&*world.store).await? {
            return Ok(Driven::NotOurs);
        }
        let Head { id, sequence, fence, .. } = self.log.head();
        world.wakeups.wake(Hint {
            operation: id.clone(),
            sequence: *sequence,
            cause: Cause::Released(*fence),
        });
        Ok(Driven::Released)
    }

    /// Waits for calls in flight and sends beats meanwhile. `false`: this process no longer owns the
    /// operation.
    async fn drain(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        let world = self.engine.world();
        while !self.running.is_empty() {
            let beat = self.shown + world.settings.lease / 3;
            tokio::select! {
                Some(event) = self.running.next() => self.take(event),
                () = tokio::time::sleep_until(beat) => {
                    if !self.log.beat(&*world.store).await && !self.received().await.unwrap_or(false) {
                        return false;
                    }
                    self.shown = Instant::now();
                }
                () = tokio::time::sleep_until(until) => break,
            }
        }
        true
    }

    /// Withdraws the intents of mutations that this process certainly did not make, so the next owner need
    /// not observe them or wait for the settle time.
    fn retract(&mut self) {
        let unmade = self.in_flight.fresh.difference(&self.in_flight.running);
        let is_open = |step: &&_| self.log.op().step(step).is_some_and(|fact| fact.is_uncertain());
        let retracted: Vec<_> = unmade.filter(is_open).cloned().collect();
        self.pending.extend(retracted.into_iter().map(|step| Pending {
            entry: Entry::Absent { step: step.clone() },
            step: Some(step),
            writes: vec![],
        }));
    }
}
