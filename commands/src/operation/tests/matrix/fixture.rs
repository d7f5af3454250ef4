//! Fixtures: a world prepared once, copied for every case, and the processes that run in it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::super::harness::{Death, Process, Shared};
use super::cases::{Case, Hints};
use super::scenarios::{Act, Scenario, app};
use super::stacks;
use super::system_parameters;
use super::users::People;
use crate::operation::tests::harness::is_holding;
use crate::operation::{Head, Keys, Status};
use crate::ports::{Item, Precondition, Runner, Store, Write};
use crate::records::{Stage, from_item, to_item};
use crate::resources::rights::OwnResources;
use crate::testing::fake_aws::App;
use crate::testing::{FakeAws, MemoryStore, TestClock, target};
use crate::{registry, setup};
use sluice_model::OperationId;

/// More calls of AWS than any case needs.
const ENDLESS: usize = 20_000;
const START: &str = "2026-03-01T12:00:00Z";

/// A world to copy.
pub(super) struct Fixture {
    pub(super) items: Vec<Item>,
    audit: Vec<Item>,
    pub(super) fake_aws: Arc<FakeAws>,
    clock: Arc<TestClock>,
}

impl Fixture {
    /// An account with what `sluice init` makes, and an empty store.
    pub(super) async fn empty() -> Self {
        let clock = Arc::new(TestClock::at(START.parse().unwrap()));
        let fake_aws = FakeAws::new(clock.clone());
        for boundary in setup::boundaries::wanted(&target(), &OwnResources::default(), None) {
            setup::boundaries::apply(&fake_aws.fault_proxy(), &target(), &boundary).await.unwrap();
        }
        setup::bucket::set_up(&fake_aws.fault_proxy(), &target()).await.unwrap().unwrap();
        Self { items: vec![], audit: vec![], fake_aws, clock }
    }

    /// The world in which that scenario begins.
    pub(super) async fn of(scenario: &Scenario) -> Self {
        Self::after(scenario.before).await
    }

    /// The world after these events.
    pub(super) async fn after(acts: &[&[Act]]) -> Self {
        let fixture = Self::empty().await;
        let shared = fixture.open();
        let process = shared.process("before");
        for (number, act) in acts.iter().copied().flatten().enumerate() {
            shared.act(&process, act, &format!("before-{number}")).await;
        }
        // All changes have settled by now.
        tokio::time::sleep(Duration::from_secs(60)).await;
        Self {
            items: shared.store.items(),
            audit: shared.store.audit(),
            fake_aws: Arc::clone(&shared.fake_aws),
            clock: fixture.clock,
        }
    }

    /// The world as it is now.
    pub(super) fn now(shared: &Shared) -> Self {
        Self {
            items: shared.store.items(),
            audit: shared.store.audit(),
            fake_aws: Arc::clone(&shared.fake_aws),
            clock: Arc::clone(&shared.clock),
        }
    }

    /// A fixture of these items in that AWS.
    pub(super) fn with(items: Vec<Item>, fake_aws: Arc<FakeAws>, clock: Arc<TestClock>) -> Self {
        Self { items, audit: vec![], fake_aws, clock }
    }

    /// A copy of it.
    pub(super) fn open(&self) -> Shared {
        Shared {
            store: Arc::new(
                MemoryStore::holding(self.items.iter().cloned()).with_audit(self.audit.iter().cloned()),
            ),
            toy_world: Arc::default(),
            fake_aws: self.fake_aws.copy(self.clock.clone()),
            clock: Arc::clone(&self.clock),
            people: Arc::default(),
            notifiers: Mutex::default(),
            registry: Some(registry),
        }
    }

    /// The operations in it.
    pub(super) fn known(&self) -> Vec<OperationId> {
        let heads = self.items.iter().filter(|item| item.key.sort == "head");
        heads.map(|item| Head::from_item(item).unwrap().id).collect()
    }
}

