//! A promotion that waits while its stage moves is void from then on, wherever the process that moved the stage dies.

use super::super::harness::{Death, Process, Shared};
use super::cases::{Tally, sampled};
use super::fixture::Fixture;
use super::gates::{ASK, ends, fails_with, newest, reaches, refused, runs, world};
use super::smoke::words;
use crate::operation::{Head, Status};
use crate::testing::Moment;
use sluice_model::OperationId;

/// How many deaths the short form tries.
const SAMPLE: usize = 20;
/// Moves the stage by an on-call override.
const OVERRIDE: &str = "/promote orders prod r1 override checkout is down";

/// A world with a promotion of Ann's that waits for approval, and that promotion.
async fn waiting() -> (Fixture, OperationId) {
    let (shared, process) = world("").await;
    let head = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    drop(process);
    (Fixture::now(&shared), head.id)
}

/// A person moves the stage, and all operations end. Whether the process died before.
async fn moves(shared: &Shared, process: &Process, who: &str, line: &str, operations: usize) -> bool {
    let commands = async {
        process.types("d1", who, line).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        died = process.run_until(async || shared.has_ended(operations)) => died,
        () = commands => true,
    }
}

async fn is_void(shared: &Shared, id: &OperationId, context: &str) -> Head {
    let head = shared.head(id).await;
    let journal = shared.journal(id);
    assert_eq!(head.status, Status::Failed, "{context}: {journal:#?}");
    assert_eq!(fails_with(shared, &head).await, "void", "{context}: {journal:#?}");
    head
}

