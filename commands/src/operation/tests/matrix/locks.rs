//! Locks while the pipeline changes: the operations that they block, the people who remove and replace them, and their
//! messages until they end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::super::harness::{Process, Shared};
use super::fixture::Fixture;
use super::gates::{ASK, ends, fails_with, holds, reaches, refused, runs, secs, world};
use super::scenarios::PLENTY;
use crate::application::Sluice;
use crate::operation::tests::harness::is_holding;
use crate::operation::{Context, Head, Operation, OperationKind, OperationState, Progress, Status, testing};
use crate::ports::{Store, StoreError, Write};
use crate::stage;
use crate::steps::RecordChange;

#[tokio::test(start_paused = true)]
async fn a_lock_ends_by_itself() {
    let (shared, process) = world("").await;
    holds(&shared, &process, "ben", "/stage lock orders for 1h the ledger").await;
    refused(&process, "ann", ASK, "locked").await;
    refused(&process, "ann", "/deploy orders", "locked").await;
    tokio::time::sleep(secs(3601)).await;
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
    reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
}

#[tokio::test(start_paused = true)]
async fn a_person_who_may_not_remove_a_lock_cannot_weaken_it() {
    let (shared, process) = world("").await;
    holds(&shared, &process, "ben", "/stage lock orders prod for 5h the ledger").await;
    refused(&process, "cat", "/stage lock orders prod for 1m soon over", "not-an-admin").await;
    holds(&shared, &process, "cat", "/stage lock orders prod for 6h the audit").await;
    holds(&shared, &process, "ada", "/stage lock orders prod for 1h hard the audit").await;
    refused(&process, "cat", "/stage lock orders prod for 9h for good", "not-an-admin").await;
    refused(&process, "ada", "/stage set orders dev approvals=1", "first-stage").await;
    holds(&shared, &process, "oli", "/stage lock orders dev an incident").await;
    ends(&shared, &process, "oli", "/stage unlock orders dev", Status::Succeeded).await;
}

/// An operator extends another person's lock and becomes the owner of that extension alone.
#[tokio::test(start_paused = true)]
async fn a_lock_is_not_removed_by_extending_it_first() {
    let (shared, process) = world("").await;
    let lock = || async { shared.state().await.locks[&"prod".parse().unwrap()].clone() };
    let first = holds(&shared, &process, "ada", "/stage lock orders prod for 2h the incident").await;
    refused(&process, "ben", "/stage unlock orders prod", "not-an-admin").await;
    let mine = holds(&shared, &process, "ben", "/stage lock orders prod for 3h mine").await;
    assert!(format!("{:?}", shared.last_update(&mine.id).unwrap().card).contains("Also locked by"));
    refused(&process, "ben", "/stage lock orders prod for 1m soon over", "not-an-admin").await;
    // The lock in between is kept, and a person's own lock is not kept twice.
    holds(&shared, &process, "cat", "/stage lock orders prod for 4h the audit").await;
    holds(&shared, &process, "ben", "/stage lock orders prod for 5h mine").await;
    let kept: Vec<_> = lock().await.over.into_iter().map(|lock| lock.reason).collect();
    assert_eq!(kept, ["the audit", "the incident"]);

    let unlock = ends(&shared, &process, "ben", "/stage unlock orders prod", Status::Succeeded).await;
    assert!(
        message_text(&shared, &unlock).contains("prod is still locked by @U0CAT"),
        "{}",
        message_text(&shared, &unlock)
    );
    refused(&process, "ann", ASK, "locked").await;
    ends(&shared, &process, "cat", "/stage unlock orders prod", Status::Succeeded).await;
    assert_eq!((lock().await.operation, lock().await.over), (first.id.clone(), vec![]));
    refused(&process, "ann", ASK, "locked").await;
    assert_eq!(shared.head(&first.id).await.status, Status::Waiting, "its owner is still reminded");
    assert!(message_text(&shared, &first).contains("is active"), "{}", message_text(&shared, &first));

    // The kept lock ends at its time, or by an admin.
    holds(&shared, &process, "ben", "/stage lock orders prod for 3h mine").await;
    tokio::time::sleep(secs(2 * 3600)).await;
    ends(&shared, &process, "ben", "/stage unlock orders prod", Status::Succeeded).await;
    assert!(shared.state().await.locks.is_empty());
    let below = holds(&shared, &process, "ben", "/stage lock orders prod for 2h mine").await;
    holds(&shared, &process, "cat", "/stage lock orders prod for 3h the audit").await;
    ends(&shared, &process, "ada", "/stage unlock orders prod", Status::Succeeded).await;
    process.run_until(async || shared.head(&below.id).await.status == Status::Succeeded).await;
    assert!(message_text(&shared, &below).contains("unlocked by ada"), "{}", message_text(&shared, &below));
    reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
}