impl Shared {
    /// An earlier event, with its operation run to the end.
    pub(super) async fn act(&self, process: &Process, act: &Act, delivery: &str) {
        match act {
            Act::Pushes(functions, code, memory) | Act::Hides(functions, code, memory) => {
                let mut app = app(functions, code, *memory);
                if matches!(act, Act::Hides(..)) {
                    app.routed.clear();
                }
                let pushed = self.fake_aws.push("orders", &format!("Change to {code}"), app);
                assert!(pushed.is_some(), "there is no repository to push to");
            }
            Act::Limits(functions, code, burst) => {
                let app = App { burst: Some(*burst), ..app(functions, code, 128) };
                assert!(self.fake_aws.push("orders", &format!("Limit of {burst}"), app).is_some());
            }
            Act::Reserves(functions, code, number) => {
                let app = app(functions, code, 128);
                let app = app.property("ReservedConcurrentExecutions", (*number).into());
                assert!(self.fake_aws.push("orders", &format!("Concurrency {number}"), app).is_some());
            }
            Act::Layers(functions, code, (name, content)) => {
                let app = app(functions, code, 128).layer(name, content);
                assert!(self.fake_aws.push("orders", &format!("Layer of {content}"), app).is_some());
            }
            Act::Images(functions, code) => {
                let last = functions.last().copied().unwrap_or_default();
                let app = app(functions, code, 128).image(last);
                assert!(self.fake_aws.push("orders", &format!("Image {code}"), app).is_some());
            }
            Act::Stacks(code, grows) => {
                let mut app = stacks::app(code);
                if *grows {
                    app = app.resource("Events", "AWS::SNS::Topic", serde_json::json!({})).resource(
                        "Hourly",
                        "AWS::Events::Rule",
                        serde_json::json!({ "ScheduleExpression": "rate(1 hour)" }),
                    );
                }
                assert!(self.fake_aws.push("orders", &format!("Change to {code}"), app).is_some());
            }
            Act::Reads(code, has_topic) => {
                let app = system_parameters::app(code, *has_topic);
                assert!(self.fake_aws.push("orders", &format!("Change to {code}"), app).is_some());
            }
            Act::Stores(value) => self.fake_aws.store(system_parameters::GREETING, value),
            Act::Leaves(functions) => self.fake_aws.leave_behind(functions),
            Act::Forgets(stage, release) => {
                let key = Keys::new(&target()).stage(&"orders".parse().unwrap(), &stage.parse().unwrap());
                let item = self.store.item(&key).unwrap();
                let mut stage: Stage = from_item(&item).unwrap();
                stage.runs.retain(|run| run.release.0 != *release);
                let item = to_item(key, item.guards, &stage).unwrap();
                let write = Write::Put { item, when: Precondition::Present };
                self.store.write(write).await.unwrap();
            }
            Act::Waits(hours) => tokio::time::sleep(Duration::from_secs(hours * 3600)).await,
            Act::Types(who, line) => {
                let known = self.heads().len();
                let answer = process.types(delivery, who, line).await;
                assert!(self.heads().len() > known, "{line}: {answer:?}");
                self.run_until_over(process, People::Prompt, known + 1).await;
                let ended = self.heads().into_iter().max_by_key(|head| head.spec.ticket).unwrap();
                let is_well = ended.status == Status::Succeeded || is_holding(&ended);
                assert!(is_well, "{line}: {:#?}", self.journal(&ended.id));
            }
        }
    }

    /// Whether there are that many operations, all have ended, those of locks too, and nothing is due.
    pub(super) fn has_ended(&self, operations: usize) -> bool {
        self.is_over(operations) && self.heads().iter().all(|head| head.status.is_final())
    }

    /// The same, except that locks may still hold.
    pub(super) fn is_over(&self, operations: usize) -> bool {
        assert!(self.fake_aws.count() < ENDLESS, "it calls AWS without end");
        if !self.is_settled() {
            return false;
        }
        let heads = self.heads();
        heads.len() >= operations && heads.iter().all(|head| head.status.is_final() || is_holding(head))
    }

