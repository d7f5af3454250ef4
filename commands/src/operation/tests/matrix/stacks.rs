//! Stages with a stack: what changes when, what never changes, and what is left after a failure.

use serde_json::{Value, json};

use super::super::harness::{Process, Shared};
use super::fixture::Fixture;
use super::gates::{approve, ends, fails_with, newest, reaches, runs, secs};
use super::scenarios::CREATED;
use crate::operation::Status;
use crate::operation::effects::{
    CREATE_CHANGE_SET, CREATE_FUNCTION, EXECUTE_CHANGE_SET, MOVE_ALIAS, PUT_OBJECT, UPDATE_STAGE,
};
use crate::ports::{Functions, Stack, StackStatus, Stacks};
use crate::testing::fake_aws::App;
use crate::testing::target;
use sluice_model::OperationId;

fn arn_of(logical: &str) -> Value {
    json!({ "Fn::GetAtt": [logical, "Arn"] })
}

/// An application with a table that its functions read, and a queue and a schedule that call them.
pub(super) fn app(code: &str) -> App {
    App::of(&["Hello", "World"], code)
        .variable("TABLE", json!({ "Ref": "Orders" }))
        .resource("Orders", "AWS::DynamoDB::Table", json!({ "BillingMode": "PAY_PER_REQUEST" }))
        .resource("Jobs", "AWS::SQS::Queue", json!({ "VisibilityTimeout": 60 }))
        .resource(
            "JobsPoller",
            "AWS::Lambda::EventSourceMapping",
            json!({ "EventSourceArn": arn_of("Jobs"), "FunctionName": { "Ref": "Hello" } }),
        )
        .resource(
            "Nightly",
            "AWS::Events::Rule",
            json!({
                "ScheduleExpression": "rate(1 day)",
                "Targets": [{ "Id": "hello", "Arn": arn_of("Hello") }],
            }),
        )
}

/// A world with a build of that application.
pub(super) async fn built(app: App) -> (Shared, Process) {
    let shared = Fixture::after(&[CREATED]).await.open();
    let process = shared.process("one");
    push(&shared, &process, app).await;
    (shared, process)
}

pub(super) async fn push(shared: &Shared, process: &Process, app: App) {
    shared.fake_aws.push("orders", "Change", app).unwrap();
    ends(shared, process, "ann", "/build orders", Status::Succeeded).await;
}

pub(super) async fn deploy(shared: &Shared, process: &Process, status: Status) -> crate::operation::Head {
    ends(shared, process, "ann", "/deploy orders", status).await
}

/// The names of the calls that changed something, since that call.
pub(super) fn changes(shared: &Shared, since: usize) -> Vec<String> {
    let calls = shared.fake_aws.calls();
    let changes = shared.fake_aws.changes().into_iter().filter(|nth| *nth >= since);
    changes.map(|nth| calls[nth].call.to_owned()).collect()
}

fn count(changes: &[String], call: &str) -> usize {
    changes.iter().filter(|change| *change == call).count()
}

fn nth(changes: &[String], call: &str) -> Vec<usize> {
    let found = changes.iter().enumerate().filter(|(_, change)| *change == call);
    found.map(|(nth, _)| nth).collect()
}

pub(super) async fn stack(shared: &Shared, stage: &str) -> Option<Stack> {
    let name = format!("sluice-orders-{stage}");
    shared.fake_aws.fault_proxy().stack(&target(), &name).await.unwrap()
}

/// The logical ids of the stack's resources.
pub(super) async fn resources(shared: &Shared, stage: &str) -> Vec<String> {
    let name = format!("sluice-orders-{stage}");
    let found = shared.fake_aws.fault_proxy().stack_resources(&target(), &name).await.unwrap();
    found.unwrap_or_default().into_iter().map(|resource| resource.logical_id).collect()
}

/// An admin presses *Retry*, and the stuck operation succeeds.
pub(super) async fn retry_succeeds(shared: &Shared, process: &Process, id: &OperationId) {
    process.presses(shared, "operation.retry").await;
    let ended = async || shared.head(id).await.status != Status::Stuck && shared.is_settled();
    let lived = tokio::time::timeout(secs(600), process.run_until(ended)).await;
    assert!(lived.is_ok(), "{:#?}", shared.journal(id));
    assert_eq!(shared.head(id).await.status, Status::Succeeded);
}

const ALL: [&str; 4] = ["Jobs", "JobsPoller", "Nightly", "Orders"];

