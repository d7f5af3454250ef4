//! The first minutes after a move: looked at once, wherever a process dies, by one of two replicas, and never in anybody's way.

use std::time::Duration;

use super::super::harness::{Death, Process, Shared};
use super::cases::sampled;
use super::fixture::Fixture;
use super::gates::{ends, newest, runs, world};
use crate::operation::{OperationState, Settings, Status};
use crate::ports::Update;
use crate::records::Act;
use crate::testing::Moment;
use crate::testing::fake_aws::{Called, Faults, GET_METRIC_DATA};
use sluice_model::{Class, OperationId};

const HELLO: &str = "sluice-orders-prod-Hello";
const LINE: &str = "/rollback orders prod";
/// How many deaths the short form tries.
const SAMPLE: usize = 40;

/// A process that looks at the first minutes.
fn looks(settings: &mut Settings) {
    settings.follow_up = Some(Duration::from_mins(6));
}

fn looking(shared: &Shared, replica: &str) -> Process {
    shared.process_with(replica, Death::default(), looks)
}

/// The replies in the operation's thread about its first minutes: the causes, each with its text.
fn replies(shared: &Shared, id: &OperationId) -> Vec<(u64, String)> {
    let notifiers = shared.notifiers.lock().unwrap();
    let updates = notifiers.iter().flat_map(|notifier| notifier.updates());
    let updates = updates.filter(|update| update.operation == *id);
    let asides = updates.flat_map(|update| update.asides).filter(|aside| aside.name == "first-minutes");
    let mut replies: Vec<_> = asides.map(|aside| (aside.cause, aside.text.flat())).collect();
    replies.dedup();
    replies
}

/// The newest operation ended, was looked at, and nothing is left to do.
async fn is_looked_at(shared: &Shared, known: usize) -> bool {
    if shared.heads().len() <= known || !shared.is_settled() {
        return false;
    }
    shared.op(&newest(shared).id).await.followed_up.is_some()
}

fn is_look(called: &&Called) -> bool {
    called.call == GET_METRIC_DATA
}

async fn looked_at(shared: &Shared, process: &Process, line: &str) -> OperationState {
    let known = shared.heads().len();
    ends(shared, process, "ann", line, Status::Succeeded).await;
    assert!(is_looked_at(shared, known).await, "{line}");
    shared.op(&newest(shared).id).await
}

/// A person types the line, and one process runs until it dies or all is done; whether it died.
async fn run(shared: &Shared, process: &Process, known: usize) -> bool {
    tokio::select! {
        biased;
        died = process.run_until(async || is_looked_at(shared, known).await) => died,
        () = async {
            process.types("d1", "ann", LINE).await;
            std::future::pending().await
        } => true,
    }
}

/// The world after the rollback that was looked at once.
async fn assert_looked_at_once(shared: &Shared, known: usize, context: &str) {
    assert_eq!(shared.heads().len(), known + 1, "{context}");
    let id = newest(shared).id;
    shared.assert_at_rest(&id, Status::Succeeded, context).await;
    let rows = shared.journal(&id);
    assert_eq!(rows.iter().filter(|row| row.contains("followed up")).count(), 1, "{context}: {rows:#?}");
    assert_eq!(rows.last().map(String::as_str), Some("followed up"), "{context}");
    let replies = replies(shared, &id);
    assert_eq!(replies.len(), 1, "{context}: {replies:?}");
    // The minute of the move counts for the release before.
    let said = ["32", "40"].map(|calls| format!("No errors in the first 5 minutes: {calls} calls."));
    assert!(said.iter().any(|said| replies[0].1.starts_with(said)), "{context}: {replies:?}");
    assert_eq!(shared.audits(Act::Succeeded), 1, "{context}: a look is no act of a person");
    assert_eq!(runs(shared, "prod").await, 1, "{context}");
}

/// A world whose functions are called right after the rollback, and its copies.
async fn fixture() -> Fixture {
    let (shared, _) = world("").await;
    let fixture = Fixture::now(&shared);
    Fixture::with(fixture.items, fixture.fake_aws, std::sync::Arc::clone(&shared.clock))
}

/// A copy in which the function of the release is called in each minute.
fn open(fixture: &Fixture) -> Shared {
    let shared = fixture.open();
    shared.fake_aws.answers_calls(HELLO, "1", (8, 0, 0));
    shared
}

