//! Behaviour of AWS that the other tests leave out: data planes that lag, deployments that take a while, settings that change
//! with the code, revisions that change once more.

use std::time::Duration;

use super::gates::{ends, fails_with, newest, runs, world};
use super::scenarios::Act;
use crate::operation::effects::{CREATE_DEPLOYMENT, CREATE_STAGE, PERMIT_API, UPDATE_CONFIG};
use crate::operation::{Status, StepId};
use crate::testing::fake_aws::{App, Faults};

#[tokio::test(start_paused = true)]
async fn a_smoke_test_rejects_an_answer_of_the_previous_version() {
    let (shared, process) = world("approvals=0 smoke=\"GET /hello 200\"").await;
    shared.fake_aws.climate(|now| now.late = Duration::from_secs(4));
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "ill", 128), "push").await;
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    let head = ends(&shared, &process, "ann", "/promote orders prod", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "smoke-test-failed");
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stage_serves_a_deployment_once_it_is_deployed() {
    let (shared, process) = world("").await;
    shared.fake_aws.climate(|now| now.deploys = Duration::from_secs(7));
    shared.act(&process, &Act::Pushes(&["Hello", "World", "More"], "v9", 128), "push").await;
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    let op = shared.op(&newest(&shared).id).await;
    let done = |step: &str| op.step(&StepId::new(step)).unwrap().done.clone().unwrap().0;
    let waited = done("api-stage").duration_since(done("deployment"));
    assert!(waited.as_secs() >= 6, "{waited}: {:#?}", shared.journal(&newest(&shared).id));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_deployment_is_bounded() {
    let (shared, process) = world("").await;
    shared.fake_aws.climate(|now| now.deploys = Duration::from_secs(3600));
    shared.act(&process, &Act::Pushes(&["Hello", "World", "More"], "v9", 128), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    let head = ends(&shared, &process, "ann", "/deploy orders", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "deployment-too-slow");
    let made = shared.fake_aws.calls().iter().filter(|called| called.call == CREATE_DEPLOYMENT.call).count();
    assert!(made > 0);
}

#[tokio::test(start_paused = true)]
async fn a_new_function_that_lambda_does_not_show_yet_is_read_again() {
    let (shared, process) = world("").await;
    shared.act(&process, &Act::Pushes(&["Hello", "World", "More"], "v9", 256), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    shared.fake_aws.climate(|now| now.lag = Duration::from_secs(20));
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_never_appears_is_reported_as_gone() {
    let (shared, process) = world("").await;
    shared.act(&process, &Act::Pushes(&["Hello", "World", "More"], "v9", 256), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    shared.fake_aws.climate(|now| now.lag = Duration::from_secs(1800));
    let head = ends(&shared, &process, "ann", "/deploy orders", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "function-gone");
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_lambda_is_bounded() {
    let (shared, process) = world("").await;
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "v9", 256), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    // Earlier changes are applied by now.
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    shared.fake_aws.climate(|now| now.applies = Duration::from_secs(3600));
    let before = shared.fake_aws.count();
    let head = ends(&shared, &process, "ann", "/deploy orders", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "lambda-too-slow");
    let calls = shared.fake_aws.count() - before;
    assert!(calls < 250, "{calls} calls in five minutes");
}

#[tokio::test(start_paused = true)]
async fn an_api_stage_is_created_after_the_permissions_of_its_functions() {
    let (shared, process) = world("").await;
    for line in
        ["/stage add orders late", "/stage set orders late approvals=0 confirm", "/promote orders late"]
    {
        ends(&shared, &process, "ada", line, Status::Succeeded).await;
    }
    let calls = shared.fake_aws.calls();
    let last_permit = calls.iter().rposition(|called| called.call == PERMIT_API.call).unwrap();
    let made = calls.iter().rposition(|called| called.call == CREATE_STAGE.call).unwrap();
    assert!(last_permit < made, "{last_permit} {made}");
}

#[tokio::test(start_paused = true)]
async fn a_new_revision_with_equal_contents_is_no_external_change() {
    let (shared, process) = world("").await;
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "v9", 256), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    // Lambda finishes an earlier change between the look and the first write.
    shared.fake_aws.fault_on(UPDATE_CONFIG.call, [Faults::Revised]);
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
    // A real change in between is one.
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "v10", 512), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    shared.fake_aws.fault_on(UPDATE_CONFIG.call, [Faults::Fails(sluice_model::Class::Precondition)]);
    let head = ends(&shared, &process, "ann", "/deploy orders", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "aws-precondition");
}

#[tokio::test(start_paused = true)]
async fn another_architecture_alone_is_deployed() {
    let (shared, process) = world("").await;
    let app = |architecture| App::of(&["Hello", "World"], "v11").on(architecture);
    for architecture in ["x86_64", "arm64"] {
        shared.fake_aws.push("orders", architecture, app(architecture)).unwrap();
        for line in ["/build orders", "/deploy orders"] {
            ends(&shared, &process, "ann", line, Status::Succeeded).await;
        }
    }
    assert_eq!(runs(&shared, "dev").await, 4);
}

#[tokio::test(start_paused = true)]
async fn the_check_warns_of_a_runtime_that_is_near_its_end_of_support() {
    let (shared, process) = world("").await;
    let check = async |id: &str| format!("{:?}", process.types(id, "ann", "/pipeline check orders").await);
    assert!(!check("before").await.contains("python3."), "there is no warning");
    shared.fake_aws.push("orders", "old", App::of(&["Hello", "World"], "v12").running("python3.9")).unwrap();
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    let card = check("after").await;
    for wanted in ["python3.9", "Hello", "AWS ended support on 2025-12-15", "lambda-runtimes.html"] {
        assert!(card.contains(wanted), "{wanted}: {card}");
    }
}
