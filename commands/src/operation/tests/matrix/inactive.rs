//! Versions that Lambda made inactive. No stage moves to one before it can be called.

use std::time::Duration;

use super::gates::{ASK, ends, fails_with, newest, runs, world};
use crate::operation::effects::{INVOKE, MOVE_ALIAS, UPDATE_STAGE};
use crate::operation::{Status, StepId};
use crate::testing::fake_aws::FakeAws;

/// The function and the version to which both commands return `prod`.
const HELLO: &str = "sluice-orders-prod-Hello";
const FIRST: &str = "1";

/// The numbers of the calls that woke the version, and of those that moved the stage, since that call.
fn wakes_and_moves(fake_aws: &FakeAws, since: usize) -> (Vec<usize>, Vec<usize>) {
    let calls = fake_aws.calls();
    let numbers = |of: &dyn Fn(&str, &str) -> bool| {
        let calls = calls.iter().enumerate().skip(since);
        calls.filter(|(_, called)| of(called.call, &called.subject)).map(|(nth, _)| nth).collect()
    };
    let wake = format!("{HELLO}:{FIRST} wake");
    (
        numbers(&|call, subject| call == INVOKE.call && subject == wake),
        numbers(&|call, _| [MOVE_ALIAS.call, UPDATE_STAGE.call].contains(&call)),
    )
}

#[tokio::test(start_paused = true)]
async fn a_stage_moves_once_an_inactive_version_is_restored() {
    for (settings, line) in [("", "/rollback orders prod"), ("approvals=0", ASK)] {
        let (shared, process) = world(settings).await;
        shared.fake_aws.fall_idle(HELLO, FIRST, "Idle");
        shared.fake_aws.climate(|now| now.applies = Duration::from_secs(30));
        let since = shared.fake_aws.count();
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
        let (wakes, moves) = wakes_and_moves(&shared.fake_aws, since);
        assert_eq!(wakes.len(), 1, "{line}");
        assert!(!moves.is_empty() && moves.iter().all(|nth| *nth > wakes[0]), "{line}: {wakes:?} {moves:?}");
        let op = shared.op(&newest(&shared).id).await;
        let done = |step: StepId| op.step(&step).unwrap().done.clone().unwrap().0;
        let subject = if settings.is_empty() { HELLO } else { "Hello" };
        let woken = done(StepId::of("woken", subject));
        assert!(woken.duration_since(done(StepId::of("wake", subject))).as_secs() >= 29, "{line}");
        assert!(done(StepId::of("alias", HELLO)) >= woken, "{line}: {:#?}", shared.journal(&op.id));
        assert_eq!(runs(&shared, "prod").await, 1, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stage_stays_if_lambda_cannot_restore_a_version() {
    let (shared, process) = world("").await;
    shared.fake_aws.fall_idle(HELLO, FIRST, "ImageDeleted");
    let since = shared.fake_aws.count();
    let head = ends(&shared, &process, "ann", "/rollback orders prod", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "version-failed");
    let (wakes, moves) = wakes_and_moves(&shared.fake_aws, since);
    assert_eq!((wakes.len(), moves.len()), (1, 0));
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_active_version_is_never_called() {
    let (shared, process) = world("").await;
    let since = shared.fake_aws.count();
    ends(&shared, &process, "ann", "/rollback orders prod", Status::Succeeded).await;
    assert!(wakes_and_moves(&shared.fake_aws, since).0.is_empty());
}