#[tokio::test(start_paused = true)]
async fn a_release_is_looked_at_once_wherever_a_process_dies() {
    let fixture = fixture().await;
    let shared = open(&fixture);
    let known = shared.heads().len();
    assert!(!run(&shared, &looking(&shared, "first"), known).await);
    assert_looked_at_once(&shared, known, "undisturbed").await;
    let (stored, called) = (shared.store.count(), shared.fake_aws.count());
    let mut deaths = vec![];
    for moment in [Moment::Before, Moment::After] {
        deaths.extend((0..called).map(|call| Death { fake_aws: Some((call, moment)), ..Death::default() }));
        deaths.extend((0..stored).map(|call| Death { store: Some((call, moment)), ..Death::default() }));
    }
    // The look itself is at the end: all of it is tried, and a sample of what is before.
    let is_late = |death: &Death| {
        death.store.is_some_and(|(call, _)| call + 12 >= stored)
            || death.fake_aws.is_some_and(|(call, _)| call + 4 >= called)
    };
    let (late, early): (Vec<_>, Vec<_>) = deaths.into_iter().partition(is_late);
    let mut died = 0;
    for death in late.into_iter().chain(sampled(early, SAMPLE, 7)) {
        let shared = open(&fixture);
        let context = format!("{death:?}");
        if run(&shared, &shared.process_with("first", death, looks), known).await {
            died += 1;
            assert!(!run(&shared, &looking(&shared, "second"), known).await, "{context}");
        }
        assert_looked_at_once(&shared, known, &context).await;
    }
    assert!(died > SAMPLE, "{died} deaths");
}

