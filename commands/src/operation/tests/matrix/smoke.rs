//! Smoke tests: a release that fails its test is undone, wherever its process dies, and the previous release serves again.

use std::time::Duration;

use super::super::harness::{Death, Shared};
use super::cases::{Case, Clean, Tally, sampled};
use super::fixture::Fixture;
use super::gates::{ends, fails_with, newest, reaches, refused, runs, world};
use super::judge;
use super::scenarios::{Act, SCENARIOS, Scenario};
use crate::operation::effects::INVOKE;
use crate::operation::{Head, Status};
use crate::ports::{Method, Probe, Reply};
use crate::testing::Moment;
use crate::testing::fake_aws::{Called, Faults};

/// How many deaths of a scenario the short form tries.
const SAMPLE: usize = 24;
const FAILED: &str = "smoke-test-failed";

fn is_test(called: &Called) -> bool {
    called.call == INVOKE.call || called.call.starts_with("http:")
}

/// Whether an undisturbed run tests what it moved.
pub(super) fn is_tested(clean: &Clean) -> bool {
    clean.fake_aws.iter().any(is_test)
}

fn tested() -> impl Iterator<Item = &'static Scenario> {
    SCENARIOS.iter().filter(|scenario| ["tested promotion", "examined deploy"].contains(&scenario.name))
}

/// Plays a scenario in which no smoke test passes; it ends without a change.
async fn falls(scenario: &Scenario, fixture: &Fixture, case: &Case) -> (Shared, bool) {
    let shared = case.set(fixture);
    let died = shared.play(scenario, case).await;
    let context = format!("ill, {:?}", case.death);
    assert_eq!(
        judge::rest(&shared, scenario, fixture, &context).await,
        Status::Failed,
        "{}: {context}",
        scenario.name
    );
    let head = shared.new_heads(fixture).remove(0);
    let code = fails_with(&shared, &head).await;
    assert_eq!(code, FAILED, "{}: {context}: {:#?}", scenario.name, shared.journal(&head.id));
    (shared, died)
}

