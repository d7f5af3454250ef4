//! The owner of an operation that cannot continue parks it. It is never dropped.

use std::time::Duration;

use super::harness::{LEASE, Process, Shared};
use super::toy_world::{How, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::{Item, Precondition, Store, StoreError, Write};
use crate::records::Act;
use crate::testing::StoreFault;
use sluice_model::OperationId;

#[tokio::test(start_paused = true)]
async fn an_unknown_kind_is_parked_and_stays() {
    let shared = Shared::new().await;
    let accepting = shared.mortal("newer", None, |settings| settings.drive = false);
    accepting.ask(1, "d1", ROLLBACK, &[step("a", How::Set)]).await;
    let older = shared.process("older");
    let registry = Registry::default();
    let engine = Engine::new(older.engine.world().clone(), registry);
    let id = operation_id(1);
    assert_eq!(engine.drive(&id).await, Driven::NotOurs, "another replica may know it");
    assert_eq!(shared.head(&id).await.status, Status::Running);
    tokio::time::sleep(Duration::from_secs(11 * 60)).await;
    assert_eq!(engine.sweep().await.unwrap(), std::slice::from_ref(&id));
    assert_eq!(engine.drive(&id).await, Driven::Stuck);
    assert_eq!(shared.head(&id).await.status, Status::Stuck);
    let update = older.notifier.last_since(0).pop().expect("it is announced");
    assert!(update.asides.iter().any(|aside| aside.broadcast), "it goes to the whole channel");
    let world = engine.world();
    let messages = Messages::new(shared.store.clone(), &world.keys, world.settings.replica.clone());
    messages.settled(&update).await.unwrap();
    assert!(shared.is_settled(), "it is out of the due index");
    assert_eq!(engine.drive(&id).await, Driven::Stuck, "it stays stuck");
    let tickets = shared.state().await.queue.tickets;
    assert_eq!(tickets.len(), 1, "it is not dropped");
    assert!(tickets[0].stuck, "it blocks no rollback");
}

/// An operation whose first row has an entry that only a newer version knows. Gives the row as this version reads it.
async fn from_a_newer_version(shared: &Shared) -> (OperationId, Item) {
    let accepting = shared.mortal("accepting", None, |settings| settings.drive = false);
    accepting.ask(1, "d1", "toy", &[step("a", How::Set)]).await;
    let id = operation_id(1);
    let readable = shared.rows(&id)[0].to_item(&Keys::new(&crate::testing::target()), &id).unwrap();
    let mut newer = readable.clone();
    newer.schema += 100;
    newer.body["entries"].as_array_mut().unwrap().push(serde_json::json!({"e": "teleported"}));
    shared.store.write(Write::Put { item: newer, when: Precondition::Any }).await.unwrap();
    (id, readable)
}

#[tokio::test(start_paused = true)]
async fn an_older_replica_leaves_a_journal_with_an_unknown_entry_to_a_newer_one() {
    let shared = Shared::new().await;
    let (id, readable) = from_a_newer_version(&shared).await;
    let older = shared.process("older");
    let newer = shared.store.item(&readable.key);
    for _ in 0..9 {
        assert_eq!(older.engine.drive(&id).await, Driven::NotOurs);
        let head = shared.head(&id).await;
        assert_eq!((head.status, head.owner.as_str()), (Status::Running, ""), "any replica may claim it");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(shared.store.item(&readable.key), newer);
    older.ask(2, "d2", "toy", &[step("b", How::Set)]).await;
    older.run_to(&shared, &operation_id(2), Status::Succeeded).await;
    // What the newer replica reads.
    shared.store.write(Write::Put { item: readable, when: Precondition::Any }).await.unwrap();
    let newer = shared.process("newer");
    newer.run_to(&shared, &id, Status::Succeeded).await;
    newer.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "finished by the newer replica").await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_with_an_unknown_entry_is_parked_if_no_replica_takes_it_within_ten_minutes() {
    let shared = Shared::new().await;
    let (id, _) = from_a_newer_version(&shared).await;
    let only = shared.process("only");
    assert_eq!(only.engine.drive(&id).await, Driven::NotOurs);
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(only.engine.drive(&id).await, Driven::Stuck);
    let update = only.notifier.last_since(0).pop().expect("it is announced");
    assert!(format!("{:?}", update.card).contains("newer version of Sluice"), "{update:?}");
    assert_eq!(shared.toy_world.effects(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_journal_is_parked() {
    for body in ["\"garbage\"", r#"{"at":"2026-03-01T12:00:00Z","token":"t","entries":[{"e":"accepted"}]}"#] {
        let shared = Shared::new().await;
        let accepting = shared.mortal("one", None, |settings| settings.drive = false);
        accepting.ask(1, "d1", "toy", &[step("a", How::Set), step("ask", How::Ask).after(&["a"])]).await;
        let id = operation_id(1);
        let process = shared.process("two");
        process.run_to(&shared, &id, Status::Waiting).await;
        process.send_signal(&id, "ben", "d2", SignalKind::Approve).await;
        let mut item = shared.rows(&id)[1].to_item(&Keys::new(&crate::testing::target()), &id).unwrap();
        item.body = serde_json::from_str(body).unwrap();
        shared.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
        assert_eq!(process.engine.drive(&id).await, Driven::Stuck, "{body}");
        assert_eq!(shared.head(&id).await.status, Status::Stuck);
        assert_eq!(shared.toy_world.effects(), 1, "no step runs");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_parameters_do_not_decode_is_parked_before_its_first_step() {
    let shared = Shared::new().await;
    let accepting = shared.mortal("one", None, |settings| settings.drive = false);
    accepting.ask(1, "d1", "toy", &[step("a", How::Set)]).await;
    let id = operation_id(1);
    let mut row = shared.rows(&id).remove(0);
    row.entries = vec![Entry::Accepted { params: serde_json::json!([{ "name": "a" }]) }];
    let item = row.to_item(&Keys::new(&crate::testing::target()), &id).unwrap();
    shared.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    let process = shared.process("two");
    assert_eq!(process.engine.drive(&id).await, Driven::Stuck);
    assert_eq!(shared.head(&id).await.status, Status::Stuck);
    assert_eq!(shared.toy_world.effects(), 0);
}

/// An operation with a corrupt first row, parked by `process`, that holds the slot of that stage.
async fn unreadable(shared: &Shared, process: &Process) -> OperationId {
    let id = operation_id(1);
    process.ask(1, "d1", "toy", &[step("ask", How::Ask)]).await;
    process.run_to(shared, &id, Status::Waiting).await;
    process.run_until_settled(shared).await;
    process.send_signal(&id, "ben", "d2", SignalKind::Approve).await;
    let mut item = shared.rows(&id)[0].to_item(&Keys::new(&crate::testing::target()), &id).unwrap();
    item.body = "garbage".into();
    shared.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
    process.run_to(shared, &id, Status::Stuck).await;
    process.run_until_settled(shared).await;
    id
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_operation_is_announced_and_can_be_retried() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let id = unreadable(&shared, &process).await;
    assert!(shared.state().await.queue.tickets[0].stuck, "a rollback passes it");
    // A decision about another promotion waits for this answer, and a second read would not make the row readable.
    let asked = tokio::time::Instant::now();
    let keys = Keys::new(&crate::testing::target());
    assert!(load(&*shared.store, &keys, &id).await.unwrap_err().is_corrupt());
    assert_eq!(asked.elapsed(), Duration::ZERO);
    let stuck = Act::Stuck;
    assert_eq!(shared.audits(stuck), 1);
    // It gets stuck anew each time: the same admin can signal again.
    for delivery in ["r1", "r2"] {
        let head = shared.head(&id).await;
        let said = process.signal_stuck(&head, delivery, SignalKind::Retry).await;
        assert!(matches!(said, SignalOutcome::Recorded(_)), "{said:?}");
        process.run_until(async || shared.head(&id).await.sequence > head.sequence).await;
        assert_eq!(shared.head(&id).await.status, Status::Stuck);
    }
}

#[tokio::test(start_paused = true)]
async fn an_admin_can_force_an_unreadable_operation_to_end() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let id = unreadable(&shared, &process).await;
    shared.gives_stage("prod", &id).await;
    let head = shared.head(&id).await;
    assert!(matches!(
        process.signal_stuck(&head, "r1", SignalKind::Resolve).await,
        SignalOutcome::Recorded(_)
    ));
    process.run_until_settled(&shared).await;
    assert_eq!(shared.head(&id).await.status, Status::Failed);
    let state = shared.state().await;
    assert!(state.queue.tickets.is_empty() && state.queue.slots.is_empty(), "{state:?}");
    let prod = state.stages.values().next().expect("a stage");
    assert_eq!(prod.mixed, Some(Default::default()), "the release of the stage is unknown");
    assert_eq!(shared.audits(Act::Failed), 1);
    let update = process.notifier.last_since(0).pop().expect("it is delivered");
    assert_eq!((update.status, update.sequence), (Status::Failed, shared.head(&id).await.sequence));
    assert!(update.card.title.flat().contains("was marked as resolved"), "{}", update.card.title.flat());
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_never_progresses_is_parked_and_can_be_ended() {
    let shared = Shared::new().await;
    let accepting = shared.mortal("zero", None, |settings| settings.drive = false);
    accepting.ask(1, "d1", "toy", &[step("a", How::Set)]).await;
    let id = operation_id(1);
    // Each of these processes dies right after its claim.
    let claims = |number: usize| {
        let (shared, id) = (&shared, id.clone());
        async move {
            let process = shared.process(&format!("poisoned-{number}"));
            tokio::time::sleep(LEASE + LEASE).await;
            process.engine.sweep().await.unwrap();
            tokio::time::sleep(LEASE).await;
            let before = shared.head(&id).await.fence;
            let mut drive = Box::pin(process.engine.drive(&id));
            while shared.head(&id).await.fence == before {
                tokio::select! { biased; driven = &mut drive => return driven, () = tokio::task::yield_now() => {} }
            }
            Driven::Later
        }
    };
    for number in 0..5 {
        assert_eq!(claims(number).await, Driven::Later, "{number}");
        assert_eq!(shared.head(&id).await.claims, number as u64 + 1);
    }
    let last = shared.process("last");
    last.run_to(&shared, &id, Status::Stuck).await;
    last.run_until_settled(&shared).await;
    assert!(shared.state().await.queue.tickets[0].stuck);
    assert_eq!(shared.head(&id).await.claims, 0);
    let head = shared.head(&id).await;
    assert!(matches!(last.signal_stuck(&head, "r1", SignalKind::Retry).await, SignalOutcome::Recorded(_)));
    last.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "it is not parked permanently").await;
}

/// Ten operations without a new row for minutes; one of them kills each process that drives it.
#[tokio::test(start_paused = true)]
async fn only_the_operation_that_kills_processes_is_parked() {
    const ALL: u64 = 10;
    const GUILTY: u64 = 5;
    let shared = Shared::new().await;
    let accepting = shared.mortal("zero", None, |settings| settings.drive = false);
    for number in 1..=ALL {
        let looks = if number == GUILTY { u32::MAX } else { 400 };
        let steps = [step(&format!("s{number}"), How::Poll(looks))];
        accepting.ask(number, &format!("d{number}"), "toy", &steps).await;
    }
    drop(accepting);
    let guilty = operation_id(GUILTY);
    let runs = || shared.toy_world.runs(&format!("s{GUILTY}"));
    let mut deaths = 0;
    loop {
        let process = shared.process(&format!("process-{deaths}"));
        let before = runs();
        let is_over = async || shared.head(&guilty).await.status == Status::Stuck && shared.is_settled();
        process.run_until(async || runs() > before || is_over().await).await;
        if runs() == before {
            break;
        }
        deaths += 1;
    }
    assert_eq!(deaths, 5, "the sixth claim parks it");
    for head in shared.heads() {
        let expected = if head.id == guilty { Status::Stuck } else { Status::Succeeded };
        assert_eq!((head.status, head.claims), (expected, 0), "{}", head.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_torn_read_is_repeated() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let id = operation_id(1);
    process.ask(1, "d1", "toy", &[step("ask", How::Ask)]).await;
    process.run_to(&shared, &id, Status::Waiting).await;
    process.send_signal(&id, "ben", "d2", SignalKind::Approve).await;
    let at = shared.store.count() + 2;
    for nth in 0..2 {
        let error = StoreError::Corrupt("for a moment".into());
        shared.store.fault_at(at + nth, StoreFault::Before(error));
    }
    process.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "").await;
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_steps_need_each_other_is_parked() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    let steps = [step("hen", How::Set).after(&["egg"]), step("egg", How::Set).after(&["hen"])];
    process.ask(1, "d1", "toy", &steps).await;
    process.run_to(&shared, &operation_id(1), Status::Stuck).await;
    assert_eq!(shared.toy_world.effects(), 0);
}
