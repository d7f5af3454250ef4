//! The toy world: its steps make things, and it counts how often each thing was made.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use crate::application::Sluice;
use crate::operation::{
    Context, Done, Effect, EngineError, Node, Observed, Operation, OperationState, Precedence, Progress,
    ROLLBACK, SignalKind, Slot, Snapshot, Step, StepId, Summary, Undone, VOID, effects,
};
use crate::records::AuditSubject;
use crate::testing::fake_aws::DeathPoint;
pub(super) use crate::testing::{Faults, Moment};
use sluice_model::{Class, PortError, Refusal, Target, Text};

/// The slot of toy steps.
pub(super) fn toy_slot() -> Slot {
    Slot::new("toy")
}

/// How a thing is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum How {
    /// Nothing is made: the step only looks.
    Look,
    /// Looks `n` times, a second apart, before it is done.
    Poll(u32),
    /// One value is set; a repetition is harmless.
    Set,
    /// A unique name is created; a repetition is a conflict. Undone if the operation fails.
    Name,
    /// A repetition makes a second thing, and a thing shows only after five seconds. Undone if the operation fails.
    Once,
    /// People decide; a signal of `dan` does not count.
    Ask,
    /// A look with an output of that many bytes.
    Heavy(usize),
    /// One value is set, with an output of that many bytes.
    HeavySet(usize),
}

/// A step of a toy operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Spec {
    name: String,
    how: How,
    needs: Vec<String>,
    slot: Option<Slot>,
}

pub(super) fn step(name: &str, how: How) -> Spec {
    Spec { name: name.into(), how, needs: vec![], slot: None }
}

impl Spec {
    pub(super) fn after(mut self, needs: &[&str]) -> Self {
        self.needs = needs.iter().map(|need| (*need).to_owned()).collect();
        self
    }
    pub(super) fn holding(mut self, slot: Slot) -> Self {
        self.slot = Some(slot);
        self
    }
}

#[derive(Default)]
struct Inner {
    things: BTreeMap<String, Vec<Instant>>,
    runs: BTreeMap<String, u32>,
    faults: BTreeMap<String, VecDeque<Faults>>,
    foreign: Vec<String>,
    running: usize,
    most_running: usize,
    closed: bool,
    taken_back: Vec<String>,
    hidden: bool,
}

/// The things that steps made.
#[derive(Default)]
pub(super) struct ToyWorld {
    inner: Mutex<Inner>,
    /// Counts the effects, and ends the process at one of them.
    pub(super) effects: DeathPoint,
}

impl ToyWorld {
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap())
    }
    /// How often that thing was made.
    pub(super) fn count(&self, name: &str) -> usize {
        self.with(|inner| inner.things.get(name).map_or(0, Vec::len))
    }
    /// How often that step was run.
    pub(super) fn runs(&self, name: &str) -> u32 {
        self.with(|inner| inner.runs.get(name).copied().unwrap_or(0))
    }
    /// The things that were made more than once.
    pub(super) fn doubled(&self) -> Vec<String> {
        self.with(|inner| {
            inner.things.iter().filter(|(_, made)| made.len() > 1).map(|(n, _)| n.clone()).collect()
        })
    }
    /// How many effects there were.
    pub(super) fn effects(&self) -> usize {
        self.effects.calls()
    }
    /// How many steps ran side by side at most.
    pub(super) fn most_running(&self) -> usize {
        self.with(|inner| inner.most_running)
    }
    pub(super) fn faults(&self, name: &str, faults: impl IntoIterator<Item = Faults>) {
        self.with(|inner| inner.faults.entry(name.into()).or_default().extend(faults));
    }
    /// A foreign actor made that thing.
    pub(super) fn foreign(&self, name: &str) {
        self.with(|inner| inner.foreign.push(name.into()));
    }
    /// The operation made that thing, and no row records it.
    pub(super) fn made(&self, name: &str) {
        self.with(|inner| inner.things.entry(name.into()).or_default().push(Instant::now()));
    }
    /// Whether observations fail.
    pub(super) fn hide(&self, hidden: bool) {
        self.with(|inner| inner.hidden = hidden);
    }
    /// From now on the gate of every slot is closed.
    pub(super) fn close(&self) {
        self.with(|inner| inner.closed = true);
    }
    async fn make(&self, name: &str, how: How) -> Result<(), EngineError> {
        let effect = self.effects.count();
        self.effects.pass(effect, Moment::Before).await;
        let exists = self.with(|inner| {
            let made = inner.things.entry(name.into()).or_default();
            let exists = !made.is_empty();
            if !exists || how == How::Once {
                made.push(Instant::now());
            }
            exists
        });
        self.effects.pass(effect, Moment::After).await;
        if exists && how == How::Name { Err(failure(Class::Conflict)) } else { Ok(()) }
    }

    /// Undoes a thing: an effect like the others, at which the process may die.
    async fn unmake(&self, name: &str) {
        let effect = self.effects.count();
        self.effects.pass(effect, Moment::Before).await;
        self.with(|inner| {
            inner.things.get_mut(name).and_then(Vec::pop);
            inner.taken_back.push(name.to_owned());
        });
        self.effects.pass(effect, Moment::After).await;
    }
    /// The undone things, in order.
    pub(super) fn taken_back(&self) -> Vec<String> {
        self.with(|inner| inner.taken_back.clone())
    }
}

