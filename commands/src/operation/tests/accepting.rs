//! Acceptance: all items or none, and each delivery once.

use super::harness::Shared;
use super::toy_world::{How, Spec, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::{Store, StoreError};
use crate::testing::{StoreCall, StoreFault};

fn steps() -> [Spec; 1] {
    [step("a", How::Set)]
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_writes_all_of_its_items_or_none() {
    let shared = Shared::new().await;
    let before = shared.store.items().len();
    let process = shared.process("one");
    // The snapshot is read, and then the store fails permanently.
    let at = shared.store.calls().len() + 1;
    shared.store.fault_at(at, StoreFault::Before(StoreError::Refused("no table".into())));
    assert!(process.try_ask(1, "d1", "toy", &steps()).await.is_err());
    assert_eq!(shared.store.items().len(), before);

    assert!(matches!(process.ask(2, "d2", "toy", &steps()).await, Accepted::Yes(_)));
    assert_eq!(shared.store.items().len(), before + 4, "inbox, head, row, ticket");
    assert_eq!(shared.store.audit().len(), 1);
    assert_eq!(shared.state().await.counters.tickets, 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_counts_once_even_if_it_arrives_twice_at_the_same_time() {
    let shared = Shared::new().await;
    let (one, mut two) = (shared.process("one"), shared.process("two"));
    two.ids_from = 100;
    let steps = steps();
    let (first, second) = tokio::join!(one.ask(1, "d1", "toy", &steps), two.ask(1, "d1", "toy", &steps));
    let answers = [&first, &second].map(|accepted| match accepted {
        Accepted::Yes(answer) | Accepted::Before(answer) => answer.clone(),
        Accepted::Again => panic!("tried until it is known"),
    });
    assert_eq!(answers[0], answers[1]);
    assert!(matches!(
        (first, second),
        (Accepted::Yes(_), Accepted::Before(_)) | (Accepted::Before(_), Accepted::Yes(_))
    ));
    assert_eq!(shared.heads().len(), 1);
    let Accepted::Before(third) = one.ask(3, "d1", "toy", &steps).await else { panic!() };
    assert_eq!(third, answers[0]);
}

#[tokio::test(start_paused = true)]
async fn two_commands_at_the_same_time_get_two_places_in_the_queue() {
    let shared = Shared::new().await;
    let (one, two) = (shared.process("one"), shared.process("two"));
    let steps = steps();
    let accepted = tokio::join!(one.ask(1, "d1", "toy", &steps), two.ask(2, "d2", "toy", &steps));
    assert!(matches!(accepted, (Accepted::Yes(_), Accepted::Yes(_))));
    let tickets: Vec<_> = shared.state().await.queue.tickets.iter().map(|ticket| ticket.number).collect();
    assert_eq!(tickets, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_whose_answer_was_lost_is_recognised_by_its_inbox_row() {
    for forget in [false, true] {
        let shared = Shared::new().await;
        let process = shared.process("one");
        let at = shared.store.calls().len() + 1;
        shared.store.fault_at(at, StoreFault::After(StoreError::Unknown("lost".into())));
        let forgetting = async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            if forget {
                shared.store.forget_tokens();
            }
        };
        let steps = steps();
        let (accepted, ()) = tokio::join!(process.ask(1, "d1", "toy", &steps), forgetting);
        assert!(matches!(accepted, Accepted::Yes(_)), "{accepted:?}");
        assert_eq!(process.engine.drive(&operation_id(1)).await, Driven::Ended);
        assert_eq!(shared.toy_world.runs("a"), 1);
    }
}

/// That many calls fail after the next two: the snapshot is read, and then the store does not answer.
fn silent(shared: &Shared, calls: usize, error: impl Fn() -> StoreError) {
    let at = shared.store.count() + 1;
    // The pipeline and the roles are read by two calls.
    (0..calls).for_each(|nth| shared.store.fault_at(at + 1 + nth, StoreFault::Before(error())));
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_gives_up_after_repeated_refusals() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let before = shared.store.items().len();
    silent(&shared, 1000, || StoreError::Again("throttled".into()));
    let begun = tokio::time::Instant::now();
    let error = process.try_ask(1, "d1", "toy", &steps()).await.unwrap_err();
    assert!(matches!(error, EngineError::Store(StoreError::Again(_))), "nothing was recorded: {error:?}");
    assert!(begun.elapsed() <= std::time::Duration::from_secs(60));
    assert_eq!(shared.store.items().len(), before);
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_that_was_given_up_cannot_take_effect_later() {
    let unknown = || StoreError::Unknown("no answer".into());
    let shared = Shared::new().await;
    let process = shared.process("one");
    let reads = shared.store.count() + 2;
    silent(&shared, 1000, unknown);
    let error = process.try_ask(1, "d1", "toy", &steps()).await.unwrap_err();
    assert!(matches!(error, EngineError::Unconfirmed), "it is unknown: {error:?}");
    let is_attempt = |call: &StoreCall| matches!(call, StoreCall::Transact { .. });
    let attempts = shared.store.calls().iter().skip(reads).filter(|call| is_attempt(call)).count();

    // The same, but the store answers again when the acceptance gives up.
    let shared = Shared::new().await;
    let process = shared.process("one");
    silent(&shared, attempts, unknown);
    let Accepted::Before(answer) = process.ask(1, "d1", "toy", &steps()).await else { panic!() };
    assert!(answer.card.title.flat().contains("nothing was recorded"), "{answer:?}");
    // A delayed attempt arrives.
    let calls = shared.store.calls();
    let late = calls.iter().rev().find_map(|call| match call {
        StoreCall::Transact { token, writes } => Some((token.clone(), writes.clone())),
        _ => None,
    });
    let (token, writes) = late.expect("an attempt");
    assert!(matches!(shared.store.transact(&token, writes).await, Err(StoreError::Lost(_))));
    assert!(shared.heads().is_empty() && shared.state().await.queue.tickets.is_empty());
    let again = process.ask(2, "d1", "toy", &steps()).await;
    assert!(matches!(again, Accepted::Before(_)), "the same delivery is answered the same: {again:?}");
    assert!(matches!(process.ask(2, "d2", "toy", &steps()).await, Accepted::Yes(_)));
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_that_cannot_be_read_back_is_reported_as_unconfirmed() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let at = shared.store.count() + 2;
    shared.store.fault_at(at, StoreFault::After(StoreError::Unknown("lost".into())));
    // The second attempt loses to the first, and then every read fails.
    for call in at + 2..at + 40 {
        shared.store.fault_at(call, StoreFault::Before(StoreError::Unknown("no answer".into())));
    }
    let forgetting = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        shared.store.forget_tokens();
    };
    let steps = steps();
    let (accepted, ()) = tokio::join!(process.try_ask(1, "d1", "toy", &steps), forgetting);
    assert!(matches!(accepted, Err(EngineError::Unconfirmed)), "{accepted:?}");
    assert_eq!(shared.heads().len(), 1, "it is recorded, and begins");
}
