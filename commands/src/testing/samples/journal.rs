//! A journal that is written step by step, as a driver without errors of its own would.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use ulid::Ulid;

use super::Sample;
use super::outputs::Outputs;
use super::records::{BEGIN, CHANNEL, access, actor};
use crate::operation::{
    BoundOperation, Context, Effect, EngineError, Entry, Node, OperationSpec, OperationState, RecordedSignal,
    Row, Settings, SignalKind, StepId,
};
use crate::registry::registry;
use crate::testing::{MemoryStore, RecordingNotifier, RecordingRunner, TestClock, target, world};
use sluice_engine::{InFlight, Start, plan};
use sluice_model::{OperationId, Refusal, Text};

/// An operation in progress.
pub struct Journal {
    definition: Arc<BoundOperation>,
    op: OperationState,
    rows: Vec<Row>,
    outputs: Outputs,
    now: Timestamp,
    notes: BTreeMap<StepId, Text>,
}

impl Journal {
    /// A journal that begins with the acceptance of that command by Ann.
    pub fn accepted(
        kind: &str,
        command: &str,
        pipeline: &str,
        params: impl Serialize,
        outputs: Outputs,
    ) -> Self {
        let known = registry().newest(kind).expect("a known kind");
        let spec = OperationSpec {
            kind: kind.into(),
            version: known.version(),
            params: serde_json::to_value(params).expect("parameters"),
            actor: actor("ann"),
            command: command.into(),
            channel: CHANNEL.parse().expect("a channel"),
            home: CHANNEL.parse().expect("a channel"),
            pipeline: pipeline.parse().expect("a name"),
            ticket: 1,
            accepted: BEGIN,
        };
        let id = OperationId::new(Ulid::from_parts(1_772_443_800_000, 7).to_string()).expect("an id");
        let mut op = OperationState::new(id, spec);
        let definition = known.bind(&op).expect("parameters of that kind");
        outputs.attach(&mut op);
        let journal = Self { definition, op, rows: vec![], outputs, now: BEGIN, notes: BTreeMap::new() };
        let params = journal.op.spec.params.clone();
        journal.row(0, vec![Entry::Accepted { params }])
    }

    pub(super) fn row(mut self, milliseconds: i64, entries: Vec<Entry>) -> Self {
        self.now += SignedDuration::from_millis(milliseconds);
        let sequence = self.op.sequence + 1;
        let row = Row { sequence, at: self.now, token: format!("t{sequence}"), entries };
        self.op.fold(&row).expect("a row that can have been");
        self.rows.push(row);
        self
    }

    fn nodes(&self) -> Vec<Node> {
        self.definition.nodes(&self.op, &target()).expect("steps that can be named")
    }

    /// The first ready step that is not that one.
    fn ready(&self, but: &str) -> Option<Node> {
        let ended = |node: &Node| {
            let fact = self.op.step(&node.id);
            fact.is_some_and(|fact| fact.done.is_some() || fact.fault.is_some())
        };
        self.nodes().into_iter().find(|node| {
            !ended(node)
                && node.id.0 != but
                && node.needs.iter().all(|need| self.op.is_done(need))
                && (node.step.effect() != Effect::Await || self.is_decided(&node.id))
        })
    }

    fn is_decided(&self, step: &StepId) -> bool {
        let decides = |kind| matches!(kind, SignalKind::Approve | SignalKind::Release | SignalKind::Replace);
        self.op.signals.iter().any(|signal| signal.step == *step && decides(signal.kind))
    }

    /// Does every step that can be done before that step ends; begins the step itself, if it is ready.
    pub fn until(mut self, step: &str) -> Self {
        while let Some(node) = self.ready(step) {
            let done = Entry::Done { step: node.id.clone(), output: self.outputs.of(&node.id), took: None };
            let pause = self.outputs.pause(&node.id);
            self = match node.step.effect() {
                Effect::Mutate(_) => {
                    self.row(3, vec![Entry::Intent { step: node.id.clone() }]).row(pause, vec![done])
                }
                Effect::Look | Effect::Await => self.row(pause, vec![done]),
            };
        }
        let nodes = self.nodes();
        let Some(node) = nodes.iter().find(|node| node.id.0 == step) else { return self };
        let begins = match node.step.effect() {
            Effect::Mutate(_) => Entry::Intent { step: node.id.clone() },
            Effect::Await => Entry::Waiting { step: node.id.clone() },
            Effect::Look => return self,
        };
        self.row(2, vec![begins])
    }

    /// Sets the last note of a running step.
    pub fn note(mut self, step: &str, note: impl Into<Text>) -> Self {
        self.notes.insert(StepId::new(step), note.into());
        self
    }

    /// A person decides, twelve minutes later.
    pub fn said(self, who: &str, kind: SignalKind, reason: Option<&str>) -> Self {
        self.said_to("approval", 12 * 60_000, who, kind, reason)
    }

    fn said_to(self, step: &str, later: i64, who: &str, kind: SignalKind, reason: Option<&str>) -> Self {
        let at = self.now + SignedDuration::from_millis(later);
        let (step, reason) = (StepId::new(step), reason.map(str::to_owned));
        self.row(
            later,
            vec![Entry::Signal(RecordedSignal { step, actor: actor(who), kind, reason, refusal: None, at })],
        )
    }