fn failure(class: Class) -> EngineError {
    PortError::new("toy:Make", class, "Injected", "the test injected it").into()
}

struct Toy {
    name: String,
    how: How,
    toy_world: Arc<ToyWorld>,
}

struct Running<'a>(&'a ToyWorld);
impl<'a> Running<'a> {
    fn begin(toy_world: &'a ToyWorld) -> Self {
        toy_world.with(|inner| {
            inner.running += 1;
            inner.most_running = inner.most_running.max(inner.running);
        });
        Self(toy_world)
    }
}
impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.with(|inner| inner.running -= 1);
    }
}

#[async_trait]
impl Step<Sluice> for Toy {
    fn effect(&self) -> Effect {
        match self.how {
            How::Look | How::Poll(_) | How::Heavy(_) => Effect::Look,
            How::Set | How::HeavySet(_) => Effect::Mutate(&effects::IMPORT_API),
            How::Name => Effect::Mutate(&effects::CREATE_ALIAS),
            How::Once => Effect::Mutate(&effects::START_BUILD),
            How::Ask => Effect::Await,
        }
    }

    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { name, how, toy_world } = self;
        let _running = Running::begin(toy_world);
        let runs = toy_world.with(|inner| {
            let runs = inner.runs.entry(name.clone()).or_default();
            *runs += 1;
            *runs
        });
        let faults = toy_world.with(|inner| inner.faults.get_mut(name).and_then(VecDeque::pop_front));
        tokio::task::yield_now().await;
        match faults {
            Some(Faults::Fails(class)) => return Err(failure(class)),
            Some(Faults::NotSent(after)) => {
                let refused =
                    PortError::new("toy:Make", Class::Throttled, "RateLimited", "others come first");
                return Err(PortError { retry_after: Some(after), ..refused }.into());
            }
            Some(Faults::AnswerLost) => {
                toy_world.make(name, *how).await?;
                return Err(failure(Class::Ambiguous));
            }
            Some(Faults::Slow(time)) => tokio::time::sleep(time).await,
            Some(Faults::MeetsItself | Faults::Revised) | None => {}
        }
        match how {
            How::Look => Progress::done(name),
            How::Heavy(bytes) => Progress::done("x".repeat(*bytes)),
            How::HeavySet(bytes) => {
                toy_world.make(name, *how).await?;
                Progress::done("x".repeat(*bytes))
            }
            How::Poll(times) if runs > *times => Progress::done(name),
            How::Poll(_) => Ok(Progress::NotYet { after: Duration::from_secs(1), note: None }),
            How::Set | How::Name | How::Once => {
                if toy_world.with(|inner| inner.foreign.contains(name)) {
                    return Err(failure(Class::Conflict));
                }
                toy_world.make(name, *how).await?;
                Progress::done(name)
            }
            How::Ask => match cx.signals.iter().find(|said| said.actor.name != "dan").map(|said| said.kind) {
                None => Ok(Progress::Await { until: None }),
                Some(SignalKind::Approve) => Progress::done(name),
                Some(_) => Err(EngineError::Refused(Refusal::new("rejected", "No.", ""))),
            },
        }
    }

    async fn observe(&self, _: &Context) -> Result<Observed, EngineError> {
        if self.toy_world.with(|inner| inner.hidden) {
            return Err(failure(Class::Denied));
        }
        tokio::task::yield_now().await;
        let lag = if self.how == How::Once { Duration::from_secs(5) } else { Duration::ZERO };
        let (foreign, ours) = self.toy_world.with(|inner| {
            let made = inner.things.get(&self.name).and_then(|made| made.first());
            (inner.foreign.contains(&self.name), made.is_some_and(|made| made.elapsed() >= lag))
        });
        Ok(match (foreign, ours) {
            (true, _) => Observed::Foreign(Refusal::new("foreign", "Somebody else made it.", "")),
            (_, true) => Observed::Ours(Done { output: Value::String(self.name.clone()), writes: vec![] }),
            _ => Observed::Absent,
        })
    }

    async fn undo(&self, _: &Context, output: &Value) -> Result<Undone, EngineError> {
        let Self { name, toy_world, .. } = self;
        assert_eq!(output, &Value::String(name.clone()), "the undo gets the output of its step");
        let _running = Running::begin(toy_world);
        let key = format!("undo {name}");
        let faults = toy_world.with(|inner| {
            *inner.runs.entry(key.clone()).or_default() += 1;
            inner.faults.get_mut(&key).and_then(VecDeque::pop_front)
        });
        tokio::task::yield_now().await;
        if let Some(Faults::Fails(class)) = faults {
            return Err(failure(class));
        }
        if toy_world.with(|inner| inner.foreign.contains(name)) {
            return Ok(Undone::Left("somebody has it".into()));
        }
        if toy_world.with(|inner| inner.things.get(name).is_none_or(Vec::is_empty)) {
            return Ok(Undone::Yes);
        }
        toy_world.unmake(name).await;
        match faults {
            Some(Faults::AnswerLost) => Err(failure(Class::Ambiguous)),
            _ => Ok(Undone::Yes),
        }
    }
}

