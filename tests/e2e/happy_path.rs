//! The whole story of the first issue: from `/repo create` to production and back.

use sluice_e2e::{Repository, World};

#[tokio::test]
async fn from_a_slash_command_to_production_and_back() {
    let world = World::shared(module_path!()).await;
    let (ann, bob) = (world.ann(), world.bob());

    let created = world.asks(ann, "/repo create story").await.succeeds().await;
    created.says(&["/build story"]);
    world.asks(ann, "/build story").await.succeeds().await.says(&["#1", "/deploy story #1"]);
    world.asks(ann, "/deploy story").await.succeeds().await.says(&["#1", "r1", "dev runs r1"]);
    world.asks(ann, "/stage add story staging").await.succeeds().await.says(&["protected"]);
    world.asks(ann, "/stage add story prod").await.succeeds().await;

    let promotion = world.asks(ann, "/promote story staging").await;
    let waiting = promotion.waits().await;
    waiting.says(&["Begin with a function that answers", "nothing yet", "r1"]);
    world.clicks(bob, &waiting, "promotion.approve").await;
    let done = promotion.succeeds().await;
    done.says(&["staging runs r1", &format!("Approved by <@{bob}>")]);
    assert!(!done.has_button("promotion.approve") && !done.has_button("promotion.reject"));

    let promotion = world.asks(ann, "/promote story prod").await;
    promotion.waits().await;
    world.types(bob, "/promote approve story prod looks good").await.says(&["Approved"]);
    promotion.succeeds().await.says(&["prod runs r1", "looks good", &format!("Approved by <@{bob}>")]);
    greets(&world, "prod", "Hello from story").await;

    let clone = Repository::clone_as_told(&created);
    clone.greet("Good morning");
    let commit = clone.push("Greet by the time of day");
    let short = commit.get(..7).unwrap();
    world.asks(bob, "/build story").await.succeeds().await.says(&["#2", short, "Greet by the time of day"]);
    world.asks(bob, "/deploy story").await.succeeds().await.says(&["dev runs r2"]);
    greets(&world, "dev", "Good morning").await;
    greets(&world, "staging", "Hello from story").await;
    for stage in ["staging", "prod"] {
        let promotion = world.asks(bob, &format!("/promote story {stage}")).await;
        let waiting = promotion.waits().await;
        waiting.says(&["Begin with a function that answers", "Greet by the time of day", short]);
        world.clicks(ann, &waiting, "promotion.approve").await;
        promotion.succeeds().await.says(&[&format!("{stage} runs r2")]);
    }
    greets(&world, "prod", "Good morning").await;

    world.asks(ann, "/rollback story prod").await.succeeds().await.says(&["prod runs r1"]);
    greets(&world, "prod", "Hello from story").await;
    greets(&world, "staging", "Good morning").await;

    let runs = world.runs("story").await;
    let runs: Vec<_> = runs.iter().map(|(stage, release)| (stage.as_str(), release.as_str())).collect();
    assert_eq!(runs, [("dev", "r2"), ("prod", "r1"), ("staging", "r2")]);
    let history = world.types(ann, "/pipeline history story prod").await;
    history.says(&["/rollback story prod", "/promote story prod", "bob", "ann"]);
}

async fn greets(world: &World, stage: &str, words: &str) {
    let body = world.answers("story", stage, words).await;
    assert!(body.contains(&format!("\"stage\": \"{stage}\"")), "{stage}: {body}");
}
