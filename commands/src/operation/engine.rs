//! The engine of one replica: which operations it drives, and which it may claim.
//!
//! An operation has one owner, named in its head. A replica that sees the same fence and beat for a whole
//! lease *of its own monotonic clock* may claim it; no two wall clocks are compared. A claim raises the
//! fence, so a former owner that wakes up again can append nothing.

mod acquire;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, stream};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use self::acquire::Acquired;
use crate::operation::definition::{OperationKind, Registry, refusal_of};
use crate::operation::driver::Drive;
use crate::operation::head::{Head, guards};
use crate::operation::log::{self, Log};
use crate::operation::state::{OperationState, RecordedSignal};
use crate::operation::step::{EngineError, StepId};
use crate::operation::world::World;
use crate::operation::{Keys, head, park, unattended};
use crate::ports::{DueChange, Guard, Precondition, StoreError, Write};
use sluice_model::OperationId;

/// How many due operations a sweep requests at first. If there are more, it requests all of them.
const SWEEP: u32 = 1000;
/// How many beats for undelivered updates a sweep writes side by side.
const SHOWN: usize = 8;
/// How long an operation that only another version of Sluice knows is left to other replicas.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(10 * 60);
/// How many items one request reads (DynamoDB's `BatchGetItem`).
const BATCH: usize = 100;

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

struct Seen {
    fence: u64,
    beat: u64,
    since: Instant,
}

