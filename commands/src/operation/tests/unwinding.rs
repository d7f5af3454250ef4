//! Unwinding: in reverse order, each undo once, through crashes. A stuck operation blocks no rollback, and people end it.

use std::time::Duration;

use super::harness::{Process, Shared};
use super::toy_world::{Faults, How, Moment, Spec, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::operation::{CANCELLED, REJECTED};
use crate::records::stage_slot;
use sluice_model::Class;

fn prod() -> Slot {
    stage_slot(&"prod".parse().unwrap())
}

/// Three mutations in a row, one beside them that cannot be undone, then one that fails.
fn falling() -> [Spec; 5] {
    [
        step("a", How::Name).holding(prod()),
        step("b", How::Once).after(&["a"]).holding(prod()),
        step("c", How::Name).after(&["b"]).holding(prod()),
        step("stays", How::Set).holding(prod()),
        step("bad", How::Name).after(&["c", "stays"]).holding(prod()),
    ]
}

async fn falls(faults: &[(&str, Vec<Faults>)]) -> (Shared, Process) {
    let shared = Shared::new().await;
    shared.toy_world.faults("bad", [Faults::Fails(Class::Denied)]);
    for (name, faults) in faults {
        shared.toy_world.faults(name, faults.iter().cloned());
    }
    let process = shared.process("one");
    process.ask(1, "d1", "toy", &falling()).await;
    (shared, process)
}

#[tokio::test(start_paused = true)]
async fn a_failed_operation_undoes_its_steps_in_reverse_and_names_the_rest() {
    let (shared, process) = falls(&[]).await;
    process.run_until_settled(&shared).await;
    let id = operation_id(1);
    shared.assert_at_rest(&id, Status::Failed, "denied").await;
    assert_eq!(shared.toy_world.taken_back(), ["c", "b", "a"]);
    assert_eq!(["a", "b", "c", "stays", "bad"].map(|name| shared.toy_world.count(name)), [0, 0, 0, 1, 0]);
    let card = format!("{:?}", process.notifier.last(&id).unwrap().card);
    assert!(card.contains("Undone: ") && card.contains("Kept: "), "{card}");
}

#[tokio::test(start_paused = true)]
async fn an_unwind_survives_a_death_at_any_store_call_or_effect() {
    let mut deaths = 0;
    for moment in [Moment::Before, Moment::After] {
        for (at, is_effect) in (0..40).flat_map(|at| [(at, false), (at, true)]) {
            let shared = Shared::new().await;
            shared.toy_world.faults("bad", std::iter::repeat_n(Faults::Fails(Class::Denied), 3));
            let death = (!is_effect).then_some((at, moment));
            let first = shared.mortal("one", death, |_| {});
            if is_effect {
                shared.toy_world.effects.set(at, moment);
            }
            let asked = async {
                first.ask(1, "d1", "toy", &falling()).await;
                std::future::pending::<()>().await;
            };
            let died = tokio::select! {
                died = first.run_until(async || shared.heads().len() == 1 && shared.is_settled()) => died,
                () = asked => unreachable!(),
            };
            deaths += usize::from(died);
            let mut second = shared.process("two");
            second.ids_from = 10;
            second.ask(1, "d1", "toy", &falling()).await;
            second.run_until_settled(&shared).await;
            let id = shared.heads()[0].id.clone();
            let context = format!("died {moment:?} at {at}, an effect: {is_effect}");
            shared.assert_at_rest(&id, Status::Failed, &context).await;
            let left = ["a", "b", "c", "stays", "bad"].map(|name| shared.toy_world.count(name));
            assert_eq!(left, [0, 0, 0, 1, 0], "{context}: {:?}", shared.journal(&id));
        }
    }
    assert!(deaths >= 30, "only {deaths} deaths: the matrix does not reach what it should");
}

#[tokio::test(start_paused = true)]
async fn an_unwind_retries_errors_and_looks_up_a_lost_answer() {
    let faults = vec![Faults::Fails(Class::Throttled), Faults::AnswerLost, Faults::Fails(Class::Transient)];
    let (shared, process) = falls(&[("undo b", faults)]).await;
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&operation_id(1), Status::Failed, "unwound").await;
    assert_eq!(shared.toy_world.taken_back(), ["c", "b", "a"], "each once");
    assert_eq!(shared.toy_world.runs("undo b"), 4);
}

