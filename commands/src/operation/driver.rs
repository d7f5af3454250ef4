//! Motion: carries one operation from append to append.
//!
//! One writer batches what is at hand: the ends of some steps and the intents of the next go into one row. Ready steps
//! run side by side, up to a bound, and none is dropped in flight while the operation is ours. Nothing is told that is
//! not recorded.

mod contents;
mod events;
mod parting;
mod rest;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::operation::definition::Definition;
use crate::operation::engine::{Driven, Engine, Held};
use crate::operation::facts::Facts;
use crate::operation::head::Status;
use crate::operation::journal::Entry;
use crate::operation::line::{self, Turnstile};
use crate::operation::log::{Appended, Leave, Log};
use crate::operation::plan::{self, Motion, Start, Turn};
use crate::operation::signal::parse_wait;
use crate::operation::slot::Slot;
use crate::operation::step::{Context, Effect, Node, Observed, Progress, StepId, Trouble, Undone};
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
    Ran(StepId, Result<Progress, Trouble>),
    Looked(StepId, Result<Observed, Trouble>),
    Undone(StepId, Result<Undone, Trouble>),
}

/// What follows a turn.
enum Next {
    /// Carrying is over.
    Over(Driven),
    /// Something changed under us: plan again at once.
    Turn,
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
fn on_its_way(facts: &Facts) -> Status {
    if facts.failure().is_some() { Status::Unwinding } else { Status::Running }
}

/// The carrying of one operation.
pub(crate) struct Drive<'a> {
    engine: &'a Engine,
    definition: Arc<dyn Definition>,
    log: Log,
    /// The first row that this process wrote, or will.
    own_since: u64,
    nudge: Arc<Notify>,
    motion: Motion,
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
    conflicts: BTreeMap<StepId, Trouble>,
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
        definition: Arc<dyn Definition>,
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
            motion: Motion { fresh: held.fresh, ..Motion::default() },
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

    pub(crate) async fn run(mut self) -> Result<Driven, Trouble> {
        let driven = self.carry_on().await;
        if let Err(Trouble::Store(StoreError::Refused(_))) = &driven {
            self.tell_refused();
        }
        driven
    }

    async fn carry_on(&mut self) -> Result<Driven, Trouble> {
        let is_first = self.own_since == 1 && self.log.facts().sequence == 1;
        match self.known().await? {
            Err(Next::Over(driven)) => return Ok(driven),
            // Stopping: it parts before it does anything.
            Err(_) => {}
            Ok(facts) if facts.resolved.is_some() => self.try_to_tell(),
            Ok(_) => self.tell_as(is_first)?,
        }
        loop {
            if self.engine.is_stopping() {
                return self.part().await;
            }
            match self.turn().await? {
                Next::Over(driven) => return Ok(driven),
                Next::Turn => {}
                Next::Rest if self.rest().await => {}
                Next::Rest => return Ok(Driven::NotOurs),
            }
        }
    }

    /// What is known, with what waits to be appended.
    fn foreseen(&self) -> Result<Facts, Trouble> {
        let entries = self.pending.iter().map(|pending| &pending.entry);
        self.with(self.log.facts(), entries)
    }

    /// These facts, with further entries of the row to come.
    fn with<'e>(
        &self,
        facts: &Facts,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<Facts, Trouble> {
        let mut facts = facts.clone();
        facts.foresee(self.engine.world().clock.now(), entries)?;
        Ok(facts)
    }

    /// Names the steps by these facts. `recorded`: by what is recorded alone.
    fn name_steps(&mut self, facts: &Facts, recorded: bool) -> Result<(), Trouble> {
        if recorded && self.named_at == Some(facts.sequence) {
            return Ok(());
        }
        self.nodes = match facts.resolved {
            None => self.definition.nodes(facts, self.log.target())?,
            Some(_) => self.definition.resolution(facts, self.log.target())?,
        };
        self.named_at = recorded.then_some(facts.sequence);
        Ok(())
    }

