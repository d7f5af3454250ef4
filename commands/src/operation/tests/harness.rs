//! Processes on one store: each lives until it is dropped, at a store call, at an effect, or when its work is done.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::sync::Notify;

use super::toy_world::{Spec, ToyDefinition, ToyWorld};
use crate::domain::{
    Access, Act, Asked, AuditRecord, Counters, Pipeline, PipelineState, Roles, Stage, from_item, to_item,
};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::{DueItem, Guard, Item, Key, Page, Precondition, Query, Store, StoreError, Update, Write};
use crate::service::Service;
use crate::testing::fake_aws::{End, FaultProxy};
use crate::testing::{
    FakeAws, MemoryStore, Moment, RecordingNotifier, RecordingRunner, RecordingWakeups, TestClock,
    TestDirectory, target, world,
};
use sluice_model::{Actor, Answer, Card, OperationId, Tone};

pub(super) const LEASE: Duration = Duration::from_secs(15);
const START: &str = "2026-03-01T12:00:00Z";

/// The store as one process reaches it: it counts calls, and at one of them the process dies.
pub(super) struct Line {
    store: Arc<MemoryStore>,
    calls: AtomicUsize,
    death: Option<(usize, Moment)>,
    died: Arc<Notify>,
    /// From that call on it is told to stop.
    stop: Option<usize>,
    told: Notify,
    cut: AtomicBool,
}

impl Line {
    /// From now on nothing gets through.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }
    /// It gets through again.
    pub(super) fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
    /// A new row of a journal whose writer does not hold the operation any more: the fence in its token, and the head's.
    fn behind_a_claim(&self, writes: &[Write]) -> Option<(String, u64)> {
        let mut rows = writes.iter().filter_map(|write| match write {
            Write::Put { item, .. } if item.key.sort.starts_with("row/") => Some(item),
            _ => None,
        });
        let item = rows.next().filter(|item| self.store.item(&item.key).is_none())?;
        let head = self.store.item(&Key { sort: "head".into(), ..item.key.clone() })?;
        let (row, head) = (Row::from_item(item).unwrap(), Head::from_item(&head).unwrap());
        let fence = row.token.strip_prefix(&format!("{}-", head.id))?.split('-').nth(1)?.to_owned();
        (fence != head.fence.to_string()).then_some((row.token, head.fence))
    }
    async fn die(&self, number: usize, moment: Moment) {
        if self.death == Some((number, moment)) {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }
    async fn call<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(StoreError::Unknown("the line is cut".into()));
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.stop.is_some_and(|stop| stop <= number) {
            self.told.notify_one();
        }
        self.die(number, Moment::Before).await;
        let answer = call.await;
        self.die(number, Moment::After).await;
        answer
    }
}

#[async_trait]
impl Store for Line {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.call(self.store.get(key)).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.call(self.store.get_many(keys)).await
    }
    async fn write(&self, write: Write) -> Result<(), StoreError> {
        self.call(self.store.write(write)).await
    }
    async fn transact(&self, token: &str, writes: Vec<Write>) -> Result<(), StoreError> {
        let behind = self.behind_a_claim(&writes);
        let answer = self.call(self.store.transact(token, writes)).await;
        // The claimant may be in the midst of what this row says.
        assert!(!(answer.is_ok() && behind.is_some()), "appended behind a claim: {behind:?}");
        answer
    }
    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.call(self.store.query(query)).await
    }
    async fn audit_records(&self, query: Query) -> Result<Page, StoreError> {
        self.call(self.store.audit_records(query)).await
    }
    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError> {
        self.call(self.store.due(until, limit)).await
    }
}

/// What all processes share.
pub(super) struct Shared {
    pub(super) store: Arc<MemoryStore>,
    pub(super) toy_world: Arc<ToyWorld>,
    /// The AWS of real operations; toys have the sea.
    pub(super) fake_aws: Arc<FakeAws>,
    pub(super) clock: Arc<TestClock>,
    /// What all processes told.
    /// The people of the workspace, as every process is told of them.
    pub(super) people: Arc<TestDirectory>,
    pub(super) notifiers: Mutex<Vec<Arc<RecordingNotifier>>>,
    /// The operations that its processes know; none: toys.
    pub(super) registry: Option<Registry>,
}

/// Where a life ends: at its n-th call of the store or of the cloud, counted from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) store: Option<(usize, Moment)>,
    pub(super) fake_aws: Option<(usize, Moment)>,
    /// The same, counted among the calls of the cloud that change something.
    pub(super) change: Option<(usize, Moment)>,
    /// At this call of the store it is told to stop, and does so by itself.
    pub(super) stop: Option<usize>,
}