#[tokio::test(start_paused = true)]
async fn a_release_that_fails_its_smoke_test_is_undone_wherever_its_process_dies() {
    for scenario in tested() {
        let fixture = Fixture::of(scenario).await;
        let (shared, _) = falls(scenario, &fixture, &Case::ill()).await;
        let calls = shared.fake_aws.calls();
        let tries = calls.iter().filter(|called| is_test(called)).count();
        assert!((15..=25).contains(&tries), "{}: {tries} tries within 20 s", scenario.name);
        let tally = Tally::of(format!("{}: deaths of a move that does not pass", scenario.name));
        let mut deaths = vec![];
        for moment in [Moment::Before, Moment::After] {
            let at_cloud = |call| Death { fake_aws: Some((call, moment)), ..Death::default() };
            let at_store = |call| Death { store: Some((call, moment)), ..Death::default() };
            deaths.extend((0..calls.len()).map(at_cloud));
            deaths.extend((0..shared.store.count()).map(at_store));
        }
        let mut died = 0;
        let deaths = sampled(deaths, SAMPLE, scenario.name.len());
        let all = deaths.len();
        for death in deaths {
            died += usize::from(falls(scenario, &fixture, &Case { death, ..Case::ill() }).await.1);
            tally.count();
        }
        assert!(died + 8 >= all, "{}: {died} deaths of {all}", scenario.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_smoke_test_that_passes_on_a_retry_has_passed() {
    for scenario in tested() {
        let fixture = Fixture::of(scenario).await;
        let (shared, _) = falls(scenario, &fixture, &Case::ill()).await;
        let first = shared.fake_aws.calls().iter().position(is_test).unwrap();
        // Each of the first attempts fails in another way, and the last one passes.
        let ways = [Faults::AnswerLost, Faults::Slow(Duration::from_secs(5)), Faults::MeetsItself];
        let faults = ways.into_iter().enumerate().map(|(nth, way)| (first + nth, way)).collect();
        let case = Case { faults, ..Case::default() };
        let shared = case.set(&fixture);
        shared.play(scenario, &case).await;
        judge::success(&shared, scenario, &fixture, "it gets well").await;
    }
}

/// The answer of the stage's URL.
async fn asked(shared: &Shared, path: &str) -> Reply {
    let stage = shared.state().await.stages[&"prod".parse().unwrap()].clone();
    let url = format!("{}{path}", stage.urls()[0].url.trim_end_matches('/'));
    shared.fake_aws.fault_proxy().request(Method::Get, &url).await
}

/// The paragraphs of an operation's message, with its hint.
pub(super) fn words(shared: &Shared, head: &Head) -> String {
    let card = shared.last_update(&head.id).unwrap().card;
    let texts = card.parts.iter().filter_map(|part| match part {
        sluice_model::Part::Text(text) => Some(text.flat()),
        _ => None,
    });
    let hint = card.hint.as_ref().map(|hint| hint.flat()).unwrap_or_default();
    texts.chain([hint]).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_release_is_undone_and_the_message_quotes_its_answer() {
    let (shared, process) = world("approvals=0 smoke=\"GET /hello 200\"").await;
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "ill", 128), "push").await;
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    let well = Reply::Answered { status: 200, body: "I am well".into() };
    assert_eq!(asked(&shared, "/hello").await, well);
    let head = ends(&shared, &process, "ann", "/promote orders prod", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, FAILED);
    let text = words(&shared, &head);
    for wanted in [
        "prod did not pass its smoke test: GET /hello answered 500, not 200: it is <ill> & 'tired'.",
        "Undone: Move API of prod",
        "prod runs r2, as before.",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert_eq!(asked(&shared, "/hello").await, well);
    assert_eq!(runs(&shared, "prod").await, 2);
    // Not by override either: the test is about the release, not about permission.
    let head = ends(&shared, &process, "ada", "/promote orders prod override now", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, FAILED);
    // A rollback has no smoke test.
    shared.fake_aws.climate(|now| now.ill = true);
    ends(&shared, &process, "ann", "/rollback orders prod", Status::Succeeded).await;
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_fails_its_smoke_test_makes_no_release() {
    let (shared, process) = world("").await;
    ends(
        &shared,
        &process,
        "ada",
        "/stage set orders dev smoke='invoke World {\"ping\":true}'",
        Status::Succeeded,
    )
    .await;
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "ill", 128), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    let head = ends(&shared, &process, "ann", "/deploy orders", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, FAILED);
    let text = words(&shared, &head);
    assert!(text.contains("invoke World {\"ping\":true} failed: Unhandled: it is <ill>"), "{text}");
    assert_eq!(runs(&shared, "dev").await, 2);
    refused(&process, "ann", "/promote orders prod from dev r3", "never-ran").await;
}

#[tokio::test(start_paused = true)]
async fn a_request_is_void_if_the_smoke_test_changed_since() {
    let (shared, process) = world("smoke=\"GET /hello\"").await;
    let ask = "/promote orders prod r1";
    let head = reaches(&shared, &process, "ann", ask, Status::Waiting).await;
    ends(&shared, &process, "ada", "/stage set orders prod smoke=\"GET /world\"", Status::Succeeded).await;
    process.types("a1", "ben", "/promote approve orders prod").await;
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(fails_with(&shared, &head).await, "void");
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_smoke_test_of_a_missing_function_is_refused_before_the_approval() {
    let (shared, process) = world("smoke=\"invoke hello\"").await;
    let head = ends(&shared, &process, "ann", "/promote orders prod r1", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "smoke-test-unfit");
    let text = words(&shared, &head);
    assert!(text.contains("it has no such function, only Hello, World"), "{text}");
    assert!(!shared.journal(&head.id).join(", ").contains("waiting"), "it did not wait for an approval");
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_does_not_wait_for_a_failing_smoke_test() {
    let (shared, process) = world("approvals=0 smoke=\"GET /hello\"").await;
    shared.fake_aws.climate(|now| now.ill = true);
    let known = shared.heads().len();
    let asked = std::cell::Cell::new(None);
    let commands = async {
        process.types("p", "ann", "/promote orders prod r1").await;
        while !shared.fake_aws.calls().iter().any(is_test) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        process.types("r", "oli", "/rollback orders prod").await;
        asked.set(Some(tokio::time::Instant::now()));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        died = process.run_until(async || shared.is_over(known + 2)) => assert!(!died),
        () = commands => {}
    }
    let took = asked.get().expect("it was tested").elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    let new: Vec<_> = shared
        .heads()
        .into_iter()
        .filter(|head| head.spec.ticket >= newest(&shared).spec.ticket - 1)
        .collect();
    let status = |kind: &str| new.iter().find(|head| head.spec.kind == kind).map(|head| head.status);
    assert_eq!((status("promote"), status("rollback")), (Some(Status::Failed), Some(Status::Succeeded)));
    assert_eq!(runs(&shared, "prod").await, 1);
}
