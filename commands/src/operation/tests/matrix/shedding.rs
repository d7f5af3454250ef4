//! `/pipeline tidy` and the stacks: what no release needs goes, what a rollback may need stays, and data stays until an admin names it.

use serde_json::json;

use super::super::harness::{Process, Shared};
use super::gates::{ends, fails_with, reaches, runs, secs};
use super::stacks::{app, built, changes, deploy, push, resources};
use crate::operation::effects::{CREATE_CHANGE_SET, EXECUTE_CHANGE_SET, MOVE_ALIAS};
use crate::operation::{Head, Status};
use crate::testing::fake_aws::App;

const NOW: &str = "/pipeline tidy orders now";

/// The application with a topic and a table that later releases do not have.
fn with_more(code: &str) -> App {
    app(code).resource("News", "AWS::SNS::Topic", json!({})).resource(
        "Archive",
        "AWS::DynamoDB::Table",
        json!({ "BillingMode": "PAY_PER_REQUEST" }),
    )
}

/// A stage whose releases after the first have no topic and no archive, and are so many.
async fn after(releases: usize) -> (Shared, Process) {
    let (shared, process) = built(with_more("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    for nth in 0..releases {
        push(&shared, &process, app(&format!("release {nth}"))).await;
        deploy(&shared, &process, Status::Succeeded).await;
    }
    tokio::time::sleep(secs(2 * 3600)).await;
    (shared, process)
}

async fn tidy(shared: &Shared, process: &Process, line: &str) -> Head {
    ends(shared, process, "ada", line, Status::Succeeded).await
}

const ALL: [&str; 6] = ["Archive", "Jobs", "JobsPoller", "News", "Nightly", "Orders"];
const WITHOUT_NEWS: [&str; 5] = ["Archive", "Jobs", "JobsPoller", "Nightly", "Orders"];
const WANTED: [&str; 4] = ["Jobs", "JobsPoller", "Nightly", "Orders"];

#[tokio::test(start_paused = true)]
async fn what_a_rollback_may_need_stays_and_the_rest_goes_without_its_data() {
    let (shared, process) = after(9).await;
    let since = shared.fake_aws.count();
    tidy(&shared, &process, NOW).await;
    assert_eq!(resources(&shared, "dev").await, ALL, "a rollback may return to the first release");
    assert!(!changes(&shared, since).iter().any(|call| call.starts_with("cloudformation:")));
    for nth in 9..12 {
        push(&shared, &process, app(&format!("release {nth}"))).await;
        deploy(&shared, &process, Status::Succeeded).await;
    }
    tokio::time::sleep(secs(2 * 3600)).await;
    let before = shared.fake_aws.existing_stack_resources();
    assert_eq!(before.iter().filter(|name| name.contains("SNS")).count(), 1);
    tidy(&shared, &process, "/pipeline tidy orders").await;
    assert_eq!(resources(&shared, "dev").await, ALL, "without the word now, it only lists");
    let since = shared.fake_aws.count();
    tidy(&shared, &process, NOW).await;
    assert_eq!(resources(&shared, "dev").await, WITHOUT_NEWS);
    let after = shared.fake_aws.existing_stack_resources();
    assert_eq!(after.iter().filter(|name| name.contains("SNS")).count(), 0, "{after:?}");
    let changes = changes(&shared, since);
    let of = |call: &str| changes.iter().filter(|change| *change == call).count();
    assert_eq!((of(CREATE_CHANGE_SET.call), of(EXECUTE_CHANGE_SET.call)), (2, 2), "{changes:?}");
    deploy_again(&shared, &process).await;
}

/// The next deploy finds a stack that it understands.
async fn deploy_again(shared: &Shared, process: &Process) {
    let more = app("last").resource("Later", "AWS::SNS::Topic", json!({}));
    push(shared, process, more).await;
    deploy(shared, process, Status::Succeeded).await;
    assert!(resources(shared, "dev").await.contains(&"Later".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn data_goes_only_if_an_admin_names_it() {
    let (shared, process) = after(12).await;
    let tables = |shared: &Shared| {
        let all = shared.fake_aws.existing_stack_resources();
        all.iter().filter(|name| name.contains("DynamoDB")).count()
    };
    let head = ends(&shared, &process, "ada", &format!("{NOW} with dev/Orders"), Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "data-is-needed");
    assert_eq!((tables(&shared), resources(&shared, "dev").await), (2, ALL.map(str::to_owned).into()));
    for (who, line) in [
        ("ada", "/pipeline tidy orders with dev/Archive"),
        ("ada", "/pipeline tidy orders now with staging/Archive"),
        ("ada", "/pipeline tidy orders now with Archive"),
        ("ann", "/pipeline tidy orders now with dev/Archive"),
    ] {
        process.types(&format!("no-{line}"), who, line).await;
        process.run_until(async || shared.is_settled()).await;
        assert_eq!(tables(&shared), 2, "{who}: {line}");
    }
    tidy(&shared, &process, &format!("{NOW} with dev/Archive")).await;
    assert_eq!((tables(&shared), resources(&shared, "dev").await), (1, WANTED.map(str::to_owned).into()));
    reaches(&shared, &process, "ann", "/rollback orders dev", Status::Succeeded).await;
    assert_eq!(runs(&shared, "dev").await, 12);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_moves_at_once_while_a_stack_is_tidied_and_both_end_well() {
    let (shared, process) = after(12).await;
    let (since, executed) = (shared.fake_aws.count(), EXECUTE_CHANGE_SET.call);
    process.types("tidy", "ada", NOW).await;
    let executes = || changes(&shared, since).iter().any(|call| call == executed);
    process.run_until(async || executes()).await;
    process.types("back", "ann", "/rollback orders dev").await;
    process.run_until(async || shared.is_settled()).await;
    for head in shared.heads() {
        assert_eq!(head.status, Status::Succeeded, "{:#?}", shared.journal(&head.id));
    }
    assert_eq!(
        (runs(&shared, "dev").await, resources(&shared, "dev").await),
        (12, WITHOUT_NEWS.map(str::to_owned).into())
    );
    let calls = changes(&shared, since);
    let of = |call: &str| calls.iter().position(|change| change == call);
    let last = calls.iter().rposition(|change| change == executed);
    assert!(of(MOVE_ALIAS.call) < last, "the move does not wait for the stack: {calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_cannot_be_changed_is_named_and_the_rest_is_tidied() {
    let (shared, process) = after(12).await;
    shared.fake_aws.fail_stack_resource("News", "Access denied");
    let head = tidy(&shared, &process, NOW).await;
    let journal = format!("{:?}", shared.op(&head.id).await);
    assert!(journal.contains("Access denied"), "{journal}");
    shared.fake_aws.stack_resources_recover();
    tokio::time::sleep(secs(2 * 3600)).await;
    tidy(&shared, &process, NOW).await;
    assert_eq!(resources(&shared, "dev").await, WITHOUT_NEWS);
}
