//! Behaviour of AWS that the other tests leave out: data planes that lag, deployments that take a while, settings that change
//! with the code, revisions that change once more.

use std::time::Duration;

use super::gates::{ends, fails_with, newest, runs, world};
use super::scenarios::Act;
use crate::names;
use crate::operation::effects::{CREATE_DEPLOYMENT, IMPORT_API, ROLE_POLICY, UPDATE_CONFIG};
use crate::operation::{Status, StepId};
use crate::testing::fake_aws::{App, Called, Faults};
use crate::testing::target;

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
    let waited = done("api-stage:ServerlessHttpApi").duration_since(done("deployment:ServerlessHttpApi"));
    assert!(waited.as_secs() >= 6, "{waited}: {:#?}", shared.journal(&newest(&shared).id));
}

/// Stages share nothing that is prepared: a release for `prod` is ready for approval while `dev` still waits for Lambda.
#[tokio::test(start_paused = true)]
async fn a_promotion_is_prepared_while_another_release_is_deployed() {
    let (shared, process) = world("").await;
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "v9", 384), "push").await;
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "v10", 512), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    shared.fake_aws.fault_on(UPDATE_CONFIG.call, [Faults::Slow(Duration::from_secs(20))]);
    process.types("slow", "ann", "/deploy orders").await;
    // The promotion configures functions, too.
    let configures = async || {
        let op = shared.op(&newest(&shared).id).await;
        op.steps().any(|(step, _)| step.0.starts_with("config:"))
    };
    process.run_until(configures).await;
    process.types("beside", "ann", "/promote orders prod").await;
    let waits = async || shared.heads().iter().any(|head| head.status == Status::Waiting);
    process.run_until(waits).await;
    assert!(shared.heads().iter().any(|head| head.status == Status::Running), "the deploy still runs");
}

/// Stage `prod` of a pipeline `orders-qa` and stage `qa-prod` of `orders` have the same names.
#[tokio::test(start_paused = true)]
async fn a_function_of_another_stage_with_the_same_name_is_left_alone() {
    let (shared, process) = world("").await;
    for line in ["/stage add orders qa-prod", "/stage set orders qa-prod approvals=0 confirm"] {
        ends(&shared, &process, "ada", line, Status::Succeeded).await;
    }
    let role = names::role_arn(&target(), "/sluice/orders-qa/prod/", "theirs");
    shared.fake_aws.leave_function("sluice-orders-qa-prod-Hello", &role, &role);
    let head = ends(&shared, &process, "ada", "/promote orders qa-prod from dev", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "not-ours");
}

/// An API stage has 100 variables at most: with more functions the definition names their versions.
#[tokio::test(start_paused = true)]
async fn an_api_of_a_hundred_and_one_functions_is_deployed_and_moved() {
    let (shared, process) = world("").await;
    let names: Vec<String> = (0..101).map(|nth| format!("F{nth:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shared.fake_aws.push("orders", "v9", App::of(&names, "v9")).unwrap();
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    assert_eq!(shared.disagreements().await, Vec::<String>::new());
    let served = shared.fake_aws.serving().apis["sluice-orders-dev-ServerlessHttpApi"].clone();
    assert!(served.variables.is_empty(), "{served:?}");
    ends(&shared, &process, "ann", "/rollback orders dev", Status::Succeeded).await;
    assert_ne!(
        shared.fake_aws.serving().apis["sluice-orders-dev-ServerlessHttpApi"].deployment,
        served.deployment
    );
    assert_eq!(shared.disagreements().await, Vec::<String>::new());
}

/// API Gateway imports what it understands and warns about the rest: people would miss routes.
#[tokio::test(start_paused = true)]
async fn a_definition_that_api_gateway_did_not_import_as_a_whole_is_not_deployed() {
    let (shared, process) = world("").await;
    shared.fake_aws.climate(|now| now.import_warns = true);
    shared.act(&process, &Act::Pushes(&["Hello", "World", "More"], "v9", 128), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    let before = shared.fake_aws.serving();
    let head = ends(&shared, &process, "ann", "/deploy orders", Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "import-incomplete");
    assert_eq!(shared.fake_aws.serving(), before);
    shared.fake_aws.climate(|now| now.import_warns = false);
    ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
}

/// A custom domain or a usage plan may use the stage of an API that the release does not have.
#[tokio::test(start_paused = true)]
async fn an_api_whose_stage_is_in_use_is_left_and_people_are_told() {
    let (shared, process) = world("").await;
    shared.fake_aws.climate(|now| now.stages_in_use = true);
    shared.act(&process, &Act::Hides(&["Hello", "World"], "v9", 128), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    let head = ends(&shared, &process, "ann", "/deploy orders", Status::Succeeded).await;
    let card = shared.last_update(&head.id).unwrap().card;
    let said = format!("{card:?}");
    assert!(said.contains("Still answers") && said.contains("the HTTP API"), "{said}");
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
async fn an_api_is_imported_once_the_role_exists_with_which_it_calls_its_functions() {
    let (shared, process) = world("").await;
    for line in
        ["/stage add orders late", "/stage set orders late approvals=0 confirm", "/promote orders late"]
    {
        ends(&shared, &process, "ada", line, Status::Succeeded).await;
    }
    let calls = shared.fake_aws.calls();
    let of_api = |called: &Called| called.call == ROLE_POLICY.call && called.subject.contains("-late-api-");
    let policy = calls.iter().position(of_api).expect("its policy is put");
    let imported = calls.iter().rposition(|called| called.call == IMPORT_API.call).unwrap();
    assert!(policy < imported, "{policy} {imported}");
}

#[tokio::test(start_paused = true)]
async fn a_new_revision_with_equal_contents_is_no_external_change() {
    let (shared, process) = world("").await;
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "v9", 384), "push").await;
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
