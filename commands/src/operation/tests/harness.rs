//! Processes on one store: each runs until it is dropped, dies at a call of the store or AWS, or its work is done.

mod process;
mod store_proxy;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use self::store_proxy::StoreProxy;
use super::toy_world::{ToyDefinition, ToyWorld};
use crate::operation::*;
use crate::ports::{Guard, Item, Precondition, Store, Write};
use crate::records::{
    Act, AuditRecord, Counters, Pipeline, PipelineState, Stage, from_item, stage_slot, to_item,
};
use crate::rules::Access;
use crate::service::Service;
use crate::testing::fake_aws::{End, FaultProxy};
use crate::testing::{
    FakeAws, MemoryStore, Moment, RecordingNotifier, RecordingRunner, RecordingWakeups, TestClock,
    TestDirectory, target, world,
};
use sluice_model::{Actor, OperationId};

pub(super) const LEASE: Duration = Duration::from_secs(15);
const START: &str = "2026-03-01T12:00:00Z";

/// What all processes share.
pub(super) struct Shared {
    pub(super) store: Arc<MemoryStore>,
    pub(super) toy_world: Arc<ToyWorld>,
    /// The AWS of real operations; toy operations have the toy world.
    pub(super) fake_aws: Arc<FakeAws>,
    pub(super) clock: Arc<TestClock>,
    /// The people of the workspace.
    pub(super) people: Arc<TestDirectory>,
    /// The notifiers of all processes.
    pub(super) notifiers: Mutex<Vec<Arc<RecordingNotifier>>>,
    /// The operations that the processes know; none: toy operations.
    pub(super) registry: Option<fn() -> Registry>,
}

/// Where a process dies: at its n-th call of the store or of AWS, counted from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) store: Option<(usize, Moment)>,
    pub(super) fake_aws: Option<(usize, Moment)>,
    /// The same, counted among the calls of AWS that change something.
    pub(super) change: Option<(usize, Moment)>,
    /// At this call of the store it is asked to stop, and stops in order.
    pub(super) stop: Option<usize>,
}

/// One process.
pub(super) struct Process {
    /// Added to the numbers of its operations: no two processes make the same id.
    pub(super) ids_from: u64,
    pub(super) engine: Arc<Engine>,
    pub(super) service: Service,
    pub(super) notifier: Arc<RecordingNotifier>,
    pub(super) runner: Arc<RecordingRunner>,
    pub(super) wakeups: Arc<RecordingWakeups>,
    pub(super) store_proxy: Arc<StoreProxy>,
    pub(super) fault_proxy: FaultProxy,
    died: Arc<Notify>,
    toy_world: Arc<ToyWorld>,
}

pub(super) fn person(name: &str) -> Actor {
    Actor::in_slack(format!("U0{}", name.to_uppercase()).parse().unwrap(), name)
}

