//! The queue for a slot: operations run one after the other, in the order of their tickets, rollbacks first.

use std::time::Duration;

use super::harness::Shared;
use super::toy_world::{Faults, How, Spec, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::records::stage_slot;

fn prod() -> Slot {
    stage_slot(&"prod".parse().unwrap())
}

fn slow(shared: &Shared, name: &str) -> Spec {
    shared.toy_world.faults(name, [Faults::Slow(Duration::from_secs(3))]);
    step(name, How::Set).holding(prod())
}

/// When each operation took its slot and ended, by the journal.
async fn order(shared: &Shared, numbers: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let mut ends = vec![];
    for number in numbers {
        let (at, _) = shared.op(&operation_id(number)).await.ended.expect("it did not end");
        ends.push((at, number));
    }
    ends.sort_unstable();
    ends.into_iter().map(|(_, number)| number).collect()
}

#[tokio::test(start_paused = true)]
async fn operations_on_one_slot_run_one_after_the_other_and_a_rollback_runs_first() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    for number in 1..=3 {
        process.ask(number, &format!("d{number}"), "toy", &[slow(&shared, &format!("t{number}"))]).await;
    }
    process.ask(4, "d4", ROLLBACK, &[slow(&shared, "back")]).await;
    let begun = tokio::time::Instant::now();
    process.run_until_settled(&shared).await;
    assert_eq!(shared.toy_world.most_running(), 1, "two wrote one slot at once");
    assert_eq!(order(&shared, 1..=4).await, [1, 4, 2, 3]);
    assert!(begun.elapsed() < Duration::from_secs(20), "a waiting operation is woken: {:?}", begun.elapsed());
    for number in 1..=4 {
        shared.assert_at_rest(&operation_id(number), Status::Succeeded, "queued").await;
    }
}

#[tokio::test(start_paused = true)]
async fn releasing_a_slot_wakes_the_next_operation() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    for number in 1..=2 {
        process.ask(number, &format!("d{number}"), "toy", &[slow(&shared, &format!("t{number}"))]).await;
    }
    process.run_until_settled(&shared).await;
    let ended = shared.op(&operation_id(1)).await.ended.unwrap().0;
    let took = shared
        .rows(&operation_id(2))
        .into_iter()
        .find(|row| row.entries.iter().any(|entry| matches!(entry, Entry::Took { .. })));
    let waited = took.unwrap().at.duration_since(ended);
    assert!(waited.as_millis() < 100, "{waited:?} after the slot was free");
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_closes_while_an_operation_queues_makes_it_void() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let steps = [step("before", How::Set), step("gated", How::Set).after(&["before"]).holding(prod())];
    process.ask(1, "d1", "toy", &steps).await;
    shared.toy_world.close();
    process.run_until_settled(&shared).await;
    let id = operation_id(1);
    shared.assert_at_rest(&id, Status::Failed, "void").await;
    assert_eq!(shared.journal(&id)[1..], ["done before, fault gated void, ended false"]);
    assert_eq!(shared.toy_world.count("gated"), 0);
    let title = format!("{:?}", process.notifier.last(&id).unwrap().card.title);
    assert!(title.contains("is void"), "{title}");
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_waits_for_people_does_not_block_the_queue() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    process.ask(1, "d1", "toy", &[slow(&shared, "first")]).await;
    let asking = [slow(&shared, "second"), step("ask", How::Ask).after(&["second"])];
    process.ask(2, "d2", "toy", &asking).await;
    process.run_to(&shared, &operation_id(2), Status::Waiting).await;
    assert!(shared.state().await.queue.tickets.iter().all(|ticket| ticket.queued.is_none()));

    let mut next = shared.process("two");
    next.ids_from = 0;
    next.ask(3, "d3", "toy", &[slow(&shared, "third")]).await;
    let begun = tokio::time::Instant::now();
    next.run_to(&shared, &operation_id(3), Status::Succeeded).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_wake_up_meets_a_failing_store_still_gets_its_turn() {
    let shared = Shared::new().await;
    let (holder, waiter) = (shared.process("holder"), shared.process("waiter"));
    holder.ask(1, "d1", "toy", &[slow(&shared, "first")]).await;
    waiter.ask(2, "d2", "toy", &[slow(&shared, "second")]).await;
    let id = operation_id(2);
    let store_errors = async {
        tokio::time::sleep(Duration::from_millis(1000)).await;
        // A wake-up arrives while no read succeeds.
        waiter.store_proxy.disconnect();
        waiter.engine.nudge(&id);
        tokio::time::sleep(Duration::from_secs(6)).await;
        waiter.store_proxy.reconnect();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = waiter.run_until_settled(&shared) => {}
        () = holder.run() => {}
        () = store_errors => {}
    }
    shared.assert_at_rest(&id, Status::Succeeded, "woken during store errors").await;
}