    /// Plans, appends, starts.
    async fn turn(&mut self) -> Result<Next, Trouble> {
        let now = Instant::now();
        self.wake.retain(|_, at| *at > now);
        self.slot_wake.retain(|_, at| *at > now);
        self.motion.deferred = self.wake.keys().cloned().collect();
        self.motion.deferred_slots = self.slot_wake.keys().cloned().collect();

        if let Some(next) = self.make_room().await? {
            return Ok(next);
        }
        let base = match self.known().await? {
            Ok(facts) => facts,
            Err(next) => return Ok(next),
        };
        let mut row: Vec<Entry> = vec![];
        let mut writes: Vec<Write> = vec![];
        let mut owners: Vec<Option<StepId>> = vec![];
        let (facts, plan) = loop {
            let facts = self.with(&base, &row)?;
            self.name_steps(&facts, self.pending.is_empty() && row.is_empty())?;
            let plan = plan::plan(&self.nodes, &facts, &self.motion);
            if !plan.idle.is_empty() {
                for step in plan.idle {
                    self.motion.fresh.remove(&step);
                    row.push(Entry::Absent { step });
                }
                continue;
            }
            let Some(slot) = plan.takes.first().cloned() else { break (facts, plan) };
            match line::try_take(self.engine.world(), &*self.definition, &facts, &slot).await {
                Ok(Turnstile::Free(takes)) => {
                    row.push(Entry::Took { slot });
                    owners.extend(takes.iter().map(|_| None));
                    writes.extend(takes);
                }
                Ok(Turnstile::Refused(refusal)) => {
                    // Never of what is uncertain: that is to be observed, refused or not.
                    let wants = |node: &&Node| {
                        let is_uncertain = facts.step(&node.id).is_some_and(|fact| fact.is_uncertain());
                        node.slot.as_ref() == Some(&slot) && !facts.is_done(&node.id) && !is_uncertain
                    };
                    match self.nodes.iter().find(wants) {
                        Some(node) => row.push(Entry::Fault { step: node.id.clone(), refusal }),
                        None => self.put_off(slot),
                    }
                }
                Ok(Turnstile::Taken) => self.put_off(slot),
                Err(error) => {
                    tracing::warn!(operation = %facts.id, %slot, %error, "the line of a slot could not be read");
                    self.put_off(slot);
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
        if let Some(turn) = &plan.turn {
            let facts = self.with(&base, &row)?;
            self.settle_turn(turn, &facts, &mut row, &mut writes, &mut owners, &mut leave)?;
        }
        let foreseen = self.with(&base, &row)?;
        if let Some((awaited, _)) = parse_wait(&leave.awaits)
            && (foreseen.step(&awaited).is_some_and(|f| f.done.is_some() || f.fault.is_some())
                || foreseen.failure().is_some() && foreseen.stuck.is_none())
        {
            leave.awaits.clear();
        }

        let held = self.log.facts().held.clone();
        if row.is_empty() && plan.turn.is_none() && self.may_hold_back(now) {
            // It is recorded with the next row.
        } else if !(self.pending.is_empty() && row.is_empty()) {
            match self.append(row, writes, owners, leave).await? {
                Appended::Recorded => {}
                Appended::Refused(_) => return Ok(Next::Turn),
                Appended::Fenced => {
                    return Ok(if self.heard().await? { Next::Turn } else { Next::Over(Driven::NotOurs) });
                }
            }
            self.motion.fresh.extend(intents);
            self.tell()?;
        }
        if let Some(turn) = plan.turn {
            line::wake_next(self.engine, self.log.head(), &self.freed(&turn, held)).await;
            return Ok(Next::Over(match turn {
                Turn::Wait(_) => Driven::Waiting,
                Turn::Succeeded | Turn::Failed => Driven::Ended,
                Turn::Stuck(_) => Driven::Stuck,
            }));
        }
        if !self.may_change().await? {
            return Ok(Next::Over(Driven::NotOurs));
        }
        self.start(&facts, &plan.ready);
        let waits = !(self.wake.is_empty() && self.slot_wake.is_empty() && self.held_back.is_none());
        if self.running.is_empty() && !waits {
            return Err(Trouble::Corrupt("nothing is ready, and nothing will be".into()));
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
    async fn may_change(&mut self) -> Result<bool, Trouble> {
        let world = self.engine.world();
        let lease = world.settings.lease;
        if self.log.shown().elapsed() < lease / 2 || self.log.beat(&*world.store).await {
            return Ok(true);
        }
        self.heard().await
    }

    /// After the head was not as we left it: it is still ours if somebody only rang.
    async fn heard(&mut self) -> Result<bool, Trouble> {
        let Some(signals) = self.log.unread(&*self.engine.world().store).await? else { return Ok(false) };
        for signal in signals {
            let known = self.pending.iter().any(|p| matches!(&p.entry, Entry::Signal(s) if *s == signal));
            if !known {
                self.motion.awaiting.remove(&signal.step);
                self.pending.push(Pending { entry: Entry::Signal(signal), step: None, writes: vec![] });
            }
        }
        Ok(true)
    }

    fn put_off(&mut self, slot: Slot) {
        self.motion.deferred_slots.insert(slot.clone());
        self.slot_wake.insert(slot, Instant::now() + SLOT_AGAIN);
    }

    fn start(&mut self, facts: &Facts, ready: &[(StepId, Start)]) {
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
                operation: facts.id.clone(),
                signals: facts.signals.iter().filter(|signal| &signal.step == id).cloned().collect(),
                begun: *self.begun.entry(id.clone()).or_insert_with(Instant::now),
            };
            self.judged.insert(id.clone(), cx.signals.len());
            let (id, step) = (id.clone(), Arc::clone(&node.step));
            self.motion.in_flight.insert(id.clone());
            let output =
                facts.step(&id).and_then(|fact| fact.done.as_ref()).map(|(_, output)| output.clone());
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
