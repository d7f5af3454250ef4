//! Steps that fail: permanently, for a while, for too long, and by a conflict with a foreign resource.

use std::time::Duration;

use super::harness::Shared;
use super::toy_world::{Faults, How, Spec, step, toy_slot};
use crate::operation::testing::operation_id;
use crate::operation::*;
use sluice_model::Class;

async fn run(steps: &[Spec], faults: impl FnOnce(&Shared)) -> (Shared, super::harness::Process) {
    let shared = Shared::new().await;
    faults(&shared);
    let process = shared.process("one");
    process.ask(1, "d1", "toy", steps).await;
    process.run_until_settled(&shared).await;
    (shared, process)
}

#[tokio::test(start_paused = true)]
async fn after_a_fault_no_step_begins_running_steps_are_recorded_and_uncertain_ones_observed() {
    let slot = toy_slot();
    let steps = [
        step("bad", How::Set).holding(slot.clone()),
        step("slow", How::Set).holding(slot.clone()),
        step("lost", How::Once).holding(slot),
        step("next", How::Set).after(&["slow"]),
    ];
    let (shared, process) = run(&steps, |shared| {
        shared.toy_world.faults("bad", [Faults::Fails(Class::Denied)]);
        shared.toy_world.faults("slow", [Faults::Slow(Duration::from_secs(8))]);
        shared.toy_world.faults("lost", [Faults::AnswerLost]);
    })
    .await;
    let id = operation_id(1);
    shared.assert_at_rest(&id, Status::Failed, "denied").await;
    let op = shared.op(&id).await;
    assert!(op.is_done(&StepId::new("slow")) && op.is_done(&StepId::new("lost")));
    assert_eq!(shared.toy_world.runs("next"), 0, "{:?}", shared.journal(&id));
    assert!(!op.is_done(&StepId::new("next")) && !op.step(&StepId::new("next")).unwrap().is_uncertain());
    assert_eq!(op.faults().next().unwrap().1.code, "aws-denied");
    let card = process.notifier.last(&id).unwrap().card;
    let left = format!("{:?}", card.parts);
    assert!(left.contains("Kept: ") && left.contains("Undone: "), "{left}");
    assert!(!left.contains("next"), "{left}");
}

#[tokio::test(start_paused = true)]
async fn a_retryable_error_is_retried_with_exponential_backoff() {
    for class in [Class::Transient, Class::Throttled] {
        let begun = tokio::time::Instant::now();
        let fails = std::iter::repeat_n(Faults::Fails(class), 5);
        let (shared, _) = run(&[step("a", How::Set)], |shared| shared.toy_world.faults("a", fails)).await;
        shared.assert_at_rest(&operation_id(1), Status::Succeeded, "passed").await;
        assert_eq!((shared.toy_world.runs("a"), shared.toy_world.count("a")), (6, 1));
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(6200) && took < Duration::from_secs(12), "{class}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_sent_is_tried_again_when_its_turn_comes() {
    let begun = tokio::time::Instant::now();
    let waits = std::iter::repeat_n(Faults::NotSent(Duration::from_secs(2)), 12);
    let (shared, _) = run(&[step("a", How::Set)], |shared| shared.toy_world.faults("a", waits)).await;
    shared.assert_at_rest(&operation_id(1), Status::Succeeded, "passed").await;
    assert_eq!(shared.toy_world.runs("a"), 13);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(24) && took < Duration::from_secs(25), "waits do not grow: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_observed_until_the_effect_shows_and_not_run_again() {
    let (shared, _) =
        run(&[step("a", How::Once)], |shared| shared.toy_world.faults("a", [Faults::AnswerLost])).await;
    shared.assert_at_rest(&operation_id(1), Status::Succeeded, "observed").await;
    assert_eq!(shared.toy_world.runs("a"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_mutation_observed_absent_runs_again_only_after_the_settle_time() {
    let begun = tokio::time::Instant::now();
    let fails = [Faults::Fails(Class::Ambiguous)];
    let (shared, _) = run(&[step("a", How::Once)], |shared| shared.toy_world.faults("a", fails)).await;
    shared.assert_at_rest(&operation_id(1), Status::Succeeded, "run again").await;
    assert_eq!((shared.toy_world.runs("a"), shared.toy_world.count("a")), (2, 1));
    assert!(begun.elapsed() >= Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_our_own_resource_is_done_and_one_with_a_foreign_resource_is_a_fault() {
    for class in [Class::Conflict, Class::Absent] {
        let begun = tokio::time::Instant::now();
        let lasting = std::iter::repeat_n(Faults::Fails(class), 30);
        let (shared, _) = run(&[step("a", How::Name)], |shared| shared.toy_world.faults("a", lasting)).await;
        assert_eq!(faults(&shared).await, [format!("aws-{class}")]);
        let seconds = begun.elapsed().as_secs();
        assert!((60..120).contains(&seconds), "{class}: {seconds} s");
    }

    let (shared, _) = run(&[step("a", How::Name)], |shared| shared.toy_world.foreign("a")).await;
    shared.assert_at_rest(&operation_id(1), Status::Failed, "foreign").await;
    assert_eq!(faults(&shared).await, ["foreign"]);

    let (shared, _) = run(&[step("a", How::Name)], |shared| shared.toy_world.made("a")).await;
    shared.assert_at_rest(&operation_id(1), Status::Succeeded, "ours").await;
    assert_eq!(shared.toy_world.runs("a"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_right_after_a_create_is_retried() {
    for class in [Class::Conflict, Class::Absent, Class::Busy] {
        for how in [How::Name, How::Once] {
            let at_first = std::iter::repeat_n(Faults::Fails(class), 3);
            let (shared, _) = run(&[step("a", how)], |shared| shared.toy_world.faults("a", at_first)).await;
            shared.assert_at_rest(&operation_id(1), Status::Succeeded, "refused three times").await;
            assert_eq!((shared.toy_world.runs("a"), shared.toy_world.count("a")), (4, 1), "{class}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_precondition_is_final_at_once() {
    let begun = tokio::time::Instant::now();
    let fails = [Faults::Fails(Class::Precondition)];
    let (shared, _) = run(&[step("a", How::Name)], |shared| shared.toy_world.faults("a", fails)).await;
    assert_eq!(faults(&shared).await, ["aws-precondition"]);
    assert_eq!(shared.toy_world.runs("a"), 1);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

async fn faults(shared: &Shared) -> Vec<String> {
    shared.op(&operation_id(1)).await.faults().map(|(_, refusal)| refusal.code.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn retries_are_bounded_and_count_only_consecutive_errors() {
    let fails = std::iter::repeat_n(Faults::Fails(Class::Transient), 100);
    let begun = tokio::time::Instant::now();
    let (shared, _) = run(&[step("a", How::Look)], |shared| shared.toy_world.faults("a", fails)).await;
    shared.assert_at_rest(&operation_id(1), Status::Failed, "out of retries").await;
    let minutes = begun.elapsed().as_secs() / 60;
    assert!((15..18).contains(&minutes), "{minutes} minutes");

    // A build that is polled for an hour may meet an error now and then.
    let steps = [step("poll", How::Poll(2000))];
    let (shared, _) = run(&steps, |shared| {
        let calm = std::iter::repeat_n(Faults::Slow(Duration::ZERO), 1000);
        let error = || [Faults::Fails(Class::Transient)];
        shared.toy_world.faults("poll", error().into_iter().chain(calm).chain(error()));
    })
    .await;
    shared.assert_at_rest(&operation_id(1), Status::Succeeded, "polled through two errors").await;
}
