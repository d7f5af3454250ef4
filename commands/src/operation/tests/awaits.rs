//! Waiting for people: a signal counts once, at any moment, and is never missed.

use std::time::Duration;

use super::harness::{Process, Shared, person};
use super::toy_world::{Faults, How, Moment, Spec, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::{Guard, Store, Update};
use sluice_model::Tone;

fn steps() -> [Spec; 3] {
    [step("a", How::Set), step("ask", How::Ask).after(&["a"]), step("b", How::Set).after(&["ask"])]
}

async fn waiting() -> (Shared, Process) {
    let shared = Shared::new().await;
    let process = shared.process("one");
    process.ask(1, "d1", "toy", &steps()).await;
    process.run_to(&shared, &operation_id(1), Status::Waiting).await;
    (shared, process)
}

#[tokio::test(start_paused = true)]
async fn a_waiting_operation_has_no_owner_is_not_due_and_continues_after_approval() {
    let (shared, process) = waiting().await;
    let id = operation_id(1);
    let head = shared.head(&id).await;
    assert_eq!((head.owner.as_str(), head.awaits.as_str()), ("", "ask@2"));
    assert!(shared.is_settled(), "it is not due");
    assert!(matches!(
        process.send_signal(&id, "ben", "d2", SignalKind::Approve).await,
        SignalOutcome::Recorded(_)
    ));
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "approved").await;
    assert_eq!(
        shared.journal(&id),
        [
            "accepted, intent a",
            "done a, waiting ask",
            "signal Approve by ben, done ask, intent b",
            "done b, ended true"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejection_ends_the_operation_and_names_what_stays() {
    let (shared, process) = waiting().await;
    let id = operation_id(1);
    process.send_signal(&id, "ben", "d2", SignalKind::Reject).await;
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Failed, "rejected").await;
    assert_eq!(shared.toy_world.count("b"), 0);
    let card = format!("{:?}", process.notifier.last(&id).unwrap().card);
    assert!(card.contains("was rejected") && card.contains("Kept: "), "{card}");
}

#[tokio::test(start_paused = true)]
async fn a_person_signals_once_and_the_same_delivery_gets_the_same_answer() {
    let (shared, process) = waiting().await;
    let id = operation_id(1);
    let head = shared.head(&id).await;
    let SignalOutcome::Recorded(first) =
        process.signal_as_seen(&head, "ben", "d2", SignalKind::Approve).await
    else {
        panic!()
    };
    let SignalOutcome::Before(again) = process.signal_as_seen(&head, "ben", "d2", SignalKind::Approve).await
    else {
        panic!()
    };
    assert_eq!(first, again);
    assert!(matches!(
        process.signal_as_seen(&head, "ben", "d3", SignalKind::Reject).await,
        SignalOutcome::TooLate
    ));
    // Another person's signal is second: the first in the fold wins.
    assert!(matches!(
        process.signal_as_seen(&head, "cat", "d4", SignalKind::Reject).await,
        SignalOutcome::Recorded(_)
    ));
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "the first signal counts").await;
    assert!(
        matches!(
            process.signal_as_seen(&head, "cat", "d5", SignalKind::Approve).await,
            SignalOutcome::TooLate
        ),
        "it is over"
    );
    let SignalOutcome::Before(late) = process.signal_as_seen(&head, "ben", "d2", SignalKind::Approve).await
    else {
        panic!()
    };
    assert_eq!(first, late, "the delivery is answered as before, also after the end");
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_does_not_wait_yet_takes_no_signal() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    process.ask(1, "d1", "toy", &steps()).await;
    assert!(matches!(
        process.send_signal(&operation_id(1), "ben", "d2", SignalKind::Approve).await,
        SignalOutcome::TooLate
    ));
}

#[tokio::test(start_paused = true)]
async fn two_signals_at_once_are_both_recorded_and_one_outcome_follows() {
    let (shared, process) = waiting().await;
    let other = shared.process("other");
    let id = operation_id(1);
    let head = shared.head(&id).await;
    let said = tokio::join!(
        process.signal_as_seen(&head, "ben", "d2", SignalKind::Approve),
        other.signal_as_seen(&head, "cat", "d3", SignalKind::Approve),
    );
    assert!(matches!(said, (SignalOutcome::Recorded(_), SignalOutcome::Recorded(_))));
    tokio::select! {
        _ = process.run_until_settled(&shared) => {}
        () = other.run() => {}
    }
    shared.assert_at_rest(&id, Status::Succeeded, "both").await;
    assert_eq!(shared.toy_world.count("b"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_signal_between_the_last_read_and_the_release_is_not_lost() {
    // A signal that does not count arrived first: the owner wakes, reads, and is about to wait again.
    let mut received = 0;
    for outcome in 0..40 {
        let (shared, process) = waiting().await;
        let id = operation_id(1);
        let head = shared.head(&id).await;
        process.signal_as_seen(&head, "dan", "d9", SignalKind::Approve).await;
        let from = shared.store.calls().len();
        // The other process takes the signal, and the owner gets no wake-up.
        let other = shared.process("other");
        let speak = async {
            while shared.store.calls().len() < from + outcome && !shared.head(&id).await.status.is_final() {
                tokio::task::yield_now().await;
            }
            other.signal_as_seen(&head, "ben", "d2", SignalKind::Approve).await
        };
        let (driven, said) = tokio::join!(process.engine.drive(&id), speak);
        assert!(matches!(said, SignalOutcome::Recorded(_)));
        received += usize::from(driven == Driven::Ended);
        process.run_until_settled(&shared).await;
        shared
            .assert_at_rest(&id, Status::Succeeded, &format!("signal at call {outcome}, then {driven:?}"))
            .await;
        assert_eq!(shared.toy_world.count("b"), 1);
    }
    assert!(received > 0, "no signal arrived while it was awake: the test does not reach the race");
}

#[tokio::test(start_paused = true)]
async fn waiting_again_keeps_the_revision_that_buttons_carry() {
    let (shared, process) = waiting().await;
    let id = operation_id(1);
    let before = shared.head(&id).await;
    assert_eq!(process.engine.drive(&id).await, Driven::Waiting, "there is no signal");
    assert_eq!(shared.head(&id).await, before, "it is not woken without a signal");
    process.send_signal(&id, "dan", "d2", SignalKind::Approve).await;
    assert_eq!(process.engine.drive(&id).await, Driven::Waiting, "that counts for nothing");
    let after = shared.head(&id).await;
    assert_eq!((before.awaits, before.fence + 1), (after.awaits.clone(), after.fence));
    assert!(after.sequence > before.sequence);
    let update = process.notifier.last(&id).unwrap();
    assert!(!update.is_over());
    assert_eq!(shared.op(&id).await.waiting().map(|(_, since)| since), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_signal_whose_answer_was_lost_counts() {
    let (shared, process) = waiting().await;
    let id = operation_id(1);
    let head = shared.head(&id).await;
    shared.store.lose_next_answer();
    let forget = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        shared.store.forget_tokens();
    };
    let (said, ()) = tokio::join!(process.signal_as_seen(&head, "ben", "d2", SignalKind::Approve), forget);
    assert!(matches!(said, SignalOutcome::Recorded(_) | SignalOutcome::Before(_)));
    assert_eq!(process.runner.take(), std::slice::from_ref(&id), "the process that took the signal wakes it");
    assert_eq!(process.engine.drive(&id).await, Driven::Ended);
    let key = Keys::new(&crate::testing::target()).head(&id);
    let woken_by = shared.store.get(&key).await.unwrap().unwrap().guards["woken"].clone();
    assert_eq!(woken_by, Guard::Text("d2".into()));
    assert_eq!(shared.op(&id).await.signals[0].actor, person("ben"));
}

/// A process may die right after it recorded a wait. Unless another process delivers the request, the wait never ends.
#[tokio::test(start_paused = true)]
async fn an_undelivered_wait_is_delivered_by_any_process() {
    let mut met = 0;
    for call in 0.. {
        let shared = Shared::new().await;
        let first = shared.mortal("one", Some((call, Moment::After)), |_| {});
        let id = operation_id(1);
        let asked = async {
            first.ask(1, "d1", "toy", &steps()).await;
            first.run_until(async || first.notifier.last(&id).is_some_and(is_wait)).await
        };
        let died = tokio::time::timeout(Duration::from_secs(60), asked).await.unwrap_or(true);
        if !died {
            break;
        }
        let delivered = first.notifier.last(&id).is_some_and(is_wait);
        drop(first);
        let waits = shared.heads().iter().any(|head| head.status == Status::Waiting);
        if !waits || delivered {
            continue;
        }
        met += 1;
        let second = shared.process("two");
        let _ = tokio::time::timeout(Duration::from_secs(3600), second.run()).await;
        assert!(
            second.notifier.last(&id).is_some_and(is_wait),
            "died after store call {call}: no update is delivered"
        );
    }
    assert!(met > 0, "no death between the record of the wait and its update");
}

fn is_wait(update: Update) -> bool {
    update.card.tone == Tone::Waiting
}

#[tokio::test(start_paused = true)]
async fn a_signal_during_the_judgement_of_another_is_applied() {
    let (shared, process) = waiting().await;
    let id = operation_id(1);
    shared.toy_world.faults("ask", [Faults::Slow(Duration::from_secs(9))]);
    assert!(matches!(
        process.send_signal(&id, "dan", "d2", SignalKind::Approve).await,
        SignalOutcome::Recorded(_)
    ));
    let signals = async {
        while shared.toy_world.runs("ask") < 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(matches!(
            process.send_signal(&id, "ben", "d3", SignalKind::Approve).await,
            SignalOutcome::Recorded(_)
        ));
        process.engine.nudge(&id);
        std::future::pending::<()>().await;
    };
    let over = async || shared.head(&id).await.status.is_final();
    let rest = async {
        tokio::select! {
            _ = process.run_until(over) => {}
            () = signals => {}
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(600), rest).await.is_ok(), "{:#?}", shared.journal(&id));
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "the signal is applied").await;
}
