//! The driver: drives one operation from append to append.
//!
//! The journal has one writer, which batches: the ends of some steps and the intents of the next go into one
//! row. Ready steps run side by side up to a bound, and none is dropped in flight while this process owns the
//! operation. No update is sent before its cause is recorded.

mod contents;
mod events;
mod rest;
mod rows;
mod shutdown;
mod start;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::application::Application;
use crate::engine::{Driven, Engine, Held};
use crate::error::EngineError;
use crate::hooks::Hooks;
use crate::journal::Entry;
use crate::log::{Appended, Leave, Log};
use crate::operation::BoundOperation;
use crate::plan::{self, InFlight, Outcome, Start};
use crate::ports::{DueChange, StoreError, Write};
use crate::queue::{self, Acquire};
use crate::recorded_signal::parse_wait;
use crate::slot::Slot;
use crate::state::OperationState;
use crate::status::Status;
use crate::step::{Node, Observed, Progress, Undone};
use crate::step_id::StepId;
use sluice_model::Text;

/// How long to wait before a taken slot is tried again without a wake-up.
const SLOT_AGAIN: Duration = Duration::from_secs(2);
/// How long to wait before a mutation is tried again after the lease could not be confirmed.
const SURE_AGAIN: Duration = Duration::from_secs(1);
/// How long a finished step or a signal waits for a row that is written anyway. If this process dies
/// meanwhile, the next owner observes the step or reads the signal again.
const HOLD: Duration = Duration::from_secs(1);

/// The largest number of intents in one row.
const INTENTS: usize = 1000;

/// The result of a step.
enum Event {
    Ran(StepId, Result<Progress, EngineError>),
    Looked(StepId, Result<Observed, EngineError>),
    Undone(StepId, Result<Undone, EngineError>),
}

/// The next action of the driver after a turn.
enum Next {
    /// Driving is over.
    Over(Driven),
    /// The state changed during the turn: plan again at once.
    Outcome,
    /// Everything that can start has started: wait until something happens.
    Rest,
}

/// An entry that waits to be appended, with the records that change with it.
struct Pending {
    entry: Entry,
    step: Option<StepId>,
    writes: Vec<Write>,
}

/// The status of an operation that goes on.
fn running_status(op: &OperationState) -> Status {
    if op.failure().is_some() { Status::Unwinding } else { Status::Running }
}

/// The driver of one operation.
pub(crate) struct Drive<'a, A: Application> {
    engine: &'a Engine<A>,
    definition: Arc<dyn BoundOperation<A>>,
    log: Log,
    /// The sequence of the first row that this process wrote or will write.
    own_since: u64,
    nudge: Arc<Notify>,
    in_flight: InFlight,
    pending: Vec<Pending>,
    /// The time of the first result that is not recorded yet.
    held_back: Option<Instant>,
    /// The steps as last planned.
    nodes: Vec<Node<A>>,
    /// The row after which `nodes` were computed, unless they include entries that are not recorded.
    named_at: Option<u64>,
    /// When this process first started each step.
    begun: BTreeMap<StepId, Instant>,
    running: FuturesUnordered<BoxFuture<'static, Event>>,
    wake: BTreeMap<StepId, Instant>,
    slot_wake: BTreeMap<Slot, Instant>,
    /// How often each step failed in a row, and since when.
    failing: BTreeMap<StepId, (u32, Instant)>,
    conflicts: BTreeMap<StepId, EngineError>,
    /// When a mutation was first answered with *not found* or *exists already*, which a control plane may
    /// correct later.
    doubtful: BTreeMap<StepId, Instant>,
    absent: BTreeMap<StepId, Instant>,
    /// How many signals each running step received.
    judged: BTreeMap<StepId, usize>,
    notes: BTreeMap<StepId, Text>,
    /// When this process last tried to show that it lives, by an append or a beat.
    shown: Instant,
}

impl<'a, A: Hooks> Drive<'a, A> {
    pub(crate) fn new(
        engine: &'a Engine<A>,
        definition: Arc<dyn BoundOperation<A>>,
        held: Held,
        nudge: Arc<Notify>,
    ) -> Self {
        let pending = held
            .unread
            .into_iter()
            .map(|signal| Pending { entry: Entry::Signal(signal), step: None, writes: vec![] })
            .collect();
        Self {
            engine,
            definition,
            log: held.log,
            own_since: held.own_since,
            nudge,
            in_flight: InFlight { fresh: held.fresh, ..InFlight::default() },
            pending,
            held_back: None,
            nodes: vec![],
            named_at: None,
            begun: BTreeMap::new(),
            running: FuturesUnordered::new(),
            wake: BTreeMap::new(),
            slot_wake: BTreeMap::new(),
            failing: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            doubtful: BTreeMap::new(),
            absent: BTreeMap::new(),
            judged: BTreeMap::new(),
            notes: BTreeMap::new(),
            shown: Instant::now(),
        }
    }

