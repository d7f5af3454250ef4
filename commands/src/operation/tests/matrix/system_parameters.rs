//! Values of Systems Manager: read once, the same for functions and stack, shown, pinned, and back with a rollback.

use serde_json::{Value, json};

use super::super::harness::{Process, Shared};
use super::fixture::Fixture;
use super::gates::{approve, ends, fails_with, reaches, runs};
use super::stacks::{built, changes, deploy, push};
use crate::operation::{Head, Status};
use crate::ports::{Functions, Stacks};
use crate::testing::fake_aws::App;
use crate::testing::target;

/// The name that the application reads by a parameter of its template.
pub(super) const GREETING: &str = "/orders/greeting";
/// The name that it reads by a dynamic reference.
const HOST: &str = "/orders/host";

/// An application whose functions have a value of Systems Manager, and a topic that has it, too.
pub(super) fn app(code: &str, has_topic: bool) -> App {
    let app = App::of(&["Hello", "World"], code)
        .parameter("Greeting", "AWS::SSM::Parameter::Value<String>", GREETING)
        .variable("GREETING", json!({ "Ref": "Greeting" }));
    match has_topic {
        true => app.resource("Events", "AWS::SNS::Topic", json!({ "DisplayName": { "Ref": "Greeting" } })),
        false => app,
    }
}

/// The same with a dynamic reference, in functions and in the topic.
fn app_with_host(code: &str) -> App {
    let topic = json!({ "DisplayName": { "Fn::Sub": "${Greeting} from {{resolve:ssm:/orders/host}}" } });
    app(code, false).variable("HOST", json!("{{resolve:ssm:/orders/host}}")).resource(
        "Events",
        "AWS::SNS::Topic",
        topic,
    )
}

/// The variables of `Hello` as the stage's alias serves them.
async fn served(shared: &Shared, stage: &str) -> (String, String) {
    let proxy = shared.fake_aws.fault_proxy();
    let name = format!("sluice-orders-{stage}-Hello");
    let alias = proxy.alias(&target(), &name, stage).await.unwrap().unwrap();
    let found = proxy.version(&target(), &name, &alias.version).await.unwrap().unwrap();
    let of = |key: &str| found.config.environment.get(key).cloned().unwrap_or_default();
    (of("GREETING"), of("HOST"))
}

/// The name of the topic in the stage's stack.
async fn topic(shared: &Shared, stage: &str) -> Value {
    let text =
        shared.fake_aws.fault_proxy().template(&target(), &format!("sluice-orders-{stage}")).await.unwrap();
    let template: Value = serde_json::from_str(&text.unwrap()).unwrap();
    template["Resources"]["Events"]["Properties"]["DisplayName"].clone()
}

fn card(shared: &Shared, head: &Head) -> String {
    format!("{:?}", shared.last_update(&head.id).unwrap())
}

