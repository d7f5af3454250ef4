//! Answers to people: permissions, suggestions, and late decisions. No operation is executed here.

use std::sync::Arc;

use jiff::SignedDuration;

mod access_requests;
mod drift;
mod gates;
mod groups;
mod history;
mod logs;
mod next_steps;
mod people;
mod roles;

use super::*;
use crate::operation::testing::{operation_id, row, spec};
use crate::operation::{Entry, Head, Settings, Status, World};
use crate::ports::{Clock as _, Guard, Precondition, Store, StoreError, Write};
use crate::records::{Counters, Current, Pipeline, Stage, to_item};
use crate::registry;
use crate::rules::{Access, PinnedRoles};
use crate::testing::samples::{self, change, promotion};
use crate::testing::{MemoryStore, RecordingNotifier, RecordingRunner, TestClock, TestDirectory, world};
use sluice_model::{Actor, Audience, Click, ReleaseNumber, Tone, Wait};

struct Office {
    service: Service,
    store: Arc<MemoryStore>,
    people: Arc<TestDirectory>,
}

fn user(name: &str) -> Actor {
    Actor::in_slack(format!("U0{}", name.to_uppercase()).parse().unwrap(), name)
}

fn roles() -> Access {
    let ids = |names: &[&str]| names.iter().map(|name| user(name).id).collect();
    Access {
        operators: ids(&["ann", "ben"]),
        admins: ids(&["ada"]),
        approvers: ids(&[]),
        oncall: ids(&["oli"]),
        ..Access::default()
    }
}

async fn office(access: impl Into<PinnedRoles>) -> Office {
    office_with(access, Names::default()).await
}

