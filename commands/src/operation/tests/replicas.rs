//! Replicas start and stop: a stopping one releases its work, another continues it; their wall clocks differ.

use std::time::Duration;

use tokio::time::Instant;

use super::harness::{LEASE, Process, Shared, person};
use super::toy_world::{Faults, How, step, toy_slot};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::records::stage_slot;
use sluice_model::OperationId;

const HOUR: i64 = 3600;
/// Each process sweeps three times in a lease.
const SWEEP: Duration = LEASE.checked_div(3).unwrap();

/// Stops the replica during a drive; gives the result and how long it took.
async fn stops(process: &Process, id: &OperationId) -> (Driven, Duration) {
    let begun = Instant::now();
    process.engine.stop();
    (process.engine.drive(id).await, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_stopping_replica_records_its_steps_in_flight_and_another_continues_at_once() {
    let shared = Shared::new().await;
    let (first, second) = (shared.process("first"), shared.process("second"));
    shared.toy_world.faults("a", [Faults::Slow(Duration::from_secs(2))]);
    first.ask(1, "d1", "toy", &[step("a", How::Once), step("b", How::Once).after(&["a"])]).await;
    let id = operation_id(1);
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        first.engine.stop();
    };
    let (driven, ()) = tokio::join!(first.engine.drive(&id), stopping);
    assert_eq!(driven, Driven::Released);
    assert_eq!(shared.journal(&id), ["accepted, intent a", "done a"], "nothing more was begun");
    let head = shared.head(&id).await;
    assert_eq!((head.owner.as_str(), head.fence, head.status), ("", 1, Status::Running));
    let begun = Instant::now();
    second.run_until_settled(&shared).await;
    assert!(begun.elapsed() < SWEEP, "{:?}: it waited for a lease", begun.elapsed());
    shared.assert_at_rest(&id, Status::Succeeded, "by the other").await;
    assert_eq!(shared.head(&id).await.fence, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stopping_replica_withdraws_intents_that_were_never_run() {
    let shared = Shared::new().await;
    let (first, second) = (shared.process("first"), shared.process("second"));
    first.ask(1, "d1", "toy", &[step("a", How::Once)]).await;
    let id = operation_id(1);
    let (driven, took) = stops(&first, &id).await;
    assert_eq!((driven, took), (Driven::Released, Duration::ZERO));
    assert_eq!(shared.journal(&id), ["accepted, intent a", "absent a"]);
    let begun = Instant::now();
    second.run_until_settled(&shared).await;
    assert!(begun.elapsed() < SWEEP, "{:?}: it waited for the settle time", begun.elapsed());
    shared.assert_at_rest(&id, Status::Succeeded, "by the other").await;
}

#[tokio::test(start_paused = true)]
async fn a_stopping_replica_keeps_its_lease_while_a_mutation_is_in_flight() {
    let shared = Shared::new().await;
    let (first, second) = (shared.process("first"), shared.process("second"));
    shared.toy_world.faults("a", [Faults::Slow(Duration::from_secs(60))]);
    first.ask(1, "d1", "toy", &[step("a", How::Once), step("quick", How::Set)]).await;
    let id = operation_id(1);
    let (driven, took) = {
        let mut drive = Box::pin(first.engine.drive(&id));
        assert!(futures::poll!(&mut drive).is_pending());
        let begun = Instant::now();
        first.engine.stop();
        (drive.await, begun.elapsed())
    };
    assert_eq!(driven, Driven::Later);
    assert!(took < Duration::from_secs(6), "{took:?}: a process has ten seconds for everything");
    assert_eq!(shared.head(&id).await.owner, "first", "its call may still take hold");
    let journal = shared.journal(&id);
    assert!(journal.last().unwrap().contains("done quick"), "{journal:?}");
    second.run_until_settled(&shared).await;
    shared.assert_at_rest(&id, Status::Succeeded, "after the lease").await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_any_store_call_leaves_nothing_to_wait_for() {
    let prod = || stage_slot(&"prod".parse().unwrap());
    let steps = [
        step("look", How::Look),
        step("a", How::Once).after(&["look"]).holding(toy_slot()),
        step("b", How::Name).after(&["look"]).holding(toy_slot()),
        step("c", How::Once).after(&["a", "b"]).holding(prod()),
        step("poll", How::Poll(3)).after(&["c"]),
    ];
    for call in 0.. {
        let shared = Shared::new().await;
        let (first, second) = (shared.stopping("first", call), shared.process("second"));
        first.ask(1, "d1", "toy", &steps).await;
        let stopped = first.run_until(async || shared.is_settled()).await;
        drop(first);
        let begun = Instant::now();
        second.run_until_settled(&shared).await;
        let context = format!("stopped at store call {call}");
        shared.assert_at_rest(&operation_id(1), Status::Succeeded, &context).await;
        assert!(
            begun.elapsed() < LEASE,
            "{context}: another replica continued only after {:?}",
            begun.elapsed()
        );
        if !stopped {
            assert!(call >= 12, "only {call} stops: they do not reach what they should");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopping_replica_claims_nothing() {
    let shared = Shared::new().await;
    let accepting = shared.mortal("accepting", None, |settings| settings.drive = false);
    accepting.ask(1, "d1", "toy", &[step("a", How::Once)]).await;
    let (driven, _) = stops(&shared.process("late"), &operation_id(1)).await;
    assert_eq!(driven, Driven::Later);
    assert_eq!(shared.head(&operation_id(1)).await.fence, 1);
}

#[tokio::test(start_paused = true)]
async fn a_replica_whose_clock_is_an_hour_ahead_claims_nothing_early() {
    let shared = Shared::new().await;
    let (owner, ahead) = (shared.process("owner"), shared.apart("ahead", HOUR));
    owner.ask(1, "d1", "toy", &[step("poll", How::Poll(90))]).await;
    tokio::select! {
        _ = owner.run_until_settled(&shared) => {}
        () = ahead.run() => {}
    }
    shared.assert_at_rest(&operation_id(1), Status::Succeeded, "polled").await;
    assert_eq!(shared.head(&operation_id(1)).await.fence, 1, "it was claimed while its owner lived");
}

#[tokio::test(start_paused = true)]
async fn a_replica_with_another_clock_claims_a_dead_operation_after_the_lease_and_within_the_hour() {
    for (apart, latest) in [(HOUR, LEASE + SWEEP), (-HOUR, Duration::from_secs(3600) + LEASE + SWEEP)] {
        let shared = Shared::new().await;
        let (dead, other) = (shared.process("dead"), shared.apart("other", apart));
        dead.ask(1, "d1", "toy", &[step("a", How::Set)]).await;
        drop(dead);
        let begun = Instant::now();
        let id = operation_id(1);
        other.run_until(async || shared.head(&id).await.fence > 1).await;
        let took = begun.elapsed();
        assert!(took >= LEASE, "{apart} s apart: claimed after {took:?}");
        assert!(took <= latest + Duration::from_secs(1), "{apart} s apart: only after {took:?}");
        other.run_until_settled(&shared).await;
        shared.assert_at_rest(&id, Status::Succeeded, "different clocks").await;
    }
}

/// The wake-ups of a replica since the last call.
fn woken_by(process: &Process) -> Vec<String> {
    let text = |hint: crate::ports::Hint| format!("{} at {}: {}", hint.operation, hint.sequence, hint.cause);
    process.wakeups.take().into_iter().map(text).collect()
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_stops_or_drives_nothing_wakes_the_others() {
    let shared = Shared::new().await;
    let (first, second) = (shared.process("first"), operation_id(2));
    first.ask(1, "d1", "toy", &[step("a", How::Set)]).await;
    assert_eq!(woken_by(&first), Vec::<String>::new(), "it drives the operation itself");
    stops(&first, &operation_id(1)).await;
    assert_eq!(woken_by(&first), [format!("{} at 2: released-1", operation_id(1))]);

    let accepting = shared.mortal("accepting", None, |settings| settings.drive = false);
    accepting.ask(2, "d2", "toy", &[step("ask", How::Ask)]).await;
    assert_eq!(woken_by(&accepting), [format!("{second} at 1: accepted")]);
    shared.process("other").run_to(&shared, &second, Status::Waiting).await;
    accepting.send_signal(&second, "ben", "d3", SignalKind::Approve).await;
    assert_eq!(woken_by(&accepting), [format!("{second} at 2: signal-{}", person("ben").id)]);
}

#[tokio::test(start_paused = true)]
async fn a_signal_wakes_the_replica_that_owns_the_operation() {
    let shared = Shared::new().await;
    let process = shared.process("one");
    process.ask(1, "d1", "toy", &[step("ask", How::Ask)]).await;
    let id = operation_id(1);
    process.run_to(&shared, &id, Status::Waiting).await;
    let waiting = shared.head(&id).await;
    // A wake-up happened just now, as the head is read in that moment.
    let woken = Head { owner: "another".into(), ..waiting.clone() };
    process.signal_as_seen(&woken, "dan", "d2", SignalKind::Approve).await;
    assert_eq!(woken_by(&process), [format!("{id} at 2: signal-{}", person("dan").id)]);
    process.signal_as_seen(&waiting, "ben", "d3", SignalKind::Approve).await;
    assert_eq!(woken_by(&process), Vec::<String>::new(), "this replica drives it");
}

#[tokio::test(start_paused = true)]
async fn a_released_slot_wakes_the_replica_of_the_next_operation() {
    let shared = Shared::new().await;
    let (holder, mut other) = (shared.process("holder"), shared.process("other"));
    other.ids_from = 10;
    shared.toy_world.faults("a", [Faults::Slow(Duration::from_secs(3))]);
    let slotted = |name| [step(name, How::Set).holding(toy_slot())];
    holder.ask(1, "d1", "toy", &slotted("a")).await;
    other.ask(1, "d2", "toy", &slotted("b")).await;
    let (first, next) = (operation_id(1), operation_id(11));
    let later = async {
        while shared.state().await.queue.slots.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        other.run().await;
    };
    tokio::select! {
        () = holder.run_to(&shared, &next, Status::Succeeded) => {}
        () = later => {}
    }
    let hints = woken_by(&holder);
    assert_eq!(hints.len(), 1, "{hints:?}");
    assert!(hints[0].starts_with(&format!("{next} at ")), "{hints:?}");
    assert!(hints[0].ends_with(&format!("slot-{first}")), "{hints:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fenced_owner_appends_nothing_even_before_the_new_owner_does() {
    for after in [10, 300, 900] {
        let shared = Shared::new().await;
        shared.toy_world.faults("a", [Faults::Slow(Duration::from_secs(2))]);
        let old = shared.process("old");
        old.ask(1, "d1", "toy", &[step("a", How::Name), step("b", How::Name).after(&["a"])]).await;
        let id = crate::operation::testing::operation_id(1);
        let takes = async {
            tokio::time::sleep(Duration::from_millis(after)).await;
            let head = shared.head(&id).await;
            assert_eq!(head.owner, "old");
            // Claimed, and nothing appended yet: the sequence alone would not stop the old owner.
            let keys = Keys::new(&crate::testing::target());
            let claimed =
                crate::operation::testing::claim(&*shared.store, &keys, &head, "new").await.unwrap();
            let rows = shared.journal(&id);
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(shared.journal(&id), rows, "claimed after {after} ms: {claimed:?}");
        };
        tokio::select! {
            () = old.run() => {}
            () = takes => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_holds_the_state_alone_waits_for_no_lease() {
    let shared = Shared::new().await;
    let first = shared.process("one");
    first.ask(1, "d1", "toy", &[step("a", How::Set)]).await;
    drop(first);
    let id = operation_id(1);
    let other = shared.process("other");
    assert_eq!(other.engine.drive(&id).await, Driven::NotOurs, "the owner may be alive");
    let second = shared.mortal("two", None, |settings| settings.alone = true);
    assert_eq!(second.engine.sweep().await.unwrap(), std::slice::from_ref(&id));
    assert_eq!(second.engine.drive(&id).await, Driven::Ended);
    assert_eq!(shared.toy_world.count("a"), 1);
}

#[tokio::test(start_paused = true)]
async fn undelivered_updates_do_not_hide_running_operations() {
    let shared = Shared::new().await;
    let keys = Keys::new(&crate::testing::target());
    for number in 0..1_100 {
        let head = Head {
            id: operation_id(10 + number),
            spec: crate::operation::testing::spec("toy"),
            status: Status::Failed,
            sequence: 1,
            owner: "away".into(),
            beat: 1,
            fence: 1,
            awaits: String::new(),
            undelivered_since: 0,
            claims: 0,
        };
        let item = head.to_item(&keys).unwrap();
        let write = crate::ports::Write::Put { item, when: crate::ports::Precondition::Absent };
        crate::ports::Store::write(&*shared.store, write).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let accepting = shared.mortal("accepting", None, |settings| settings.drive = false);
    accepting.ask(1, "d1", "toy", &[step("a", How::Set)]).await;
    let process = shared.process("sweeping");
    assert_eq!(process.engine.sweep().await.unwrap(), [operation_id(1)]);
}
