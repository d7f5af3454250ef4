//! Drift: the age of a comparison, the time of drift, and answers when AWS does not answer.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, advance};

use super::*;
use crate::operation::{Keys, Precedence, Ticket};
use crate::ports::{Clock, Guard, Guards, Item};
use crate::records::{OPERATION, from_item, stage_slot};
use crate::rules::ObservedDrift;
use crate::testing::{FakeAws, Faults, samples, target};
use sluice_model::{Class, Click, Confirmed, PipelineName, Text};

const HELLO: &str = "sluice-orders-prod-Hello";

struct Truthful {
    office: Office,
    fake_aws: Arc<FakeAws>,
    clock: Arc<TestClock>,
    count: std::cell::Cell<u32>,
}

/// `orders` with r2 on dev and staging and r1 on prod, and AWS in the same state.
async fn truthful() -> Truthful {
    let store = Arc::new(MemoryStore::new());
    let stages = [("dev", 2), ("staging", 2), ("prod", 1)];
    samples::orders(&*store, "orders", &stages).await;
    let clock = Arc::new(TestClock::at("2026-03-02T12:00:00Z".parse().unwrap()));
    let fake_aws = FakeAws::new(clock.clone());
    samples::aws_as_recorded(&fake_aws, "orders", &stages);
    let settings = Settings { drive: false, ..Settings::new("test") };
    let (notifier, runner) = (Arc::<RecordingNotifier>::default(), Arc::<RecordingRunner>::default());
    let world = world(settings, samples::access(), store.clone(), clock.clone(), notifier, runner);
    let engine = Arc::new(Engine::new(Arc::new(fake_aws.fault_proxy().world(world)), registry()));
    let people = Default::default();
    let office = Office { service: Service::new(engine, Names::default()), store, people };
    Truthful { office, fake_aws, clock, count: Default::default() }
}

