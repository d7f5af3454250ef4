//! `/promote diff` and `/deploy plan`: they show what approvers see and what a deploy does, refuse what it refuses, and change
//! nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::super::harness::{Process, Shared};
use super::fixture::Fixture;
use super::gates::{approve, ends, fails_with, reaches, runs, secs};
use super::scenarios::{Act, CREATED};
use super::stacks::{app, built, deploy, push};
use crate::operation::Status;
use crate::testing::fake_aws::{API, App, Faults};
use sluice_model::{Card, Class, Part, Tone};

/// An answer that must change nothing, in AWS or in the store.
async fn reads(shared: &Shared, process: &Process, line: &str) -> Card {
    let (changes, items) = (shared.fake_aws.changes().len(), shared.store.items());
    let delivery = format!("{line} {}", shared.fake_aws.count());
    // A person without a role.
    let card = process.types(&delivery, "zoe", line).await;
    assert_eq!(shared.fake_aws.changes().len(), changes, "{line}: a read changes nothing in AWS");
    assert_eq!(shared.store.items(), items, "{line}: a read changes no record");
    card
}

/// All texts of a card, a line for each paragraph.
fn words(card: &Card) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.flat(),
        Part::Fields(fields) => {
            let fields = fields.iter().map(|(label, text)| format!("{label}: {}", text.flat()));
            fields.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    };
    let hint = card.hint.iter().map(sluice_model::Text::flat);
    let parts = card.parts.iter().map(part).chain(hint);
    format!("{}\n{}", card.title.flat(), parts.collect::<Vec<_>>().join("\n"))
}

/// The lines below "Changes".
fn listed(card: &Card) -> BTreeSet<String> {
    let texts = card.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.flat()),
        _ => None,
    });
    let sections = texts.filter(|text| text.starts_with("Changes\n"));
    let lines = sections.flat_map(|text| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>());
    // A comparison of templates cannot say that.
    lines.filter(|line| !line.contains("may replace")).collect()
}

/// The application with two stages, both of which run its first release.
async fn staged() -> (Shared, Process) {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    approve(&shared, &process, "yes", "ben").await;
    assert_eq!(runs(&shared, "prod").await, 1);
    (shared, process)
}

