//! The crash matrix: a process dies before or after *every* store call and *every* effect of a recorded run; another
//! one finds its work, and every effect happened once. The same for every answer that is lost or refused for a while.

use std::time::Duration;

use super::harness::{Process, Shared};
use super::toy_world::{How, Moment, Spec, step, toy_slot};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::StoreError;
use crate::records::stage_slot;
use crate::testing::{StoreCall, StoreFault};

/// One step of each kind: looks, polls, all three mutations, a slot, people.
fn steps() -> Vec<Spec> {
    vec![
        step("look", How::Look),
        step("a", How::Set),
        step("b", How::Name).after(&["look"]).holding(toy_slot()),
        step("c", How::Once).after(&["look"]).holding(toy_slot()),
        step("ask", How::Ask).after(&["a", "b", "c"]),
        step("d", How::Once).after(&["ask"]).holding(stage_slot(&"prod".parse().unwrap())),
        step("poll", How::Poll(2)).after(&["d"]),
    ]
}

/// A person requests, and another one approves as soon as the operation waits; both repeat it to a process that runs.
async fn whole_run(shared: &Shared, process: &Process) -> bool {
    let commands = async {
        process.ask(1, "d1", "toy", &steps()).await;
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            for head in shared.heads().into_iter().filter(|head| head.status == Status::Waiting) {
                process.signal_as_seen(&head, "ben", "d2", SignalKind::Approve).await;
            }
        }
    };
    let over = || shared.is_settled() && shared.heads().iter().any(|head| head.status.is_final());
    tokio::select! {
        died = process.run_until(async || over()) => died,
        () = commands => true,
    }
}

/// The first process dies as planned; the second one must finish the work. Whether the first one died.
async fn survives(first: Process, shared: Shared, context: &str) -> bool {
    let died = whole_run(&shared, &first).await;
    drop(first);
    let mut second = shared.process("two");
    second.ids_from = 1000;
    assert!(!whole_run(&shared, &second).await);
    let heads = shared.heads();
    assert_eq!(heads.len(), 1, "{context}: one delivery, one operation");
    shared.assert_at_rest(&heads[0].id, Status::Succeeded, context).await;
    assert_eq!(["a", "b", "c", "d"].map(|name| shared.toy_world.count(name)), [1; 4], "{context}");
    died
}

#[tokio::test(start_paused = true)]
async fn an_operation_survives_a_death_at_any_store_call() {
    let mut deaths = 0;
    for moment in [Moment::Before, Moment::After] {
        for call in 0.. {
            let shared = Shared::new().await;
            let first = shared.mortal("one", Some((call, moment)), |_| {});
            if !survives(first, shared, &format!("died {moment:?} store call {call}")).await {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths >= 34, "only {deaths} deaths: the matrix does not reach what it should");
}

#[tokio::test(start_paused = true)]
async fn an_operation_survives_a_death_at_any_effect() {
    for moment in [Moment::Before, Moment::After] {
        for effect in 0..4 {
            let shared = Shared::new().await;
            shared.toy_world.effects.set(effect, moment);
            let first = shared.process("one");
            assert!(survives(first, shared, &format!("died {moment:?} effect {effect}")).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_survives_a_failure_or_lost_answer_of_any_store_call() {
    let faults = [
        StoreFault::Before(StoreError::Again("throttled".into())),
        StoreFault::Before(StoreError::Unknown("never arrived".into())),
        StoreFault::After(StoreError::Unknown("the answer was lost".into())),
    ];
    for fault in faults {
        for forget in [false, true] {
            for call in 0.. {
                let shared = Shared::new().await;
                let process = shared.process("one");
                let at = shared.store.calls().len() + call;
                shared.store.fault_at(at, fault.clone());
                let context = format!("{fault:?} at store call {call}, tokens forgotten: {forget}");
                let forgetting = async {
                    loop {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        if forget {
                            shared.store.forget_tokens();
                        }
                    }
                };
                tokio::select! {
                    died = whole_run(&shared, &process) => assert!(!died),
                    () = forgetting => {}
                }
                if shared.store.calls().len() <= at {
                    break;
                }
                let id = shared.heads()[0].id.clone();
                shared.assert_at_rest(&id, Status::Succeeded, &context).await;
                assert_eq!(
                    ["a", "b", "c", "d"].map(|name| shared.toy_world.count(name)),
                    [1; 4],
                    "{context}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_append_is_recognised_by_its_row_after_tokens_expired() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let id = operation_id(1);
    process.ask(1, "d1", "toy", &[step("a", How::Set)]).await;
    shared.store.lose_next_answer();
    let forgetting = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        shared.store.forget_tokens();
    };
    let (driven, ()) = tokio::join!(process.engine.drive(&id), forgetting);
    assert_eq!(driven, Driven::Ended);
    assert_eq!(shared.journal(&id), ["accepted, intent a", "done a, ended true"]);
    let transactions = shared.store.calls().into_iter().filter(|c| matches!(c, StoreCall::Transact { .. }));
    assert_eq!(
        transactions.count(),
        3,
        "the acceptance, the end, and the end again to learn what became of it"
    );
}
