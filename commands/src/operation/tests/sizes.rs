//! Writes that the store refuses: too large, or not allowed. The message shows both, and retries are bounded.

use super::harness::Shared;
use super::toy_world::{How, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::StoreError;
use crate::testing::{StoreCall, StoreFault};
use sluice_model::Part;

#[tokio::test(start_paused = true)]
async fn a_step_with_too_large_an_output_fails() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let id = operation_id(1);
    let steps = [step("a", How::Name), step("big", How::Heavy(500_000)).after(&["a"])];
    process.ask(1, "d1", "toy", &steps).await;
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Failed, "").await;
    let failure = shared.op(&id).await.failure().expect("a failure");
    assert_eq!(failure.code, "too-large");
    assert_eq!(shared.toy_world.taken_back(), ["a"], "earlier steps are undone");
}

#[tokio::test(start_paused = true)]
async fn a_mutation_with_too_large_an_output_is_stuck() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let id = operation_id(1);
    process.ask(1, "d1", "toy", &[step("big", How::HeavySet(500_000))]).await;
    process.run_to(&shared, &id, Status::Stuck).await;
    assert_eq!(shared.toy_world.count("big"), 1);
    assert!(shared.state().await.queue.tickets[0].stuck);
}

#[tokio::test(start_paused = true)]
async fn outputs_of_concurrent_steps_are_split_into_rows_that_fit() {
    let shared = Shared::new().await;
    let process = shared.mortal("one", None, |settings| settings.width = 400);
    let id = operation_id(1);
    let names: Vec<String> = (0..300).map(|number| format!("look-{number}")).collect();
    let steps: Vec<_> = names.iter().map(|name| step(name, How::Heavy(6_000))).collect();
    process.ask(1, "d1", "toy", &steps).await;
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "").await;
    let rows = shared.rows(&id).len();
    assert!((6..30).contains(&rows), "{rows} rows");
}

#[tokio::test(start_paused = true)]
async fn the_message_names_a_record_that_may_not_be_written() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let id = operation_id(1);
    process.ask(1, "d1", "toy", &[step("a", How::Set), step("b", How::Look).after(&["a"])]).await;
    let is_append = |call: &StoreCall| matches!(call, StoreCall::Transact { token, .. } if token.starts_with(id.as_str()));
    let accepted = shared.store.calls().iter().filter(|call| is_append(call)).count();
    shared.store.fault_next(StoreFault::Before(StoreError::Refused("AccessDeniedException".into())));
    assert_eq!(process.engine.drive(&id).await, Driven::Later);
    let appends = shared.store.calls().iter().filter(|call| is_append(call)).count();
    assert_eq!(appends, accepted + 1, "it is not retried in a loop");
    let update = process.notifier.last(&id).expect("it is delivered");
    let says = |part: &Part| matches!(part, Part::Text(text) if text.flat().contains("no access to its own records"));
    assert!(update.card.parts.iter().any(says), "{:?}", update.card);
    // It continues by itself once the permission is there.
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "").await;
}
