//! Motion: carries one operation from append to append.
//!
//! One writer batches what is at hand: the ends of some steps and the intents of the next go into one row. Ready steps
//! run side by side, up to a bound, and none is dropped in flight while the operation is ours. Nothing is told that is
//! not recorded.

mod contents;
mod events;
mod rest;
mod rows;
mod shutdown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::operation::definition::BoundOperation;
use crate::operation::engine::{Driven, Engine, Held};
use crate::operation::head::Status;
use crate::operation::journal::Entry;
use crate::operation::log::{Appended, Leave, Log};
use crate::operation::plan::{self, InFlight, Outcome, Start};
use crate::operation::queue::{self, Acquire};
use crate::operation::signal::parse_wait;
use crate::operation::slot::Slot;
use crate::operation::state::OperationState;
use crate::operation::step::{Context, Effect, EngineError, Node, Observed, Progress, StepId, Undone};
use crate::ports::{DueChange, StoreError, Write};
use sluice_model::Text;

/// How long to wait before a slot that is taken is tried again, should nobody wake us.
const SLOT_AGAIN: Duration = Duration::from_secs(2);
/// How long to wait before a mutation is tried again that was held back because the lease could not be shown.
const SURE_AGAIN: Duration = Duration::from_secs(1);
/// How long what is done, or was said, waits for a row that is written anyway. Should we die meanwhile, it is observed or
/// read again.
const HOLD: Duration = Duration::from_secs(1);

/// How many intents a row has at the most.
const INTENTS: usize = 1000;

/// Something that a step came to.
enum Event {
    Ran(StepId, Result<Progress, EngineError>),
    Looked(StepId, Result<Observed, EngineError>),
    Undone(StepId, Result<Undone, EngineError>),
}

/// What follows a turn.
enum Next {
    /// Carrying is over.
    Over(Driven),
    /// Something changed under us: plan again at once.
    Outcome,
    /// Everything that could be started is: wait until something happens.
    Rest,
}

/// An entry that waits to be appended, with the records that change with it.
struct Pending {
    entry: Entry,
    step: Option<StepId>,
    writes: Vec<Write>,
}

/// How an operation stands that goes on.
fn on_its_way(op: &OperationState) -> Status {
    if op.failure().is_some() { Status::Unwinding } else { Status::Running }
}

/// The carrying of one operation.
pub(crate) struct Drive<'a> {
    engine: &'a Engine,
    definition: Arc<dyn BoundOperation>,
    log: Log,
    /// The first row that this process wrote, or will.
    own_since: u64,
    nudge: Arc<Notify>,
    in_flight: InFlight,
    pending: Vec<Pending>,
    /// Since when something is done that is not recorded.
    held_back: Option<Instant>,
    /// The steps as they were named last.
    nodes: Vec<Node>,
    /// The row behind which they were named, if nothing that is not recorded was taken into account.
    named_at: Option<u64>,
    /// When each step was first started by this process.
    begun: BTreeMap<StepId, Instant>,
    running: FuturesUnordered<BoxFuture<'static, Event>>,
    wake: BTreeMap<StepId, Instant>,
    slot_wake: BTreeMap<Slot, Instant>,
    trouble: BTreeMap<StepId, (u32, Instant)>,
    conflicts: BTreeMap<StepId, EngineError>,
    /// Since when a mutation was told *not found* or *exists already*, which a control plane may take back.
    doubtful: BTreeMap<StepId, Instant>,
    absent: BTreeMap<StepId, Instant>,
    /// How many words of people each step that runs was given.
    judged: BTreeMap<StepId, usize>,
    notes: BTreeMap<StepId, Text>,
    /// When we last showed that we live, or tried to: by an append or a beat.
    shown: Instant,
}

