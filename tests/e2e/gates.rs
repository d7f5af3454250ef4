//! Who may not, and what must not: every refusal is told to the person who caused it, and changes nothing.

use sluice_e2e::{Message, Repository, World};

/// A pipeline with `r1` on dev, and a stage prod.
async fn deployed(name: &str) -> (World, Message) {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    let created = world.asks(ann, &format!("/repo create {name}")).await.succeeds().await;
    world.asks(ann, &format!("/build {name}")).await.succeeds().await;
    world.asks(ann, &format!("/stage add {name} prod")).await.succeeds().await;
    world.asks(ann, &format!("/deploy {name}")).await.succeeds().await;
    (world, created)
}

/// A new release `number` on dev and, with approval, on prod.
async fn release(world: &World, clone: &Repository, name: &str, number: u32) {
    let ann = world.ann();
    clone.greet(&format!("Release {number}"));
    clone.push(&format!("Greet as release {number}"));
    world.asks(ann, &format!("/build {name}")).await.succeeds().await;
    let deployed = world.asks(ann, &format!("/deploy {name}")).await.succeeds().await;
    deployed.says(&[&format!("dev runs r{number}")]);
    promote(world, name).await;
}

async fn promote(world: &World, name: &str) {
    let promotion = world.asks(world.ann(), &format!("/promote {name} prod")).await;
    let waiting = promotion.waits().await;
    world.clicks(world.bob(), &waiting, "promotion.approve").await;
    promotion.succeeds().await;
}

async fn runs(world: &World, name: &str, stage: &str) -> String {
    world.runs(name).await.remove(stage).unwrap_or_default()
}

#[tokio::test]
async fn only_somebody_else_who_may_passes_the_gate() {
    let (world, _) = deployed("gate").await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    let promotion = world.asks(ann, "/promote gate prod").await;
    let waiting = promotion.waits().await;

    let told = world.whispers(ann).await.len();
    world.clicks(ann, &waiting, "promotion.approve").await;
    world.whispered(ann, told, &["own request"]).await;
    world.types(ann, "/promote approve gate prod").await.says(&["own request"]);

    let told = world.whispers(eve).await.len();
    world.clicks(eve, &waiting, "promotion.approve").await;
    world.whispered(eve, told, &["Only approvers"]).await;
    world.types(eve, "/promote approve gate prod").await.says(&["Only approvers"]);
    world.types(eve, "/promote reject gate prod no").await.says(&["Only approvers"]);
    world.types(eve, "/deploy gate").await.says(&["Only operators"]);
    world.types(eve, "/stage add gate more").await.says(&["Only"]);
    assert_eq!(runs(&world, "gate", "prod").await, "nothing");
    assert!(promotion.waits().await.has_button("promotion.approve"), "it still waits");

    world.clicks(bob, &waiting, "promotion.approve").await;
    let done = promotion.succeeds().await;
    done.says(&[&format!("Approved by <@{bob}>")]);
    assert!(!done.has_button("promotion.approve"));

    for (who, action) in [(bob, "promotion.approve"), (cyd, "promotion.reject")] {
        let told = world.whispers(who).await.len();
        world.clicks_late(who, &waiting, action).await;
        world.whispered(who, told, &["nothing changed"]).await;
    }
    assert_eq!(promotion.succeeds().await.words(), done.words(), "a late click changes nothing");
    assert_eq!(runs(&world, "gate", "prod").await, "r1");
}

#[tokio::test]
async fn a_rejected_promotion_moves_nothing() {
    let (world, _) = deployed("rejected").await;
    let (ann, bob, cyd) = (world.ann(), world.bob(), world.cyd());
    let promotion = world.asks(ann, "/promote rejected prod").await;
    let waiting = promotion.waits().await;
    world.types(bob, "/promote reject rejected prod not on a Friday").await.says(&["Rejected"]);
    let over = promotion.fails().await;
    over.says(&[&format!("Rejected by <@{bob}>"), "not on a Friday"]);
    assert!(!over.has_button("promotion.approve"));
    let told = world.whispers(cyd).await.len();
    world.clicks_late(cyd, &waiting, "promotion.approve").await;
    world.whispered(cyd, told, &["nothing changed"]).await;
    assert_eq!(runs(&world, "rejected", "prod").await, "nothing");
    assert_eq!(world.curl("rejected", "prod").await.0, 404);
    // The way is free for another one.
    promote(&world, "rejected").await;
    assert_eq!(runs(&world, "rejected", "prod").await, "r1");
}

#[tokio::test]
async fn rollbacks_go_back_by_what_ran_and_stop_at_the_first() {
    let (world, created) = deployed("back").await;
    let clone = Repository::clone_as_told(&created);
    promote(&world, "back").await;
    release(&world, &clone, "back", 2).await;
    release(&world, &clone, "back", 3).await;
    let bob = world.bob();
    world.asks(bob, "/rollback back prod").await.succeeds().await.says(&["prod runs r2"]);
    world.answers("back", "prod", "Release 2").await;
    // The same line once more may have been sent twice: further back has to be named.
    world.types(bob, "/rollback back prod").await.says(&["a moment ago", "/rollback back prod r1"]);
    assert_eq!(runs(&world, "back", "prod").await, "r2");
    world.asks(bob, "/rollback back prod to r1").await.succeeds().await.says(&["prod runs r1"]);
    world.answers("back", "prod", "Hello from back").await;
    let refused = world.types(bob, "/rollback back prod").await;
    refused.says(&["a moment ago", "r2", "r3"]);
    assert_eq!(runs(&world, "back", "prod").await, "r1");
    // What was rolled back is no way back, but for an admin with a reason; and dev was never touched.
    let refused = world.types(bob, "/rollback back prod to r3").await;
    refused.says(&["was rolled back from r3", "/promote back prod r3 again"]);
    let forward = world.asks(bob, "/rollback back prod to r3 it was the network").await.succeeds().await;
    forward.says(&["prod runs r3", "Override", "it was the network"]);
    world.answers("back", "prod", "Release 3").await;
    assert_eq!(runs(&world, "back", "dev").await, "r3");
}

#[tokio::test]
async fn a_red_build_says_what_failed_and_is_not_deployed() {
    let (world, created) = deployed("red").await;
    let clone = Repository::clone_as_told(&created);
    clone.edit("tests/test_app.py", |code| {
        code.replace("class Hello(unittest.TestCase):\n", "class Hello(unittest.TestCase):\n    def test_that_fails(self):\n        self.assertEqual(\"left\", \"right\", \"they differ by design\")\n\n")
    });
    clone.push("Break a test");
    let red = world.asks(world.ann(), "/build red").await.fails().await;
    red.says(&["#2", "BUILD", "they differ by design"]);
    world.types(world.ann(), "/build log red").await.says(&["they differ by design", "failed"]);
    world.types(world.ann(), "/deploy red #2").await.says(&["#2", "failed"]);
    world.types(world.ann(), "/deploy red").await.says(&["runs r1"]);
    assert_eq!(runs(&world, "red", "dev").await, "r1");
}