/// What each of these changes, as approvers see it.
fn changed() -> Vec<(&'static str, App)> {
    let without = |ids: &[&str]| {
        let mut app = app("one");
        app.others.retain(|id, _| !ids.contains(&id.as_str()));
        app
    };
    vec![
        ("code", app("two")),
        ("memory", app("one").memory(512)),
        ("a variable", app("one").variable("KEY", json!("s3cret"))),
        ("a topic", app("one").resource("Events", "AWS::SNS::Topic", json!({}))),
        ("a property", app("one").resource("Jobs", "AWS::SQS::Queue", json!({ "VisibilityTimeout": 90 }))),
        ("no queue", without(&["Jobs", "JobsPoller"])),
        ("a schedule", {
            let rule = json!({ "ScheduleExpression": "rate(1 hour)" });
            app("two").resource("Hourly", "AWS::Events::Rule", rule)
        }),
        ("a table that a function names", {
            let table = json!({ "BillingMode": "PAY_PER_REQUEST" });
            let named = app("two").resource("Archive", "AWS::DynamoDB::Table", table);
            named.variable("ARCHIVE", json!({ "Ref": "Archive" }))
        }),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_diff_lists_what_the_approvers_see() {
    let (shared, process) = staged().await;
    let fixture = Fixture::now(&shared);
    for (what, app) in changed() {
        let shared = fixture.open();
        let process = shared.process(what);
        push(&shared, &process, app).await;
        deploy(&shared, &process, Status::Succeeded).await;
        let card = reads(&shared, &process, "/promote diff orders prod").await;
        assert_eq!(card.tone, Tone::Neutral, "{what}: {card:?}");
        let head = reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
        let approved = shared.last_update(&head.id).unwrap().card;
        assert!(!listed(&approved).is_empty(), "{what}: {approved:?}");
        assert_eq!(listed(&card), listed(&approved), "{what}");
        assert!(!words(&card).contains("s3cret"), "{what}: values of variables are never shown");
    }
    drop(process);
}

#[tokio::test(start_paused = true)]
async fn a_diff_to_an_empty_stage_lists_everything_and_the_gates() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    for line in ["/stage add orders prod", "/stage set orders prod soak=1h"] {
        ends(&shared, &process, "ada", line, Status::Succeeded).await;
    }
    let card = reads(&shared, &process, "/promote diff orders to prod").await;
    let text = words(&card);
    for wanted in [
        "Promoting orders r1 from dev to prod would make these changes.",
        "Current: nothing yet",
        "Size: 2 functions, all new here",
        "Gates: soak is closed; 1 approval is needed",
        "Hello, World: new",
        "Stack: Orders (AWS::DynamoDB::Table) added",
        "Stack, after the move: Nightly (AWS::Events::Rule) added",
        "/promote orders prod",
        "/pipeline check orders prod",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    tokio::time::sleep(secs(3700)).await;
    let head = reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    let approved = shared.last_update(&head.id).unwrap().card;
    assert_eq!(listed(&card), listed(&approved));
}

#[tokio::test(start_paused = true)]
async fn without_anything_to_compare_the_answer_says_so() {
    let (shared, process) = built(app("one")).await;
    ends(&shared, &process, "ada", "/stage add orders prod", Status::Succeeded).await;
    let table = [
        ("/promote diff orders prod", Some("nothing-runs")),
        ("/promote diff orders dev", Some("first-stage")),
        ("/promote diff orders qa", Some("no-such-stage")),
        ("/deploy plan orders #7", Some("no-green-build")),
    ];
    for (line, code) in table {
        let card = reads(&shared, &process, line).await;
        assert_eq!(card.code.as_deref(), code, "{line}: {card:?}");
    }
    deploy(&shared, &process, Status::Succeeded).await;
    let card = reads(&shared, &process, "/deploy plan orders").await;
    assert!(words(&card).contains("dev of orders already runs r1"), "{card:?}");
    reaches(&shared, &process, "ann", "/promote orders prod", Status::Waiting).await;
    approve(&shared, &process, "yes", "ben").await;
    let card = reads(&shared, &process, "/promote diff orders prod").await;
    assert_eq!(card.code.as_deref(), Some("already-runs"), "{card:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_a_build_before_its_first_deploy_and_its_changes_later() {
    let (shared, process) = built(app("one")).await;
    let text = words(&reads(&shared, &process, "/deploy plan orders").await);
    for wanted in
        ["Deploying orders build #1 to dev would make these changes.", "Current: nothing yet", "Gates: open"]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    deploy(&shared, &process, Status::Succeeded).await;
    let table = json!({ "BillingMode": "PAY_PER_REQUEST" });
    let more = app("two").memory(256).resource("Archive", "AWS::DynamoDB::Table", table);
    push(&shared, &process, more).await;
    ends(&shared, &process, "ada", "/stage set orders dev param.Color=red", Status::Succeeded).await;
    let text = words(&reads(&shared, &process, "/deploy plan orders #2").await);
    for wanted in [
        "Deploying orders build #2 to dev would make these changes.",
        "Current: r1",
        "Size: 2 changed functions",
        "Hello, World: code, memory (MB) 128 → 256",
        "Stack: Archive (AWS::DynamoDB::Table) added",
        "Color",
        "Unused parameters: Color: set on the stage, not declared in the template",
        "/deploy orders #2",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("Orders (AWS::DynamoDB::Table)"), "the table stays as it is: {text}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_changes_nothing_says_so() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    // The same template and code in another build.
    ends(&shared, &process, "ada", "/stage set orders dev param.Color=red", Status::Succeeded).await;
    let text = words(&reads(&shared, &process, "/deploy plan orders").await);
    let nothing = "would change no function, permission, route or resource of the stack.";
    assert!(text.contains(nothing) && text.contains("Size: no changed functions"), "{text}");
}

/// The id of an API is in the template of the stack, and known only once the API exists.
#[tokio::test(start_paused = true)]
async fn a_resource_that_has_the_id_of_an_api_changes_only_if_it_does() {
    let with = |code| {
        let value = json!({ "Type": "String", "Value": { "Ref": API } });
        app(code).resource("ApiId", "AWS::SSM::Parameter", value)
    };
    let (shared, process) = built(with("one")).await;
    let text = words(&reads(&shared, &process, "/deploy plan orders").await);
    assert!(text.contains("Stack: ApiId (AWS::SSM::Parameter) added"), "{text}");
    deploy(&shared, &process, Status::Succeeded).await;
    push(&shared, &process, with("two")).await;
    let text = words(&reads(&shared, &process, "/deploy plan orders").await);
    assert!(text.contains("Hello, World: code") && !text.contains("ApiId"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_refuses_what_the_deploy_refuses() {
    let named =
        |name: &str| app("one").resource("Carts", "AWS::DynamoDB::Table", json!({ "TableName": name }));
    let table: [(&str, App, &str); 3] = [
        (
            "a template that needs a value",
            app("two").variable("KEY", json!({ "Ref": "Missing" })),
            "template-refused",
        ),
        ("a table that is renamed", named("baskets"), "stack-forbidden"),
        (
            "another type with the same id",
            app("one").resource("Carts", "AWS::SQS::Queue", json!({})),
            "stack-impossible",
        ),
    ];
    let (shared, process) = built(named("carts")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    let fixture = Fixture::now(&shared);
    for (what, app, code) in table {
        let shared = fixture.open();
        let process = shared.process(what);
        push(&shared, &process, app).await;
        let card = reads(&shared, &process, "/deploy plan orders").await;
        assert_eq!((card.tone, card.code.as_deref()), (Tone::Bad, Some(code)), "{what}: {card:?}");
        let text = words(&card);
        assert!(text.contains("Deploying orders build #2 to dev would be refused."), "{what}: {text}");
        let head = deploy(&shared, &process, Status::Failed).await;
        assert_eq!(fails_with(&shared, &head).await, code, "{what}");
        let failure = shared.op(&head.id).await.failure().unwrap();
        assert!(text.contains(&failure.problem.replace('`', "")), "{what}: {failure:?} {text}");
        assert_eq!(runs(&shared, "dev").await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_wait_for_a_slow_comparison_and_the_next_one_has_it() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    push(&shared, &process, app("two")).await;
    shared.fake_aws.fault_on("cloudformation:DescribeStacks", [Faults::Slow(secs(5))]);
    let asked = Instant::now();
    let card = reads(&shared, &process, "/deploy plan orders").await;
    assert!(asked.elapsed() < Duration::from_secs(2), "Slack waits 3 s: {:?}", asked.elapsed());
    assert_eq!(card.code.as_deref(), Some("no-preview"), "{card:?}");
    tokio::time::sleep(secs(6)).await;
    let since = shared.fake_aws.count();
    let card = reads(&shared, &process, "/deploy plan orders").await;
    assert!(words(&card).contains("Hello, World: code"), "{card:?}");
    assert_eq!(shared.fake_aws.count() - since, 1, "only the tip of the branch was read again");
    let since = shared.fake_aws.count();
    reads(&shared, &process, "/deploy plan orders").await;
    assert!(shared.fake_aws.count() - since > 3, "what was shown is not kept");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_named() {
    let (shared, process) = built(app("one")).await;
    deploy(&shared, &process, Status::Succeeded).await;
    push(&shared, &process, app("two")).await;
    shared.fake_aws.fault_on("cloudformation:GetTemplate", [Faults::Fails(Class::Denied)]);
    let text = words(&reads(&shared, &process, "/deploy plan orders").await);
    assert!(text.contains("The stack could not be compared: cloudformation:GetTemplate failed"), "{text}");
    assert!(text.contains("Hello, World: code"), "the rest is shown: {text}");
    shared.fake_aws.fault_on("s3:GetObject", [Faults::Fails(Class::Denied)]);
    let card = reads(&shared, &process, "/deploy plan orders").await;
    assert_eq!((card.tone, card.code.as_deref()), (Tone::Bad, Some("no-preview")), "{card:?}");
    assert!(words(&card).contains("s3:GetObject failed"), "{card:?}");
}

#[tokio::test(start_paused = true)]
async fn a_running_release_that_cannot_be_read_is_replaced_by_the_whole_new_one() {
    let shared = Fixture::after(&[CREATED]).await.open();
    let process = shared.process("one");
    for line in ["/build orders", "/deploy orders"] {
        ends(&shared, &process, "ann", line, Status::Succeeded).await;
    }
    shared.act(&process, &Act::Pushes(&["Hello", "World"], "two", 512), "push").await;
    ends(&shared, &process, "ann", "/build orders", Status::Succeeded).await;
    shared.fake_aws.loses_objects("orders/builds/1-");
    let text = words(&reads(&shared, &process, "/deploy plan orders").await);
    assert!(text.contains("The running release could not be read"), "{text}");
    assert!(text.contains("Hello, World: new"), "{text}");
}