async fn office_with(access: impl Into<PinnedRoles>, names: Names) -> Office {
    let clock = Arc::new(TestClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
    office_of(access, names, clock, |_| ()).await
}

/// A service with the pipeline `orders` and its stage `dev`. Commands are accepted, but no operation is executed.
async fn office_of(
    access: impl Into<PinnedRoles>,
    names: Names,
    clock: Arc<TestClock>,
    change: impl FnOnce(&mut World),
) -> Office {
    let store = Arc::new(MemoryStore::new());
    let at = clock.now();
    let settings = Settings { drive: false, ..Settings::new("test") };
    let (notifier, runner) = (Arc::<RecordingNotifier>::default(), Arc::<RecordingRunner>::default());
    let people = Arc::<TestDirectory>::default();
    let mut world = world(settings, access, store.clone(), clock, notifier, runner);
    world.ports.directory = people.clone();
    change(&mut world);
    let dev: sluice_model::StageName = "dev".parse().unwrap();
    let pipeline = Pipeline {
        name: "orders".parse().unwrap(),
        home: "C0GENERAL1".parse().unwrap(),
        creator: user("ann"),
        created: at,
        repository: "orders".into(),
        clone_url: "http://git/orders".into(),
        branch: "main".into(),
        project: "orders".into(),
        bucket: "artifacts".into(),
        stages: vec![dev.clone()],
    };
    let keys = &world.keys;
    for item in [
        to_item(keys.pipeline(&pipeline.name), Counters::default().guards(), &pipeline),
        to_item(keys.stage(&pipeline.name, &dev), Default::default(), &Stage::new(dev)),
        to_item(keys.catalog(&pipeline.name), Default::default(), &()),
    ] {
        store.write(Write::Put { item: item.unwrap(), when: Precondition::Absent }).await.unwrap();
    }
    let engine = Arc::new(Engine::new(Arc::new(world), registry()));
    Office { service: Service::new(engine, names), store, people }
}

/// All texts of a card, in one line.
fn words(card: &Card) -> String {
    format!("{card:?}")
}

impl Office {
    async fn deliver(&self, delivery: &str, who: &str, input: Input) -> Result<Card, NoAnswer> {
        let invocation = Invocation {
            delivery: delivery.into(),
            actor: user(who),
            channel: Some("C0GENERAL1".parse().unwrap()),
            input,
        };
        let answer = self.service.handle(invocation).await?;
        // Only answers to changes of roles for all pipelines, and role requests, are public.
        let is_announced =
            ["Granted by", "Revoked by", "asks to be "].iter().any(|said| words(&answer.card).contains(said));
        assert_eq!(answer.audience == Audience::Channel, is_announced, "{:?}", answer.card);
        Ok(answer.card)
    }
    async fn types(&self, delivery: &str, who: &str, line: &str) -> Card {
        let (command, text) = line.split_once(' ').unwrap_or((line, ""));
        let input = Input::Slash { command: command.into(), text: text.into() };
        self.deliver(delivery, who, input).await.unwrap()
    }
    async fn clicks(&self, delivery: &str, who: &str, action: &str, value: &str) -> Card {
        let input = Input::Click { action_id: action.into(), value: value.into() };
        self.deliver(delivery, who, input).await.unwrap()
    }
    /// How many records there are, without those of refusals.
    fn records(&self) -> usize {
        let is_kept = |item: &crate::ports::Item| {
            !["/inbox/", "/audit/"].iter().any(|of_refusals| item.key.partition.contains(of_refusals))
        };
        self.store.items().into_iter().filter(is_kept).count()
    }
    /// The operations that were accepted.
    fn heads(&self) -> usize {
        self.store.items().iter().filter(|item| item.key.sort == "head").count()
    }
    /// A promotion that ann requested. Returns the value of its buttons.
    async fn promotion(&self, status: Status) -> String {
        let head = Head {
            id: operation_id(1),
            spec: crate::operation::OperationSpec { actor: user("ann"), ..spec("promote") },
            status,
            sequence: 1,
            owner: String::new(),
            beat: 1,
            fence: 1,
            awaits: if status == Status::Waiting { "approval@3".into() } else { String::new() },
            undelivered_since: 0,
            claims: 0,
        };
        let keys = &self.service.app.engine.world().keys;
        let params = serde_json::to_value(promotion("orders", change(2), &["Hello"])).unwrap();
        let accepted = row(1, vec![Entry::Accepted { params }]);
        for item in [head.to_item(keys), accepted.to_item(keys, &head.id)] {
            self.store.write(Write::Put { item: item.unwrap(), when: Precondition::Any }).await.unwrap();
        }
        Click::Approve(Wait { operation: head.id, wait: "approval@3".into() }).encode().1
    }
}

#[tokio::test]
async fn people_without_the_role_are_refused_with_the_names_of_people_who_have_it() {
    let table = [
        ("ann", "/build orders", None),
        ("ada", "/build orders@main2", None),
        ("eve", "/build orders@main3", Some("not-an-operator")),
        ("ada", "/stage add orders staging", None),
        ("eve", "/stage add orders prod", Some("not-an-admin")),
        ("eve", "/stage list orders", None),
        ("oli", "/build orders@main4", Some("not-an-operator")),
        ("oli", "/stage lock orders dev the ledger", None),
        ("ann", "/stage lock orders dev hard the ledger", Some("not-an-admin")),
        ("eve", "/pipeline check orders", None),
        ("eve", "/pipeline status", None),
    ];
    let office = office(roles()).await;
    for (who, line, refused) in table {
        let before = office.records();
        let card = office.types(line, who, line).await;
        match refused {
            None => assert_ne!(card.tone, Tone::Bad, "{who} {line}: {card:?}"),
            Some(wanted) => {
                assert_eq!(card.code.as_deref(), Some(wanted), "{who} {line}");
                assert!(words(&card).contains("U0A"), "it names people with the role: {card:?}");
                assert_eq!(office.records(), before, "nothing is written");
            }
        }
    }
}

#[tokio::test]
async fn without_roles_only_reading_is_possible() {
    let office = office(Access::default()).await;
    for line in ["/build orders", "/stage add orders staging", "/rollback orders dev"] {
        let card = office.types(line, "ann", line).await;
        assert_eq!(card.code.as_deref(), Some("no-roles"), "{line}");
        assert!(words(&card).contains("operators = "), "the configuration to write: {card:?}");
    }
    let value = office.promotion(Status::Waiting).await;
    let card = office.clicks("c1", "ben", "promotion.approve", &value).await;
    assert_eq!(card.code.as_deref(), Some("no-roles"));
    assert_ne!(office.types("d1", "ann", "/pipeline status orders").await.tone, Tone::Bad);
}

#[tokio::test]
async fn a_wrong_command_gets_a_suggestion() {
    let office = office(roles()).await;
    let table = [
        ("/build ordres", "orders", "no-such-pipeline"),
        ("/pipeline status ordres", "orders", "no-such-pipeline"),
        ("/deploy orders", "/build orders", "no-green-build"),
        ("/repo delete orders", "help", "not-available"),
        ("/stage unlock orders dev", "status", "not-locked"),
        ("/stage lock orders dev until 2020-01-01 the ledger", "/stage lock orders dev for 2h", "bad-end"),
        ("/stage lsit orders", "/stage list orders", ""),
    ];
    for (line, hint, wanted) in table {
        let card = office.types(line, "ann", line).await;
        let hinted = format!("{:?}", card.hint);
        assert!(hinted.contains(hint), "{line}: {hinted}");
        assert!(wanted.is_empty() || card.code.as_deref() == Some(wanted), "{line}: {card:?}");
    }
    let card = office.types("set", "ada", "/stage set orders dev aprovals=2").await;
    assert_eq!(card.code.as_deref(), Some("bad-setting"));
    assert!(format!("{:?}", card.hint).contains("approvals"), "{card:?}");
    assert_eq!(office.heads(), 0);
}

#[tokio::test]
async fn every_available_command_that_reads_has_an_answer() {
    let office = office(roles()).await;
    let is_read = |form: &sluice_grammar::Form| form.available && form.action == Action::Read;
    for line in sluice_grammar::table().filter(|form| is_read(form)).flat_map(|form| form.examples) {
        let card = office.types(line, "ann", line).await;
        assert_ne!(card.code.as_deref(), Some("corrupt-record"), "{line}: {card:?}");
    }
}

#[tokio::test]
async fn help_and_hints_use_the_names_of_this_installation() {
    let names = Names { prefix: "acme-".into(), ..Names::default() };
    let office = office_with(roles(), names).await;
    for line in ["/acme-pipeline help", "/acme-pipeline help build", "/acme-deploy orders"] {
        let said = words(&office.types(line, "ann", line).await);
        assert!(said.contains("/acme-build"), "{line}: {said}");
        assert!(!said.contains("\"/build"), "{line}: {said}");
    }
}

#[tokio::test]
async fn operations_from_a_terminal_notify_the_home_channel() {
    let office = office(roles()).await;
    let types = async |delivery: &str, line: &str| {
        let (command, text) = line.split_once(' ').unwrap();
        let input = Input::Slash { command: command.into(), text: text.into() };
        let actor = Actor::at_terminal(user("ann").id, "root");
        let invocation = Invocation { delivery: delivery.into(), actor, channel: None, input };
        office.service.handle(invocation).await.unwrap().card
    };
    let card = types("d1", "/repo create books").await;
    assert_eq!(card.code.as_deref(), Some("no-channel"));
    assert_eq!(office.heads(), 0);
    types("d2", "/build orders").await;
    let heads = office.store.matching(|item| item.key.sort == "head");
    let spec = Head::from_item(&heads[0]).unwrap().spec;
    assert_eq!(spec.channels(), ["C0GENERAL1".parse().unwrap()]);
    assert!(spec.actor.terminal);
}

#[tokio::test]
async fn a_repeated_delivery_has_no_effect_and_a_repeated_command_shows_the_open_operation() {
    let office = office(roles()).await;
    let first = office.types("d1", "ann", "/build orders").await;
    assert_eq!(office.types("d1", "ann", "/build orders").await, first);
    let card = office.types("d2", "ben", "/build orders@main").await;
    assert_eq!(card.code.as_deref(), Some("already-running"));
    assert_eq!(office.heads(), 1);
}

#[tokio::test]
async fn two_builds_at_once_get_two_numbers() {
    let office = office(roles()).await;
    let (one, two) = tokio::join!(
        office.types("d1", "ann", "/build orders@one"),
        office.types("d2", "ben", "/build orders@two"),
    );
    let both = words(&one) + &words(&two);
    assert!(both.contains("#1") && both.contains("#2"), "{both}");
    assert_eq!(office.heads(), 2);
}

#[tokio::test]
async fn a_decision_counts_once_and_only_from_another_approver() {
    let office = office(roles()).await;
    let value = office.promotion(Status::Waiting).await;
    let before = office.records();
    for (who, wanted) in [("ann", "own-request"), ("eve", "not-an-approver")] {
        let card = office.clicks(who, who, "promotion.approve", &value).await;
        assert_eq!(card.code.as_deref(), Some(wanted));
    }
    let stale = value.replace("@3", "@2");
    assert_eq!(office.clicks("s", "ben", "promotion.approve", &stale).await.code.as_deref(), Some("late"));
    for (action, value) in [("promotion.approve", "garbage"), ("promotion.approve", ""), ("else", &*value)] {
        assert_eq!(office.clicks("g", "ben", action, value).await.tone, Tone::Bad, "{action} {value}");
    }
    assert_eq!(office.records(), before, "nothing changed so far");

    let heard = office.clicks("c1", "ben", "promotion.approve", &value).await;
    assert_eq!(heard.tone, Tone::Good);
    assert_eq!(office.clicks("c1", "ben", "promotion.approve", &value).await, heard, "the same delivery");
    assert_eq!(office.clicks("c2", "ben", "promotion.reject", &value).await.code.as_deref(), Some("late"));
}

#[tokio::test]
async fn a_late_click_is_refused() {
    let office = office(roles()).await;
    for status in [Status::Succeeded, Status::Failed, Status::Running] {
        let value = office.promotion(status).await;
        let before = office.store.items();
        let card = office.clicks("c1", "ben", "promotion.approve", &value).await;
        assert_eq!(card.code.as_deref(), Some("late"), "{status:?}");
        assert_eq!(office.store.items(), before);
    }
}

#[tokio::test]
async fn a_rollback_just_after_a_rollback_must_name_its_release() {
    let office = office(roles()).await;
    samples::orders(&*office.store, "orders", &[("dev", 3), ("prod", 3)]).await;
    let keys = &office.service.app.engine.world().keys;
    let key = keys.stage(&"orders".parse().unwrap(), &"prod".parse().unwrap());
    let item = office.store.item(&key).unwrap();
    let mut stage: Stage = crate::records::from_item(&item).unwrap();
    let now = office.service.app.engine.world().clock.now();
    let current = |ago| Current {
        release: ReleaseNumber(2),
        by: user("ann"),
        since: now - SignedDuration::from_secs(ago),
        ..stage.current.clone().unwrap()
    };
    let (late, just) = (current(61), current(20));
    stage.moved(just.clone(), true);
    let put = async |current: &Current| {
        let stage = Stage { current: Some(current.clone()), ..stage.clone() };
        let item = to_item(key.clone(), item.guards.clone(), &stage).unwrap();
        office.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    };
    put(&just).await;
    // Also for the same person: sending a command twice is more likely than two people reacting to one incident.
    for who in ["oli", "ann"] {
        let card = office.types(who, who, "/rollback orders prod").await;
        assert_eq!(card.code.as_deref(), Some("just-rolled-back"), "{card:?}");
    }
    let card = office.types("d1", "oli", "/rollback orders prod").await;
    assert!(words(&card).contains("/rollback orders prod r1"), "the command to run: {card:?}");
    assert_ne!(
        office.types("d2", "oli", "/rollback orders prod r1").await.tone,
        Tone::Bad,
        "the release is named"
    );
    put(&late).await;
    assert_ne!(office.types("d3", "oli", "/rollback orders prod").await.tone, Tone::Bad, "a minute ago");
}

#[tokio::test(start_paused = true)]
async fn without_the_store_there_is_no_answer() {
    let office = office(roles()).await;
    for line in ["/build orders", "/pipeline status orders"] {
        office.store.fail_next(StoreError::Unknown("gone".into()));
        let (command, text) = line.split_once(' ').unwrap();
        let input = Input::Slash { command: command.into(), text: text.into() };
        assert_eq!(office.deliver("d1", "ann", input).await, Err(NoAnswer::Unreachable), "{line}");
    }
    assert_eq!(office.heads(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_denies_access_is_reported() {
    let office = office(roles()).await;
    for line in ["/build orders", "/pipeline status orders"] {
        office.store.fail_next(StoreError::Refused("AccessDeniedException: arn:aws:secret".into()));
        let (command, text) = line.split_once(' ').unwrap();
        let input = Input::Slash { command: command.into(), text: text.into() };
        let card = office.deliver(line, "ann", input).await.unwrap();
        assert_eq!((card.tone, card.code.as_deref()), (Tone::Bad, Some("no-access")), "{line}: {card:?}");
        assert!(words(&card).contains("sluice check") && !words(&card).contains("arn:"), "{card:?}");
    }
    assert_eq!(office.heads(), 0);
}

#[tokio::test]
async fn a_pipeline_has_at_most_eight_builds_in_progress() {
    let office = office(roles()).await;
    for number in 0..8 {
        let line = format!("/build orders@branch-{number}");
        assert_ne!(office.types(&line, "ann", &line).await.tone, Tone::Bad, "{line}");
    }
    let card = office.types("d9", "ann", "/build orders@one-more").await;
    assert_eq!(card.code.as_deref(), Some("too-many-builds"), "{card:?}");
    assert_eq!(office.heads(), 8);
    assert_ne!(office.types("/build orders@branch-0", "ann", "/build orders@branch-0").await.tone, Tone::Bad);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_operation_is_named_and_not_decided() {
    let office = office(roles()).await;
    office.promotion(Status::Waiting).await;
    let keys = &office.service.app.engine.world().keys;
    let (name, id) = ("orders".parse().unwrap(), operation_id(1));
    let ticket = crate::operation::Ticket {
        number: 1,
        operation: id.clone(),
        kind: "promote".into(),
        precedence: sluice_engine::Precedence::Normal,
        fingerprint: "x".into(),
        queued: None,
        stuck: false,
    };
    let prod: sluice_model::StageName = "prod".parse().unwrap();
    let stage = to_item(keys.stage(&name, &prod), Default::default(), &Stage::new(prod)).unwrap();
    let marks = [("op", ticket.operation.to_string()), ("kind", ticket.kind.clone()), ("print", "x".into())];
    let marks = marks.map(|(name, text)| (name.to_owned(), Guard::Text(text))).into();
    let ticket = to_item(keys.ticket(&name, 1), marks, &()).unwrap();
    let mut row = office.store.item(&keys.row(&id, 1)).unwrap();
    row.body = serde_json::json!("from another version");
    for item in [stage, ticket, row] {
        office.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    }
    let before = office.records();
    for line in ["/promote approve orders prod", "/promote reject orders prod", "/promote cancel orders prod"]
    {
        let card = office.types(line, "ben", line).await;
        assert_eq!(card.code.as_deref(), Some("unreadable-operation"), "{line}: {card:?}");
    }
    assert_eq!(office.records(), before);
}
