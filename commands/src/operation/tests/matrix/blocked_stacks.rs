//! Stacks whose update failed and whose rollback failed, too: the next change continues the rollback first.

use serde_json::json;

use super::gates::{ends, fails_with, reaches, runs};
use super::stacks::{app, built, changes, deploy, push, resources, retry_succeeds, stack};
use crate::operation::Status;
use crate::operation::effects::CONTINUE_UPDATE_ROLLBACK;
use crate::ports::StackStatus;

#[tokio::test(start_paused = true)]
async fn a_deploy_continues_the_rollback_that_another_one_left() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    let more = app("two").resource("Jobs", "AWS::SQS::Queue", json!({ "VisibilityTimeout": 90 })).resource(
        "News",
        "AWS::SNS::Topic",
        json!({}),
    );
    push(&shared, &process, more).await;
    shared.fake_aws.fail_stack_resource("News", "Rate exceeded");
    shared.fake_aws.fail_stack_rollback("Jobs", "Access denied");
    let head = deploy(&shared, &process, Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "stack-broken");
    assert_eq!(stack(&shared, "dev").await.unwrap().status, StackStatus::UpdateRollbackFailed);
    let head = deploy(&shared, &process, Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "stack-broken", "the cause is not fixed");
    shared.fake_aws.stack_resources_recover();
    let since = shared.fake_aws.count();
    deploy(&shared, &process, Status::Succeeded).await;
    let changes = changes(&shared, since);
    assert_eq!(changes.first().map(String::as_str), Some(CONTINUE_UPDATE_ROLLBACK.call), "{changes:?}");
    assert!(resources(&shared, "dev").await.contains(&"News".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_retry_of_triggers_continues_the_rollback_and_connects_them() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    let mut other = app("two");
    other = other.resource("Later", "AWS::Events::Rule", json!({ "ScheduleExpression": "rate(1 hour)" }));
    other = other.resource(
        "Nightly",
        "AWS::Events::Rule",
        json!({ "ScheduleExpression": "rate(2 days)", "Targets": [] }),
    );
    push(&shared, &process, other).await;
    shared.fake_aws.fail_stack_resource("Later", "Rate exceeded");
    shared.fake_aws.fail_stack_rollback("Nightly", "Access denied");
    let head = reaches(&shared, &process, "ann", "/deploy orders", Status::Stuck).await;
    let (_, refusal) = shared.op(&head.id).await.stuck.unwrap();
    assert_eq!(refusal.code, "triggers-failed");
    assert!(refusal.problem.contains("could not undo that either"), "{refusal:?}");
    assert_eq!(runs(&shared, "dev").await, 2);
    shared.fake_aws.stack_resources_recover();
    retry_succeeds(&shared, &process, &head.id).await;
    assert!(resources(&shared, "dev").await.contains(&"Later".to_owned()));
    ends(&shared, &process, "ann", "/rollback orders dev", Status::Succeeded).await;
    assert_eq!(runs(&shared, "dev").await, 1);
}
