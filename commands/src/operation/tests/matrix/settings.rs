//! Settings of functions that have calls of their own: they move with the release, and somebody's value is left.

use serde_json::{Value, json};

use super::super::harness::{Process, Shared};
use super::fixture::Fixture;
use super::gates::{ends, newest};
use super::scenarios::app;
use crate::operation::Status;
use crate::operation::effects::{MOVE_ALIAS, PUT_CONCURRENCY, PUT_RUNTIME_MANAGEMENT, UPDATE_STAGE};
use crate::ports::{FunctionSettings as _, SeparateSetting};
use crate::resources::left_settings;
use crate::testing::target;

const HELLO: &str = "sluice-orders-dev-Hello";
const CONCURRENCY: SeparateSetting = SeparateSetting::ReservedConcurrentExecutions;

/// Pushes `Hello` with these properties and builds it.
async fn build(shared: &Shared, process: &Process, code: &str, properties: &[(&str, Value)]) {
    let app = app(&["Hello"], code, 128);
    let app = properties.iter().fold(app, |app, (name, value)| app.property(name, value.clone()));
    assert!(shared.fake_aws.push("orders", &format!("{code} {properties:?}"), app).is_some());
    ends(shared, process, "ann", "/build orders", Status::Succeeded).await;
}

/// Deploys these properties.
async fn deploy(shared: &Shared, process: &Process, code: &str, properties: &[(&str, Value)]) {
    build(shared, process, code, properties).await;
    ends(shared, process, "ann", "/deploy orders", Status::Succeeded).await;
}

async fn world() -> (Shared, Process) {
    let shared = Fixture::empty().await.open();
    let process = shared.process("one");
    ends(&shared, &process, "ann", "/repo create orders", Status::Succeeded).await;
    (shared, process)
}

/// The value of a setting of `Hello`, or of that version of it.
async fn value(shared: &Shared, version: &str, setting: SeparateSetting) -> Option<Value> {
    let aws = shared.fake_aws.fault_proxy();
    aws.separate_setting(&target(), HELLO, version, setting).await.unwrap()
}

fn reserved(number: u32) -> [(&'static str, Value); 1] {
    [("ReservedConcurrentExecutions", number.into())]
}

/// The numbers of the calls of these names since that one.
fn numbers(shared: &Shared, since: usize, calls: &[&str]) -> Vec<usize> {
    let made = shared.fake_aws.calls();
    let made = made.iter().enumerate().skip(since);
    made.filter(|(_, called)| calls.contains(&called.call)).map(|(nth, _)| nth).collect()
}

#[tokio::test(start_paused = true)]
async fn a_setting_of_a_function_changes_after_the_move_and_back_with_a_rollback() {
    let (shared, process) = world().await;
    deploy(&shared, &process, "one", &reserved(5)).await;
    assert_eq!(value(&shared, "$LATEST", CONCURRENCY).await, Some(json!(5)));
    let since = shared.fake_aws.count();
    deploy(&shared, &process, "two", &reserved(10)).await;
    let (puts, moves) = (
        numbers(&shared, since, &[PUT_CONCURRENCY.call]),
        numbers(&shared, since, &[MOVE_ALIAS.call, UPDATE_STAGE.call]),
    );
    assert_eq!(puts.len(), 1);
    assert!(!moves.is_empty() && moves.iter().all(|moved| *moved < puts[0]), "{moves:?} {puts:?}");
    let since = shared.fake_aws.count();
    deploy(&shared, &process, "three", &reserved(10)).await;
    let reads = ["lambda:GetFunctionConcurrency", PUT_CONCURRENCY.call];
    assert_eq!(numbers(&shared, since, &reads), Vec::<usize>::new(), "nothing changed, so no call");
    deploy(&shared, &process, "three", &[]).await;
    assert_eq!(value(&shared, "$LATEST", CONCURRENCY).await, None);
    ends(&shared, &process, "ann", "/rollback orders dev r1", Status::Succeeded).await;
    assert_eq!(value(&shared, "$LATEST", CONCURRENCY).await, Some(json!(5)));
    assert_eq!(shared.disagreements().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_somebody_set_in_an_emergency_is_left_and_named() {
    let (shared, process) = world().await;
    deploy(&shared, &process, "one", &reserved(5)).await;
    let aws = shared.fake_aws.fault_proxy();
    aws.put_separate_setting(&target(), HELLO, "$LATEST", CONCURRENCY, Some(&json!(0))).await.unwrap();
    deploy(&shared, &process, "two", &reserved(10)).await;
    assert_eq!(value(&shared, "$LATEST", CONCURRENCY).await, Some(json!(0)));
    let op = shared.op(&newest(&shared).id).await;
    let left = left_settings(&op).join(" ");
    assert!(left.contains("reserved concurrency is 0") && left.contains("this release has 10"), "{left}");
    assert!(left.contains("--reserved-concurrent-executions 10"), "{left}");
    let card = format!("{:?}", shared.last_update(&op.id).unwrap().card);
    assert!(card.contains("Settings left as they are"), "{card}");
}

#[tokio::test(start_paused = true)]
async fn a_setting_of_a_version_is_there_before_the_stage_moves_to_it() {
    let (shared, process) = world().await;
    let manual = |runtime: &str| {
        [("RuntimeManagementConfig", json!({ "UpdateRuntimeOn": "Manual", "RuntimeVersionArn": runtime }))]
    };
    let runtime = SeparateSetting::RuntimeManagementConfig;
    deploy(&shared, &process, "one", &[]).await;
    let since = shared.fake_aws.count();
    deploy(&shared, &process, "two", &manual("arn:a")).await;
    let (puts, moves) = (
        numbers(&shared, since, &[PUT_RUNTIME_MANAGEMENT.call]),
        numbers(&shared, since, &[MOVE_ALIAS.call, UPDATE_STAGE.call]),
    );
    assert_eq!(puts.len(), 1);
    assert!(!moves.is_empty() && moves.iter().all(|moved| *moved > puts[0]), "{moves:?} {puts:?}");
    assert_eq!(value(&shared, "1", runtime).await, None, "the version before keeps its own");
    assert_eq!(value(&shared, "2", runtime).await, Some(manual("arn:a")[0].1.clone()));
    // The same version: the stage runs it, so the setting moves with the release and back.
    deploy(&shared, &process, "two", &manual("arn:b")).await;
    assert_eq!(value(&shared, "2", runtime).await, Some(manual("arn:b")[0].1.clone()));
    ends(&shared, &process, "ann", "/rollback orders dev", Status::Succeeded).await;
    assert_eq!(value(&shared, "2", runtime).await, Some(manual("arn:a")[0].1.clone()));
}
