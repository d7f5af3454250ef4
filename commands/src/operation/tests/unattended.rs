//! Unattended processes post no message: another process delivers the updates of their operations, once.

use super::harness::{LEASE, Process, Shared};
use super::toy_world::{How, step};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::{Runner, Update};
use sluice_model::OperationId;

/// A process at a terminal.
fn terminal(shared: &Shared) -> Process {
    shared.mortal("terminal", None, |settings| settings.notifies = false)
}

/// Drives it as `sluice run` does: to its end or its wait, then exits. None of its updates counts as delivered.
async fn carries(process: &Process, id: &OperationId) -> Driven {
    process.engine.drive(id).await
}

/// The first update of a process that posts messages. It is delivered within a lease.
async fn delivered_by(shared: &Shared, notifier_process: &Process, id: &OperationId) -> Update {
    let begun = tokio::time::Instant::now();
    notifier_process.run_until_settled(shared).await;
    assert!(begun.elapsed() < LEASE, "delivered only after {:?}", begun.elapsed());
    let updates: Vec<_> =
        notifier_process.notifier.updates().into_iter().filter(|update| &update.operation == id).collect();
    assert_eq!(updates.len(), 1, "{updates:?}");
    updates.into_iter().next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_ended_undelivered_is_due_and_its_update_is_new() {
    let shared = Shared::new().await;
    let (terminal, other) = (terminal(&shared), terminal(&shared));
    let id = operation_id(1);
    terminal.ask(1, "d1", "toy", &[step("a", How::Once)]).await;
    assert_eq!(carries(&terminal, &id).await, Driven::Ended);
    let head = shared.head(&id).await;
    assert_eq!((head.owner.as_str(), head.status, head.fence), ("", Status::Succeeded, 1));
    assert!(!shared.is_settled(), "its update is not delivered");
    let woken_by = terminal.wakeups.take();
    assert_eq!(woken_by.len(), 1, "a receiver of hints need not look for it first: {woken_by:?}");
    // Another unattended process does nothing with it.
    assert_eq!(other.engine.sweep().await.unwrap(), vec![]);
    assert_eq!(carries(&other, &id).await, Driven::Ended);
    assert_eq!(shared.head(&id).await.fence, 1);

    let update = delivered_by(&shared, &shared.process("serve"), &id).await;
    assert_eq!((update.status, update.own_since), (Status::Succeeded, 1), "no message of it can exist");
    shared.assert_at_rest(&id, Status::Succeeded, "delivered").await;
    assert_eq!(shared.head(&id).await.undelivered_since, 0);
}

#[tokio::test(start_paused = true)]
async fn an_undelivered_wait_is_delivered_and_can_be_decided_anywhere() {
    let shared = Shared::new().await;
    let (asking, serve) = (terminal(&shared), shared.process("serve"));
    let id = operation_id(1);
    let steps = [step("approval", How::Ask), step("a", How::Once).after(&["approval"])];
    asking.ask(1, "d1", "toy", &steps).await;
    assert_eq!(carries(&asking, &id).await, Driven::Waiting);
    assert_eq!(shared.head(&id).await.owner, "");
    let update = delivered_by(&shared, &serve, &id).await;
    assert_eq!((update.status, update.own_since), (Status::Waiting, 1));
    let waited = shared.head(&id).await.sequence;

    // A terminal decides and continues it. The process that delivered the wait delivers the end, as its first update since.
    let deciding = terminal(&shared);
    deciding.send_signal(&id, "ben", "d2", SignalKind::Approve).await;
    assert_eq!(deciding.runner.take(), std::slice::from_ref(&id));
    assert_eq!(carries(&deciding, &id).await, Driven::Ended);
    let other = shared.process("other");
    let update = delivered_by(&shared, &other, &id).await;
    assert_eq!((update.status, update.own_since), (Status::Succeeded, waited + 1));
    shared.assert_at_rest(&id, Status::Succeeded, "delivered").await;
}

#[tokio::test(start_paused = true)]
async fn an_operation_released_by_a_terminal_continues_and_is_delivered_from_its_first_row() {
    let shared = Shared::new().await;
    let terminal = terminal(&shared);
    let id = operation_id(1);
    terminal.ask(1, "d1", "toy", &[step("a", How::Once), step("b", How::Once).after(&["a"])]).await;
    terminal.engine.stop();
    assert_eq!(carries(&terminal, &id).await, Driven::Released);
    let serve = shared.process("serve");
    serve.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "continued").await;
    assert!(serve.notifier.updates().iter().all(|update| update.own_since == 1));
}

