//! An undisturbed operation: its journal, its transactions, its concurrent steps.

use std::time::Duration;

use super::harness::Shared;
use super::toy_world::{Faults, How, step, toy_slot};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::testing::StoreCall;

#[tokio::test(start_paused = true)]
async fn an_operation_runs_to_its_end_and_its_appends_are_batched() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let steps = [
        step("look", How::Look),
        step("a", How::Set),
        step("b", How::Name).after(&["a"]).holding(toy_slot()),
        step("c", How::Once).after(&["b", "look"]).holding(toy_slot()),
    ];
    assert!(matches!(process.ask(1, "d1", "toy", &steps).await, Accepted::Yes(_)));
    assert!(!process.run_until_settled(&shared).await);

    let id = operation_id(1);
    shared.assert_at_rest(&id, Status::Succeeded, "undisturbed").await;
    assert_eq!(
        shared.journal(&id),
        [
            "accepted, intent a",
            "done a, done look, took toy, intent b",
            "done b, intent c",
            "done c, ended true",
        ]
    );
    let transactions = shared.store.calls().into_iter().filter(|c| matches!(c, StoreCall::Transact { .. }));
    assert_eq!(transactions.count(), 4, "one for the acceptance, one for each batch");
    assert_eq!(["a", "b", "c"].map(|name| shared.toy_world.count(name)), [1, 1, 1]);
    assert!(process.notifier.last(&id).unwrap().is_over());
}

#[tokio::test(start_paused = true)]
async fn independent_steps_run_side_by_side_up_to_the_width() {
    let shared = Shared::new().await;
    let process = shared.mortal("one", None, |settings| settings.width = 4);
    let names: Vec<_> = (0..12).map(|n| format!("f{n}")).collect();
    let steps: Vec<_> = names.iter().map(|name| step(name, How::Set)).collect();
    for name in &names {
        shared.toy_world.faults(name, [Faults::Slow(Duration::from_secs(2))]);
    }
    process.ask(1, "d1", "toy", &steps).await;
    let begun = tokio::time::Instant::now();
    process.run_to(&shared, &operation_id(1), Status::Succeeded).await;
    assert_eq!(shared.toy_world.most_running(), 4);
    assert!(begun.elapsed() < Duration::from_secs(7), "three rounds of two seconds");
    assert!(shared.rows(&operation_id(1)).len() <= 5, "{:?}", shared.journal(&operation_id(1)));
}
