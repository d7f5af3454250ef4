//! What people decide about a stack: whether its triggers deliver, and whether data may be replaced.

use serde_json::{Value, json};

use super::super::harness::{Process, Shared};
use super::gates::{ends, fails_with, reaches, runs};
use super::stacks::{app, built, deploy, push, resources};
use crate::operation::Status;
use crate::ports::Stacks;
use crate::testing::fake_aws::App;
use crate::testing::target;

async fn template(shared: &Shared) -> Value {
    let proxy = shared.fake_aws.fault_proxy();
    let text = proxy.template(&target(), "sluice-orders-dev").await.unwrap().unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Whether the queue's poller and the schedule deliver.
async fn delivers(shared: &Shared) -> (bool, bool) {
    let template = template(shared).await;
    let of = |id: &str, key: &str| template["Resources"][id]["Properties"][key].clone();
    (of("JobsPoller", "Enabled") != json!(false), of("Nightly", "State") != json!("DISABLED"))
}

async fn set(shared: &Shared, process: &Process, setting: &str) {
    ends(shared, process, "ada", &format!("/stage set orders dev {setting}"), Status::Succeeded).await;
}

#[tokio::test(start_paused = true)]
async fn events_that_are_off_stay_off_until_they_are_turned_on_and_a_rollback_turns_none_on() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(delivers(&shared).await, (true, true));
    set(&shared, &process, "events=off").await;
    assert_eq!(delivers(&shared).await, (true, true), "the setting counts from the next deploy on");
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(delivers(&shared).await, (false, false), "the same build is deployed with events off");
    push(&shared, &process, app("two")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(delivers(&shared).await, (false, false));
    ends(&shared, &process, "ann", "/rollback orders dev r1", Status::Succeeded).await;
    assert_eq!((runs(&shared, "dev").await, delivers(&shared).await), (1, (false, false)), "r1 had them on");
    set(&shared, &process, "events=on").await;
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(delivers(&shared).await, (true, true));
}

#[tokio::test(start_paused = true)]
async fn a_first_deploy_with_events_off_makes_triggers_that_deliver_nothing() {
    let (shared, process) = built(app("one")).await;
    set(&shared, &process, "events=off").await;
    deploy(&shared, &process, Status::Succeeded).await;
    assert_eq!(resources(&shared, "dev").await, ["Jobs", "JobsPoller", "Nightly", "Orders"]);
    assert_eq!(delivers(&shared).await, (false, false));
}

/// The application with another key of its table, which CloudFormation cannot change in place.
fn other_key(code: &str) -> App {
    let key = json!([{ "AttributeName": "id", "KeyType": "HASH" }]);
    app(code).resource("Orders", "AWS::DynamoDB::Table", json!({ "KeySchema": key }))
}

#[tokio::test(start_paused = true)]
async fn a_table_is_replaced_only_by_an_admin_who_says_so() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    push(&shared, &process, other_key("two")).await;
    let head = deploy(&shared, &process, Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "stack-forbidden");
    let failure = shared.op(&head.id).await.failure().unwrap();
    assert!(failure.hint.contains("with the word `replace`"), "{failure:?}");
    let answer = process.types("no", "ann", "/deploy orders replace").await;
    assert!(format!("{answer:?}").contains("admin"), "an operator cannot say so: {answer:?}");
    let before = shared.fake_aws.existing_stack_resources();
    reaches(&shared, &process, "ada", "/deploy orders replace", Status::Succeeded).await;
    let after = shared.fake_aws.existing_stack_resources();
    let tables = |all: &[String]| all.iter().filter(|name| name.contains("DynamoDB")).count();
    assert_eq!((tables(&before), tables(&after)), (1, 2), "the former table stays: {after:?}");
    assert_eq!(runs(&shared, "dev").await, 3);
}