#[tokio::test(start_paused = true)]
async fn a_first_deploy_makes_the_stack_then_the_functions_and_the_triggers_last() {
    let (shared, process) = built(app("one")).await;
    let since = shared.fake_aws.count();
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(resources(&shared, "dev").await, ALL);
    let changes = changes(&shared, since);
    let executed = nth(&changes, EXECUTE_CHANGE_SET.call);
    let created = nth(&changes, CREATE_FUNCTION.call);
    assert_eq!((executed.len(), created.len()), (2, 2), "{changes:?}");
    assert!(created.iter().all(|nth| *nth > executed[0]), "{changes:?}");
    let moved = nth(&changes, MOVE_ALIAS.call).into_iter().chain(nth(&changes, "lambda:CreateAlias"));
    assert!(moved.max().is_some_and(|moved| moved < executed[1]), "{changes:?}");
    assert_eq!(stack(&shared, "dev").await.unwrap().status, StackStatus::UpdateComplete);
    let proxy = shared.fake_aws.fault_proxy();
    let version = proxy.version(&target(), "sluice-orders-dev-Hello", "1").await.unwrap().unwrap();
    assert!(version.config.environment["TABLE"].contains("Orders"), "{:?}", version.config.environment);
}

#[tokio::test(start_paused = true)]
async fn a_large_template_goes_to_cloudformation_by_s3() {
    let long = "x".repeat(52_000);
    let (shared, process) = built(app("one").resource(
        "Flow",
        "AWS::StepFunctions::StateMachine",
        json!({ "DefinitionString": long }),
    ))
    .await;
    let since = shared.fake_aws.count();
    deploy(&shared, &process, Status::Succeeded).await;
    assert!(resources(&shared, "dev").await.contains(&"Flow".to_owned()));
    let puts = count(&changes(&shared, since), PUT_OBJECT.call);
    assert_eq!(puts, 2, "the templates of GROW and of WIRE");
}