#[tokio::test(start_paused = true)]
async fn one_of_two_replicas_looks() {
    let fixture = fixture().await;
    for nth in 0..4 {
        let shared = open(&fixture);
        let known = shared.heads().len();
        let (one, other) = (looking(&shared, "one"), looking(&shared, "other"));
        tokio::select! {
            biased;
            died = run(&shared, &one, known) => assert!(!died),
            () = async {
                tokio::time::sleep(Duration::from_millis(nth * 1_700)).await;
                other.run().await;
            } => {}
        }
        assert_looked_at_once(&shared, known, &format!("replicas {nth}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_is_in_nobodys_way() {
    let (shared, _) = world("approvals=0").await;
    let process = looking(&shared, "looking");
    shared.fake_aws.answers_calls(HELLO, "1", (8, 0, 0));
    let known = shared.heads().len();
    process.types("d1", "ann", LINE).await;
    let first = newest(&shared).id;
    process.run_until(async || shared.head(&first).await.status.is_final()).await;
    process.run_until(async || shared.head(&first).await.owner.is_empty()).await;
    let state = shared.state().await;
    assert!(state.queue.slots.is_empty() && state.queue.tickets.is_empty(), "it holds nothing");
    // The stage moves again before the look: there is nothing left to say about the first release.
    let began = tokio::time::Instant::now();
    let line = "/promote orders prod r2 again";
    process.types("d2", "ada", line).await;
    assert_eq!(shared.heads().len(), known + 2, "{line}");
    let second = newest(&shared).id;
    process.run_until(async || shared.head(&second).await.status.is_final()).await;
    assert!(began.elapsed() < Duration::from_secs(60), "it did not wait for the look");
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(replies(&shared, &first), vec![], "the stage moved since");
    assert!(shared.op(&first).await.followed_up.is_some());
    let replies = replies(&shared, &second);
    assert_eq!(replies.len(), 1);
    assert!(replies[0].1.starts_with("Nobody called it yet"), "{replies:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_is_of_the_release_alone() {
    let (shared, _) = world("approvals=0").await;
    let process = looking(&shared, "looking");
    // In the minute of the move, the alias may have answered with the release before. Its version never did.
    shared.fake_aws.was_called(HELLO, "prod", (100, 100, 0));
    shared.fake_aws.was_called(HELLO, "2", (100, 100, 0));
    shared.fake_aws.was_called(HELLO, "1", (3, 1, 0));
    process.types("d1", "ann", LINE).await;
    let id = newest(&shared).id;
    process.run_until(async || shared.head(&id).await.status.is_final()).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    shared.fake_aws.was_called(HELLO, "prod", (37, 2, 4));
    let report = |version: &str, used: u32, init: &str| {
        format!(
            "REPORT RequestId: 1\tDuration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: {used} MB{init}\n"
        )
        .replace("RequestId: 1", &format!("RequestId: {version}"))
    };
    let stream = |version: &str| format!("2026/03/01/[{version}]0123");
    shared.fake_aws.writes_log(HELLO, &stream("1"), &report("1", 60, "\tInit Duration: 410.20 ms"));
    shared.fake_aws.writes_log(HELLO, &stream("1"), &report("1", 125, ""));
    shared.fake_aws.writes_log(HELLO, &stream("2"), &report("2", 128, "\tInit Duration: 9000 ms"));
    shared.fake_aws.writes_log(HELLO, &stream("1"), "password=hunter2\n");
    process.run_until(async || shared.is_settled()).await;
    let replies = replies(&shared, &id);
    assert_eq!(replies.len(), 1, "{replies:?}");
    let text = &replies[0].1;
    let expected = "3 of 40 calls failed in the first 5 minutes: Hello 3 of 40. 4 more were throttled, because no concurrency was \
                    left: Hello 4. Cold start: Hello 410 ms. Memory: at most 125 of 128 MB (Hello), which is close to the limit. \
                    See /pipeline logs orders prod since 10m.";
    assert!(text.replace('`', "").ends_with(expected), "{text}");
    assert!(text.contains("U0ANN"), "many calls fail on a protected stage: {text}");
}

#[tokio::test(start_paused = true)]
async fn cloudwatch_that_fails_makes_nothing_fail() {
    for (faults, said) in [
        (
            vec![
                Faults::Fails(Class::Throttled),
                Faults::Fails(Class::Transient),
                Faults::Slow(Duration::from_secs(40)),
            ],
            "Nobody called",
        ),
        (vec![Faults::Fails(Class::Denied)], "lacks the right"),
    ] {
        let (shared, _) = world("").await;
        let process = looking(&shared, "looking");
        let tries = faults.len();
        shared.fake_aws.fault_on(GET_METRIC_DATA, faults);
        let op = looked_at(&shared, &process, LINE).await;
        assert_eq!(op.status(), Status::Succeeded);
        let replies = replies(&shared, &op.id);
        assert!(replies.len() == 1 && replies[0].1.contains(said), "{replies:?}");
        let looks = shared.fake_aws.calls().iter().filter(is_look).count();
        assert_eq!(
            looks,
            if said.starts_with("Nobody") { tries + 1 } else { 1 },
            "a denied call is not repeated"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_never_succeeds_is_left_out() {
    let (shared, _) = world("").await;
    let process = looking(&shared, "looking");
    shared.fake_aws.fault_on(GET_METRIC_DATA, (0..200).map(|_| Faults::Fails(Class::Transient)));
    ends(&shared, &process, "ann", LINE, Status::Succeeded).await;
    let id = newest(&shared).id;
    let op = shared.op(&id).await;
    assert_eq!((op.status(), op.followed_up), (Status::Succeeded, None));
    assert_eq!(replies(&shared, &id), vec![]);
    let looks = shared.fake_aws.calls().iter().filter(is_look).count();
    assert!((14..=18).contains(&looks), "once a minute, for a quarter of an hour: {looks}");
}

#[tokio::test(start_paused = true)]
async fn switched_off_there_is_no_look() {
    let (shared, off) = world("").await;
    ends(&shared, &off, "ann", LINE, Status::Succeeded).await;
    assert!(shared.is_settled());
    // Switched off while a look is due.
    let (shared, off) = world("").await;
    let process = looking(&shared, "looking");
    process.types("d1", "ann", LINE).await;
    let id = newest(&shared).id;
    process.run_until(async || shared.head(&id).await.status.is_final()).await;
    process.run_until(async || shared.head(&id).await.owner.is_empty()).await;
    drop(process);
    assert!(!shared.is_settled(), "it is due");
    off.run_until_settled(&shared).await;
    assert_eq!(shared.op(&id).await.followed_up, None);
    assert_eq!(shared.fake_aws.calls().iter().filter(is_look).count(), 0);
}

/// Slack takes the last message late: the look waits for it, and its reply is the only thing that is new then.
#[tokio::test(start_paused = true)]
async fn the_look_follows_the_last_message() {
    let (shared, _) = world("").await;
    let process = looking(&shared, "looking");
    let op = looked_at(&shared, &process, LINE).await;
    let notifiers = shared.notifiers.lock().unwrap();
    let updates: Vec<Update> = notifiers.iter().flat_map(|notifier| notifier.updates()).collect();
    let of_end = updates.iter().filter(|update| update.operation == op.id && update.is_last());
    let of_end: Vec<_> =
        of_end.map(|update| (update.only_replies, update.wakes.is_some(), update.asides.len())).collect();
    assert_eq!(of_end.last(), Some(&(true, false, 1)), "{of_end:?}");
    assert!(of_end.len() == 2 && of_end[0].1 && !of_end[0].0, "{of_end:?}");
}
