//! What nobody can carry on is parked, by who holds it, and never dropped.

use super::harness::Shared;
use super::sea::{How, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::{Precondition, Store, Write};

#[tokio::test(start_paused = true)]
async fn an_unknown_kind_is_parked_and_stays() {
    let shared = Shared::new().await;
    let accepting = shared.mortal("newer", None, |settings| settings.drive = false);
    accepting.ask(1, "d1", ROLLBACK, &[step("a", How::Set)]).await;
    let older = shared.process("older");
    let registry = Registry::default();
    let engine = Engine::new(older.engine.world().clone(), registry);
    let id = operation_id(1);
    assert_eq!(engine.drive(&id).await, Driven::Stuck);
    assert_eq!(shared.head(&id).await.status, Status::Stuck);
    assert!(shared.is_settled(), "it is out of the due index");
    assert_eq!(engine.drive(&id).await, Driven::Stuck, "and stays so");
    assert_eq!(shared.view().await.tickets.len(), 1, "but is not dropped");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_makes_no_sense_is_parked() {
    for body in ["\"garbage\"", r#"{"at":"2026-03-01T12:00:00Z","token":"t","entries":[{"e":"accepted"}]}"#] {
        let shared = Shared::new().await;
        let accepting = shared.mortal("one", None, |settings| settings.drive = false);
        accepting.ask(1, "d1", "toy", &[step("a", How::Set), step("ask", How::Ask).after(&["a"])]).await;
        let id = operation_id(1);
        let process = shared.process("two");
        process.live_to(&shared, &id, Status::Waiting).await;
        process.say(&id, "ben", "d2", Verdict::Approve).await;
        let mut item = shared.rows(&id)[1].to_item(&Keys::new(&crate::testing::target()), &id).unwrap();
        item.body = serde_json::from_str(body).unwrap();
        shared.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
        assert_eq!(process.engine.drive(&id).await, Driven::Stuck, "{body}");
        assert_eq!(shared.head(&id).await.status, Status::Stuck);
        assert_eq!(shared.sea.effects(), 1, "nothing is done on a guess");
    }
}

#[tokio::test(start_paused = true)]
async fn steps_that_wait_for_each_other_are_parked_and_not_waited_for_in_silence() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let steps = [step("hen", How::Set).after(&["egg"]), step("egg", How::Set).after(&["hen"])];
    process.ask(1, "d1", "toy", &steps).await;
    process.live_to(&shared, &operation_id(1), Status::Stuck).await;
    assert_eq!(shared.sea.effects(), 0);
}