impl Shared {
    /// A store with the pipeline `orders`, and an empty toy world.
    pub(super) async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let at: Timestamp = START.parse().unwrap();
        let pipeline = Pipeline {
            name: "orders".parse().unwrap(),
            home: "C0GENERAL1".parse().unwrap(),
            creator: person("ann"),
            created: at,
            repository: String::new(),
            clone_url: String::new(),
            branch: String::new(),
            project: String::new(),
            bucket: String::new(),
            stages: vec![],
        };
        let key = Keys::new(&target()).pipeline(&pipeline.name);
        let item = to_item(key, Counters::default().guards(), &pipeline).unwrap();
        store.write(Write::Put { item, when: Precondition::Absent }).await.unwrap();
        let clock = Arc::new(TestClock::at(at));
        let fake_aws = FakeAws::new(clock.clone());
        Self {
            store,
            toy_world: Arc::default(),
            fake_aws,
            clock,
            people: Arc::default(),
            notifiers: Mutex::default(),
            registry: None,
        }
    }

    pub(super) fn process(&self, replica: &str) -> Process {
        self.mortal(replica, None, |_| {})
    }

    /// A process whose wall clock is that many seconds ahead of the others, or behind if negative.
    pub(super) fn apart(&self, replica: &str, seconds: i64) -> Process {
        let now = crate::ports::Clock::now(&*self.clock) + jiff::SignedDuration::from_secs(seconds);
        let shared = Self {
            store: Arc::clone(&self.store),
            toy_world: Arc::clone(&self.toy_world),
            fake_aws: Arc::clone(&self.fake_aws),
            clock: Arc::new(TestClock::at(now)),
            people: Arc::clone(&self.people),
            notifiers: Mutex::default(),
            registry: self.registry,
        };
        let process = shared.process(replica);
        self.notifiers.lock().unwrap().push(Arc::clone(&process.notifier));
        process
    }

    /// A process that is asked to stop at its n-th store call.
    pub(super) fn stopping(&self, replica: &str, at: usize) -> Process {
        self.process_with(replica, Death { stop: Some(at), ..Death::default() }, |_| {})
    }

    /// A process that dies at its n-th store call.
    pub(super) fn mortal(
        &self,
        replica: &str,
        death: Option<(usize, Moment)>,
        settings: impl FnOnce(&mut Settings),
    ) -> Process {
        self.process_with(replica, Death { store: death, ..Death::default() }, settings)
    }

    /// A process with that death.
    pub(super) fn process_with(
        &self,
        replica: &str,
        death: Death,
        settings: impl FnOnce(&mut Settings),
    ) -> Process {
        let died = Arc::new(Notify::new());
        let store_proxy = Arc::new(StoreProxy::new(Arc::clone(&self.store), &death, Arc::clone(&died)));
        let (notifier, runner) = (Arc::<RecordingNotifier>::default(), Arc::<RecordingRunner>::default());
        let mut set = Settings::new(replica);
        settings(&mut set);
        let access = Access {
            operators: ["ann", "ben", "cat", "dan"].map(|name| person(name).id).into(),
            admins: [person("ada").id].into(),
            approvers: BTreeSet::new(),
            oncall: [person("oli").id].into(),
            ..Access::default()
        };
        let clock = Arc::clone(&self.clock);
        let wakeups = Arc::<RecordingWakeups>::default();
        let world = world(set, access, store_proxy.clone(), clock, notifier.clone(), runner.clone());
        let end = End { call: death.fake_aws, change: death.change };
        let fault_proxy = self.fake_aws.mortal(end, Arc::clone(&died));
        let ports = Ports { directory: self.people.clone(), ..world.ports };
        let world = fault_proxy.world(World { wakeups: wakeups.clone(), ports, ..world });
        let toy = |kind| ToyDefinition { kind, toy_world: Arc::clone(&self.toy_world) };
        let toys = || Registry::default().with(toy("toy")).with(toy(ROLLBACK));
        let registry = self.registry.map_or_else(toys, |registry| registry());
        let engine = Arc::new(Engine::new(Arc::new(world), registry));
        let service = Service::new(Arc::clone(&engine), Default::default());
        self.notifiers.lock().unwrap().push(Arc::clone(&notifier));
        let toy_world = Arc::clone(&self.toy_world);
        Process {
            ids_from: 0,
            engine,
            service,
            notifier,
            runner,
            wakeups,
            store_proxy,
            fault_proxy,
            died,
            toy_world,
        }
    }

    pub(super) async fn head(&self, id: &OperationId) -> Head {
        let item = self.store.get(&Keys::new(&target()).head(id)).await.unwrap();
        Head::from_item(&item.expect("no head")).unwrap()
    }
    /// The heads of all operations, without a store call.
    pub(super) fn heads(&self) -> Vec<Head> {
        let heads = self.store.matching(|item| item.key.sort == "head");
        heads.iter().map(|item| Head::from_item(item).unwrap()).collect()
    }
    pub(super) async fn op(&self, id: &OperationId) -> OperationState {
        load(&*self.store, &Keys::new(&target()), id).await.unwrap().expect("no operation").op
    }
    pub(super) async fn state(&self) -> PipelineState {
        PipelineState::read(&*self.store, &Keys::new(&target()), &"orders".parse().unwrap()).await.unwrap()
    }
    /// The number of audit records of that act.
    pub(super) fn audits(&self, act: Act) -> usize {
        let is_one = |item: &Item| from_item::<AuditRecord>(item).is_ok_and(|record| record.act == act);
        self.store.audit().iter().filter(|item| is_one(item)).count()
    }
    /// Adds a stage of that name whose slot this operation holds.
    pub(super) async fn gives_stage(&self, stage: &str, holder: &OperationId) {
        let (keys, name) = (Keys::new(&target()), "orders".parse().unwrap());
        let stage = Stage::new(stage.parse().unwrap());
        let slot = keys.slot(&name, &stage_slot(&stage.name));
        let held = [("op".to_owned(), Guard::Text(holder.to_string()))].into();
        for item in [
            to_item(keys.stage(&name, &stage.name), Default::default(), &stage).unwrap(),
            to_item(slot, held, &serde_json::json!({})).unwrap(),
        ] {
            self.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
        }
    }
    /// The rows of an operation's journal.
    pub(super) fn rows(&self, id: &OperationId) -> Vec<Row> {
        let partition = Keys::new(&target()).operation_partition(id);
        let is_row = |item: &Item| item.key.partition == partition && item.key.sort.starts_with("row/");
        self.store.matching(is_row).iter().map(|item| Row::from_item(item).unwrap()).collect()
    }
    /// The entries of a journal, as `intent a`; one string a row.
    pub(super) fn journal(&self, id: &OperationId) -> Vec<String> {
        let rows = self.rows(id);
        rows.iter().map(|row| row.entries.iter().map(shown).collect::<Vec<_>>().join(", ")).collect()
    }
    /// Nothing is due any more, but the end of a lock that holds.
    pub(super) fn is_settled(&self) -> bool {
        let now = crate::ports::Clock::now(&*self.clock);
        let holds = |item: &Item, due| {
            let is = item.guards.get("status") == Some(&crate::ports::Guard::Text("waiting".into()));
            is && due > now && item.body["kind"] == LOCK
        };
        !self.store.any(|item| item.due.is_some_and(|due| !holds(item, due)))
    }
    /// Asserts the invariants of finished work: one end, a journal that folds, no slot, no ticket, nothing due, no effect twice.
    pub(super) async fn assert_at_rest(&self, id: &OperationId, status: Status, context: &str) {
        let head = self.head(id).await;
        assert_eq!(head.status, status, "{context}: {:?}", self.journal(id));
        let op = self.op(id).await;
        assert_eq!(op.status(), status, "{context}");
        let state = self.state().await;
        assert!(state.queue.slots.is_empty(), "{context}: slots {:?}", state.queue.slots);
        assert!(state.queue.tickets.is_empty(), "{context}: tickets {:?}", state.queue.tickets);
        assert!(self.is_settled(), "{context}: still due");
        assert_eq!(self.toy_world.doubled(), Vec::<String>::new(), "{context}: {:?}", self.journal(id));
    }
}