async fn world() -> (Shared, Process) {
    let (shared, process) = built(App::of(&["Hello"], "zero")).await;
    shared.fake_aws.store(GREETING, "hi");
    shared.fake_aws.store(HOST, "one.example");
    push(&shared, &process, app_with_host("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    (shared, process)
}

#[tokio::test(start_paused = true)]
async fn functions_and_stack_have_the_same_value_and_a_rollback_returns_to_it() {
    let (shared, process) = world().await;
    let both = |greeting: &str, host: &str| (greeting.to_owned(), host.to_owned());
    assert_eq!(served(&shared, "dev").await, both("hi", "one.example"));
    assert_eq!(topic(&shared, "dev").await, json!("hi from one.example"));
    let again = process.types("again", "ann", "/deploy orders").await;
    assert!(format!("{again:?}").contains("already runs"), "{again:?}");
    shared.fake_aws.store(GREETING, "hi");
    let again = process.types("same value", "ann", "/deploy orders").await;
    assert!(format!("{again:?}").contains("already runs"), "another version of the same value: {again:?}");

    shared.fake_aws.store(GREETING, "hello");
    let plan = format!("{:?}", process.types("plan", "ann", "/deploy plan orders").await);
    assert!(plan.contains("Systems Manager: /orders/greeting: hi → hello (version 3)"), "{plan}");
    assert!(!plan.contains("/orders/host:"), "what is the same is not listed: {plan}");
    let head = deploy(&shared, &process, Status::Succeeded).await;
    assert!(
        card(&shared, &head).contains("/orders/greeting: hi → hello (version 3)"),
        "{}",
        card(&shared, &head)
    );
    assert_eq!(
        (served(&shared, "dev").await, topic(&shared, "dev").await),
        (both("hello", "one.example"), json!("hello from one.example"))
    );
    assert_eq!(runs(&shared, "dev").await, 2, "the same build is another release");

    ends(&shared, &process, "ann", "/rollback orders dev", Status::Succeeded).await;
    assert_eq!(served(&shared, "dev").await, both("hi", "one.example"));
    assert_eq!(
        topic(&shared, "dev").await,
        json!("hello from one.example"),
        "a rollback leaves what is in the stack"
    );
    let plan = format!("{:?}", process.types("after", "ann", "/deploy plan orders").await);
    assert!(
        plan.contains("/orders/greeting: hi → hello"),
        "it is compared with what the release had: {plan}"
    );
    assert_eq!(shared.disagreements().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn approvers_see_the_values_and_what_they_approved_is_what_runs() {
    let (shared, process) = world().await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    let head = reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    let shown = card(&shared, &head);
    for value in ["/orders/greeting: hi (version 1)", "/orders/host: one.example (version 1)"] {
        assert!(shown.contains(value), "{value}: {shown}");
    }
    shared.fake_aws.store(GREETING, "changed after the request");
    approve(&shared, &process, "yes", "ben").await;
    assert_eq!(served(&shared, "prod").await.0, "hi");
    assert_eq!(topic(&shared, "prod").await, json!("hi from one.example"));
    let diff = format!("{:?}", process.types("diff", "ann", "/promote diff orders prod").await);
    assert!(diff.contains("/orders/greeting: hi → changed after the request (version 2)"), "{diff}");
    // The same release again, with the value of today.
    let head = reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    assert!(
        card(&shared, &head).contains("hi → changed after the request (version 2)"),
        "{}",
        card(&shared, &head)
    );
    approve(&shared, &process, "yes again", "ben").await;
    assert_eq!(served(&shared, "prod").await.0, "changed after the request");
    assert_eq!(topic(&shared, "prod").await, json!("changed after the request from one.example"));
}

/// A stage may read another name than the others.
#[tokio::test(start_paused = true)]
async fn a_stage_may_set_another_name() {
    let (shared, process) = world().await;
    shared.fake_aws.store("/sluice/orders/prod/greeting", "good evening");
    for line in
        ["/stage add orders prod", "/stage set orders prod param.Greeting=/sluice/orders/prod/greeting"]
    {
        ends(&shared, &process, "ada", line, Status::Succeeded).await;
    }
    reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    approve(&shared, &process, "yes", "ben").await;
    assert_eq!(served(&shared, "prod").await.0, "good evening");
    ends(
        &shared,
        &process,
        "ada",
        "/stage set orders dev param.Greeting=/sluice/orders/prod/greeting",
        Status::Succeeded,
    )
    .await;
    let head = deploy(&shared, &process, Status::Failed).await;
    assert!(card(&shared, &head).contains("belongs to another stage"), "{}", card(&shared, &head));
}

/// Each in one of eleven names, so there are two calls; nothing changes, and all errors are listed.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_fails_before_anything_changes_and_says_what_to_do() {
    let (shared, process) = world().await;
    let mut many = app_with_host("two");
    for nth in 0..11 {
        let name = format!("/orders/many/{nth:02}");
        shared.fake_aws.store(&name, "x");
        many = many.variable(&format!("MANY{nth}"), json!(format!("{{{{resolve:ssm:{name}}}}}")));
    }
    shared.fake_aws.deny_parameter("/orders/many/03", true);
    shared.fake_aws.foreign_parameter("/orders/secret");
    shared.fake_aws.store_list("/orders/list", "a,b");
    let many = many
        .variable("SECRET", json!("{{resolve:ssm:/orders/secret}}"))
        .variable("NONE", json!("{{resolve:ssm:/orders/none:2}}"))
        .parameter("List", "AWS::SSM::Parameter::Value<String>", "/orders/list")
        .variable("LIST", json!({ "Ref": "List" }));
    push(&shared, &process, many).await;
    let since = shared.fake_aws.count();
    let head = deploy(&shared, &process, Status::Failed).await;
    assert_eq!(fails_with(&shared, &head).await, "template-refused");
    assert_eq!(changes(&shared, since), Vec::<String>::new());
    let failure = shared.op(&head.id).await.failure().unwrap();
    for wanted in [
        "it reads `/orders/many/03` of Systems Manager, which the account does not let Sluice read",
        "it reads `/orders/secret` of Systems Manager, which is a SecureString",
        "it reads `/orders/none:2`, which is no version of a parameter",
        "the parameter List of the template reads `/orders/list` of Systems Manager, which is a StringList",
    ] {
        assert!(failure.problem.contains(wanted), "{wanted}: {}", failure.problem);
    }
    assert!(!failure.problem.contains("/orders/many/04"), "{}", failure.problem);
    assert_eq!(runs(&shared, "dev").await, 1);
}

/// The process dies after the values were read, and one of them changes before another process goes on.
#[tokio::test(start_paused = true)]
async fn an_operation_keeps_its_values_across_a_restart() {
    let (shared, process) = world().await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    let fixture = Fixture::now(&shared);
    drop(process);
    let shared = fixture.open();
    let process = shared.process("first");
    let head = reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    drop(process);
    shared.fake_aws.store(GREETING, "changed meanwhile");
    shared.fake_aws.deny_parameter(HOST, true);
    let second = shared.process("second");
    approve(&shared, &second, "yes", "ben").await;
    assert_eq!(shared.head(&head.id).await.status, Status::Succeeded);
    assert_eq!(served(&shared, "prod").await, ("hi".to_owned(), "one.example".to_owned()));
}