impl Truthful {
    async fn says(&self, input: Input) -> Card {
        self.count.set(self.count.get() + 1);
        let invocation = Invocation {
            delivery: format!("d{}", self.count.get()),
            actor: samples::actor("ann"),
            channel: Some("C0GENERAL1".parse().unwrap()),
            input,
        };
        self.office.service.handle(invocation).await.unwrap().card
    }
    async fn types(&self, line: &str) -> Card {
        let (command, text) = line.split_once(' ').unwrap();
        self.says(Input::Slash { command: command.into(), text: text.into() }).await
    }
    async fn clicks(&self, value: &str) -> Card {
        self.says(Input::Click { action_id: "drift.go".into(), value: value.into() }).await
    }
    async fn status(&self) -> String {
        let card = self.types("/pipeline status orders").await;
        let texts = card.parts.iter().filter_map(|part| match part {
            sluice_model::Part::Text(text) => Some(text.flat()),
            _ => None,
        });
        texts.chain(card.footer.iter().map(Text::flat)).collect::<Vec<_>>().join("\n")
    }
    fn recorded(&self) -> Option<ObservedDrift> {
        let found = self.office.store.matching(|item| item.key.sort == "drift/prod");
        found.first().map(|item| from_item(item).unwrap())
    }
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
    async fn puts(&self, item: Item) {
        self.office.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_comparison_is_valid_for_a_minute() {
    let drift_report = truthful().await;
    assert!(!drift_report.status().await.contains("moved outside"));
    // `check` also reads the build's artifact, for its runtimes.
    let looks =
        || drift_report.fake_aws.calls().iter().filter(|called| !called.call.starts_with("s3:")).count();
    let calls = looks();
    assert_eq!(calls, 6, "one for the function and one for the API of each stage");
    drift_report.fake_aws.move_by_hand(HELLO, "prod", "7", None);
    advance(Duration::from_secs(50)).await;
    drift_report.types("/pipeline check orders").await;
    assert_eq!(looks(), calls);
    advance(Duration::from_secs(11)).await;
    let told = drift_report.status().await;
    assert!(
        told.contains(
            "prod was moved outside Sluice: sluice-orders-prod-Hello:prod points to version 7 instead of 1"
        ),
        "{told}"
    );
    assert!(drift_report.fake_aws.count() > calls);
    let check = format!("{:?}", drift_report.types("/pipeline check orders prod").await);
    assert!(check.contains("/promote orders prod anyway"), "{check}");

    // A change by Sluice invalidates earlier comparisons.
    let calls = drift_report.fake_aws.count();
    let key = Keys::new(&target()).stage(&"orders".parse().unwrap(), &"prod".parse().unwrap());
    let mut item = drift_report.office.store.item(&key).unwrap();
    item.guards.insert(crate::records::REVISION.into(), Guard::Number(9));
    drift_report.puts(item).await;
    drift_report.status().await;
    assert!(drift_report.fake_aws.count() > calls);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_drift_is_recorded_once_for_each_change() {
    let drift_report = truthful().await;
    drift_report.status().await;
    let right = drift_report.now();
    assert_eq!(drift_report.recorded(), None);
    advance(Duration::from_secs(3600)).await;
    drift_report.fake_aws.move_by_hand(HELLO, "prod", "7", None);
    let told = drift_report.status().await;
    let first = drift_report.recorded().expect("it is recorded");
    assert_eq!(
        (first.first_seen <= drift_report.now(), first.last_right.map(|at| at <= right)),
        (true, Some(true))
    );
    assert!(
        first.last_right.unwrap() > right - jiff::SignedDuration::from_secs(2),
        "the last look that saw it right"
    );
    assert!(told.contains("first seen") && told.contains("unchanged 2026-03-02 12:00"), "{told}");

    advance(Duration::from_secs(600)).await;
    drift_report.status().await;
    assert_eq!(drift_report.recorded().as_ref(), Some(&first), "unchanged drift is not written again");
    drift_report.fake_aws.move_by_hand(HELLO, "prod", "8", None);
    advance(Duration::from_secs(61)).await;
    drift_report.status().await;
    let again = drift_report.recorded().unwrap();
    assert!(again.first_seen > first.first_seen && again.last_right == first.last_right);
    drift_report.fake_aws.move_by_hand(HELLO, "prod", "1", None);
    advance(Duration::from_secs(61)).await;
    assert!(!drift_report.status().await.contains("moved outside"));
    assert_eq!(drift_report.recorded(), None);
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_aws_is_reported_and_does_not_block() {
    let drift_report = truthful().await;
    drift_report.fake_aws.fault_on("lambda:ListAliases", [Faults::Fails(Class::Denied)]);
    let told = drift_report.status().await;
    assert!(told.contains("Could not be compared with AWS: lambda:ListAliases"), "{told}");
    drift_report.fake_aws.climate(|now| now.latency = Duration::from_secs(30));
    advance(Duration::from_secs(16)).await;
    let began = Instant::now();
    assert!(drift_report.status().await.contains("did not answer in time"));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // The operation's own observations decide.
    assert_eq!(drift_report.types("/promote orders prod").await.tone, Tone::Running);
}

#[tokio::test(start_paused = true)]
async fn drift_seen_within_a_minute_counts_while_aws_is_unavailable() {
    let drift_report = truthful().await;
    drift_report.fake_aws.move_by_hand(HELLO, "prod", "7", None);
    assert!(drift_report.status().await.contains("prod was moved outside Sluice"));
    drift_report.fake_aws.climate(|now| now.latency = Duration::from_secs(30));
    assert_eq!(drift_report.types("/promote orders prod").await.code.as_deref(), Some("moved-outside"));
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_is_being_changed_is_not_compared() {
    let drift_report = truthful().await;
    drift_report.fake_aws.move_by_hand(HELLO, "prod", "7", None);
    let (keys, orders): (_, PipelineName) = (Keys::new(&target()), "orders".parse().unwrap());
    let text = |text: &str| Guard::Text(text.to_owned());
    let id = operation_id(7);
    for (kind, judged) in [("promote", false), ("stage-lock", true)] {
        let ticket = Ticket {
            number: 8,
            operation: id.clone(),
            kind: kind.to_owned(),
            precedence: Precedence::Normal,
            fingerprint: "x".to_owned(),
            queued: None,
            stuck: false,
        };
        drift_report.puts(ticket.to_item(&keys, &orders).unwrap()).await;
        let holder: Guards = [(OPERATION.to_owned(), text(id.as_str()))].into();
        let slot = keys.slot(&orders, &stage_slot(&"prod".parse().unwrap()));
        drift_report.puts(to_item(slot, holder, &serde_json::json!({})).unwrap()).await;
        advance(Duration::from_secs(61)).await;
        assert_eq!(drift_report.status().await.contains("prod was moved"), judged, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_is_bound_to_the_drift_that_was_shown() {
    let drift_report = truthful().await;
    drift_report.fake_aws.move_by_hand(HELLO, "prod", "7", None);
    let asked = drift_report.types("/promote orders prod").await;
    assert_eq!(asked.code.as_deref(), Some("moved-outside"));
    let old = asked.buttons[0].value.clone();
    drift_report.fake_aws.move_by_hand(HELLO, "prod", "8", None);
    let again = drift_report.clicks(&old).await;
    assert_eq!(again.code.as_deref(), Some("moved-outside"), "it moved again: {again:?}");
    for wrong in ["/repo list", "/build orders", "/promote orders", "/promote orders prod"] {
        let click = Click::AcceptDrift(Confirmed { seen: "x".into(), line: wrong.into() });
        let card = drift_report.clicks(&click.encode().1).await;
        assert_eq!(card.code.as_deref(), Some("bad-button"), "{wrong}");
    }
    assert_eq!(drift_report.office.heads(), 0);
    assert_eq!(drift_report.clicks(&again.buttons[0].value).await.tone, Tone::Running);
    assert_eq!(drift_report.office.heads(), 1);
    let row = drift_report.office.store.matching(|item| item.key.sort.starts_with("row/"));
    let words = row[0].body.to_string();
    assert!(
        words.contains(r#""outside":{"aliases":{"sluice-orders-prod-Hello":{"recorded":"1","seen":"8"}}}"#),
        "{words}"
    );

    // Known drift blocks a deploy too, although a deploy makes no new comparison.
    drift_report.fake_aws.move_by_hand("sluice-orders-dev-Hello", "dev", "7", None);
    advance(Duration::from_secs(61)).await;
    drift_report.status().await;
    let held = drift_report.types("/deploy orders #1").await;
    assert_eq!(held.code.as_deref(), Some("moved-outside"), "{held:?}");
    assert_eq!(drift_report.types("/deploy orders #1 anyway").await.tone, Tone::Running);
}

#[tokio::test(start_paused = true)]
async fn a_slow_comparison_continues_after_the_answer() {
    let drift_report = truthful().await;
    drift_report.fake_aws.move_by_hand(HELLO, "prod", "7", None);
    let slow = (0..4).map(|_| Faults::Slow(Duration::from_secs(3)));
    drift_report.fake_aws.fault_on("lambda:ListAliases", slow);
    assert!(drift_report.status().await.contains("did not answer in time"));
    let calls = drift_report.fake_aws.count();
    // A second command waits for the same comparison.
    assert!(drift_report.status().await.contains("did not answer in time"));
    assert_eq!(drift_report.fake_aws.count(), calls);
    advance(Duration::from_secs(5)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(drift_report.status().await.contains("prod was moved outside Sluice"));
    assert_eq!(drift_report.fake_aws.count(), calls, "the result is cached");
}

#[tokio::test(start_paused = true)]
async fn a_failed_comparison_is_not_repeated_immediately() {
    let drift_report = truthful().await;
    drift_report.fake_aws.fault_on("lambda:ListAliases", (0..9).map(|_| Faults::Fails(Class::Throttled)));
    assert!(drift_report.status().await.contains("failed"));
    let calls = drift_report.fake_aws.count();
    assert!(drift_report.status().await.contains("failed"));
    assert_eq!(drift_report.fake_aws.count(), calls);
    drift_report.fake_aws.clear_faults();
    advance(Duration::from_secs(16)).await;
    assert!(!drift_report.status().await.contains("failed"));
}