/// One process.
pub(super) struct Process {
    /// What is added to the numbers of the operations that it accepts: no two processes make up the same id.
    pub(super) ids_from: u64,
    pub(super) engine: Arc<Engine>,
    pub(super) service: Service,
    pub(super) notifier: Arc<RecordingNotifier>,
    pub(super) runner: Arc<RecordingRunner>,
    pub(super) wakeups: Arc<RecordingWakeups>,
    pub(super) line: Arc<Line>,
    pub(super) fault_proxy: FaultProxy,
    died: Arc<Notify>,
    toy_world: Arc<ToyWorld>,
}

pub(super) fn person(name: &str) -> Actor {
    Actor::in_slack(format!("U0{}", name.to_uppercase()).parse().unwrap(), name)
}

impl Shared {
    /// A store with the pipeline `orders`, and an empty sea.
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

    /// A process whose wall clock is that many seconds ahead of everybody else's; less than none: behind.
    pub(super) fn apart(&self, replica: &str, seconds: i64) -> Process {
        let now = crate::ports::Clock::now(&*self.clock) + jiff::SignedDuration::from_secs(seconds);
        let shared = Self {
            store: Arc::clone(&self.store),
            toy_world: Arc::clone(&self.toy_world),
            fake_aws: Arc::clone(&self.fake_aws),
            clock: Arc::new(TestClock::at(now)),
            people: Arc::clone(&self.people),
            notifiers: Mutex::default(),
            registry: self.registry.clone(),
        };
        let process = shared.process(replica);
        self.notifiers.lock().unwrap().push(Arc::clone(&process.notifier));
        process
    }

    /// A process that is told to stop at its n-th store call.
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

    /// A process that ends there.
    pub(super) fn process_with(
        &self,
        replica: &str,
        death: Death,
        settings: impl FnOnce(&mut Settings),
    ) -> Process {
        let died = Arc::new(Notify::new());
        let line = Line {
            store: Arc::clone(&self.store),
            calls: AtomicUsize::new(0),
            death: death.store,
            died: Arc::clone(&died),
            stop: death.stop,
            told: Notify::new(),
            cut: AtomicBool::new(false),
        };
        let (line, notifier, runner) = (Arc::new(line), Arc::<RecordingNotifier>::default(), Arc::default());
        let mut set = Settings::new(replica);
        settings(&mut set);
        let access = Access {
            operators: ["ann", "ben", "cat", "dan"].map(|name| person(name).id).into(),
            admins: [person("ada").id].into(),
            approvers: BTreeSet::new(),
            oncall: [person("oli").id].into(),
            ..Access::default()
        };
        let (clock, runner) = (Arc::clone(&self.clock), Arc::<RecordingRunner>::clone(&runner));
        let wakeups = Arc::<RecordingWakeups>::default();
        let world = world(set, access, line.clone(), clock, notifier.clone(), runner.clone());
        let end = End { call: death.fake_aws, change: death.change };
        let fault_proxy = self.fake_aws.mortal(end, Arc::clone(&died));
        let directory = self.people.clone();
        let world = fault_proxy.world(World { wakeups: wakeups.clone(), directory, ..world });
        let toy = |kind| ToyDefinition { kind, toy_world: Arc::clone(&self.toy_world) };
        let toys = || Registry::default().with(toy("toy")).with(toy(ROLLBACK));
        let registry = self.registry.clone().unwrap_or_else(toys);
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
            line,
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
        let heads = self.store.such(|item| item.key.sort == "head");
        heads.iter().map(|item| Head::from_item(item).unwrap()).collect()
    }
    pub(super) async fn op(&self, id: &OperationId) -> OperationState {
        load(&*self.store, &Keys::new(&target()), id).await.unwrap().expect("no operation").op
    }
    pub(super) async fn state(&self) -> PipelineState {
        PipelineState::read(&*self.store, &Keys::new(&target()), &"orders".parse().unwrap()).await.unwrap()
    }
    /// How many audit records there are of that act.
    pub(super) fn audits(&self, act: Act) -> usize {
        let is_one = |item: &Item| from_item::<AuditRecord>(item).is_ok_and(|record| record.act == act);
        self.store.audit().iter().filter(|item| is_one(item)).count()
    }
    /// There is a stage of that name, and this operation holds its slot.
    pub(super) async fn gives_stage(&self, stage: &str, holder: &OperationId) {
        let (keys, name) = (Keys::new(&target()), "orders".parse().unwrap());
        let stage = Stage::new(stage.parse().unwrap());
        let slot = keys.slot(&name, &Slot::Stage(stage.name.clone()));
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
        self.store.such(is_row).iter().map(|item| Row::from_item(item).unwrap()).collect()
    }
    /// The entries of a journal, as `intent a`; a row a string.
    pub(super) fn journal(&self, id: &OperationId) -> Vec<String> {
        let rows = self.rows(id);
        rows.iter().map(|row| row.entries.iter().map(shown).collect::<Vec<_>>().join(", ")).collect()
    }
    /// Nobody will look at anything again but, when its time comes, at a lock that holds.
    pub(super) fn is_settled(&self) -> bool {
        let now = crate::ports::Clock::now(&*self.clock);
        let holds = |item: &Item, due| {
            let is = item.guards.get("status") == Some(&crate::ports::Guard::Text("waiting".into()));
            is && due > now && item.body["kind"] == LOCK
        };
        !self.store.any(|item| item.due.is_some_and(|due| !holds(item, due)))
    }
    /// What must hold when all work is done: one end, a journal that folds, no slot, no ticket, nothing due, and no
    /// effect twice.
    pub(super) async fn assert_at_rest(&self, id: &OperationId, status: Status, context: &str) {
        let head = self.head(id).await;
        assert_eq!(head.status, status, "{context}: {:?}", self.journal(id));
        let op = self.op(id).await;
        assert_eq!(op.status(), status, "{context}");
        let state = self.state().await;
        assert!(state.slots.is_empty(), "{context}: slots {:?}", state.slots);
        assert!(state.tickets.is_empty(), "{context}: tickets {:?}", state.tickets);
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
    }
}