fn shown(entry: &Entry) -> String {
    match entry {
        Entry::Accepted { .. } => "accepted".into(),
        Entry::Intent { step } => format!("intent {step}"),
        Entry::Absent { step } => format!("absent {step}"),
        Entry::Done { step, .. } => format!("done {step}"),
        Entry::Fault { step, refusal } => format!("fault {step} {}", refusal.code),
        Entry::Took { slot } => format!("took {slot}"),
        Entry::Released { slot } => format!("released {slot}"),
        Entry::Waiting { step } => format!("waiting {step}"),
        Entry::Signal(signal) => format!("signal {:?} by {}", signal.kind, signal.actor.name),
        Entry::UndoIntent { step } => format!("undo {step}"),
        Entry::UndoDone { step, left: None } => format!("undone {step}"),
        Entry::UndoDone { step, .. } => format!("left {step}"),
        Entry::UndoFault { step, refusal } => format!("undo fault {step} {}", refusal.code),
        Entry::Stuck { refusal } => format!("stuck {}", refusal.code),
        Entry::Ended { succeeded } => format!("ended {succeeded}"),
        Entry::FollowedUp { .. } => "followed up".into(),
    }
}

/// Whether it is of a lock that holds.
pub(super) fn is_holding(head: &Head) -> bool {
    head.spec.kind == LOCK && head.status == Status::Waiting
}