#[tokio::test(start_paused = true)]
async fn an_unwind_leaves_foreign_changes_and_names_them() {
    let shared = Shared::new().await;
    shared.toy_world.faults("bad", [Faults::Slow(Duration::from_secs(5)), Faults::Fails(Class::Denied)]);
    let process = shared.process("one");
    let steps = [step("a", How::Name).holding(prod()), step("bad", How::Name).after(&["a"]).holding(prod())];
    process.ask(1, "d1", "toy", &steps).await;
    let meddle = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        shared.toy_world.foreign("a");
        // The next step fails because of them.
        shared.toy_world.foreign("bad");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = process.run_until_settled(&shared) => {}
        () = meddle => {}
    }
    let id = operation_id(1);
    shared.assert_at_rest(&id, Status::Failed, "changed by others").await;
    let card = format!("{:?}", process.notifier.last(&id).unwrap().card);
    assert!(card.contains("Not undone, because somebody else changed it: "), "{card}");
    assert_eq!(shared.toy_world.count("a"), 1);
}

async fn stuck() -> (Shared, Process) {
    let (shared, process) = falls(&[("undo b", vec![Faults::Fails(Class::Denied)])]).await;
    process.run_to(&shared, &operation_id(1), Status::Stuck).await;
    process.run_until_settled(&shared).await;
    (shared, process)
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_fails_makes_the_operation_stuck_until_a_retry() {
    let (shared, process) = stuck().await;
    let id = operation_id(1);
    assert_eq!(shared.head(&id).await.status, Status::Stuck);
    assert_eq!(shared.toy_world.taken_back(), ["c"], "a step that a later one needs is kept");
    let update = process.notifier.last(&id).unwrap();
    assert_eq!(
        update.card.buttons.iter().map(|b| b.label.as_str()).collect::<Vec<_>>(),
        ["Retry", "Mark resolved"]
    );
    let card = format!("{:?}", update.card);
    assert!(card.contains("is stuck") && card.contains("Not undone: "), "{card}");
    assert!(matches!(
        process.send_signal(&id, "ben", "d2", SignalKind::Approve).await,
        SignalOutcome::TooLate
    ));
    assert!(matches!(
        process.send_signal(&id, "ben", "d3", SignalKind::Retry).await,
        SignalOutcome::Recorded(_)
    ));
    shared.toy_world.faults("undo b", [Faults::Fails(Class::Transient)]);
    let moving = async || {
        let state = shared.state().await;
        !state.queue.tickets[0].stuck && state.queue.slots.values().any(|holder| *holder == id)
    };
    assert!(!process.run_until(moving).await, "it holds its slot again, and no rollback passes who moves");
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Failed, "retried").await;
    assert_eq!(shared.toy_world.taken_back(), ["c", "b", "a"]);
    assert!(
        matches!(process.send_signal(&id, "ben", "d4", SignalKind::Retry).await, SignalOutcome::TooLate),
        "it is over"
    );
}

#[tokio::test(start_paused = true)]
async fn an_operation_marked_as_resolved_ends_without_further_undos() {
    let (shared, process) = stuck().await;
    let id = operation_id(1);
    process.send_signal(&id, "ben", "d2", SignalKind::Resolve).await;
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Failed, "resolved").await;
    assert_eq!(shared.toy_world.taken_back(), ["c"]);
    let title = format!("{:?}", process.notifier.last(&id).unwrap().card.title);
    assert!(title.contains("was marked as resolved"), "{title}");
}