/// Toy operations: their parameters are their steps.
pub(super) struct ToyDefinition {
    pub(super) kind: &'static str,
    pub(super) toy_world: Arc<ToyWorld>,
}

impl Operation<Sluice> for ToyDefinition {
    type Params = Vec<Spec>;

    fn kind(&self) -> &'static str {
        self.kind
    }
    fn precedence(&self) -> Precedence {
        if self.kind == ROLLBACK { Precedence::First } else { Precedence::Normal }
    }
    fn nodes(
        &self,
        params: &Arc<Vec<Spec>>,
        _: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let specs = Vec::clone(params);
        Ok(specs
            .into_iter()
            .map(|Spec { name, how, needs, slot }| {
                let toy = Toy { name: name.clone(), how, toy_world: Arc::clone(&self.toy_world) };
                let node = Node::new(StepId::new(name.clone()), Text::plain(name), toy);
                let node = node.after(needs.into_iter().map(StepId::new));
                Node { slot, ..node }
            })
            .collect())
    }
    fn gate(
        &self,
        _: &Vec<Spec>,
        _: &OperationState,
        _: &Slot,
        _: &Snapshot,
        _: jiff::Timestamp,
    ) -> Result<(), Refusal> {
        match self.toy_world.with(|inner| inner.closed) && self.kind != ROLLBACK {
            true => Err(Refusal::new(VOID, "The gate closed.", "")),
            false => Ok(()),
        }
    }
    fn audit_subject(&self, _: &Vec<Spec>, _: &OperationState) -> AuditSubject {
        AuditSubject::default()
    }
    fn summary(&self, _: &Vec<Spec>, _: &OperationState) -> Summary {
        Summary::new("toy".into())
    }
}
