//! Acceptance: all of it or nothing, and each delivery once.

use super::harness::Shared;
use super::sea::{How, Spec, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::StoreError;
use crate::testing::StoreFault;

fn steps() -> [Spec; 1] {
    [step("a", How::Set)]
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_is_written_together_or_not_at_all() {
    let shared = Shared::new().await;
    let before = shared.store.items().len();
    let process = shared.process("one");
    // The view is read, and then the store is gone for good.
    let at = shared.store.calls().len() + 1;
    shared.store.fault_at(at, StoreFault::Before(StoreError::Refused("no table".into())));
    assert!(process.try_ask(1, "d1", "toy", &steps()).await.is_err());
    assert_eq!(shared.store.items().len(), before);

    assert!(matches!(process.ask(2, "d2", "toy", &steps()).await, Accepted::Yes(_)));
    assert_eq!(shared.store.items().len(), before + 5, "inbox, head, row, ticket, audit");
    assert_eq!(shared.view().await.counters.tickets, 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_counts_once_also_when_it_comes_twice_at_the_same_time() {
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
async fn two_commands_at_the_same_time_both_get_their_own_place_in_the_line() {
    let shared = Shared::new().await;
    let (one, two) = (shared.process("one"), shared.process("two"));
    let steps = steps();
    let accepted = tokio::join!(one.ask(1, "d1", "toy", &steps), two.ask(2, "d2", "toy", &steps));
    assert!(matches!(accepted, (Accepted::Yes(_), Accepted::Yes(_))));
    let tickets: Vec<_> = shared.view().await.tickets.iter().map(|ticket| ticket.number).collect();
    assert_eq!(tickets, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_whose_answer_was_lost_is_known_again_by_its_inbox_row() {
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
        assert_eq!(shared.sea.runs("a"), 1);
    }
}
