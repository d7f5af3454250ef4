//! Smoke tests: a release that fails its smoke test is undone automatically, and the message shows the response.

use sluice_e2e::fixture::alias;
use sluice_e2e::{Repository, World};

/// Replaces the handler's body, and builds.
async fn build_with_handler(world: &World, name: &str, subject: &str, body: &str) {
    let clone = Repository::clone(world, name);
    clone.edit("src/app.py", |code| {
        let (head, _) = code.split_once("def handler(event, context):").unwrap();
        format!("{head}def handler(event, context):\n    {body}\n\n\ndef good(event, context):\n    pass\n")
    });
    clone.push(subject);
    world.submit(world.ann(), &format!("/build {name}")).await.succeeds().await;
}

#[tokio::test]
async fn a_release_that_fails_its_smoke_test_is_undone() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.submit(ann, "/repo create ill from sam").await.succeeds().await;
    world.submit(ann, "/build ill").await.succeeds().await;
    world.submit(ann, "/deploy ill").await.succeeds().await;
    world.submit(ann, "/stage add ill prod").await.succeeds().await;
    let set = world.submit(ann, "/stage set ill prod approvals=0 smoke=\"GET /health 200\" confirm").await;
    set.succeeds().await.says(&["GET /health", "answers 200"]);
    world.command(ann, "/stage list ill").await.says(&["GET /health"]);
    world
        .command(ann, "/pipeline check ill prod")
        .await
        .says(&["changes are undone unless GET /health answers 200"]);
    world.submit(ann, "/promote ill prod").await.succeeds().await.says(&["r1 is live on prod"]);

    let boom = "return {\"statusCode\": 500, \"body\": \"no <b>ledger</b> today\\nsecond line\"}";
    build_with_handler(&world, "ill", "Lose the ledger", boom).await;
    world.submit(ann, "/deploy ill").await.succeeds().await;
    world.expect_response("ill", "dev", "ledger").await;
    let before = alias(&world, "ill", "prod").await;
    let over = world.submit(ann, "/promote ill prod").await.fails().await;
    over.says(&[
        "prod did not pass its smoke test: GET /health answered 500, not 200: no",
        "ledger",
        "Undone: Move API",
        "prod runs r1, as before",
    ]);
    assert!(!over.text().contains("second line"), "{}", over.text());
    assert_eq!(alias(&world, "ill", "prod").await, before);
    assert_eq!(world.release("ill", "prod").await, "r1");
    world.expect_response("ill", "prod", "Hello from ill").await;
}

#[tokio::test]
async fn a_failing_test_event_undoes_a_deploy_to_the_first_stage() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    world.submit(ann, "/repo create event from sam").await.succeeds().await;
    // As people type it, and as the message repeats it.
    let canonical = r#"/stage set event dev smoke="invoke Hello {\"ping\":true}""#;
    let set = world.expect(world.channel(), canonical).await;
    world
        .command(ann, r#"/stage set event dev smoke='invoke Hello {"ping":true}'"#)
        .await
        .says(&["Updating the policy"]);
    set.succeeds().await.says(&["invoke Hello {\"ping\":true}", "succeeds"]);
    world.submit(ann, "/build event").await.succeeds().await;
    world.submit(ann, "/deploy event").await.succeeds().await.says(&["r1 is live on dev"]);

    build_with_handler(
        &world,
        "event",
        "Count what is not there",
        "return event[\"total\"] if \"ping\" in event else {}",
    )
    .await;
    let over = world.submit(ann, "/deploy event").await.fails().await;
    over.says(&["invoke Hello {\"ping\":true} failed: Unhandled", "'total'", "dev runs r1, as before"]);
    world.expect_response("event", "dev", "Hello from event").await;
    world.command(ann, "/stage set event dev smoke=off").await.says(&["Updating the policy"]);
}