#[tokio::test(start_paused = true)]
async fn a_stuck_operation_blocks_others_but_no_rollback() {
    let (shared, process) = stuck().await;
    process.ask(2, "d2", "toy", &[step("later", How::Set).holding(prod())]).await;
    let patient = async {
        tokio::time::sleep(Duration::from_secs(600)).await;
        shared.toy_world.count("later")
    };
    tokio::select! {
        later = patient => assert_eq!(later, 0, "it waits for who is stuck"),
        () = process.run() => {}
    }
    process.ask(3, "d3", ROLLBACK, &[step("back", How::Set).holding(prod())]).await;
    process.run_to(&shared, &operation_id(3), Status::Succeeded).await;
    assert_eq!(shared.toy_world.count("back"), 1);
    process.send_signal(&operation_id(1), "ben", "d4", SignalKind::Retry).await;
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&operation_id(1), Status::Failed, "retried").await;
    shared.assert_at_rest(&operation_id(2), Status::Succeeded, "after the rollback the stage is whole").await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_is_retried_for_fifteen_minutes_before_it_is_stuck() {
    let errors = std::iter::repeat_n(Faults::Fails(Class::Transient), 10_000).collect();
    let (shared, process) = falls(&[("undo b", errors)]).await;
    let begun = tokio::time::Instant::now();
    process.run_to(&shared, &operation_id(1), Status::Stuck).await;
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(15 * 60) && took < Duration::from_secs(17 * 60), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_takes_effect_between_steps_in_any_process() {
    for is_elsewhere in [false, true] {
        let shared = Shared::new().await;
        let (owner, other) = (shared.process("owner"), shared.process("other"));
        let steps = [
            step("a", How::Name).holding(prod()),
            step("poll", How::Poll(600)).after(&["a"]).holding(prod()),
            step("b", How::Name).after(&["poll"]).holding(prod()),
        ];
        owner.ask(1, "d1", "toy", &steps).await;
        let id = operation_id(1);
        let said = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            let speaker = if is_elsewhere { &other } else { &owner };
            assert!(matches!(
                speaker.send_signal(&id, "cat", "d2", SignalKind::Cancel).await,
                SignalOutcome::Recorded(_)
            ));
            tokio::time::Instant::now()
        };
        let (at, _) = tokio::join!(said, owner.run_to(&shared, &id, Status::Failed));
        assert!(
            at.elapsed() < Duration::from_secs(7),
            "heard after {:?}, elsewhere: {is_elsewhere}",
            at.elapsed()
        );
        owner.run_until_settled(&shared).await;
        shared.assert_at_rest(&id, Status::Failed, "cancelled").await;
        assert_eq!(shared.toy_world.taken_back(), ["a"]);
        assert_eq!(shared.op(&id).await.failure().unwrap().code, CANCELLED);
        let title = format!("{:?}", owner.notifier.last(&id).unwrap().card.title);
        assert!(title.contains("was cancelled"), "{title}");
        assert_eq!(shared.head(&id).await.fence, 1, "no other process claimed it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_operation_can_be_cancelled_and_a_rejection_unwinds_too() {
    for (kind, code) in [(SignalKind::Cancel, CANCELLED), (SignalKind::Reject, REJECTED)] {
        let shared = Shared::new().await;
        let process = shared.process("one");
        let steps = [step("a", How::Name), step("ask", How::Ask).after(&["a"])];
        process.ask(1, "d1", "toy", &steps).await;
        let id = operation_id(1);
        process.run_to(&shared, &id, Status::Waiting).await;
        assert!(matches!(process.send_signal(&id, "ben", "d2", kind).await, SignalOutcome::Recorded(_)));
        process.run_until_settled(&shared).await;
        shared.assert_at_rest(&id, Status::Failed, "stopped").await;
        assert_eq!(shared.op(&id).await.failure().unwrap().code, code);
        assert_eq!(shared.toy_world.taken_back(), ["a"]);
        assert!(
            matches!(process.send_signal(&id, "cat", "d3", SignalKind::Cancel).await, SignalOutcome::TooLate),
            "it is over"
        );
    }
}