impl Head {
    /// Whether it is of a lock that holds.
    pub(super) fn holds(&self) -> bool {
        self.spec.kind == LOCK && self.status == Status::Waiting
    }
}

impl Process {
    /// Accepts a toy operation as the service would, trying anew while the pipeline changes.
    pub(super) async fn try_ask(
        &self,
        number: u64,
        delivery: &str,
        kind: &'static str,
        steps: &[Spec],
    ) -> Result<Accepted, EngineError> {
        let world = self.engine.world();
        let ann = person("ann");
        let channel = "C0GENERAL1".parse().unwrap();
        let delivery = Delivery { key: delivery, actor: &ann, channel: Some(&channel) };
        loop {
            let name = "orders".parse().unwrap();
            let snapshot = Snapshot::read(world, &name).await?;
            let granted = snapshot.access.operate(&ann.id).unwrap();
            let request = OperationRequest {
                kind,
                params: serde_json::to_value(steps).unwrap(),
                pipeline: name,
                home: channel.clone(),
                command: format!("/{kind} {number}"),
                fingerprint: format!("/{kind} {number}"),
                counters: Default::default(),
                writes: vec![],
                answer: Answer::private(Card::new(Tone::Running, format!("Doing {number}."))),
            };
            let id = operation_id(self.ids_from + number);
            match accept(&self.engine, id, &delivery, &snapshot, request, &granted).await? {
                Accepted::Again => {}
                accepted => return Ok(accepted),
            }
        }
    }

    /// The same, repeated until it is answered, as people do.
    pub(super) async fn ask(
        &self,
        number: u64,
        delivery: &str,
        kind: &'static str,
        steps: &[Spec],
    ) -> Accepted {
        loop {
            if let Ok(accepted) = self.try_ask(number, delivery, kind, steps).await {
                return accepted;
            }
        }
    }

    /// Somebody says something to an operation as it stands.
    pub(super) async fn send_signal(
        &self,
        id: &OperationId,
        who: &str,
        delivery: &str,
        kind: SignalKind,
    ) -> SignalOutcome {
        let head = self.read(id).await;
        self.say_to(&head, who, delivery, kind).await
    }

    pub(super) async fn read(&self, id: &OperationId) -> Head {
        let item = self.line.store.get(&self.engine.world().keys.head(id)).await.unwrap().unwrap();
        Head::from_item(&item).unwrap()
    }