#[tokio::test(start_paused = true)]
async fn a_takeover_from_a_dead_process_keeps_its_possibly_delivered_rows() {
    let shared = Shared::new().await;
    let (dead, terminal) = (shared.process("dead"), terminal(&shared));
    let id = operation_id(1);
    dead.ask(1, "d1", "toy", &[step("a", How::Once)]).await;
    drop(dead);
    assert_eq!(terminal.engine.sweep().await.unwrap(), vec![], "seen for the first time");
    tokio::time::advance(LEASE).await;
    for found in terminal.engine.sweep().await.unwrap() {
        terminal.runner.run(found);
    }
    assert_eq!(terminal.runner.take(), std::slice::from_ref(&id));
    assert_eq!(carries(&terminal, &id).await, Driven::Ended);
    let update = delivered_by(&shared, &shared.process("serve"), &id).await;
    assert_eq!(update.own_since, 2, "the first row was written by one that may have delivered it");
    shared.assert_at_rest(&id, Status::Succeeded, "delivered").await;
}

#[tokio::test(start_paused = true)]
async fn an_operation_of_a_dead_terminal_is_delivered_after_its_lease() {
    let shared = Shared::new().await;
    let id = operation_id(1);
    for call in 1.. {
        let shared = Shared::new().await;
        let death = Some((call, crate::testing::Moment::Before));
        let terminal = shared.mortal("terminal", death, |settings| settings.notifies = false);
        let carried = async {
            terminal.ask(1, "d1", "toy", &[step("a", How::Once)]).await;
            terminal.engine.drive(&id).await
        };
        let died = tokio::select! {
            _ = carried => false,
            () = terminal.died() => true,
        };
        if shared.heads().is_empty() {
            continue;
        }
        let serve = shared.process("serve");
        serve.run_until_settled(&shared).await;
        shared.assert_at_rest(&id, Status::Succeeded, &format!("died at call {call}")).await;
        assert!(serve.notifier.updates().iter().all(|update| update.own_since == 1), "call {call}");
        if !died {
            assert!(call > 4, "only {call} deaths");
            return;
        }
    }
    drop(shared);
}

/// A stopping process does not wait to post messages that it may not post yet.
#[tokio::test(start_paused = true)]
async fn an_update_that_a_stopping_process_could_not_deliver_is_delivered_as_new() {
    for (steps, status) in
        [(vec![step("a", How::Once)], Status::Succeeded), (vec![step("approval", How::Ask)], Status::Waiting)]
    {
        let shared = Shared::new().await;
        let stopping = shared.process("stopping");
        let id = operation_id(1);
        stopping.ask(1, "d1", "toy", &steps).await;
        stopping.engine.drive(&id).await;
        let update = stopping.notifier.updates().pop().expect("an update");
        assert_eq!(update.status, status);
        let world = stopping.engine.world();
        let messages = |replica: &str| Messages::new(shared.store.clone(), &world.keys, replica.to_owned());
        messages("another").left(&update, 1).await.unwrap();
        assert_eq!(shared.head(&id).await.owner, world.settings.replica, "that was not its to leave");
        messages(&world.settings.replica).left(&update, 1).await.unwrap();
        let update = delivered_by(&shared, &shared.process("serve"), &id).await;
        assert_eq!((update.status, update.own_since), (status, 1), "no message of it can exist");
    }
}

/// Its first update may have been delivered before the next row was written.
#[tokio::test(start_paused = true)]
async fn an_operation_released_at_its_first_row_may_have_been_delivered() {
    let shared = Shared::new().await;
    let stopping = shared.process("stopping");
    let id = operation_id(1);
    stopping.ask(1, "d1", "toy", &[step("a", How::Poll(3))]).await;
    stopping.engine.stop();
    assert_eq!(stopping.engine.drive(&id).await, Driven::Released);
    assert_eq!(shared.head(&id).await.sequence, 1);
    let serve = shared.process("serve");
    serve.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "continued").await;
    assert!(serve.notifier.updates().iter().all(|update| update.own_since == 2 && !update.first));
}
