//! `/stage remove`: what goes and what stays, who is asked, and what happens to everything else that wants the stage meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::super::harness::{Process, Shared};
use super::gates::{approve, ends, fails_with, holds, newest, reaches, refused, runs, secs, world};
use super::stacks::{app, built, changes, deploy, resources, stack};
use crate::names;
use crate::operation::effects::{
    CREATE_CHANGE_SET, DELETE_API, DELETE_ROLE, DELETE_STACK, DELETE_STAGE, DELETE_VERSION,
};
use crate::operation::{Head, Keys, Status, VOID};
use crate::ports::{ApiKind, ApiSettings, Functions, Identity, RoleSpec, Stacks, Tags};
use crate::records::VersionSet;
use crate::testing::fake_aws::Faults;
use crate::testing::target;
use sluice_model::{Class, PipelineName, ReleaseNumber, StageName};

const REMOVE: &str = "/stage remove orders prod";
const NOW: &str = "/stage remove orders prod now";
const HELLO: &str = "sluice-orders-prod-Hello";

/// A stage `prod` with a stack that has a topic, too.
async fn with_stack() -> (Shared, Process) {
    let app = app("one").resource("News", "AWS::SNS::Topic", json!({}));
    let (shared, process) = built(app).await;
    deploy(&shared, &process, Status::Succeeded).await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    approve(&shared, &process, "yes", "ben").await;
    (shared, process)
}

fn prod() -> (PipelineName, StageName) {
    ("orders".parse().unwrap(), "prod".parse().unwrap())
}

/// Everything of `prod` in AWS.
fn things(shared: &Shared) -> Vec<String> {
    let (name, stage) = prod();
    shared.fake_aws.things_of(&name, &stage)
}

fn card(shared: &Shared, head: &Head) -> String {
    format!("{:?}", shared.last_update(&head.id).unwrap().card)
}

/// An admin presses that button, and the operation reaches that status.
async fn pressed(shared: &Shared, process: &Process, head: &Head, button: &str, status: Status) {
    process.presses(shared, button).await;
    let reached = async || shared.head(&head.id).await.status == status && shared.is_settled();
    let lived = tokio::time::timeout(secs(1200), process.run_until(reached)).await;
    assert!(lived.is_ok(), "{:#?}", shared.journal(&head.id));
}

