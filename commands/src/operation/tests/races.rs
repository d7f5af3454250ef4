//! Races: two processes on one operation, and reads during writes.

use std::time::Duration;

use super::harness::{LEASE, Shared};
use super::toy_world::{Faults, How, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::{DueChange, Guard, Precondition, Store, Write};

#[tokio::test(start_paused = true)]
async fn a_worker_that_wakes_after_its_lease_appends_nothing_and_changes_nothing() {
    let shared = Shared::new().await;
    let (dead, alive) = (shared.process("dead"), shared.process("alive"));
    let steps = [step("a", How::Once), step("b", How::Once).after(&["a"])];
    dead.ask(1, "d1", "toy", &steps).await;
    let id = operation_id(1);
    // Its drive began, and is not polled any more.
    shared.toy_world.faults("a", [Faults::Slow(Duration::from_secs(1))]);
    let mut drive = Box::pin(dead.engine.drive(&id));
    assert!(futures::poll!(&mut drive).is_pending());
    alive.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "by the other").await;
    let rows = shared.rows(&id).len();
    assert_eq!(drive.await, Driven::NotOurs);
    assert_eq!(shared.rows(&id).len(), rows);
}

#[tokio::test(start_paused = true)]
async fn a_drive_that_starts_after_its_lease_checks_its_claim_first() {
    let shared = Shared::new().await;
    let (busy, other) = (shared.process("busy"), shared.process("other"));
    busy.ask(1, "d1", "toy", &[step("a", How::Once)]).await;
    // Its intent is recorded, but it gets no task; meanwhile another process takes it over.
    other.run_until_settled(&shared).await;
    assert_eq!(shared.toy_world.count("a"), 1);
    assert_eq!(busy.engine.drive(&operation_id(1)).await, Driven::NotOurs);
    assert_eq!(shared.toy_world.count("a"), 1, "a second build was started");
}

#[tokio::test(start_paused = true)]
async fn a_mutation_is_not_tried_again_once_the_lease_cannot_be_shown() {
    let shared = Shared::new().await;
    let (disconnected, other) = (shared.process("disconnected"), shared.process("other"));
    use sluice_model::Class;
    shared.toy_world.faults("a", std::iter::repeat_n(Faults::Fails(Class::Throttled), 8));
    disconnected.ask(1, "d1", "toy", &[step("a", How::Once)]).await;
    // From here on its store calls fail, while AWS still answers it.
    disconnected.store_proxy.disconnect();
    tokio::select! {
        () = disconnected.run() => {}
        () = other.run() => {}
        () = tokio::time::sleep(LEASE * 10) => {}
    }
    shared.assert_at_rest(&operation_id(1), Status::Succeeded, "by the other").await;
}

#[tokio::test(start_paused = true)]
async fn one_of_two_concurrent_claims_wins() {
    let shared = Shared::new().await;
    let accepting = shared.mortal("accepting", None, |settings| settings.drive = false);
    accepting.ask(1, "d1", "toy", &[step("a", How::Once)]).await;
    let (one, two) = (shared.process("one"), shared.process("two"));
    let id = operation_id(1);
    let driven = tokio::join!(one.engine.drive(&id), two.engine.drive(&id));
    assert!(
        matches!(driven, (Driven::Ended, Driven::NotOurs) | (Driven::NotOurs, Driven::Ended)),
        "{driven:?}"
    );
    assert_eq!(shared.toy_world.count("a"), 1);
    assert_eq!(shared.head(&id).await.fence, 2);
}

#[tokio::test(start_paused = true)]
async fn a_living_owner_keeps_its_operation_while_it_polls() {
    let shared = Shared::new().await;
    let (owner, other) = (shared.process("owner"), shared.process("other"));
    owner.ask(1, "d1", "toy", &[step("poll", How::Poll(90))]).await;
    tokio::select! {
        _ = owner.run_until_settled(&shared) => {}
        () = other.run() => {}
    }
    shared.assert_at_rest(&operation_id(1), Status::Succeeded, "polled").await;
    assert_eq!(shared.head(&operation_id(1)).await.fence, 1, "no other process claimed it");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_task_leaves_its_operation_to_the_next_sweep() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    process.ask(1, "d1", "toy", &[step("a", How::Set), step("poll", How::Poll(5)).after(&["a"])]).await;
    {
        // As when a step panics: the process runs, the task does not.
        let id = operation_id(1);
        let mut drive = Box::pin(process.engine.drive(&id));
        assert!(futures::poll!(&mut drive).is_pending());
    }
    process.runner.take();
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&operation_id(1), Status::Succeeded, "taken up again").await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_grows_during_a_read_is_not_corrupt() {
    let shared = Shared::new().await;
    let (owner, other) = (shared.process("owner"), shared.process("other"));
    owner.ask(1, "d1", "toy", &[step("a", How::Set), step("poll", How::Poll(60)).after(&["a"])]).await;
    let id = operation_id(1);
    owner.run_until(async || shared.rows(&id).len() == 2).await;
    // A query is no snapshot: it may show the old head and the new row.
    let key = other.engine.world().keys.head(&id);
    let torn = [("seq".to_owned(), Guard::Number(1))].into();
    let write = Write::Update { key, set: torn, due: DueChange::Keep, when: Precondition::Any };
    shared.store.write(write).await.unwrap();
    other.engine.drive(&id).await;
    assert_eq!(shared.head(&id).await.status, Status::Running, "it was parked under its living owner");
}

#[tokio::test(start_paused = true)]
async fn an_intent_of_a_dead_process_is_observed_even_if_a_step_that_it_needs_failed() {
    use sluice_model::Class;
    let shared = Shared::new().await;
    let dead = shared.process("dead");
    // Both intents are in the row of the acceptance; then its process is gone.
    dead.ask(1, "d1", "toy", &[step("a", How::Set), step("b", How::Set).after(&["a"])]).await;
    let id = operation_id(1);
    assert_eq!(shared.journal(&id), ["accepted, intent a, intent b"]);
    shared.toy_world.faults("a", [Faults::Fails(Class::Denied)]);
    shared.process("alive").run_until(async || shared.head(&id).await.status != Status::Running).await;
    assert_eq!(shared.head(&id).await.status, Status::Failed, "{:?}", shared.journal(&id));
}

#[tokio::test(start_paused = true)]
async fn an_unobservable_mutation_makes_the_operation_stuck_not_failed() {
    let shared = Shared::new().await;
    shared.toy_world.effects.set(0, super::toy_world::Moment::After);
    let dead = shared.process("dead");
    dead.ask(1, "d1", "toy", &[step("a", How::Once), step("b", How::Once).after(&["a"])]).await;
    assert!(dead.run_until_settled(&shared).await, "it died after the effect");
    drop(dead);
    shared.toy_world.hide(true);
    let (alive, id) = (shared.process("alive"), operation_id(1));
    alive.run_to(&shared, &id, Status::Stuck).await;
    let card = format!("{:?}", alive.notifier.last(&id).unwrap().card);
    assert!(card.contains("Unknown whether this was done: "), "{card}");
    shared.toy_world.hide(false);
    alive.send_signal(&id, "ben", "d2", SignalKind::Retry).await;
    alive.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "observed").await;
    assert_eq!((shared.toy_world.count("a"), shared.toy_world.count("b")), (1, 1));
}