#[tokio::test(start_paused = true)]
async fn a_request_is_void_once_its_stage_moved_wherever_the_process_dies() {
    let (fixture, asked) = waiting().await;
    let known = fixture.known().len();
    for (who, line) in [("oli", OVERRIDE), ("ben", "/rollback orders prod")] {
        let clean = fixture.open();
        assert!(!moves(&clean, &clean.process("clean"), who, line, known + 1).await);
        let head = is_void(&clean, &asked, line).await;
        let update = clean.last_update(&head.id).unwrap();
        assert!(update.card.buttons.is_empty(), "{line}: its buttons disappear: {:?}", update.card.buttons);
        let calls = clean.store.count();
        let tally = Tally::of(format!("{line}: deaths while another promotion waits"));
        let deaths = [Moment::Before, Moment::After].into_iter();
        let deaths = deaths.flat_map(|moment| (0..calls).map(move |call| (call, moment))).collect();
        for death in sampled(deaths, SAMPLE, 3) {
            let context = format!("{line}: {death:?}");
            let shared = fixture.open();
            let first =
                shared.process_with("first", Death { store: Some(death), ..Death::default() }, |_| {});
            let died = moves(&shared, &first, who, line, known + 1).await;
            drop(first);
            if died {
                assert!(!moves(&shared, &shared.process("second"), who, line, known + 1).await, "{context}");
            }
            let head = is_void(&shared, &asked, &context).await;
            assert_eq!(runs(&shared, "prod").await, 1, "{context}");
            assert_eq!(shared.violations(&[head, newest(&shared)]).await, Vec::<String>::new(), "{context}");
            tally.count();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_overlooked_outdated_request_is_void_at_the_next_check() {
    let (fixture, asked) = waiting().await;
    // Without a signal: the stage's record is replaced by one that has moved.
    let moved = fixture.open();
    ends(&moved, &moved.process("moves"), "oli", OVERRIDE, Status::Succeeded).await;
    let prod = moved.store.matching(|item| item.key.sort == "stage/prod");
    for line in ["/pipeline status orders", "/pipeline check orders prod", "/promote approve orders prod"] {
        let shared = fixture.open();
        let process = shared.process("looks");
        for item in prod.clone() {
            let write = crate::ports::Write::Put { item, when: crate::ports::Precondition::Any };
            crate::ports::Store::write(&*shared.store, write).await.unwrap();
        }
        let card = format!("{:?}", process.types("look", "ben", line).await);
        assert!(!card.contains("Approved") && !card.contains("waits for approval"), "{line}: {card}");
        assert!(!card.contains("Open: "), "{line}: {card}");
        process.run_until(async || shared.is_settled()).await;
        let head = is_void(&shared, &asked, line).await;
        assert!(shared.last_update(&head.id).unwrap().card.buttons.is_empty(), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn several_requests_for_a_stage_are_decided_by_name() {
    let (shared, process) = world("").await;
    reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    for line in ["/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    let third = reaches(&shared, &process, "ben", "/promote orders prod from dev", Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    let looked = format!("{:?}", process.types("c", "cat", "/pipeline check orders prod").await);
    assert!(
        looked.contains("r1") && looked.contains("r3") && looked.contains("waiting for approval"),
        "{looked}"
    );
    for word in ["approve", "reject", "cancel"] {
        let line = format!("/promote {word} orders prod looks good");
        let card = process.types(&line, "cat", &line).await;
        let text = format!("{card:?}");
        assert!(text.contains("several-waiting"), "{line}: {text}");
        for words in ["r1", "r3", "U0ANN", "U0BEN", " ago", &format!("/promote {word} orders prod r3")] {
            assert!(text.contains(words), "{line}: {words}: {text}");
        }
    }
    refused(&process, "cat", "/promote approve orders prod r7", "nothing-waits").await;
    let answer = process.types("yes", "cat", "/promote approve orders prod r3").await;
    assert_eq!(answer.title.flat(), "Approved: orders r3 to prod");
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&third.id).await.status, Status::Succeeded);
    assert_eq!(runs(&shared, "prod").await, 3);
    // That makes the other one void, and nothing waits any more.
    refused(&process, "dan", "/promote approve orders prod", "nothing-waits").await;
}

#[tokio::test(start_paused = true)]
async fn a_parameter_is_part_of_what_is_promoted() {
    let (shared, process) = world("").await;
    // Set while a request waits: the stage would not run what was approved.
    let waits = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    ends(&shared, &process, "ada", "/stage set orders prod param.Unknown=1", Status::Succeeded).await;
    process.types("b1", "ben", "/promote approve orders prod").await;
    process.run_until(async || shared.is_settled()).await;
    is_void(&shared, &waits.id, "its parameters changed").await;
    // The same release with other values is something else.
    let head = reaches(&shared, &process, "ann", "/promote orders prod r2", Status::Waiting).await;
    process.run_until(async || shared.is_settled()).await;
    let card = format!("{:?}", shared.last_update(&head.id).unwrap().card);
    assert!(card.contains("Unused parameters") && card.contains("Unknown"), "{card}");
    process.types("b2", "ben", "/promote approve orders prod r2").await;
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded, "{}", words(&shared, &head));
    let state = shared.state().await;
    let current = state.stages[&"prod".parse().unwrap()].current.clone().unwrap();
    assert_eq!(current.parameters.get("Unknown").map(String::as_str), Some("1"));
    let again = process.types("b3", "ann", "/promote orders prod r2").await;
    assert!(again.title.flat().contains("already runs r2"), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_to_a_newer_release_needs_an_on_call_reason() {
    let (shared, process) = world("").await;
    let third = "/promote orders prod from dev override it has to be";
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
    ends(&shared, &process, "oli", third, Status::Succeeded).await;
    ends(&shared, &process, "ann", "/rollback orders prod", Status::Succeeded).await;
    assert_eq!(runs(&shared, "prod").await, 2);
    refused(&process, "ann", "/rollback orders prod", "just-rolled-back").await;
    refused(&process, "ann", "/rollback orders prod r3 it is fine", "no-way-back").await;
    refused(&process, "oli", "/rollback orders prod r3", "no-way-back").await;
    let head =
        ends(&shared, &process, "oli", "/rollback orders prod r3 it was the network", Status::Succeeded)
            .await;
    assert_eq!(runs(&shared, "prod").await, 3);
    let card = format!("{:?}", shared.last_update(&head.id).unwrap().card);
    assert!(card.contains("Override") && card.contains("it was the network"), "{card}");
    assert!(card.contains("was rolled back from"), "the overridden gates: {card}");
    // r2 is not marked as bad, and the default rollback target is unchanged.
    tokio::time::sleep(super::gates::secs(61)).await;
    ends(&shared, &process, "ann", "/rollback orders prod", Status::Succeeded).await;
    assert_eq!(runs(&shared, "prod").await, 2);
}