#[tokio::test(start_paused = true)]
async fn a_stage_goes_in_the_order_of_its_callers_and_its_data_stays() {
    let (shared, process) = with_stack().await;
    let since = shared.fake_aws.count();
    let head = ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    shared.assert_removed("prod", "removed").await;
    let done = changes(&shared, since);
    let first = |call: &str| done.iter().position(|done| done == call).expect(call);
    let last = |call: &str| done.iter().rposition(|done| done == call).expect(call);
    assert_eq!(first(DELETE_STAGE.call), 0, "requests end first: {done:?}");
    assert!(first(CREATE_CHANGE_SET.call) < first(DELETE_STACK.call), "{done:?}");
    assert!(first(DELETE_STACK.call) < first(DELETE_VERSION.call), "{done:?}");
    assert!(last(DELETE_VERSION.call) < first(DELETE_ROLE.call), "{done:?}");
    assert!(last(DELETE_VERSION.call) < first(DELETE_API.call), "{done:?}");

    let existing = shared.fake_aws.existing_stack_resources();
    let of = |what: &str| existing.iter().filter(|known| known.starts_with(what)).count();
    let counts = ["AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Events::Rule"].map(of);
    assert_eq!(counts, [2, 2, 1, 1], "the data of both stages, and the rest of `dev`: {existing:?}");
    let card = card(&shared, &head);
    for named in
        ["Stays in the account", "Orders", "AWS::DynamoDB::Table", "sluice-orders-prod-Orders", "Jobs"]
    {
        assert!(card.contains(named), "{named}: {card}");
    }
    assert!(!card.contains("News"), "it is deleted: {card}");
    assert_eq!(runs(&shared, "dev").await, 1);
    assert_eq!(resources(&shared, "dev").await, ["Jobs", "JobsPoller", "News", "Nightly", "Orders"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_stage_of_the_same_name_begins_with_nothing() {
    let (shared, process) = world("soak=1m").await;
    ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    refused(&process, "ann", "/promote orders prod", "no-such-stage").await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    let state = shared.state().await;
    let (_, stage) = prod();
    assert_eq!(state.policy(&stage).soak, 0, "its policy is the default");
    assert!(state.stages[&stage].runs.is_empty());
    refused(&process, "ann", "/rollback orders prod", "nothing-runs").await;
    reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    approve(&shared, &process, "yes", "ben").await;
    assert_eq!(runs(&shared, "prod").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_cannot_be_deleted_is_tried_again_and_nothing_else_is_possible() {
    let (shared, process) = with_stack().await;
    shared.fake_aws.fail_stack_resource("Nightly", "Access denied to events:DeleteRule");
    let head = reaches(&shared, &process, "ada", NOW, Status::Stuck).await;
    let (_, refusal) = shared.op(&head.id).await.stuck.unwrap();
    assert_eq!(refusal.code, "stack-not-deleted");
    assert!(refusal.problem.contains("Nightly") && refusal.problem.contains("Access denied"), "{refusal:?}");
    let left = things(&shared);
    assert!(left.contains(&format!("function {HELLO}")), "the stack goes first: {left:?}");
    for (who, line) in [
        ("ann", "/promote orders prod"),
        ("ann", "/rollback orders prod"),
        ("ada", "/stage set orders prod soak=1m"),
        ("ben", "/stage lock orders prod the ledger"),
    ] {
        refused(&process, who, line, "being-removed").await;
    }
    let list = format!("{:?}", process.types("list", "ann", "/stage list orders").await);
    assert!(list.contains("is being removed"), "{list}");
    let status = format!("{:?}", process.types("status", "ann", "/pipeline status orders").await);
    assert!(!status.contains("outside Sluice"), "{status}");
    // A second attempt fails the same way.
    pressed(&shared, &process, &head, "operation.retry", Status::Stuck).await;
    shared.fake_aws.stack_resources_recover();
    pressed(&shared, &process, &head, "operation.retry", Status::Succeeded).await;
    shared.assert_removed("prod", "retried").await;
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_was_marked_as_resolved_is_completed_by_another_one() {
    let (shared, process) = with_stack().await;
    shared.fake_aws.fault_on(DELETE_VERSION.call, [Faults::Fails(Class::Denied)]);
    let head = reaches(&shared, &process, "ada", NOW, Status::Stuck).await;
    let text = card(&shared, &head);
    assert!(text.contains("another removal") && !text.contains("Rollbacks are possible"), "{text}");
    pressed(&shared, &process, &head, "operation.resolve", Status::Failed).await;
    refused(&process, "ann", "/promote orders prod", "being-removed").await;
    // Nothing is left to lose, so it does not ask.
    ends(&shared, &process, "ada", REMOVE, Status::Succeeded).await;
    shared.assert_removed("prod", "again").await;
}

#[tokio::test(start_paused = true)]
async fn a_protected_stack_is_deleted() {
    let (shared, process) = with_stack().await;
    let proxy = shared.fake_aws.fault_proxy();
    proxy.set_termination_protection(&target(), "sluice-orders-prod", true).await.unwrap();
    ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    assert!(stack(&shared, "prod").await.is_none());
}

/// What has the names of the stage, and belongs to somebody else.
#[tokio::test(start_paused = true)]
async fn nothing_of_another_stage_is_deleted() {
    let (shared, process) = world("").await;
    let proxy = shared.fake_aws.fault_proxy();
    let own = names::boundary_arn(&target());
    let foreign = names::stage_tags(&"orders".parse().unwrap(), &"dev".parse().unwrap());
    let role = async |name: &str, path: &str, boundary: &str, tags: Tags| {
        let spec = RoleSpec {
            name: name.to_owned(),
            path: path.to_owned(),
            description: String::new(),
            trust: "{}".to_owned(),
            boundary: boundary.to_owned(),
            tags,
        };
        shared.fake_aws.fault_proxy().create_role(&target(), &spec).await.unwrap().arn
    };
    let tags = || names::stage_tags(&prod().0, &prod().1);
    // A function of stage `x` of the pipeline `orders-prod` has the same beginning of its name.
    let theirs = names::role_arn(&target(), "/sluice/orders-prod/x/", "theirs");
    shared.fake_aws.leave_function("sluice-orders-prod-x-Hello", &theirs, &theirs);
    // A person's function with a role of the stage, and without its tags.
    let borrowed = role("sluice-orders-prod-borrowed", "/sluice/orders/prod/", &own, tags()).await;
    shared.fake_aws.leave_function("sluice-orders-prod-Mine", &borrowed, &borrowed);
    let elsewhere =
        proxy.create_policy(&target(), "sluice-boundary-elsewhere", "/sluice/", "{}").await.unwrap();
    role("sluice-orders-prod-far", "/sluice/orders/prod/", &elsewhere, tags()).await;
    role("sluice-orders-prod-other", "/sluice/orders/prod/", &own, foreign.clone()).await;
    let mut of_stack = tags();
    of_stack.insert(names::TAG_STACK.to_owned(), "sluice-orders-prod".to_owned());
    role("sluice-orders-prod-Workflow-1A", "/sluice/orders/prod/", &own, of_stack.clone()).await;
    role("sluice-orders-prod-unused", "/sluice/orders/prod/", &own, tags()).await;
    let gateway = proxy.gateway(ApiKind::Http);
    for (name, tags) in [
        ("sluice-orders-prod-Theirs", foreign),
        ("sluice-orders-prod-OfStack", of_stack),
        ("sluice-orders-production", tags()),
    ] {
        gateway.create_api(&target(), name, &tags, &ApiSettings::default()).await.unwrap();
    }

    let head = ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    let left: BTreeSet<String> = things(&shared).into_iter().collect();
    let kept = [
        "API sluice-orders-prod-OfStack",
        "API sluice-orders-production",
        "function sluice-orders-prod-Mine",
        "role sluice-orders-prod-Workflow-1A",
        "role sluice-orders-prod-borrowed",
        "role sluice-orders-prod-far",
        "role sluice-orders-prod-other",
    ];
    assert_eq!(left, kept.map(str::to_owned).into());
    let apis: Vec<String> = gateway.apis(&target()).await.unwrap().into_iter().map(|api| api.name).collect();
    assert!(apis.contains(&"sluice-orders-prod-Theirs".to_owned()), "{apis:?}");
    let proxy = shared.fake_aws.fault_proxy();
    assert!(proxy.versions(&target(), "sluice-orders-prod-x-Hello").await.unwrap().is_some());
    assert!(proxy.versions(&target(), "sluice-orders-dev-Hello").await.unwrap().is_some());
    assert!(card(&shared, &head).contains("sluice-orders-prod-Mine"), "{}", card(&shared, &head));
    assert_eq!(runs(&shared, "dev").await, 2);
}

/// A stack of another stage, with the name that the stage's own would have.
#[tokio::test(start_paused = true)]
async fn the_stack_of_another_stage_with_the_same_name_is_left_alone() {
    let (shared, process) = with_stack().await;
    let before = stack(&shared, "prod").await.unwrap();
    shared.fake_aws.retag_stack("sluice-orders-prod", "orders-x", "prod");
    ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    assert_eq!(stack(&shared, "prod").await.map(|stack| stack.id), Some(before.id));
}

#[tokio::test(start_paused = true)]
async fn a_failed_first_promotion_is_removed_too() {
    let (shared, process) = world("").await;
    ends(&shared, &process, "ada", "/stage add orders qa", Status::Succeeded).await;
    ends(&shared, &process, "ada", "/stage set orders qa approvals=0 confirm", Status::Succeeded).await;
    shared.fake_aws.fault_on("apigatewayv2:CreateStage", [Faults::Fails(Class::Denied)]);
    ends(&shared, &process, "ann", "/promote orders qa from dev", Status::Failed).await;
    let qa = || shared.fake_aws.things_of(&"orders".parse().unwrap(), &"qa".parse().unwrap());
    assert!(qa().iter().any(|thing| thing.starts_with("function")), "{:?}", qa());
    ends(&shared, &process, "ada", "/stage remove orders qa now", Status::Succeeded).await;
    assert_eq!(qa(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_admin_is_asked_first_and_a_click_is_bound_to_the_release_that_runs() {
    let (shared, process) = world("").await;
    let question = process.types("q1", "ada", REMOVE).await;
    assert_eq!(question.code.as_deref(), Some("confirm-remove"), "{question:?}");
    let text = format!("{question:?}");
    for named in ["prod", "runs r2", "Hello", "World", "https://", "log groups", NOW] {
        assert!(text.contains(named), "{named}: {text}");
    }
    let known = shared.heads().len();
    ends(&shared, &process, "ann", "/rollback orders prod", Status::Succeeded).await;
    let again = process.clicks_on("c1", "ada", &question.buttons[0]).await;
    assert_eq!(again.code.as_deref(), Some("confirm-remove"), "another release runs: {again:?}");
    assert!(format!("{again:?}").contains("runs r1"), "{again:?}");
    let denied = process.clicks_on("c2", "ann", &again.buttons[0]).await;
    assert_eq!(denied.code.as_deref(), Some("not-an-admin"));
    assert_eq!(shared.heads().len(), known + 1, "only the rollback");
    process.clicks_on("c3", "ada", &again.buttons[0]).await;
    process.run_until(async || shared.is_settled()).await;
    assert_eq!(newest(&shared).status, Status::Succeeded);
    shared.assert_removed("prod", "clicked").await;
}

#[tokio::test(start_paused = true)]
async fn the_question_lists_what_goes_with_the_stack_and_what_stays() {
    let (shared, process) = with_stack().await;
    let question = format!("{:?}", process.types("q1", "ada", REMOVE).await);
    let (goes, stays) = question.split_once("Stays in the account:").unwrap();
    for gone in ["deleted with the stack", "News", "Nightly", "JobsPoller"] {
        assert!(goes.contains(gone) && !stays.contains(gone), "{gone}: {question}");
    }
    for kept in ["Orders", "sluice-orders-prod-Orders", "Jobs"] {
        assert!(stays.contains(kept), "{kept}: {question}");
    }
    shared.fake_aws.fault_on("cloudformation:DescribeStacks", [Faults::Slow(Duration::from_secs(9))]);
    let question = format!("{:?}", process.types("q2", "ada", REMOVE).await);
    assert!(question.contains("CloudFormation did not answer in time"), "{question}");
}

#[tokio::test(start_paused = true)]
async fn the_first_stage_a_locked_one_and_one_that_is_in_use_are_not_removed() {
    let (shared, process) = world("").await;
    refused(&process, "ada", "/stage remove orders dev now", "first-stage").await;
    refused(&process, "ann", NOW, "not-an-admin").await;
    holds(&shared, &process, "ben", "/stage lock orders prod for 1h the ledger").await;
    refused(&process, "ada", NOW, "locked").await;
    ends(&shared, &process, "ada", "/stage unlock orders prod", Status::Succeeded).await;
    reaches(&shared, &process, "ann", "/promote orders prod r1", Status::Waiting).await;
    refused(&process, "ada", NOW, "stage-busy").await;
    process.types("no", "ben", "/promote reject orders prod later").await;
    process.run_until(async || shared.is_settled()).await;
    // A promotion of what it runs needs it as well.
    ends(&shared, &process, "ada", "/stage add orders live", Status::Succeeded).await;
    reaches(&shared, &process, "ann", "/promote orders live", Status::Waiting).await;
    refused(&process, "ada", NOW, "stage-busy").await;
    assert!(things(&shared).contains(&format!("function {HELLO}")));
}

/// Requests that were accepted while the removal looked: none of them changes the stage.
#[tokio::test(start_paused = true)]
async fn what_waits_for_the_stage_is_refused_once_it_is_being_removed() {
    for (who, line, wanted) in [
        ("ann", "/promote orders prod r1", VOID),
        ("ann", "/rollback orders prod", VOID),
        ("ada", "/stage set orders prod soak=1m", "no-such-stage"),
        ("ben", "/stage lock orders prod for 2h the ledger", "no-such-stage"),
    ] {
        let (shared, process) = world("").await;
        shared.fake_aws.fault_on("lambda:ListFunctions", [Faults::Slow(Duration::from_secs(20))]);
        process.types("remove", "ada", NOW).await;
        let looks = || shared.fake_aws.calls().iter().any(|called| called.call == "lambda:ListFunctions");
        process.run_until(async || looks()).await;
        let removal = newest(&shared).id;
        process.types("late", who, line).await;
        let late = newest(&shared);
        assert_ne!(late.id, removal, "{line} is accepted");
        process.run_until(async || shared.is_settled()).await;
        assert_eq!(shared.head(&removal).await.status, Status::Succeeded, "the removal");
        let journal = shared.journal(&late.id);
        let late = shared.head(&late.id).await;
        assert_eq!(late.status, Status::Failed, "{line}: {journal:#?}");
        let refusal = shared.op(&late.id).await.failure().unwrap();
        let is_clear =
            refusal.problem.contains("is being removed") || refusal.problem.contains("has no stage `prod`");
        assert!(refusal.code == wanted || refusal.code == "being-removed", "{line}: {refusal:?}");
        assert!(is_clear, "{line}: {refusal:?}");
        shared.assert_removed("prod", line).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_is_void_if_the_stage_moves_before_it_begins() {
    let (shared, process) = world("").await;
    // Tidying holds the slots of preparation, for which the removal waits. A rollback needs none of them.
    shared.fake_aws.fault_on("lambda:ListAliases", [Faults::Slow(Duration::from_secs(60))]);
    process.types("tidy", "ada", "/pipeline tidy orders").await;
    let looks = || shared.fake_aws.calls().iter().any(|called| called.call == "lambda:ListAliases");
    process.run_until(async || looks()).await;
    process.types("remove", "ada", NOW).await;
    let removal = newest(&shared).id;
    process.types("back", "ann", "/rollback orders prod").await;
    process.run_until(async || shared.is_settled()).await;
    let head = shared.head(&removal).await;
    assert_eq!(head.status, Status::Failed, "{:#?}", shared.journal(&removal));
    assert_eq!(fails_with(&shared, &head).await, VOID);
    assert_eq!(runs(&shared, "prod").await, 1);
}

/// An API stage that a custom domain of the stack uses goes after the stack.
#[tokio::test(start_paused = true)]
async fn an_api_stage_that_is_still_used_goes_after_the_stack() {
    let (shared, process) = with_stack().await;
    shared.fake_aws.fault_on(DELETE_STAGE.call, [Faults::Fails(Class::Invalid)]);
    let since = shared.fake_aws.count();
    ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    let done = changes(&shared, since);
    let first = |call: &str| done.iter().position(|done| done == call).expect(call);
    assert!(first(DELETE_STACK.call) < first(DELETE_STAGE.call), "{done:?}");
    assert!(first(DELETE_STAGE.call) < first(DELETE_VERSION.call), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn all_version_sets_of_the_stage_are_forgotten_and_no_others() {
    use crate::ports::{Precondition, Store, Write};
    use crate::records::to_item;
    let (shared, process) = world("").await;
    let keys = Keys::new(&target());
    let name = prod().0;
    for number in 1..=450 {
        for stage in ["dev", "prod"] {
            let key = keys.version_set(&name, ReleaseNumber(number), &stage.parse().unwrap());
            if shared.store.item(&key).is_none() {
                let item = to_item(key, Default::default(), &VersionSet::default()).unwrap();
                shared.store.write(Write::Put { item, when: Precondition::Any }).await.unwrap();
            }
        }
    }
    ends(&shared, &process, "ada", NOW, Status::Succeeded).await;
    let items = shared.store.items();
    let sets = items.iter().filter(|item| item.key.partition == keys.releases_partition(&name));
    let dev = sets.filter(|item| item.key.sort.ends_with("/dev")).count();
    assert_eq!(dev, 450);
    shared.assert_removed("prod", "with many sets").await;
}
