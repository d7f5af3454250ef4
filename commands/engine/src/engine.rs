//! The engine of one replica: which operations it drives, and which it may claim.
//!
//! An operation has one owner, named in its head. A replica that sees the same fence and beat for a whole
//! lease *of its own monotonic clock* may claim it; no two wall clocks are compared. A claim raises the
//! fence, so a former owner that wakes up again can append nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::application::Application;
use crate::head::Head;
use crate::log::Log;
use crate::recorded_signal::RecordedSignal;
use crate::registry::Registry;
use crate::state::OperationState;
use crate::step_id::StepId;
use crate::world::World;
use sluice_model::OperationId;

/// How long an operation that only another version of Sluice knows is left to other replicas.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(10 * 60);

/// The result of driving an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driven {
    /// It ended, and its last update was sent.
    Ended,
    /// It waits for people and has no owner.
    Waiting,
    /// Another replica owns it, or it does not exist.
    NotOurs,
    /// It needs a person.
    Stuck,
    /// A failure that may pass: the next sweep tries again.
    Later,
    /// This process stops. The operation is due and has no owner, so another replica may continue at once.
    Released,
}

/// The start of a driver: an owned operation with its unread signals.
pub(crate) struct Held {
    pub(crate) log: Log,
    /// Steps whose intent this process wrote and that have not run.
    pub(crate) fresh: BTreeSet<StepId>,
    pub(crate) unread: Vec<RecordedSignal>,
    /// The sequence of the first journal row that this process wrote or will write.
    pub(crate) own_since: u64,
}

pub(crate) struct Seen {
    fence: u64,
    beat: u64,
    since: Instant,
}

/// Drives, claims and sweeps the operations of one replica.
pub struct Engine<A: Application> {
    pub(crate) world: Arc<World<A>>,
    pub(crate) registry: Registry<A>,
    pub(crate) accepted: Mutex<HashMap<OperationId, Held>>,
    pub(crate) nudges: Mutex<HashMap<OperationId, Arc<Notify>>>,
    pub(crate) seen: Mutex<HashMap<OperationId, Seen>>,
    /// Operations of unknown kinds, and since when this process sees them without an owner.
    pub(crate) strange: Mutex<HashMap<OperationId, Instant>>,
    /// The one place for a suspect (`Head::is_suspect`): a process drives one at a time.
    pub(crate) suspects: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A: Application> Engine<A> {
    /// An engine over `world` for the kinds in `registry`.
    pub fn new(world: Arc<World<A>>, registry: Registry<A>) -> Self {
        let (accepted, nudges, seen) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (strange, stop) = (Mutex::default(), watch::Sender::new(false));
        let suspects = Arc::new(Semaphore::new(1));
        Self { world, registry, accepted, nudges, seen, strange, suspects, stop }
    }

    /// Makes every driver, also future ones, release its operation: it starts nothing more, waits a few
    /// seconds for calls in flight, records them, and leaves the head without an owner. The engine claims
    /// nothing any more.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }
    /// Completes when this engine stops.
    pub(crate) async fn stopping(&self) {
        // The sender lives as long as this engine.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// The ports and settings.
    pub fn world(&self) -> &Arc<World<A>> {
        &self.world
    }
    /// The kinds of operations it knows.
    pub fn registry(&self) -> &Registry<A> {
        &self.registry
    }

    /// Passes on an operation that this replica has just accepted, so its driver need not read it again.
    /// `since` is when the acceptance began: the lease counts from then, also while the operation waits for a
    /// task.
    pub(crate) fn hand_over(&self, head: Head, op: OperationState, fresh: BTreeSet<StepId>, since: Instant) {
        let id = head.id.clone();
        let log = Log::new(self.world.target.clone(), head, op, String::new(), since);
        lock(&self.accepted).insert(id.clone(), Held { log, fresh, unread: vec![], own_since: 1 });
        self.world.runner.run(id);
    }

    /// Notifies the task that drives an operation that something happened. Without such a task it does
    /// nothing.
    pub fn nudge(&self, id: &OperationId) {
        if let Some(nudge) = lock(&self.nudges).get(id) {
            nudge.notify_one();
        }
    }

    /// Whether a task of this process drives it.
    pub(crate) fn is_driving(&self, id: &OperationId) -> bool {
        lock(&self.nudges).contains_key(id)
    }

    /// The place that a suspect needs to be driven. It keeps the place until something is recorded or it was
    /// driven for long enough. `None` for any other operation. `Err`: another suspect has the place.
    pub(crate) fn place_for(&self, head: &Head) -> Result<Option<OwnedSemaphorePermit>, Driven> {
        if !head.is_suspect() {
            return Ok(None);
        }
        Arc::clone(&self.suspects).try_acquire_owned().map(Some).map_err(|_| Driven::Later)
    }

    /// Whether it has no owner, or its owner was silent for a whole lease of our clock.
    pub(crate) fn is_free(&self, head: &Head) -> bool {
        if head.owner.is_empty() {
            return true;
        }
        // No other process can reach the state, so another owner named there has died.
        if self.world.settings.alone && head.owner != self.world.settings.replica {
            return true;
        }
        let now = Instant::now();
        let mut seen = lock(&self.seen);
        match seen.get(&head.id) {
            Some(before) if before.fence == head.fence && before.beat == head.beat => {
                now.duration_since(before.since) >= self.world.settings.lease
            }
            _ => {
                seen.insert(head.id.clone(), Seen { fence: head.fence, beat: head.beat, since: now });
                false
            }
        }
    }

    /// Whether only another version of Sluice knows this kind of operation. It is left to the replicas of
    /// that version, so two versions can run side by side. If none claims it for a while, people are
    /// notified.
    pub(crate) fn is_left_to_others(&self, head: &Head) -> bool {
        if self.registry.get(&head.spec.kind, head.spec.version).is_none() {
            return self.seems_strange(&head.id);
        }
        lock(&self.strange).get(&head.id).is_some_and(|since| since.elapsed() < LEFT_TO_OTHERS)
    }

    /// Whether this process first saw that the kind is unknown less than `LEFT_TO_OTHERS` ago.
    pub(crate) fn seems_strange(&self, id: &OperationId) -> bool {
        let mut strange = lock(&self.strange);
        strange.entry(id.clone()).or_insert_with(Instant::now).elapsed() < LEFT_TO_OTHERS
    }

    /// Whether its messages are sent before those of other operations.
    pub(crate) fn is_urgent(&self, head: &Head) -> bool {
        let definition = self.registry.get(&head.spec.kind, head.spec.version);
        definition.is_some_and(|definition| definition.is_urgent())
    }
}
