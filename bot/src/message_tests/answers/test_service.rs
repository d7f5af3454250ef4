//! A service whose store contains samples, and the snapshots of its answers.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use sluice_commands::installation::{Input, Invocation};
use sluice_commands::operation::{Engine, Settings};
use sluice_commands::ports::{LogEvent, LogEvents, LogSearch, LogStream, Logs};
use sluice_commands::registry;
use sluice_commands::rules::PinnedRoles;
use sluice_commands::service::Service;
use sluice_commands::testing::samples::{self, CHANNEL, Sample};
use sluice_commands::testing::{
    FakeAws, MemoryStore, RecordingNotifier, RecordingRunner, TestClock, TestDirectory, world,
};
use sluice_grammar::Names;
use sluice_model::{PortResult, Target};

use crate::message_tests::Snapshots;
use crate::render;

struct Log(Vec<&'static str>);

#[async_trait]
impl Logs for Log {
    async fn tail(&self, _: &Target, _: &LogStream, _: u32) -> PortResult<Vec<String>> {
        Ok(self.0.iter().map(|line| (*line).to_owned()).collect())
    }
    async fn events(&self, _: &Target, group: &str, search: &LogSearch<'_>) -> PortResult<Option<LogEvents>> {
        let event = |(nth, line): (usize, &&str)| LogEvent {
            at: search.since + jiff::SignedDuration::from_secs(nth as i64),
            stream: group.to_owned(),
            message: (*line).to_owned(),
        };
        let events = self.0.iter().enumerate().map(event).collect();
        Ok(Some(LogEvents { events, is_complete: false }))
    }
    async fn retention(&self, _: &Target, _: &str) -> PortResult<Option<u32>> {
        Ok(None)
    }
    async fn create_group(&self, _: &Target, _: &str) -> PortResult<()> {
        Ok(())
    }
    async fn set_retention(&self, _: &Target, _: &str, _: u32) -> PortResult<()> {
        Ok(())
    }
}

pub(super) struct TestService {
    service: Service,
    pub(super) store: Arc<MemoryStore>,
    pub(super) fake_aws: Arc<FakeAws>,
    pub(super) people: Arc<TestDirectory>,
    pub(super) snapshots: Snapshots,
    deliveries: u32,
}

pub(super) fn test_service(access: impl Into<PinnedRoles>) -> TestService {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(TestClock::at("2026-03-02T10:00:00Z".parse().unwrap()));
    let fake_aws = FakeAws::new(Arc::clone(&clock) as Arc<_>);
    samples::aws_as_recorded(&fake_aws, "orders", &STAGES);
    samples::aws_as_recorded(&fake_aws, "billing", &[("dev", 1)]);
    let world = world(
        Settings { drive: false, ..Settings::new("test") },
        access,
        Arc::clone(&store) as Arc<_>,
        clock,
        Arc::new(RecordingNotifier::default()),
        Arc::new(RecordingRunner::default()),
    );
    let mut world = fake_aws.fault_proxy().world(world);
    world.ports.logs =
        Arc::new(Log(vec!["Installing", "$ python3 -m unittest `discover`", "```", "<!channel> OK"]));
    let people = Arc::<TestDirectory>::default();
    world.ports.directory = people.clone();
    let engine = Arc::new(Engine::new(Arc::new(world), registry()));
    let service = Service::new(engine, Names::default());
    TestService { service, store, fake_aws, people, snapshots: Snapshots::default(), deliveries: 0 }
}

impl TestService {
    async fn say(&mut self, who: &str, name: String, input: Input) {
        self.deliveries += 1;
        let invocation = Invocation {
            delivery: format!("T1/{}", self.deliveries),
            actor: samples::actor(who),
            channel: Some(CHANNEL.parse().unwrap()),
            input,
        };
        let answer = self.service.handle(invocation).await.unwrap();
        if let Some(card) = &answer.replaces {
            self.snapshots.add(&format!("{name}, and the message becomes"), &render::replacement(card));
        }
        let message = render::answer(&answer);
        assert_ne!(
            answer.card.code.as_deref(),
            Some("corrupt-record"),
            "{name}: the samples do not fit together"
        );
        self.snapshots.add(&name, &message);
    }
    /// The value of the buttons of a request, by the end of its key.
    pub(super) fn request(&self, which: &str) -> String {
        let items = self.store.matching(|item| item.key.partition.ends_with("/requests"));
        let found = items.iter().find(|item| item.key.sort.ends_with(&format!("/{which}"))).unwrap();
        let request = &found.body;
        let value = json!({ "person": request["person"]["id"], "role": request["role"], "pipeline": request["name"], "id": request["id"] });
        value.to_string()
    }
    pub(super) async fn types(&mut self, who: &str, line: &str) {
        let (command, text) = line.split_once(' ').unwrap_or((line, ""));
        let input = Input::Slash { command: command.into(), text: text.into() };
        self.say(who, format!("{who}: {line}"), input).await;
    }
    pub(super) async fn clicks(&mut self, who: &str, action: &str, value: &str) {
        let input = Input::Click { action_id: action.into(), value: value.into() };
        self.say(who, format!("{who} clicks {action}"), input).await;
    }
}

pub(super) fn sample(name: &str) -> Sample {
    samples::all().into_iter().find(|sample| sample.op.spec.kind == "promote" && sample.name == name).unwrap()
}

pub(super) const STAGES: [(&str, u32); 3] = [("dev", 2), ("staging", 2), ("prod", 1)];