#[tokio::test(start_paused = true)]
async fn new_code_alone_changes_no_stack() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    push(&shared, &process, app("two")).await;
    let since = shared.fake_aws.count();
    deploy(&shared, &process, Status::Succeeded).await;
    let changes = changes(&shared, since);
    assert!(!changes.iter().any(|call| call.starts_with("cloudformation:")), "{changes:?}");
    let looks = shared.fake_aws.calls().into_iter().skip(since);
    let looks = looks.filter(|called| called.call.starts_with("cloudformation:")).count();
    assert!(looks <= 4, "{looks} calls of CloudFormation");
    assert_eq!(runs(&shared, "dev").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_queue_stays_and_its_trigger_goes() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    let mut without = app("two");
    without.others.retain(|id, _| id != "Jobs" && id != "JobsPoller");
    push(&shared, &process, without).await;
    let since = shared.fake_aws.count();
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(resources(&shared, "dev").await, ["Jobs", "Nightly", "Orders"]);
    assert_eq!(count(&changes(&shared, since), EXECUTE_CHANGE_SET.call), 1, "WIRE alone");
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_fails_leaves_the_stage_as_it_was() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    let more = app("two").resource("Events", "AWS::SNS::Topic", json!({}));
    push(&shared, &process, more).await;
    shared.fake_aws.fail_stack_resource("Events", "Rate exceeded");
    let since = shared.fake_aws.count();
    let head = deploy(&shared, &process, Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "stack-failed");
    let failure = shared.op(&head.id).await.failure().unwrap();
    assert!(failure.problem.contains("Events") && failure.problem.contains("Rate exceeded"), "{failure:?}");
    assert_eq!(stack(&shared, "dev").await.unwrap().status, StackStatus::UpdateRollbackComplete);
    let done = changes(&shared, since);
    assert_eq!(count(&done, MOVE_ALIAS.call) + count(&done, UPDATE_STAGE.call), 0, "{done:?}");
    assert_eq!(runs(&shared, "dev").await, 1);
    shared.fake_aws.stack_resources_recover();
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(runs(&shared, "dev").await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_fails_can_be_repeated() {
    let (shared, process) = built(app("one")).await;
    shared.fake_aws.fail_stack_resource("Orders", "Rate exceeded");
    let head = deploy(&shared, &process, Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "stack-failed");
    assert!(stack(&shared, "dev").await.is_none());
    shared.fake_aws.stack_resources_recover();
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(resources(&shared, "dev").await, ALL);
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_gone_after_its_creation_failed_is_waited_for_no_longer() {
    let (shared, process) = built(app("one")).await;
    shared.fake_aws.fail_stack_resource("Orders", "Rate exceeded");
    shared.fake_aws.forget_deleted_stacks();
    let head = deploy(&shared, &process, Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "stack-failed");
}

#[tokio::test(start_paused = true)]
async fn triggers_that_fail_are_connected_by_a_retry_and_the_release_runs_meanwhile() {
    let (shared, process) = built(app("one")).await;
    shared.fake_aws.fail_stack_resource("JobsPoller", "The role cannot receive messages");
    let head = reaches(&shared, &process, "ann", "/deploy orders", Status::Stuck).await;
    let (_, refusal) = shared.op(&head.id).await.stuck.unwrap();
    assert_eq!(refusal.code, "triggers-failed");
    assert!(refusal.problem.contains("The role cannot receive messages"), "{refusal:?}");
    assert_eq!(runs(&shared, "dev").await, 1);
    shared.fake_aws.stack_resources_recover();
    retry_succeeds(&shared, &process, &head.id).await;
    assert_eq!(resources(&shared, "dev").await, ALL);
}

#[tokio::test(start_paused = true)]
async fn a_promotion_changes_the_stack_after_the_approval() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    let since = shared.fake_aws.count();
    let head = reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    let before = changes(&shared, since);
    assert_eq!(count(&before, CREATE_CHANGE_SET.call), 1, "{before:?}");
    assert_eq!(count(&before, EXECUTE_CHANGE_SET.call), 0, "{before:?}");
    approve(&shared, &process, "yes", "ben").await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded, "{:#?}", shared.journal(&head.id));
    assert_eq!(resources(&shared, "prod").await, ALL);
    assert_eq!(resources(&shared, "dev").await, ALL);
    assert_eq!(runs(&shared, "prod").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_promotion_that_is_rejected_leaves_no_stack() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    let head = reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    process.types("no", "ben", "/promote reject orders prod \"not now\"").await;
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Failed);
    tokio::time::sleep(secs(60)).await;
    assert!(stack(&shared, "prod").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_rollback_moves_first_and_switches_newer_triggers_off_while_data_stays() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    let more = app("two")
        .resource("Later", "AWS::Events::Rule", json!({ "ScheduleExpression": "rate(1 hour)" }))
        .resource("Jobs", "AWS::SQS::Queue", json!({ "VisibilityTimeout": 90 }))
        .resource("Archive", "AWS::DynamoDB::Table", json!({ "BillingMode": "PAY_PER_REQUEST" }));
    push(&shared, &process, more).await;
    deploy(&shared, &process, Status::Succeeded).await;
    let since = shared.fake_aws.count();
    ends(&shared, &process, "ann", "/rollback orders dev", Status::Succeeded).await;
    assert_eq!(runs(&shared, "dev").await, 1);
    assert_eq!(resources(&shared, "dev").await, ["Archive", "Jobs", "JobsPoller", "Nightly", "Orders"]);
    let template =
        shared.fake_aws.fault_proxy().template(&target(), "sluice-orders-dev").await.unwrap().unwrap();
    assert!(template.contains(r#""VisibilityTimeout":90"#), "data goes nowhere: {template}");
    let changes = changes(&shared, since);
    let executed = nth(&changes, EXECUTE_CHANGE_SET.call);
    assert_eq!(executed.len(), 1, "{changes:?}");
    assert!(nth(&changes, MOVE_ALIAS.call).into_iter().all(|nth| nth < executed[0]), "{changes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_log_group_of_the_template_is_made_by_the_stack() {
    let group = json!({
        "LogGroupName": { "Fn::Sub": "/aws/lambda/${Hello}" }, "RetentionInDays": 7,
    });
    let (shared, process) = built(app("one").resource("HelloLogs", "AWS::Logs::LogGroup", group)).await;
    let since = shared.fake_aws.count();
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(count(&changes(&shared, since), "logs:CreateLogGroup"), 1, "that of the other function");
}

#[tokio::test(start_paused = true)]
async fn two_stages_have_stacks_and_names_of_their_own() {
    let topic = json!({ "TopicName": "orders" });
    let (shared, process) = built(app("one").resource("Events", "AWS::SNS::Topic", topic)).await;
    deploy(&shared, &process, Status::Succeeded).await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    approve(&shared, &process, "yes", "ben").await;
    assert_eq!(runs(&shared, "prod").await, 1);
    let existing = shared.fake_aws.existing_stack_resources();
    for name in ["orders", "orders-prod"] {
        assert!(existing.contains(&format!("AWS::SNS::Topic {name}")), "{existing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_connects_its_triggers_although_somebody_changes_the_stack_meanwhile() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    let mut other = app("two");
    other.others.retain(|id, _| id != "Nightly");
    push(&shared, &process, other).await;
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(resources(&shared, "dev").await, ["Jobs", "JobsPoller", "Orders"]);
    let since = shared.fake_aws.count();
    process.types("back", "ann", "/rollback orders dev").await;
    let is_created = || changes(&shared, since).iter().any(|call| call == CREATE_CHANGE_SET.call);
    process.run_until(async || is_created()).await;
    // The execution of another change set deletes this one.
    let (proxy, head) = (shared.fake_aws.fault_proxy(), newest(&shared));
    let change_set = format!("sluice-{}-wire-1", head.id);
    proxy.delete_change_set(&target(), "sluice-orders-dev", &change_set).await.unwrap();
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded, "{:#?}", shared.journal(&head.id));
    assert_eq!(resources(&shared, "dev").await, ALL);
    assert_eq!(count(&changes(&shared, since), CREATE_CHANGE_SET.call), 2);
}
