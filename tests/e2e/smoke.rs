//! Smoke tests on the wire: what answers as it should not goes back by itself, and the channel says what was seen.

use sluice_e2e::{Aws, Repository, World};

/// Another handler in the place of the one that greets, on dev as the next release.
async fn breaks(world: &World, name: &str, subject: &str, body: &str) {
    let clone = Repository::clone(world, name);
    clone.edit("src/app.py", |code| {
        let (head, _) = code.split_once("def handler(event, context):").unwrap();
        format!("{head}def handler(event, context):\n    {body}\n\n\ndef good(event, context):\n    pass\n")
    });
    // Its own tests would not let it pass, and they are not what this is about.
    clone.edit("tests/test_app.py", |_| "import unittest\n".to_owned());
    clone.push(subject);
    world.asks(world.ann(), &format!("/build {name}")).await.succeeds().await;
}

async fn alias(world: &World, name: &str, stage: &str) -> Option<String> {
    let aws = Aws(world);
    let function = aws.functions(name).await.remove(0);
    aws.aliases(&function).await.remove(stage)
}

#[tokio::test]
async fn a_release_that_does_not_answer_as_it_should_goes_back_by_itself() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.asks(ann, "/repo create ill").await.succeeds().await;
    world.asks(ann, "/build ill").await.succeeds().await;
    world.asks(ann, "/deploy ill").await.succeeds().await;
    world.asks(ann, "/stage add ill prod").await.succeeds().await;
    let set = world.asks(ann, "/stage set ill prod approvals=0 smoke=\"GET /health 200\" confirm").await;
    set.succeeds().await.says(&["GET /health", "answers 200 after a move"]);
    world.types(ann, "/stage list ill").await.says(&["GET /health"]);
    world.types(ann, "/pipeline check ill prod").await.says(&["goes back unless GET /health answers 200"]);
    world
        .asks(ann, "/promote ill prod")
        .await
        .succeeds()
        .await
        .says(&["smoke test GET /health", "prod runs r1"]);

    let boom = "return {\"statusCode\": 500, \"body\": \"no <b>ledger</b> today\\nsecond line\"}";
    breaks(&world, "ill", "Lose the ledger", boom).await;
    world.asks(ann, "/deploy ill").await.succeeds().await;
    world.answers("ill", "dev", "ledger").await;
    let before = alias(&world, "ill", "prod").await;
    let over = world.asks(ann, "/promote ill prod").await.fails().await;
    over.says(&[
        "prod did not pass its smoke test: GET /health answered 500, not 200: no",
        "ledger",
        "Taken back: move",
        "prod runs r1, as before",
        "smoke-test-failed",
    ]);
    assert!(!over.words().contains("second line"), "{}", over.words());
    assert_eq!(alias(&world, "ill", "prod").await, before);
    assert_eq!(world.runs("ill").await.remove("prod").unwrap(), "r1");
    world.answers("ill", "prod", "Hello from ill").await;
}

#[tokio::test]
async fn a_test_event_that_fails_keeps_a_deploy_from_the_first_stage() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.asks(ann, "/repo create event").await.succeeds().await;
    // As people type it, and as it is told again.
    let told = r#"/stage set event dev smoke="invoke Hello {\"ping\":true}""#;
    let set = world.expect(world.channel(), told).await;
    world.types(ann, r#"/stage set event dev smoke='invoke Hello {"ping":true}'"#).await.says(&["Setting"]);
    set.succeeds().await.says(&["invoke Hello {\"ping\":true}", "works after a move"]);
    world.asks(ann, "/build event").await.succeeds().await;
    world.asks(ann, "/deploy event").await.succeeds().await.says(&["smoke test invoke Hello", "dev runs r1"]);

    breaks(
        &world,
        "event",
        "Count what is not there",
        "return event[\"total\"] if \"ping\" in event else {}",
    )
    .await;
    let over = world.asks(ann, "/deploy event").await.fails().await;
    over.says(&["invoke Hello {\"ping\":true} failed: Unhandled", "'total'", "dev runs r1, as before"]);
    world.answers("event", "dev", "Hello from event").await;
    world.types(ann, "/stage set event dev smoke=off").await.says(&["Setting the policy"]);
}