    pub(super) async fn say_to(
        &self,
        head: &Head,
        who: &str,
        delivery: &str,
        kind: SignalKind,
    ) -> SignalOutcome {
        let who = person(who);
        let requester = &head.spec.actor.id;
        let asked = Asked { requester, approvers: &BTreeSet::new(), self_approval: false };
        let roles = Roles { pinned: self.engine.world().pinned.get(), ..Roles::default() };
        let granted = roles.access().approve(&who.id, &asked).unwrap();
        let channel = "C0GENERAL1".parse().unwrap();
        let delivery = Delivery { key: delivery, actor: &who, channel: Some(&channel) };
        let answer = Answer::private(Card::new(Tone::Good, "Heard."));
        let keys = &self.engine.world().keys;
        let op = load(&*self.line.store, keys, &head.id).await.unwrap().unwrap().op;
        send_signal(&self.engine, &delivery, head, &op, Signal { kind, reason: None }, &granted, answer)
            .await
            .unwrap()
    }

    /// An admin speaks to an operation that is stuck, whether or not its journal can be read.
    pub(super) async fn tell_stuck(&self, head: &Head, delivery: &str, kind: SignalKind) -> SignalOutcome {
        let ada = person("ada");
        let roles = Roles { pinned: self.engine.world().pinned.get(), ..Roles::default() };
        let granted = roles.access().administer(&ada.id).unwrap();
        let channel = "C0GENERAL1".parse().unwrap();
        let delivery = Delivery { key: delivery, actor: &ada, channel: Some(&channel) };
        let answer = Answer::private(Card::new(Tone::Good, "Heard."));
        let op = OperationState::new(head.id.clone(), head.spec.clone());
        send_signal(&self.engine, &delivery, head, &op, Signal { kind, reason: None }, &granted, answer)
            .await
            .unwrap()
    }

    /// The life of a process: it runs what its runner was told to run, sweeps, and tells last news. Ends only if it is
    /// told to stop, when it has let go of everything.
    pub(super) async fn live(&self) {
        let mut undelivered_since: Vec<Update> = vec![];
        let mut drives = FuturesUnordered::new();
        let (mut running, mut again) = (BTreeSet::new(), BTreeSet::new());
        let mut sweep = tokio::time::interval(LEASE / 3);
        let (mut told, mut stops) = (0, false);
        loop {
            for id in self.runner.take() {
                if running.insert(id.clone()) {
                    drives.push(async move {
                        self.engine.drive(&id).await;
                        id
                    });
                } else {
                    self.engine.nudge(&id);
                    again.insert(id);
                }
            }
            if stops && drives.is_empty() {
                return;
            }
            tokio::select! {
                // The same life again takes the same way.
                biased;
                () = self.line.told.notified(), if !stops => {
                    self.engine.stop();
                    stops = true;
                }
                Some(id) = drives.next(), if !drives.is_empty() => {
                    running.remove(&id);
                    if again.remove(&id) {
                        crate::ports::Runner::run(&*self.runner, id);
                    }
                }
                () = self.runner.asked() => {}
                _ = sweep.tick(), if !stops => {
                    for id in self.engine.sweep().await.unwrap_or_default() {
                        crate::ports::Runner::run(&*self.runner, id);
                    }
                }
            }
            undelivered_since.extend(self.notifier.last_since(told));
            told = self.notifier.count();
            let messages = Messages::new(
                self.line.clone(),
                self.engine.world().keys.clone(),
                self.engine.world().settings.replica.clone(),
            );
            // What fails here is tried again, as the bot does.
            for news in std::mem::take(&mut undelivered_since) {
                if messages.settled(&news).await.is_err() {
                    undelivered_since.push(news);
                }
            }
        }
    }

    /// Lives until its death, or until `done`; whether it died.
    pub(super) async fn live_until(&self, done: impl AsyncFn() -> bool) -> bool {
        let finished = async {
            while !done().await {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let process_run = async {
            tokio::select! {
                () = self.live() => true,
                () = self.died.notified() => true,
                () = self.toy_world.died.notified() => true,
                () = finished => false,
            }
        };
        tokio::time::timeout(Duration::from_secs(4 * 3600), process_run).await.expect("it never came to rest")
    }

    /// Done when it died at a store call.
    pub(super) async fn died(&self) {
        self.died.notified().await;
    }

    /// Lives until nothing is due any more.
    pub(super) async fn live_out(&self, shared: &Shared) -> bool {
        self.live_until(async || shared.is_settled()).await
    }

    /// Lives until that operation stands so.
    pub(super) async fn live_to(&self, shared: &Shared, id: &OperationId, status: Status) {
        let dead = self.live_until(async || shared.head(id).await.status == status).await;
        assert!(!dead, "died before {id} was {}", status.as_str());
    }
}