    pub(crate) async fn run(mut self) -> Result<Driven, EngineError> {
        let driven = self.drive_on().await;
        if let Err(EngineError::Store(StoreError::Refused(_))) = &driven {
            self.notify_refused();
        }
        driven
    }

    async fn drive_on(&mut self) -> Result<Driven, EngineError> {
        let is_first = self.own_since == 1 && self.log.op().sequence == 1;
        match self.known().await? {
            Err(Next::Over(driven)) => return Ok(driven),
            // The process is stopping: release the operation before anything else.
            Err(_) => {}
            Ok(op) if op.resolved.is_some() => self.try_notify(),
            Ok(_) => self.notify_as(is_first)?,
        }
        loop {
            if self.engine.is_stopping() {
                return self.shut_down().await;
            }
            match self.advance().await? {
                Next::Over(driven) => return Ok(driven),
                Next::Outcome => {}
                Next::Rest if self.rest().await => {}
                Next::Rest => return Ok(Driven::NotOurs),
            }
        }
    }

    /// The recorded state, with the entries that wait to be appended.
    fn projected(&self) -> Result<OperationState, EngineError> {
        let entries = self.pending.iter().map(|pending| &pending.entry);
        self.with(self.log.op(), entries)
    }

    /// That state, with further entries of the next row.
    fn with<'e>(
        &self,
        op: &OperationState,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<OperationState, EngineError> {
        let mut op = op.clone();
        op.project(self.engine.world().clock.now(), entries)?;
        Ok(op)
    }

    /// Computes the steps from that state. `recorded`: the state holds recorded entries only, so the result
    /// can be reused.
    fn name_steps(&mut self, op: &OperationState, recorded: bool) -> Result<(), EngineError> {
        if recorded && self.named_at == Some(op.sequence) {
            return Ok(());
        }
        self.nodes = match op.resolved {
            None => self.definition.nodes(op, self.log.target())?,
            Some(_) => self.definition.resolution(op, self.log.target())?,
        };
        self.named_at = recorded.then_some(op.sequence);
        Ok(())
    }

