//! The happy path: from `/repo create` to production and back.

use sluice_e2e::{Repository, World};

#[tokio::test]
async fn from_a_slash_command_to_production_and_back() {
    let world = World::shared(module_path!()).await;
    let (ann, bob) = (world.ann(), world.bob());

    let created = world.submit(ann, "/repo create story from sam").await.succeeds().await;
    created.says(&["/build story"]);
    let shown = world.command(ann, "/repo show story").await;
    shown.says(&["git clone", "sluice-story", "dev", "console.aws.amazon.com/codesuite/codecommit"]);
    world.submit(ann, "/build story").await.succeeds().await.says(&["#1", "/deploy story #1"]);
    world.submit(ann, "/build retry story #1").await.succeeds().await.says(&["#2", "Initial commit"]);
    world.submit(ann, "/deploy story #1").await.succeeds().await.says(&["#1", "r1", "r1 is live on dev"]);
    world
        .submit(ann, "/stage add story staging")
        .await
        .succeeds()
        .await
        .says(&["promotions need 1 approval"]);
    world.submit(ann, "/stage add story prod").await.succeeds().await;

    let promotion = world.submit(ann, "/promote story staging").await;
    let waiting = promotion.waits().await;
    waiting.says(&["Initial commit", "nothing yet", "r1"]);
    world.click(bob, &waiting, "promotion.approve").await;
    let done = promotion.succeeds().await;
    done.says(&["r1 is live on staging", &format!("Approved by <@{bob}>")]);
    assert!(!done.has_button("promotion.approve") && !done.has_button("promotion.reject"));

    let promotion = world.submit(ann, "/promote story prod").await;
    promotion.waits().await;
    world.command(bob, "/promote approve story prod looks good").await.says(&["Approved"]);
    promotion.succeeds().await.says(&["r1 is live on prod", "looks good", &format!("Approved by <@{bob}>")]);
    expect_greeting(&world, "prod", "Hello from story").await;

    let clone = Repository::clone_from_message(&created);
    clone.set_greeting("Good morning");
    let commit = clone.push("Greet by the time of day");
    let short = commit.get(..7).unwrap();
    world.submit(bob, "/build story").await.succeeds().await.says(&["#3", short, "Greet by the time of day"]);
    world.submit(bob, "/deploy story").await.succeeds().await.says(&["r2 is live on dev"]);
    expect_greeting(&world, "dev", "Good morning").await;
    expect_greeting(&world, "staging", "Hello from story").await;
    for stage in ["staging", "prod"] {
        let promotion = world.submit(bob, &format!("/promote story {stage}")).await;
        let waiting = promotion.waits().await;
        waiting.says(&["Initial commit", "Greet by the time of day", short]);
        world.click(ann, &waiting, "promotion.approve").await;
        promotion.succeeds().await.says(&[&format!("r2 is live on {stage}")]);
    }
    expect_greeting(&world, "prod", "Good morning").await;

    world.submit(ann, "/rollback story prod").await.succeeds().await.says(&["r1 is live on prod"]);
    expect_greeting(&world, "prod", "Hello from story").await;
    expect_greeting(&world, "staging", "Good morning").await;

    let runs = world.releases("story").await;
    let runs: Vec<_> = runs.iter().map(|(stage, release)| (stage.as_str(), release.as_str())).collect();
    assert_eq!(runs, [("dev", "r2"), ("prod", "r1"), ("staging", "r2")]);
    let history = world.command(ann, "/pipeline history story prod").await;
    history.says(&["/rollback story prod", "/promote story prod", "bob", "ann"]);
}

async fn expect_greeting(world: &World, stage: &str, greeting: &str) {
    let body = world.expect_response("story", stage, greeting).await;
    assert!(body.contains(&format!("\"stage\": \"{stage}\"")), "{stage}: {body}");
}