impl<'a> Drive<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        definition: Arc<dyn BoundOperation>,
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
            trouble: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            doubtful: BTreeMap::new(),
            absent: BTreeMap::new(),
            judged: BTreeMap::new(),
            notes: BTreeMap::new(),
            shown: Instant::now(),
        }
    }

    pub(crate) async fn run(mut self) -> Result<Driven, EngineError> {
        let driven = self.carry_on().await;
        if let Err(EngineError::Store(StoreError::Refused(_))) = &driven {
            self.tell_refused();
        }
        driven
    }

    async fn carry_on(&mut self) -> Result<Driven, EngineError> {
        let is_first = self.own_since == 1 && self.log.op().sequence == 1;
        match self.known().await? {
            Err(Next::Over(driven)) => return Ok(driven),
            // Stopping: it parts before it does anything.
            Err(_) => {}
            Ok(op) if op.resolved.is_some() => self.try_to_tell(),
            Ok(_) => self.tell_as(is_first)?,
        }
        loop {
            if self.engine.is_stopping() {
                return self.part().await;
            }
            match self.advance().await? {
                Next::Over(driven) => return Ok(driven),
                Next::Outcome => {}
                Next::Rest if self.rest().await => {}
                Next::Rest => return Ok(Driven::NotOurs),
            }
        }
    }

    /// What is known, with what waits to be appended.
    fn projected(&self) -> Result<OperationState, EngineError> {
        let entries = self.pending.iter().map(|pending| &pending.entry);
        self.with(self.log.op(), entries)
    }

    /// These facts, with further entries of the row to come.
    fn with<'e>(
        &self,
        op: &OperationState,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<OperationState, EngineError> {
        let mut op = op.clone();
        op.project(self.engine.world().clock.now(), entries)?;
        Ok(op)
    }

    /// Names the steps by these facts. `recorded`: by what is recorded alone.
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

    /// Plans, appends, starts.
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
                    // Never of what is uncertain: that is to be observed, refused or not.
                    let wants = |node: &&Node| {
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
                    tracing::warn!(operation = %op.id, %slot, %error, "the line of a slot could not be read");
                    self.defer(slot);
                }
            }
        };

        let mut intents = plan.intents();
        intents.truncate(INTENTS);
        row.extend(intents.iter().map(|step| Entry::Intent { step: step.clone() }));
        row.extend(plan.to_start(Start::IntendUndo).into_iter().map(|step| Entry::UndoIntent { step }));

        let mut leave = Leave {
            status: on_its_way(&self.with(&base, &row)?),
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

    /// Whether all that waits to be appended are plain ends and words of people, and not for long.
    fn may_hold_back(&mut self, now: Instant) -> bool {
        let plain = |pending: &Pending| {
            pending.writes.is_empty() && matches!(pending.entry, Entry::Done { .. } | Entry::Signal(_))
        };
        if self.pending.is_empty() || !self.pending.iter().all(plain) {
            return false;
        }
        now < *self.held_back.get_or_insert(now) + HOLD
    }

    /// Whether the operation may still be ours. What is tried again long after it was intended needs to know: while the
    /// store could not be reached, somebody may have claimed it.
    async fn may_change(&mut self) -> Result<bool, EngineError> {
        let world = self.engine.world();
        let lease = world.settings.lease;
        if self.log.shown().elapsed() < lease / 2 || self.log.beat(&*world.store).await {
            return Ok(true);
        }
        self.received().await
    }

    /// After the head was not as we left it: it is still ours if somebody only rang.
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

    fn start(&mut self, op: &OperationState, ready: &[(StepId, Start)]) {
        let world = self.engine.world();
        let is_sure = self.log.shown().elapsed() < world.settings.lease / 2;
        for (id, start) in ready {
            if self.running.len() >= self.engine.world().settings.width {
                break;
            }
            let Some(node) = self.nodes.iter().find(|node| &node.id == id) else { continue };
            if !is_sure && *start != Start::Observe && matches!(node.step.effect(), Effect::Mutate(_)) {
                self.wake.insert(id.clone(), Instant::now() + SURE_AGAIN);
                continue;
            }
            let cx = Context {
                world: Arc::clone(world),
                operation: op.id.clone(),
                signals: op.signals.iter().filter(|signal| &signal.step == id).cloned().collect(),
                begun: *self.begun.entry(id.clone()).or_insert_with(Instant::now),
            };
            self.judged.insert(id.clone(), cx.signals.len());
            let (id, step) = (id.clone(), Arc::clone(&node.step));
            self.in_flight.running.insert(id.clone());
            let output = op.step(&id).and_then(|fact| fact.done.as_ref()).map(|(_, output)| output.clone());
            self.running.push(match start {
                Start::IntendUndo | Start::Undo => {
                    let output = output.unwrap_or_default();
                    async move { Event::Undone(id, step.undo(&cx, &output).await) }.boxed()
                }
                Start::Run | Start::Intend => async move { Event::Ran(id, step.run(&cx).await) }.boxed(),
                Start::Observe => async move { Event::Looked(id, step.observe(&cx).await) }.boxed(),
            });
        }
    }
}