    /// One turn: plan, append one row, start the ready steps.
    ///
    /// Planning is a loop over the recorded state with all pending entries. Idle intents become `Absent`
    /// entries. Each slot that the plan needs is taken, deferred, or refused by a gate, which fails the step
    /// that needs it. Each of these changes the state, so the plan is computed again until it needs no slot.
    /// Then the row gets the intents and the undo intents, and for an outcome the end, the wait or the stuck
    /// entry with the records.
    ///
    /// One transaction appends all of it. If only plain ends and signals are pending, they may wait [`HOLD`]
    /// for the next row. If a record changed meanwhile, the turn starts again. If the head changed, a signal
    /// was sent, or another replica claimed the operation.
    ///
    /// After an outcome driving ends, and the next operations in the queues of the freed slots wake.
    /// Otherwise the ready steps start, but only while the lease is certain.
    async fn advance(&mut self) -> Result<Next, EngineError> {
        let now = Instant::now();
        self.wake.retain(|_, at| *at > now);
        self.slot_wake.retain(|_, at| *at > now);
        self.in_flight.deferred = self.wake.keys().cloned().collect();
        self.in_flight.deferred_slots = self.slot_wake.keys().cloned().collect();

        if let Some(next) = self.make_room().await? {
            return Ok(next);
        }
        let base = match self.known().await? {
            Ok(op) => op,
            Err(next) => return Ok(next),
        };
        let mut row: Vec<Entry> = vec![];
        let mut writes: Vec<Write> = vec![];
        let mut owners: Vec<Option<StepId>> = vec![];
        let (op, plan) = loop {
            let op = self.with(&base, &row)?;
            self.name_steps(&op, self.pending.is_empty() && row.is_empty())?;
            let plan = plan::plan(&self.nodes, &op, &self.in_flight);
            if !plan.idle.is_empty() {
                for step in plan.idle {
                    self.in_flight.fresh.remove(&step);
                    row.push(Entry::Absent { step });
                }
                continue;
            }
            let Some(slot) = plan.takes.first().cloned() else { break (op, plan) };
            match queue::try_acquire(self.engine.world(), &*self.definition, &op, &slot).await {
                Ok(Acquire::Free(takes)) => {
                    row.push(Entry::Took { slot });
                    owners.extend(takes.iter().map(|_| None));
                    writes.extend(takes);
                }
                Ok(Acquire::Refused(refusal)) => {
                    // Never fail an uncertain step: it must be observed, refused or not.
                    let wants = |node: &&Node<A>| {
                        let is_uncertain = op.step(&node.id).is_some_and(|fact| fact.is_uncertain());
                        node.slot.as_ref() == Some(&slot) && !op.is_done(&node.id) && !is_uncertain
                    };
                    match self.nodes.iter().find(wants) {
                        Some(node) => row.push(Entry::Fault { step: node.id.clone(), refusal }),
                        None => self.defer(slot),
                    }
                }
                Ok(Acquire::Taken) => self.defer(slot),
                Err(error) => {
                    tracing::warn!(operation = %op.id, %slot, %error, "the queue of a slot could not be read");
                    self.defer(slot);
                }
            }
        };

        let mut intents = plan.intents();
        intents.truncate(INTENTS);
        row.extend(intents.iter().map(|step| Entry::Intent { step: step.clone() }));
        row.extend(plan.to_start(Start::IntendUndo).into_iter().map(|step| Entry::UndoIntent { step }));

        let mut leave = Leave {
            status: running_status(&self.with(&base, &row)?),
            owned: true,
            due: DueChange::Keep,
            awaits: self.log.head().awaits.clone(),
        };
        if let Some(outcome) = &plan.outcome {
            let op = self.with(&base, &row)?;
            self.settle_outcome(outcome, &op, &mut row, &mut writes, &mut owners, &mut leave)?;
        }
        let projected = self.with(&base, &row)?;
        if let Some((awaited, _)) = parse_wait(&leave.awaits)
            && (projected.step(&awaited).is_some_and(|f| f.done.is_some() || f.fault.is_some())
                || projected.failure().is_some() && projected.stuck.is_none())
        {
            leave.awaits.clear();
        }

        let held = self.log.op().held.clone();
        if row.is_empty() && plan.outcome.is_none() && self.may_hold_back(now) {
            // It is recorded with the next row.
        } else if !(self.pending.is_empty() && row.is_empty()) {
            match self.append(row, writes, owners, leave).await? {
                Appended::Recorded => {}
                Appended::Refused(_) => return Ok(Next::Outcome),
                Appended::Fenced => {
                    return Ok(if self.received().await? {
                        Next::Outcome
                    } else {
                        Next::Over(Driven::NotOurs)
                    });
                }
            }
            self.in_flight.fresh.extend(intents);
            self.notify()?;
        }
        if let Some(outcome) = plan.outcome {
            queue::wake_next(self.engine, self.log.head(), &self.freed(&outcome, held)).await;
            return Ok(Next::Over(match outcome {
                Outcome::Wait(_) => Driven::Waiting,
                Outcome::Succeeded | Outcome::Failed => Driven::Ended,
                Outcome::Stuck(_) => Driven::Stuck,
            }));
        }
        if !self.may_change().await? {
            return Ok(Next::Over(Driven::NotOurs));
        }
        self.start(&op, &plan.ready);
        let waits = !(self.wake.is_empty() && self.slot_wake.is_empty() && self.held_back.is_none());
        if self.running.is_empty() && !waits {
            return Err(EngineError::Corrupt("nothing is ready, and nothing will be".into()));
        }
        Ok(Next::Rest)
    }

    /// Whether only plain ends and signals are pending, and not for longer than [`HOLD`].
    fn may_hold_back(&mut self, now: Instant) -> bool {
        let plain = |pending: &Pending| {
            pending.writes.is_empty() && matches!(pending.entry, Entry::Done { .. } | Entry::Signal(_))
        };
        if self.pending.is_empty() || !self.pending.iter().all(plain) {
            return false;
        }
        now < *self.held_back.get_or_insert(now) + HOLD
    }

    /// Whether this process may still own the operation. A mutation that is retried long after its intent
    /// needs this check: while the store was unreachable, another replica may have claimed the operation.
    async fn may_change(&mut self) -> Result<bool, EngineError> {
        let world = self.engine.world();
        let lease = world.settings.lease;
        if self.log.shown().elapsed() < lease / 2 || self.log.beat(&*world.store).await {
            return Ok(true);
        }
        self.received().await
    }

    /// Handles a head that changed since our last write. The operation is still ours if only a signal was
    /// sent.
    async fn received(&mut self) -> Result<bool, EngineError> {
        let Some(signals) = self.log.unread(&*self.engine.world().store).await? else { return Ok(false) };
        for signal in signals {
            let known = self.pending.iter().any(|p| matches!(&p.entry, Entry::Signal(s) if *s == signal));
            if !known {
                self.in_flight.awaiting.remove(&signal.step);
                self.pending.push(Pending { entry: Entry::Signal(signal), step: None, writes: vec![] });
            }
        }
        Ok(true)
    }

    fn defer(&mut self, slot: Slot) {
        self.in_flight.deferred_slots.insert(slot.clone());
        self.slot_wake.insert(slot, Instant::now() + SLOT_AGAIN);
    }
}
