//! Answers of commands that change something, and of buttons.

use serde_json::json;
use sluice_commands::operation::Status;
use sluice_commands::ports::StackStatus;
use sluice_commands::testing::{Faults, samples};
use sluice_model::Class;

use super::test_service::{STAGES, sample, test_service};
use crate::message_tests::Snapshots;

#[tokio::test(start_paused = true)]
async fn the_answers_to_commands() {
    let mut service = test_service(samples::access());
    samples::orders(&*service.store, "orders", &STAGES).await;
    samples::orders(&*service.store, "fresh", &[("dev", 0), ("prod", 0)]).await;
    for line in [
        "/repo create invoices",
        "/build orders",
        "/build orders",
        "/build orders@fix-4711",
        "/deploy orders #1",
        "/stage add orders qa after dev",
        "/promote orders prod",
        "/rollback orders dev",
    ] {
        service.types("ann", line).await;
    }
    std::mem::take(&mut service.snapshots).snapshot("answers_to_accepted");
    for line in [
        "/repo create orders",
        "/build ordres",
        "/deploy orders",
        "/deploy orders #3",
        "/deploy orders #4",
        "/deploy orders #77",
        "/deploy orders to prod",
        "/deploy orders to qa",
        "/deploy fresh",
        "/stage add orders prod",
        "/stage add orders qa after nowhere",
        "/promote orders dev",
        "/promote orders staging",
        "/promote orders staging from prod",
        "/promote fresh prod",
        "/promote orders prod r7",
        "/promote orders nowhere",
        "/rollback fresh dev",
        "/rollback orders prod",
        "/rollback orders dev r2",
        "/rollback orders dev r7",
        "/promote approve orders prod",
        "/repo delete orders",
        "/stage lock orders prod for 2h Easter",
        "/stage remove orders dev",
        "/stage remove orders prod",
        "/stage remove orders nowhere",
    ] {
        service.types("eve", line).await;
    }
    service.types("dan", "/build orders").await;
    service.types("dan", "/stage add orders qa").await;
    service.snapshots.snapshot("answers_to_refused");
}

#[tokio::test(start_paused = true)]
async fn the_answers_to_decisions() {
    let mut service = test_service(samples::access());
    samples::orders(&*service.store, "orders", &STAGES).await;
    let head = samples::waiting(&*service.store, &sample("waiting for approval"), Status::Waiting).await;
    let value = |operation: &str, wait: &str| json!({ "operation": operation, "wait": wait }).to_string();
    let (stale, gone) =
        (value(head.id.as_str(), "approval@999"), value("01KJP4XPK8000000000000000Z", "approval@3"));
    let value = value(head.id.as_str(), &head.awaits);
    service.clicks("dan", "promotion.approve", &value).await;
    service.clicks("ann", "promotion.approve", &value).await;
    service.clicks("ben", "promotion.explode", &value).await;
    service.clicks("ben", "promotion.approve", "nonsense").await;
    service.clicks("ben", "promotion.approve", &stale).await;
    service.clicks("ben", "promotion.approve", &gone).await;
    service.clicks("ben", "promotion.approve", &value).await;
    service.clicks("ben", "promotion.reject", &value).await;
    service.types("cleo", "/promote reject orders prod not today").await;
    for (name, status) in [("succeeded", Status::Succeeded), ("rejected", Status::Failed)] {
        let mut fresh = test_service(samples::access());
        fresh.snapshots = service.snapshots;
        service = fresh;
        samples::waiting(&*service.store, &sample(name), status).await;
        service.clicks("cleo", "promotion.reject", &value).await;
    }
    service.snapshots.snapshot("answers_to_decisions");
}

#[tokio::test(start_paused = true)]
async fn the_answers_about_what_was_moved_outside() {
    let mut service = test_service(samples::access());
    samples::orders(&*service.store, "orders", &STAGES).await;
    service.fake_aws.move_by_hand("sluice-orders-prod-Hello", "prod", "2", Some(("3", 125)));
    for (who, line) in [
        ("dan", "/pipeline status orders"),
        ("dan", "/pipeline check orders prod"),
        ("ann", "/promote orders prod"),
        ("ann", "/promote orders prod override <!channel> *it* is down"),
        ("dan", "/rollback orders staging"),
        ("ann", "/deploy orders #1"),
    ] {
        service.types(who, line).await;
    }
    service.clicks("ann", "drift.go", r#"{"seen":"0000000000","line":"/promote orders prod anyway"}"#).await;
    service.clicks("zoe", "drift.go", r#"{"seen":"0000000000","line":"/promote orders prod anyway"}"#).await;
    service.clicks("ann", "drift.go", r#"{"seen":"0000000000","line":"/repo delete orders"}"#).await;
    service.clicks("ann", "drift.go", "nonsense").await;
    service.types("ann", "/promote orders prod anyway").await;
    service.snapshots.snapshot("answers_about_what_was_moved_outside");
}

#[tokio::test(start_paused = true)]
async fn the_answers_about_stacks_that_were_changed_outside() {
    use StackStatus::{RollbackComplete, UpdateComplete, UpdateInProgress, UpdateRollbackFailed};
    let template = ("Jobs", "Tasks");
    let mut snapshots = Snapshots::default();
    for (places, changes) in [
        (&STAGES[..], &[][..]),
        (&STAGES[..2], &[("dev", UpdateComplete), ("staging", UpdateInProgress)][..]),
        (&STAGES[..], &[("staging", UpdateRollbackFailed), ("prod", RollbackComplete)][..]),
    ] {
        let mut service = test_service(samples::access());
        service.snapshots = snapshots;
        samples::orders(&*service.store, "orders", &STAGES).await;
        samples::with_stacks(&*service.store, "orders", &STAGES).await;
        for (stage, _) in places {
            service.fake_aws.place_stack(&format!("sluice-orders-{stage}"));
        }
        for (stage, status) in changes {
            let stack = format!("sluice-orders-{stage}");
            service.fake_aws.change_stack_by_hand(&stack, None, *status, template);
        }
        if changes.iter().any(|(_, status)| *status == RollbackComplete) {
            // The first stage is looked at first.
            let fault = Faults::Fails(Class::Throttled);
            service.fake_aws.fault_on("cloudformation:DescribeStackEvents", [fault]);
        }
        service.types("dan", "/pipeline status orders").await;
        snapshots = service.snapshots;
    }
    snapshots.snapshot("answers_about_stacks_that_were_changed_outside");
}

#[tokio::test(start_paused = true)]
async fn the_answers_about_the_removal_of_a_stage() {
    let mut service = test_service(samples::access());
    samples::orders(&*service.store, "orders", &STAGES).await;
    samples::orders(&*service.store, "fresh", &[("dev", 0), ("prod", 0)]).await;
    for line in ["/stage remove orders prod", "/stage remove fresh prod", "/stage remove orders staging now"]
    {
        service.types("eve", line).await;
    }
    service
        .clicks("eve", "stage.remove", r#"{"seen":"0000000000","line":"/stage remove orders prod now"}"#)
        .await;
    service
        .clicks("dan", "stage.remove", r#"{"seen":"0000000000","line":"/stage remove orders prod now"}"#)
        .await;
    service
        .clicks("eve", "stage.remove", r#"{"seen":"0000000000","line":"/stage remove orders prod"}"#)
        .await;
    service.snapshots.snapshot("answers_about_the_removal_of_a_stage");
}