/// Two locks of all stages, a deploy and a rollback: all end, in whatever order they come.
#[tokio::test(start_paused = true)]
async fn two_locks_of_all_stages_do_not_deadlock() {
    let fixture = Fixture::after(PLENTY).await;
    for pause in [0, 40, 150, 400, 900] {
        let shared = fixture.open();
        let process = shared.process("one");
        let commands = async {
            for (nth, (who, line)) in [
                ("ann", "/deploy orders"),
                ("ben", "/stage lock orders for 2h the fair"),
                ("cat", "/stage lock orders for 3h the audit"),
                ("dan", "/rollback orders prod"),
            ]
            .into_iter()
            .enumerate()
            {
                process.types(&format!("{pause}-{nth}"), who, line).await;
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            std::future::pending::<()>().await;
        };
        let all = fixture.known().len() + 4;
        let over = async || shared.heads().len() == all && shared.is_over(all);
        let rest = async {
            tokio::select! {
                _ = process.run_until(over) => {}
                () = commands => {}
            }
        };
        assert!(tokio::time::timeout(secs(3600), rest).await.is_ok(), "{pause} ms: it never settled");
        assert_eq!(runs(&shared, "prod").await, 1, "{pause} ms: the rollback passed");
    }
}

/// A lock and an approval at all distances from each other: after the answer *locked*, the stage does not move.
#[tokio::test(start_paused = true)]
async fn a_stage_does_not_move_after_its_lock_is_announced() {
    let fixture = Fixture::after(PLENTY).await;
    let (mut moved, mut stayed) = (0, 0);
    for after in (0..600).step_by(25) {
        let shared = fixture.open();
        let process = shared.process("one");
        let waits = reaches(&shared, &process, "ann", ASK, Status::Waiting).await;
        process.run_until(async || shared.is_settled()).await;
        let commands = async {
            process.types("a1", "ben", "/promote approve orders prod").await;
            tokio::time::sleep(Duration::from_millis(after)).await;
            process.types("l1", "cat", "/stage lock orders prod for 1h the ledger").await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = process.run_until(async || shared.heads().iter().all(|h| h.status.is_final() || is_holding(h)) && shared.is_settled() && shared.heads().len() > fixture.known().len() + 1) => {}
            () = commands => {}
        }
        let head = shared.head(&waits.id).await;
        let runs = runs(&shared, "prod").await;
        let state = shared.state().await;
        let lock = state.locks.values().next().expect("it is locked");
        let since = state.stages[&lock.stage].current.as_ref().unwrap().since;
        match head.status {
            Status::Succeeded => {
                assert_eq!(runs, 1);
                assert!(since <= lock.since, "{after} ms: it moved at {since}, locked since {}", lock.since);
                moved += 1;
            }
            Status::Failed => {
                assert_eq!((runs, fails_with(&shared, &head).await.as_str()), (2, "locked"), "{after} ms");
                stayed += 1;
            }
            other => panic!("{after} ms: {other:?}"),
        }
    }
    assert!(moved > 0 && stayed > 0, "{moved} moved, {stayed} stayed: both cases occur");
}

/// The writes of the only step of an operation, if it ran now.
async fn writes(
    process: &Process,
    definition: impl Operation<Sluice>,
    params: impl serde::Serialize,
) -> Vec<Write> {
    let id = testing::operation_id(7);
    let mut spec = testing::spec(definition.kind());
    spec.params = serde_json::to_value(params).unwrap();
    let op = OperationState::new(id.clone(), spec);
    let world = Arc::clone(process.engine.world());
    let nodes = OperationKind::bind(Arc::new(definition), &op).unwrap().nodes(&op, &world.target).unwrap();
    let done = nodes[0]
        .step
        .run(&Context { world, operation: id, signals: vec![], begun: tokio::time::Instant::now() })
        .await
        .unwrap();
    let Progress::Done(done) = done else { panic!("{done:?}") };
    done.writes
}

/// Between the read and the write of a removal or an extension, the lock is removed and another one is set: that one stays.
#[tokio::test(start_paused = true)]
async fn a_write_based_on_an_old_lock_changes_no_newer_lock() {
    let (shared, process) = world("").await;
    let lock = || async { shared.state().await.locks.into_values().next().unwrap() };
    let locks = |who, line| holds(&shared, &process, who, line);
    locks("ben", "/stage lock orders prod for 1h the ledger").await;
    let seen = lock().await;
    let params = stage::unlock::Params {
        name: "orders".parse().unwrap(),
        locks: vec![seen.clone()],
        restored: vec![],
    };
    let lifts = writes(&process, RecordChange(stage::unlock::StageUnlock), params).await;
    let params = stage::lock::Params {
        name: "orders".parse().unwrap(),
        stages: vec![seen.stage.clone()],
        until: seen.until,
        hard: false,
        reason: "more".to_owned(),
        over: vec![],
        kept: vec![],
    };
    let replaces = writes(&process, stage::lock::StageLock, params).await;
    assert_eq!((lifts.len(), replaces.len()), (1, 1));
    ends(&shared, &process, "ben", "/stage unlock orders prod", Status::Succeeded).await;
    locks("cat", "/stage lock orders prod for 2h the audit").await;
    for late in [lifts, replaces] {
        let written = shared.store.transact("late", late).await;
        assert_eq!(written, Err(StoreError::Lost(vec![0])));
    }
    assert_eq!(lock().await.reason, "the audit");
    ends(&shared, &process, "cat", "/stage unlock orders prod", Status::Succeeded).await;
}

/// The title and footer of an operation's message, as text.
fn message_text(shared: &Shared, head: &Head) -> String {
    let card = shared.last_update(&head.id).unwrap().card;
    card.footer.iter().fold(card.title.flat(), |text, line| format!("{text} | {}", line.flat()))
}

/// The replies of that name in the thread of an operation's message.
fn asides(shared: &Shared, head: &Head, name: &str) -> BTreeSet<(u64, String)> {
    let notifiers = shared.notifiers.lock().unwrap();
    let updates =
        notifiers.iter().flat_map(|notifier| notifier.updates()).filter(|update| update.operation == head.id);
    let asides = updates.flat_map(|update| update.asides).filter(|aside| aside.name == name);
    asides.map(|aside| (aside.cause, aside.text.flat())).collect()
}

#[tokio::test(start_paused = true)]
async fn the_owner_of_a_lock_gets_one_reminder_and_a_notice_of_its_end() {
    let (shared, process) = world("").await;
    let since = tokio::time::Instant::now();
    let lock = holds(&shared, &process, "ada", "/stage lock orders prod for 40m hard the ledger").await;
    assert!(
        message_text(&shared, &lock).contains("is active: all changes are blocked"),
        "{}",
        message_text(&shared, &lock)
    );
    let state = shared.state().await;
    assert!(state.queue.tickets.is_empty() && state.queue.slots.is_empty(), "it blocks nothing: {state:?}");
    let status = format!("{:?}", process.types("s", "eve", "/pipeline status orders").await);
    assert!(status.contains("hard-locked") && !status.contains("Open: "), "{status}");

    process.run_until(async || !asides(&shared, &lock, "reminder").is_empty()).await;
    let reminded = since.elapsed();
    assert!(secs(30 * 60) <= reminded && reminded < secs(30 * 60 + 30), "a quarter is left: {reminded:?}");
    process.run_until(async || shared.heads().iter().all(|head| head.status.is_final())).await;
    let ended = since.elapsed();
    assert!(secs(40 * 60) <= ended && ended < secs(40 * 60 + 30), "{ended:?}");
    process.run_until(async || shared.is_settled()).await;
    let reminders = asides(&shared, &lock, "reminder");
    assert_eq!(reminders.len(), 1, "{reminders:?}");
    let words = &reminders.first().unwrap().1;
    let again = "/stage lock orders prod for 40m hard \"the ledger\"";
    assert!(words.starts_with("@U0ADA: your lock on prod") && words.contains(again), "{words}");
    let end = asides(&shared, &lock, "end");
    assert!(end.len() == 1 && end.first().unwrap().1.contains("ended: it expired"), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_short_lock_ends_without_a_reminder() {
    let (shared, process) = world("").await;
    let lock = holds(&shared, &process, "ben", "/stage lock orders prod for 5m the ledger").await;
    process.run_until(async || shared.heads().iter().all(|head| head.status.is_final())).await;
    assert_eq!(asides(&shared, &lock, "reminder").len(), 0);
    assert!(message_text(&shared, &lock).contains("it expired"), "{}", message_text(&shared, &lock));
}

/// Each stage's lock is removed or replaced on its own, and the message shows it at once.
#[tokio::test(start_paused = true)]
async fn the_message_of_a_lock_names_the_person_who_removed_or_replaced_it() {
    let (shared, process) = world("").await;
    let line = "/stage lock orders for 2h the fair";
    let first = holds(&shared, &process, "ben", line).await;
    ends(&shared, &process, "ben", "/stage unlock orders dev", Status::Succeeded).await;
    process.run_until(async || message_text(&shared, &first).contains("Unlocked by @U0BEN")).await;
    assert!(
        message_text(&shared, &first).contains("Lock on prod of orders is active"),
        "{}",
        message_text(&shared, &first)
    );
    refused(&process, "ann", ASK, "locked").await;
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;

    tokio::time::sleep(secs(30)).await;
    let since = tokio::time::Instant::now();
    let second = holds(&shared, &process, "ada", "/stage lock orders prod for 3h the audit").await;
    let is_over = async || shared.head(&first.id).await.status == Status::Succeeded;
    process.run_until(is_over).await;
    process.run_until(async || shared.is_settled()).await;
    assert!(since.elapsed() < secs(10), "{:?}", since.elapsed());
    let words = message_text(&shared, &first);
    assert!(words.contains("ended: unlocked by ben, taken over by ada"), "{words}");
    assert_eq!(asides(&shared, &first, "end").len(), 1, "the owner gets a reply");

    // The same command extends it; a replacement of one's own lock causes no reply.
    let third = holds(&shared, &process, "ada", "/stage lock orders prod for 3h the audit").await;
    process.run_until(async || shared.head(&second.id).await.status == Status::Succeeded).await;
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(asides(&shared, &second, "end").len(), 0);
    assert_eq!(shared.state().await.locks[&"prod".parse().unwrap()].operation, third.id);
    ends(&shared, &process, "ada", "/stage unlock orders prod", Status::Succeeded).await;
    process.run_until(async || shared.head(&third.id).await.status == Status::Succeeded).await;
    assert!(
        message_text(&shared, &third).contains("ended: unlocked by ada"),
        "{}",
        message_text(&shared, &third)
    );
}

/// An unattended process leaves the messages to another one, and a process that was down finds what is due.
#[tokio::test(start_paused = true)]
async fn a_lock_set_by_an_unattended_process_reminds_and_ends() {
    let shared = Fixture::after(PLENTY).await.open();
    let silent = shared.mortal("terminal", None, |settings| settings.notifies = false);
    let lock =
        reaches(&shared, &silent, "ben", "/stage lock orders prod for 1h the ledger", Status::Waiting).await;
    silent.run_until(async || shared.head(&lock.id).await.owner.is_empty()).await;
    drop(silent);
    let process = shared.process("later");
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&lock.id).await.status, Status::Waiting);
    drop(process);
    tokio::time::sleep(secs(50 * 60)).await;
    let process = shared.process("much later");
    process.run_until(async || !asides(&shared, &lock, "reminder").is_empty()).await;
    process.run_until(async || shared.head(&lock.id).await.status == Status::Succeeded).await;
}
