//! What the service answers, over a store that holds samples: lists, refusals, decisions.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sluice_commands::domain::{Access, Act, AuditRecord, AuditSubject, PinnedRoles, Unknown, to_item};
use sluice_commands::operation::{Engine, Keys, Settings, Status};
use sluice_commands::operations::registry;
use sluice_commands::ports::{AuditItem, Item, LogStream, Logs, Store as _, Write};
use sluice_commands::service::{Input, Invocation, Service};
use sluice_commands::testing::samples::{self, CHANNEL, Sample};
use sluice_commands::testing::{
    FakeAws, MemoryStore, RecordingNotifier, RecordingRunner, TestClock, TestDirectory, target, world,
};
use sluice_grammar::Names;
use sluice_model::{Member, PortResult, Target};

use super::Gallery;
use crate::render;

struct Log(Vec<&'static str>);

#[async_trait]
impl Logs for Log {
    async fn tail(&self, _: &Target, _: &LogStream, _: u32) -> PortResult<Vec<String>> {
        Ok(self.0.iter().map(|line| (*line).to_owned()).collect())
    }
    async fn retention(&self, _: &Target, _: &str) -> PortResult<Option<u32>> {
        Ok(None)
    }
    async fn set_retention(&self, _: &Target, _: &str, _: u32) -> PortResult<()> {
        Ok(())
    }
}

/// Asks one service, delivery after delivery.
struct Desk {
    service: Service,
    store: Arc<MemoryStore>,
    fake_aws: Arc<FakeAws>,
    people: Arc<TestDirectory>,
    gallery: Gallery,
    deliveries: u32,
}

fn desk(access: impl Into<PinnedRoles>) -> Desk {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(TestClock::at("2026-03-02T10:00:00Z".parse().unwrap()));
    let fake_aws = FakeAws::new(Arc::clone(&clock) as Arc<_>);
    samples::stand(&fake_aws, "orders", &STAGES);
    samples::stand(&fake_aws, "billing", &[("dev", 1)]);
    let world = world(
        Settings { drive: false, ..Settings::new("desk") },
        access,
        Arc::clone(&store) as Arc<_>,
        clock,
        Arc::new(RecordingNotifier::default()),
        Arc::new(RecordingRunner::default()),
    );
    let mut world = fake_aws.fault_proxy().world(world);
    world.logs =
        Arc::new(Log(vec!["Installing", "$ python3 -m unittest `discover`", "```", "<!channel> OK"]));
    let people = Arc::<TestDirectory>::default();
    world.directory = people.clone();
    let engine = Arc::new(Engine::new(Arc::new(world), registry()));
    let service = Service::new(engine, Names::default());
    Desk { service, store, fake_aws, people, gallery: Gallery::default(), deliveries: 0 }
}

impl Desk {
    async fn say(&mut self, who: &str, name: String, said: Input) {
        self.deliveries += 1;
        let invocation = Invocation {
            delivery: format!("T1/{}", self.deliveries),
            actor: samples::actor(who),
            channel: Some(CHANNEL.parse().unwrap()),
            said,
        };
        let answer = self.service.handle(invocation).await.unwrap();
        if let Some(card) = &answer.replaces {
            self.gallery.add(&format!("{name}, and the message becomes"), &render::replacement(card));
        }
        self.gallery.add(&name, &render::answer(&answer));
    }
    /// The value of the buttons of a request, by the end of its key.
    fn request(&self, which: &str) -> String {
        let items = self.store.such(|item| item.key.partition.ends_with("/requests"));
        let found = items.iter().find(|item| item.key.sort.ends_with(&format!("/{which}"))).unwrap();
        let name = found.body["name"].as_str().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let (person, role, id) =
            (text(&found.body["person"]["id"]), text(&found.body["role"]), text(&found.body["id"]));
        format!("{person}|{role}|{name}|{id}")
    }
    async fn types(&mut self, who: &str, line: &str) {
        let (command, text) = line.split_once(' ').unwrap_or((line, ""));
        let said = Input::Slash { command: command.into(), text: text.into() };
        self.say(who, format!("{who}: {line}"), said).await;
    }
    async fn clicks(&mut self, who: &str, action: &str, value: &str) {
        let said = Input::Click { action_id: action.into(), value: value.into() };
        self.say(who, format!("{who} clicks {action}"), said).await;
    }
}

fn sample(name: &str) -> Sample {
    samples::all()
        .into_iter()
        .find(|sample| sample.definition.kind() == "promote" && sample.name == name)
        .unwrap()
}

const STAGES: [(&str, u32); 3] = [("dev", 2), ("staging", 2), ("prod", 1)];

#[tokio::test(start_paused = true)]
async fn the_answers_to_questions() {
    let mut desk = desk(samples::access());
    for line in ["/repo list", "/pipeline status"] {
        desk.types("dan", line).await;
    }
    samples::orders(&*desk.store, "orders", &[("dev", 0)]).await;
    for line in [
        "/repo list",
        "/pipeline status",
        "/pipeline status orders",
        "/build list orders",
        "/build log orders",
    ] {
        desk.types("dan", line).await;
    }
    for line in ["/stage list orders", "/pipeline history orders", "/pipeline history orders dev"] {
        desk.types("dan", line).await;
    }
    desk.gallery = {
        std::mem::take(&mut desk.gallery).snapshot("answers_at_the_beginning");
        Gallery::default()
    };
    samples::orders(&*desk.store, "orders", &STAGES).await;
    samples::orders(&*desk.store, "billing", &[("dev", 1), ("prod", 0)]).await;
    samples::waiting(&*desk.store, &sample("waiting for approval"), Status::Waiting).await;
    for line in [
        "/repo list",
        "/pipeline status",
        "/pipeline status orders",
        "/pipeline status billing",
        "/stage list orders",
        "/build list orders",
        "/build log orders #1",
        "/build log orders #3",
        "/build log orders",
        "/build log orders #77",
        "/pipeline history orders",
        "/pipeline history orders prod",
        "/pipeline status ordres",
        "/pipeline status something-else",
    ] {
        desk.types("dan", line).await;
    }
    desk.gallery.snapshot("answers_to_questions");
}

#[tokio::test]
async fn the_answers_of_the_history() {
    let mut desk = desk(samples::access());
    let (orders, keys) = ("orders".parse().unwrap(), Keys::new(&target()));
    for nth in 0..2_000 {
        let at = "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(nth);
        let (act, outcome) = if nth % 2 == 0 { (Act::Asked, "accepted") } else { (Act::Refused, "locked") };
        let problem = "<@U0BEN0002> locked `prod` until 2026-03-01 14:00 UTC: the ledger <!channel>.";
        let record = AuditRecord {
            at,
            act,
            actor: samples::actor(if nth == 3 { "ben" } else { "ann" }),
            channel: Some(CHANNEL.parse().unwrap()),
            pipeline: Some("orders".parse().unwrap()),
            operation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            kind: "promote".into(),
            command: "/promote orders prod".into(),
            rule: if act == Act::Asked { "operators".into() } else { String::new() },
            outcome: outcome.into(),
            about: AuditSubject {
                stage: Some("prod".parse().unwrap()),
                reason: (act == Act::Refused).then(|| problem.to_owned()),
                ..AuditSubject::default()
            },
        };
        let item = to_item(
            keys.audit(&orders, at, "01ARZ3NDEKTSV4RRFFQ69G5FAV/asked/U1"),
            Default::default(),
            &record,
        );
        let Item { key, schema, body, .. } = item.unwrap();
        desk.store.write(Write::Audit { item: AuditItem { key, schema, body } }).await.unwrap();
    }
    let ben = format!("/pipeline history orders prod <@{}> since 2026-03-01", samples::actor("ben").id);
    for line in [
        "/pipeline history orders until 2026-03-01 12:00:17",
        &ben,
        "/pipeline history orders dev until 2026-03-01 12:00:10",
        "/pipeline history orders since 2026-03-02",
    ] {
        desk.types("dan", line).await;
    }
    let older = "001772366402000/01ARZ3NDEKTSV4RRFFQ69G5FAV/asked/U1|/pipeline history orders";
    desk.clicks("dan", "history.older", older).await;
    desk.clicks("dan", "history.older", "garbage").await;
    desk.gallery.snapshot("answers_of_the_history");
}

#[tokio::test(start_paused = true)]
async fn the_answers_to_commands() {
    let mut desk = desk(samples::access());
    samples::orders(&*desk.store, "orders", &STAGES).await;
    samples::orders(&*desk.store, "fresh", &[("dev", 0), ("prod", 0)]).await;
    for line in [
        "/repo create invoices",
        "/build orders",
        "/build orders",
        "/build orders@fix-4711",
        "/deploy orders #1",
        "/stage add orders qa after dev",
        "/promote orders prod",
        "/rollback orders dev",
    ] {
        desk.types("ann", line).await;
    }
    desk.gallery = {
        std::mem::take(&mut desk.gallery).snapshot("answers_to_accepted");
        Gallery::default()
    };
    for line in [
        "/repo create orders",
        "/build ordres",
        "/deploy orders",
        "/deploy orders #3",
        "/deploy orders #4",
        "/deploy orders #77",
        "/deploy orders to prod",
        "/deploy orders to qa",
        "/deploy fresh",
        "/stage add orders prod",
        "/stage add orders qa after nowhere",
        "/promote orders dev",
        "/promote orders staging",
        "/promote orders staging from prod",
        "/promote fresh prod",
        "/promote orders prod r7",
        "/promote orders nowhere",
        "/rollback fresh dev",
        "/rollback orders prod",
        "/rollback orders dev r2",
        "/rollback orders dev r7",
        "/promote approve orders prod",
        "/repo delete orders",
        "/stage lock orders prod for 2h Easter",
    ] {
        desk.types("eve", line).await;
    }
    desk.types("dan", "/build orders").await;
    desk.types("dan", "/stage add orders qa").await;
    desk.gallery.snapshot("answers_to_refused");
}

#[tokio::test(start_paused = true)]
async fn the_answers_to_decisions() {
    let mut desk = desk(samples::access());
    samples::orders(&*desk.store, "orders", &STAGES).await;
    let head = samples::waiting(&*desk.store, &sample("waiting for approval"), Status::Waiting).await;
    let value = format!("{}|{}", head.id, head.awaits);
    desk.clicks("dan", "promotion.approve", &value).await;
    desk.clicks("ann", "promotion.approve", &value).await;
    desk.clicks("ben", "promotion.explode", &value).await;
    desk.clicks("ben", "promotion.approve", "nonsense").await;
    desk.clicks("ben", "promotion.approve", &format!("{}|approval@999", head.id)).await;
    desk.clicks("ben", "promotion.approve", "01KJP4XPK8000000000000000Z|approval@3").await;
    desk.clicks("ben", "promotion.approve", &value).await;
    desk.clicks("ben", "promotion.reject", &value).await;
    desk.types("cleo", "/promote reject orders prod not today").await;
    for (name, status) in [("succeeded", Status::Succeeded), ("rejected", Status::Failed)] {
        samples::waiting(&*desk.store, &sample(name), status).await;
        desk.clicks("cleo", "promotion.reject", &value).await;
    }
    desk.gallery.snapshot("answers_to_decisions");
}

#[tokio::test(start_paused = true)]
async fn the_answers_about_roles() {
    let mut desk = desk(samples::access());
    samples::orders(&*desk.store, "orders", &STAGES).await;
    let dan = samples::actor("dan").id;
    for (who, line) in [
        ("dan", "/pipeline who".to_owned()),
        ("dan", "/pipeline who orders".to_owned()),
        ("eve", format!("/pipeline grant <@{dan}> operators")),
        ("eve", format!("/pipeline grant <@{dan}> operators")),
        ("dan", "/pipeline who".to_owned()),
        ("eve", format!("/pipeline revoke <@{dan}> operators orders")),
        ("eve", format!("/pipeline revoke <@{dan}> operators")),
        ("eve", format!("/pipeline revoke <@{dan}> oncall")),
        ("eve", format!("/pipeline grant <@{dan}> oncall")),
        ("eve", format!("/pipeline grant <@{dan}> approvers orders")),
        ("ann", format!("/pipeline grant <@{dan}> operators")),
    ] {
        desk.types(who, &line).await;
    }
    desk.gallery.snapshot("answers_about_roles");
}

#[tokio::test]
async fn the_answers_to_who_asks_for_a_role() {
    let mut desk = desk(samples::access());
    samples::orders(&*desk.store, "orders", &STAGES).await;
    let wanted = "/promote orders prod override the queue is full";
    desk.types("ann", wanted).await;
    let ask = format!("oncall|orders|{wanted}");
    desk.clicks("ann", "access.ask", &ask).await;
    desk.clicks("ann", "access.ask", &ask).await;
    desk.clicks("ben", "access.grant", &desk.request("oncall/orders")).await;
    desk.clicks("eve", "access.grant", &desk.request("oncall/orders")).await;
    desk.clicks("eve", "access.decline", &desk.request("oncall/orders")).await;
    desk.clicks("dan", "access.ask", "operators||/repo create invoices").await;
    desk.clicks("eve", "access.decline", &desk.request("operators")).await;
    desk.clicks("dan", "access.ask", "operators||/repo create invoices").await;
    desk.clicks("dan", "access.ask", "approvers||/promote approve orders prod").await;
    desk.clicks("eve", "access.grant", &desk.request("approvers")).await;
    desk.gallery.snapshot("answers_about_asking");
}

#[tokio::test(start_paused = true)]
async fn the_answers_about_what_was_moved_outside() {
    let mut desk = desk(samples::access());
    samples::orders(&*desk.store, "orders", &STAGES).await;
    desk.fake_aws.move_by_hand("sluice-orders-Hello", "prod", "2", Some(("3", 125)));
    for (who, line) in [
        ("dan", "/pipeline status orders"),
        ("dan", "/pipeline check orders prod"),
        ("ann", "/promote orders prod"),
        ("ann", "/promote orders prod override <!channel> *it* is down"),
        ("dan", "/rollback orders staging"),
        ("ann", "/deploy orders #1"),
    ] {
        desk.types(who, line).await;
    }
    desk.clicks("ann", "drift.go", "0000000000|/promote orders prod anyway").await;
    desk.clicks("zoe", "drift.go", "0000000000|/promote orders prod anyway").await;
    desk.clicks("ann", "drift.go", "0000000000|/repo delete orders").await;
    desk.clicks("ann", "drift.go", "nonsense").await;
    desk.types("ann", "/promote orders prod anyway").await;
    desk.gallery.snapshot("answers_about_what_was_moved_outside");
}

#[tokio::test]
async fn the_answers_about_groups() {
    let group = || Member::Group("S0LEADS01".parse().unwrap());
    let mut pinned_roles = PinnedRoles::from(samples::access());
    pinned_roles.operators = [group()].into();
    let mut desk = desk(pinned_roles);
    samples::orders(&*desk.store, "orders", &STAGES).await;
    desk.people.set("S0LEADS01", Ok(&["ann", "cleo"].map(|name| samples::actor(name).id)));
    for (who, line) in [
        ("dan", "/pipeline who"),
        ("eve", "/pipeline grant <!subteam^S0LEADS01|@leads> oncall"),
        ("eve", "/pipeline grant <!subteam^S0LEADS01> approvers orders"),
        ("eve", "/pipeline revoke <!subteam^S0LEADS01> operators"),
        ("eve", "/stage set orders prod approvers=<!subteam^S0LEADS01|@leads>,<@U0BEN0002>"),
        ("ben", "/build orders"),
    ] {
        desk.types(who, line).await;
    }
    for why in [
        Unknown::Silent,
        Unknown::Scope("usergroups:read"),
        Unknown::Gone,
        Unknown::Refused("plan_upgrade_required".into()),
        Unknown::Apart,
    ] {
        desk.people.set("S0LEADS01", Err(why));
        desk.types("ann", "/build orders").await;
    }
    desk.types("dan", "/pipeline who").await;
    desk.types("ann", "/pipeline check orders prod").await;
    desk.gallery.snapshot("answers_about_groups");
}

#[tokio::test(start_paused = true)]
async fn the_answers_before_there_are_roles() {
    let mut desk = desk(Access::default());
    desk.types("ann", "/repo create orders").await;
    desk.types("ann", "/pipeline who").await;
    desk.gallery.snapshot("answers_without_roles");
}

#[tokio::test(start_paused = true)]
async fn the_answers_at_their_longest() {
    let mut desk = desk(samples::access());
    let names: Vec<String> = (1..=50).map(|n| format!("stage-{n}-of-many")).collect();
    let stages: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 2)).collect();
    samples::orders(&*desk.store, "orders-and-invoices-of-the-northern-shop", &stages).await;
    for line in [
        "/pipeline status orders-and-invoices-of-the-northern-shop",
        "/stage list orders-and-invoices-of-the-northern-shop",
        "/pipeline status",
    ] {
        desk.types("dan", line).await;
    }
    desk.gallery.snapshot("answers_at_their_longest");
}
