//! Stacks that somebody changes outside Sluice: `/pipeline status` shows it, and the next deploy or promotion ends it.

use std::time::Duration;

use super::super::harness::{Process, Shared};
use super::gates::{approve, ends, reaches, runs};
use super::stacks::{app, built, deploy, resources};
use crate::operation::Status;
use crate::ports::{StackStatus, Stacks};
use crate::testing::{Faults, target};
use sluice_model::{Class, Part, Text};

const CONSOLE: Option<&str> = Some("Console-UpdateStack-7f59c3cf-00d2-40c7-b2ff-e75db0987002");
const TIMEOUT: (&str, &str) = ("\"VisibilityTimeout\":60", "\"VisibilityTimeout\":5");

async fn status(process: &Process) -> String {
    let card = process.types("status", "ann", "/pipeline status orders").await;
    let texts = card.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.flat()),
        _ => None,
    });
    texts.chain(card.footer.iter().map(Text::flat)).collect::<Vec<_>>().join("\n")
}

/// The status once the cached one is too old.
async fn later(process: &Process) -> String {
    tokio::time::sleep(Duration::from_secs(61)).await;
    status(process).await
}

async fn deployed() -> (Shared, Process) {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    (shared, process)
}

async fn template(shared: &Shared, stage: &str) -> String {
    let name = format!("sluice-orders-{stage}");
    shared.fake_aws.fault_proxy().template(&target(), &name).await.unwrap().unwrap()
}

fn by_hand(shared: &Shared, stage: &str, status: StackStatus) {
    shared.fake_aws.change_stack_by_hand(&format!("sluice-orders-{stage}"), CONSOLE, status, TIMEOUT);
}

fn looks(shared: &Shared) -> usize {
    let calls = shared.fake_aws.calls();
    calls.iter().filter(|called| called.call.starts_with("cloudformation:")).count()
}

#[tokio::test(start_paused = true)]
async fn status_shows_who_changed_a_stack_and_a_deploy_of_the_same_build_changes_it_back() {
    let (shared, process) = deployed().await;
    let before = looks(&shared);
    let said = later(&process).await;
    assert!(!said.contains("stack") && said.contains("Compared with AWS"), "{said}");
    status(&process).await;
    assert_eq!(looks(&shared), before + 1, "one call for the stage, and none within a minute");
    let again = format!("{:?}", process.types("again", "ann", "/deploy orders").await);
    assert!(again.contains("already runs"), "{again}");

    by_hand(&shared, "dev", StackStatus::UpdateComplete);
    let said = later(&process).await;
    for part in [
        "The stack sluice-orders-dev of dev was changed outside Sluice",
        "UPDATE_COMPLETE",
        "/deploy plan orders",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let plan = format!("{:?}", process.types("plan", "ann", "/deploy plan orders").await);
    assert!(plan.contains("Jobs"), "{plan}");
    deploy(&shared, &process, Status::Succeeded).await;
    assert!(template(&shared, "dev").await.contains(TIMEOUT.0));
    assert_eq!(runs(&shared, "dev").await, 2, "the same build is another release");
    let said = later(&process).await;
    assert!(!said.contains("outside Sluice"), "{said}");
    let again = format!("{:?}", process.types("after", "ann", "/deploy orders").await);
    assert!(again.contains("already runs"), "{again}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_left_the_template_as_it_was_is_settled_by_the_next_deploy() {
    let (shared, process) = deployed().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    by_hand(&shared, "dev", StackStatus::UpdateRollbackComplete);
    let said = later(&process).await;
    assert!(
        said.contains("was changed outside Sluice") && said.contains("UPDATE_ROLLBACK_COMPLETE"),
        "{said}"
    );
    deploy(&shared, &process, Status::Succeeded).await;
    let said = later(&process).await;
    assert!(!said.contains("outside Sluice"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_promotion_of_the_release_that_runs_changes_the_stack_back_and_a_rollback_does_not() {
    let (shared, process) = deployed().await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    for (approval, changed) in [("first", false), ("second", true)] {
        if changed {
            by_hand(&shared, "prod", StackStatus::UpdateComplete);
            let said = later(&process).await;
            assert!(said.contains("/promote diff orders prod shows"), "{said}");
            let diff = format!("{:?}", process.types("diff", "ann", "/promote diff orders prod").await);
            assert!(diff.contains("Jobs"), "{diff}");
        }
        reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
        approve(&shared, &process, approval, "ben").await;
        assert!(template(&shared, "prod").await.contains(TIMEOUT.0));
        let said = later(&process).await;
        assert!(!said.contains("outside Sluice"), "{said}");
    }

    // A rollback plans triggers only.
    super::stacks::push(&shared, &process, app("two")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    by_hand(&shared, "dev", StackStatus::UpdateComplete);
    ends(&shared, &process, "ann", "/rollback orders dev", Status::Succeeded).await;
    let said = later(&process).await;
    assert!(said.contains("The stack sluice-orders-dev of dev was changed outside Sluice"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn status_shows_stacks_that_are_busy_blocked_or_gone() {
    let (shared, process) = deployed().await;
    by_hand(&shared, "dev", StackStatus::UpdateInProgress);
    let said = later(&process).await;
    assert!(said.contains("is being changed outside Sluice: UPDATE_IN_PROGRESS since"), "{said}");
    by_hand(&shared, "dev", StackStatus::UpdateRollbackFailed);
    let said = later(&process).await;
    assert!(said.contains("is in UPDATE_ROLLBACK_FAILED and accepts no change"), "{said}");
    by_hand(&shared, "dev", StackStatus::DeleteComplete);
    let said = later(&process).await;
    assert!(said.contains("sluice-orders-dev of dev was deleted outside Sluice"), "{said}");
    deploy(&shared, &process, Status::Succeeded).await;
    assert!(resources(&shared, "dev").await.contains(&"Orders".to_owned()), "it is made again");
    let said = later(&process).await;
    assert!(!said.contains("The stack"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_cannot_be_looked_at_does_not_fail_the_status() {
    let (shared, process) = deployed().await;
    let call = "cloudformation:DescribeStackEvents";
    shared.fake_aws.fault_on(call, [Faults::Fails(Class::Throttled)]);
    let said = later(&process).await;
    assert!(said.contains("The stack sluice-orders-dev of dev was not compared: "), "{said}");
    assert!(said.contains("Compared with AWS"), "the rest was: {said}");
    let before = looks(&shared);
    status(&process).await;
    assert_eq!(looks(&shared), before, "not again at once");
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert!(!status(&process).await.contains("The stack"));
    shared.fake_aws.fault_on(call, [Faults::Slow(Duration::from_secs(30))]);
    let said = later(&process).await;
    assert!(said.contains("was not compared: AWS did not answer in time"), "{said}");
}