/// Drives, claims and sweeps the operations of one replica.
pub struct Engine {
    world: Arc<World>,
    registry: Registry,
    accepted: Mutex<HashMap<OperationId, Held>>,
    nudges: Mutex<HashMap<OperationId, Arc<Notify>>>,
    seen: Mutex<HashMap<OperationId, Seen>>,
    /// Operations of unknown kinds, and since when this process sees them without an owner.
    strange: Mutex<HashMap<OperationId, Instant>>,
    /// The one place for a suspect (`Head::is_suspect`): a process drives one at a time.
    suspects: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// An engine over `world` for the kinds in `registry`.
    pub fn new(world: Arc<World>, registry: Registry) -> Self {
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
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }
    /// The kinds of operations it knows.
    pub fn registry(&self) -> &Registry {
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
    pub(crate) fn is_carrying(&self, id: &OperationId) -> bool {
        lock(&self.nudges).contains_key(id)
    }

    /// Drives an operation as far as it goes. Call it once per operation at a time in a process. Dropping the
    /// future is like a crash: the next owner observes what was begun.
    pub async fn drive(&self, id: &OperationId) -> Driven {
        let nudge = Arc::new(Notify::new());
        lock(&self.nudges).insert(id.clone(), Arc::clone(&nudge));
        let _carried = Carried { engine: self, id };
        let driven = self.carry(id, nudge).await.unwrap_or_else(|error| {
            tracing::error!(operation = %id, %error, "an operation could not be carried on");
            Driven::Later
        });
        if !self.world.settings.notifies && matches!(driven, Driven::Ended | Driven::Waiting | Driven::Stuck)
        {
            unattended::leave_undelivered(&self.world, id).await;
        }
        driven
    }

    async fn carry(&self, id: &OperationId, nudge: Arc<Notify>) -> Result<Driven, EngineError> {
        let accepted = lock(&self.accepted).remove(id);
        let held = match accepted {
            Some(held) => held,
            None if self.is_stopping() => return Ok(Driven::Later),
            None => match self.acquire(id).await? {
                Acquired::Held(held) => *held,
                Acquired::No(driven) => return Ok(driven),
            },
        };
        let head = held.log.head().clone();
        let Some(definition) = self.registry.get(&head.spec.kind, head.spec.version) else {
            return self.give_up(&head, park::unknown_kind()).await;
        };
        let mut driven = self.drive_held(&definition, held, &nudge).await;
        if let Err(error) = &driven
            && error.is_corrupt()
        {
            // The read may have been wrong for a moment. Read once more before people are notified.
            tracing::warn!(operation = %id, %error, "an operation is read again");
            driven = match self.read_again(&head).await? {
                Acquired::Held(held) => self.drive_held(&definition, *held, &nudge).await,
                Acquired::No(driven) => return Ok(driven),
            };
        }
        match driven {
            // The store has the problem, not the operation.
            Err(
                error @ EngineError::Store(
                    StoreError::Again(_)
                    | StoreError::Unknown(_)
                    | StoreError::Lost(_)
                    | StoreError::Refused(_),
                ),
            ) => {
                log::forgive(&*self.world.store, &self.world.keys, &head).await;
                Err(error)
            }
            Err(error) => {
                tracing::error!(operation = %id, %error, "an operation cannot go on");
                self.give_up(&head, refusal_of(definition.if_too_large(), &error)).await
            }
            driven => driven,
        }
    }

    /// Drives what this process holds. Parameters that do not decode are corrupt.
    async fn drive_held(
        &self,
        kind: &Arc<dyn OperationKind>,
        held: Held,
        nudge: &Arc<Notify>,
    ) -> Result<Driven, EngineError> {
        let bound = Arc::clone(kind).bind(held.log.op())?;
        Drive::new(self, bound, held, Arc::clone(nudge)).run().await
    }

    /// Reads the same operation again, if this process still owns it.
    async fn read_again(&self, head: &Head) -> Result<Acquired, EngineError> {
        let (store, keys) = (&*self.world.store, &self.world.keys);
        let Some(seen) = log::read_head(store, keys, &head.id).await? else {
            return Ok(Acquired::No(Driven::NotOurs));
        };
        let begun = Instant::now();
        let loaded = match log::load(store, keys, &head.id).await {
            Ok(Some(loaded)) if loaded.head.fence == head.fence => loaded,
            Ok(_) => return Ok(Acquired::No(Driven::NotOurs)),
            Err(error) if error.is_corrupt() => {
                tracing::error!(operation = %head.id, %error, "a journal cannot be read");
                return Ok(Acquired::No(self.give_up(head, error.refusal()).await?));
            }
            Err(error) => return Err(error),
        };
        let own_since = loaded.op.sequence + 1;
        // It is ours even if another suspect took the place meanwhile.
        let place = self.place_for(&loaded.head).unwrap_or_default();
        let log = Log::new(self.world.target.clone(), loaded.head, loaded.op, seen.woken_by, begun);
        let log = log.with_place(place);
        let held = Held { log, fresh: BTreeSet::new(), unread: loaded.unread, own_since };
        Ok(Acquired::Held(Box::new(held)))
    }

    /// The place that a suspect needs to be driven. It keeps the place until something is recorded or it was
    /// driven for long enough. `None` for any other operation. `Err`: another suspect has the place.
    fn place_for(&self, head: &Head) -> Result<Option<OwnedSemaphorePermit>, Driven> {
        if !head.is_suspect() {
            return Ok(None);
        }
        Arc::clone(&self.suspects).try_acquire_owned().map(Some).map_err(|_| Driven::Later)
    }

    /// Whether it has no owner, or its owner was silent for a whole lease of our clock.
    fn is_free(&self, head: &Head) -> bool {
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

    /// The due operations without an owner, for the runner to start. Call it about three times per lease.
    ///
    /// At most one of them is a suspect: an urgent one first, then the one with the fewest claims. This
    /// clears innocent operations before the next process dies. Processes that die for another reason spread
    /// their deaths over all suspects.
    pub async fn sweep(&self) -> Result<Vec<OperationId>, StoreError> {
        // Operations that could not be announced stay due, oldest first. They must not hide running ones.
        let mut limit = SWEEP;
        let due = loop {
            let due = self.world.store.due(self.world.clock.now(), limit).await?;
            if due.len() < limit as usize {
                break due;
            }
            limit = limit.saturating_mul(4);
        };
        let keys: Vec<_> = due.into_iter().map(|item| item.key).collect();
        let known: BTreeSet<_> = keys.iter().filter_map(Keys::operation_of).collect();
        lock(&self.seen).retain(|id, _| known.contains(id));
        lock(&self.strange).retain(|id, _| known.contains(id));
        if keys.is_empty() {
            return Ok(vec![]);
        }
        let (mut free, mut suspects) = (vec![], vec![]);
        let mut shown = vec![];
        let mut items = vec![];
        for batch in keys.chunks(BATCH) {
            items.extend(self.world.store.get_many(batch).await?);
        }
        for item in items {
            match Head::from_item(&item) {
                Ok(head) if self.is_carrying(&head.id) => {}
                // It needs only an announcement or a check of the clock. Both need a replica that can notify.
                Ok(head) if head.status.is_delivered_once() && !self.world.settings.notifies => {}
                Ok(head) if head.owner == self.world.settings.replica && head.status.is_delivered_once() => {
                    shown.push(head);
                }
                Ok(head) if !self.is_free(&head) || self.is_left_to_others(&head) => {}
                Ok(head) if head.is_suspect() => suspects.push(head),
                Ok(head) => free.push(head.id),
                Err(error) => tracing::error!(%error, "a due item is no operation of ours"),
            }
        }
        if self.suspects.available_permits() > 0 {
            let next = suspects.into_iter().min_by_key(|head| (!self.is_urgent(head), head.claims));
            free.extend(next.map(|head| head.id));
        }
        stream::iter(&shown).for_each_concurrent(SHOWN, |head| self.show(head)).await;
        Ok(free)
    }

    /// Sends a beat for an operation without a driver whose update this replica still has to deliver. While
    /// Slack is unreachable, no other replica should post it too.
    async fn show(&self, head: &Head) {
        let write = Write::Update {
            key: self.world.keys.head(&head.id),
            set: guards([(head::BEAT, Guard::Number(head.beat + 1))]),
            due: DueChange::Keep,
            when: Precondition::Equals(guards([
                (head::FENCE, Guard::Number(head.fence)),
                (head::STATUS, Guard::Text(head.status.as_str().into())),
            ])),
        };
        match self.world.store.write(write).await {
            Ok(()) | Err(StoreError::Lost(_)) => {}
            Err(error) => tracing::warn!(operation = %head.id, %error, "the teller's beat failed"),
        }
    }
}

/// Marks an operation as driven by this process. The mark ends with the task, also when that panics or is
/// dropped.
struct Carried<'a> {
    engine: &'a Engine,
    id: &'a OperationId,
}

impl Drop for Carried<'_> {
    fn drop(&mut self) {
        lock(&self.engine.nudges).remove(self.id);
    }
}