    /// A person removes or replaces the lock of that stage, twelve minutes later.
    pub fn release_lock(self, stage: &str, who: &str, kind: SignalKind) -> Self {
        self.said_to(&format!("hold:{stage}"), 12 * 60_000, who, kind, None)
    }

    /// That step still waits, that many seconds later.
    pub fn waits_still(self, step: &str, seconds: i64) -> Self {
        self.row(seconds * 1000, vec![Entry::Waiting { step: StepId::new(step) }])
    }

    /// The time of that step is over, that many seconds later.
    pub fn is_past(self, step: &str, seconds: i64) -> Self {
        let step = StepId::new(step);
        let output = self.outputs.of(&step);
        self.row(seconds * 1000, vec![Entry::Done { step, output, took: None }])
    }

    /// All steps are done.
    pub fn succeeded(self) -> Self {
        self.until("").row(4, vec![Entry::Ended { succeeded: true }])
    }

    /// Six minutes later, the first minutes are looked at.
    pub fn followed_up(self, seen: Value) -> Self {
        self.row(360_000, vec![Entry::FollowedUp { output: seen }])
    }

    /// That step fails.
    pub fn faulted(self, step: &str, refusal: Refusal) -> Self {
        let fault = Entry::Fault { step: StepId::new(step), refusal };
        self.until(step).row(310, vec![fault])
    }

    /// That step fails, and with it the operation.
    pub fn failed(self, step: &str, refusal: Refusal) -> Self {
        self.faulted(step, refusal).taken_back()
    }

    /// All pending undos run, one after the other, and the operation ends.
    pub fn taken_back(mut self) -> Self {
        while let Some((step, _)) = self.next_back() {
            let done = Entry::UndoDone { step: step.clone(), left: None };
            self = self.row(5, vec![Entry::UndoIntent { step }]).row(120, vec![done]);
        }
        self.row(4, vec![Entry::Ended { succeeded: false }])
    }

    /// The next undo is skipped: somebody changed the resource since.
    pub fn left(self, found: &str) -> Self {
        let (step, _) = self.next_back().expect("something to undo");
        let left = Entry::UndoDone { step: step.clone(), left: Some(found.to_owned()) };
        self.row(5, vec![Entry::UndoIntent { step }]).row(120, vec![left])
    }

    /// The next undo fails, and the operation is stuck.
    pub fn stuck(self, refusal: Refusal) -> Self {
        let (step, _) = self.next_back().expect("something to undo");
        let fault = Entry::UndoFault { step: step.clone(), refusal: refusal.clone() };
        self.row(5, vec![Entry::UndoIntent { step }]).row(900_000, vec![fault, Entry::Stuck { refusal }])
    }

    /// That step fails after the point of no return, and the operation is stuck.
    pub fn stuck_at(self, step: &str, refusal: Refusal) -> Self {
        self.faulted(step, refusal.clone()).row(4, vec![Entry::Stuck { refusal }])
    }

    fn next_back(&self) -> Option<(StepId, Start)> {
        let (nodes, mut op) = (self.nodes(), self.op.clone());
        // Samples take no slots.
        op.held.extend(nodes.iter().filter_map(|node| node.slot.clone()));
        plan(&nodes, &op, &InFlight::default()).ready.into_iter().next()
    }

    /// A person stops it.
    pub fn stopped(self, who: &str, kind: SignalKind, reason: Option<&str>) -> Self {
        self.said_to("cancel", 3_000, who, kind, reason)
    }

    /// Another operation of that person preempts it.
    pub fn preempted(self, who: &str, refusal: Refusal) -> Self {
        let (step, at) = (StepId::new("cancel"), self.now + SignedDuration::from_secs(3));
        let (actor, kind, refusal) = (actor(who), SignalKind::Preempt, Some(refusal));
        let signal = RecordedSignal { step, actor, kind, reason: None, refusal, at };
        self.row(3_000, vec![Entry::Signal(signal)])
    }

    /// An admin retries or resolves the stuck operation.
    pub fn got_on(self, kind: SignalKind) -> Self {
        self.said_to("stuck", 600_000, "ada", kind, None)
    }

    /// Runs that step for its own refusal; it reads only the journal.
    pub fn fails_by_itself(self, step: &str) -> Self {
        let journal = self.until(step);
        let nodes = journal.nodes();
        let node = nodes.iter().find(|node| node.id.0 == step).expect("a step of that name");
        let context = Context {
            world: Arc::new(world(
                Settings::new("sample"),
                access(),
                Arc::new(MemoryStore::new()),
                Arc::new(TestClock::at(journal.now)),
                Arc::new(RecordingNotifier::default()),
                Arc::new(RecordingRunner::default()),
            )),
            operation: journal.op.id.clone(),
            signals: journal.op.signals.clone(),
            begun: tokio::time::Instant::now(),
        };
        let mut run = node.step.run(&context);
        // The store yields once before it answers.
        match (0..8).find_map(|_| (&mut run).now_or_never()) {
            Some(Err(EngineError::Refused(refusal))) => journal.failed(step, refusal),
            other => panic!("{step} does not refuse by itself: {other:?}"),
        }
    }

    /// Its definition and state, for the gate.
    pub fn known(&self) -> (&BoundOperation, &OperationState) {
        (&*self.definition, &self.op)
    }

    /// The sample of its present state.
    pub fn sample(self, name: &'static str) -> Sample {
        Sample { name, definition: self.definition, op: self.op, rows: self.rows, notes: self.notes }
    }
}