    /// A process runs, and people decide, until so many operations have ended. Whether it died.
    pub(super) async fn run_until_over(&self, process: &Process, people: People, operations: usize) -> bool {
        tokio::select! {
            biased;
            died = process.run_until(async || self.is_over(operations)) => died,
            () = process.decide(self, people) => true,
        }
    }

    /// A person types the scenario's line; the first process dies as the case says, and a second one finishes the work. Gives
    /// whether the first process died.
    pub(super) async fn play(&self, scenario: &Scenario, case: &Case) -> bool {
        let known = self.heads().len();
        let first = self.process_with("first", case.death, |_| {});
        let died = self.whole_run(&first, scenario, case, known).await;
        drop(first);
        if !died {
            return false;
        }
        if case.forgetful {
            self.store.forget_tokens();
        }
        let second = self.process("second");
        let again = Case { death: Death::default(), company: false, disconnected: None, ..case.clone() };
        assert!(!self.whole_run(&second, scenario, &again, known).await);
        true
    }

    /// A person types the scenario's line, and one process runs as long as the case lets it.
    pub(super) async fn first_run(&self, process: &Process, scenario: &Scenario, case: &Case) -> bool {
        self.whole_run(process, scenario, case, self.heads().len()).await
    }

    async fn whole_run(&self, process: &Process, scenario: &Scenario, case: &Case, known: usize) -> bool {
        let company = case.company.then(|| self.process("company"));
        let process_run = async {
            let input = async {
                process.types("d1", scenario.who, scenario.line).await;
                if case.doubled {
                    process.types("d1", scenario.who, scenario.line).await;
                }
                process.decide(self, case.people).await;
            };
            tokio::select! {
                biased;
                died = process.run_until(async || self.has_ended(known + 1)) => died,
                () = input => true,
            }
        };
        let beside = async {
            match &company {
                Some(other) => tokio::select! {
                    biased;
                    () = other.run() => {}
                    () = carry(process, other, case.hints) => {}
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            died = process_run => died,
            () = beside => true,
            () = disconnect(process, case.disconnected) => true,
        }
    }
}

/// Disconnects a process from the store for a while, that long after now.
pub(super) async fn disconnect(process: &Process, when: Option<(Duration, Duration)>) {
    if let Some((after, lasts)) = when {
        tokio::time::sleep(after).await;
        process.store_proxy.disconnect();
        tokio::time::sleep(lasts).await;
        process.store_proxy.reconnect();
    }
    std::future::pending().await
}

/// Suspends a process for a while, as a stopped machine does, that long after now: nothing of it runs, and then all of it
/// does. Calls that it has already sent to AWS arrive.
pub(super) async fn suspended<T>(
    process: &Process,
    when: Option<(Duration, Duration)>,
    process_run: impl Future<Output = T>,
) -> T {
    let Some((after, lasts)) = when else { return process_run.await };
    let mut process_run = pin!(process_run);
    let begin = Instant::now() + after;
    let mut timer = pin!(tokio::time::sleep_until(begin));
    let (mut sleeps, mut slept) = (false, false);
    poll_fn(|cx| {
        loop {
            if slept {
                return process_run.as_mut().poll(cx);
            }
            let fires = timer.as_mut().poll(cx).is_ready();
            match (sleeps, fires) {
                (true, false) => return Poll::Pending,
                (true, true) => slept = true,
                (false, true) if !process.fault_proxy.is_leaving() => {
                    sleeps = true;
                    timer.as_mut().reset(Instant::now() + lasts);
                }
                (false, _) => return process_run.as_mut().poll(cx),
            }
        }
    })
    .await
}

/// Carries the hints of two replicas to each other.
pub(super) async fn carry(one: &Process, other: &Process, hints: Hints) {
    loop {
        tokio::time::sleep(Duration::from_millis(30)).await;
        for (from, to) in [(one, other), (other, one)] {
            let mut taken = from.wakeups.take();
            match hints {
                Hints::Lost => taken.clear(),
                Hints::Carried => {}
                Hints::Doubled => {
                    taken.extend(taken.clone());
                    taken.reverse();
                }
            }
            for hint in taken {
                to.runner.run(hint.operation);
            }
        }
    }
}
