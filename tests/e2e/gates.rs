//! Gates: every refusal goes to the person who caused it and changes nothing.

use sluice_e2e::fixture::{approved_promotion, build_and_deploy, deployed};
use sluice_e2e::{Repository, World};

/// A new release `number` on dev and, with approval, on prod.
async fn release(world: &World, clone: &Repository, name: &str, number: u32) {
    clone.set_greeting(&format!("Release {number}"));
    clone.push(&format!("Greet as release {number}"));
    build_and_deploy(world, name).await.says(&[&format!("r{number} is live on dev")]);
    approved_promotion(world, name).await.succeeds().await;
}

#[tokio::test]
async fn only_another_approver_can_approve() {
    let (world, _) = deployed(module_path!(), "gate", "").await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    let promotion = world.submit(ann, "/promote gate prod").await;
    let waiting = promotion.waits().await;

    let before = world.ephemerals(ann).await.len();
    world.click(ann, &waiting, "promotion.approve").await;
    world.expect_ephemeral(ann, before, &["own request"]).await;
    world.command(ann, "/promote approve gate prod").await.says(&["own request"]);

    let before = world.ephemerals(eve).await.len();
    world.click(eve, &waiting, "promotion.approve").await;
    world.expect_ephemeral(eve, before, &["Only approvers"]).await;
    world.command(eve, "/promote approve gate prod").await.says(&["Only approvers"]);
    world.command(eve, "/promote reject gate prod no").await.says(&["Only approvers"]);
    world.command(eve, "/deploy gate").await.says(&["Only operators"]);
    world.command(eve, "/stage add gate more").await.says(&["Only"]);
    assert_eq!(world.release("gate", "prod").await, "nothing");
    assert!(promotion.waits().await.has_button("promotion.approve"), "the promotion still waits");

    world.click(bob, &waiting, "promotion.approve").await;
    let done = promotion.succeeds().await;
    done.says(&[&format!("Approved by <@{bob}>")]);
    assert!(!done.has_button("promotion.approve"));

    for (who, action) in [(bob, "promotion.approve"), (cyd, "promotion.reject")] {
        let before = world.ephemerals(who).await.len();
        world.click_stale(who, &waiting, action).await;
        world.expect_ephemeral(who, before, &["Nothing was changed"]).await;
    }
    assert_eq!(promotion.succeeds().await.text(), done.text(), "a late click changes nothing");
    assert_eq!(world.release("gate", "prod").await, "r1");
}

#[tokio::test]
async fn a_rejected_promotion_changes_nothing() {
    let (world, _) = deployed(module_path!(), "rejected", "").await;
    let (ann, bob, cyd) = (world.ann(), world.bob(), world.cyd());
    let promotion = world.submit(ann, "/promote rejected prod").await;
    let waiting = promotion.waits().await;
    world.command(bob, "/promote reject rejected prod not on a Friday").await.says(&["Rejected"]);
    let over = promotion.fails().await;
    over.says(&[&format!("Rejected by <@{bob}>"), "not on a Friday"]);
    assert!(!over.has_button("promotion.approve"));
    let before = world.ephemerals(cyd).await.len();
    world.click_stale(cyd, &waiting, "promotion.approve").await;
    world.expect_ephemeral(cyd, before, &["Nothing was changed"]).await;
    assert_eq!(world.release("rejected", "prod").await, "nothing");
    assert_eq!(world.curl("rejected", "prod").await.0, 404);
    // Another promotion is possible.
    approved_promotion(&world, "rejected").await.succeeds().await;
    assert_eq!(world.release("rejected", "prod").await, "r1");
}

#[tokio::test]
async fn rollbacks_follow_the_history_and_end_at_the_first_release() {
    let (world, created) = deployed(module_path!(), "back", "").await;
    let clone = Repository::clone_from_message(&created);
    approved_promotion(&world, "back").await.succeeds().await;
    release(&world, &clone, "back", 2).await;
    release(&world, &clone, "back", 3).await;
    let bob = world.bob();
    world.submit(bob, "/rollback back prod").await.succeeds().await.says(&["r2 is live on prod"]);
    world.expect_response("back", "prod", "Release 2").await;
    // The same command may be a repetition: an older release has to be named.
    world.command(bob, "/rollback back prod").await.says(&["a moment ago", "/rollback back prod r1"]);
    assert_eq!(world.release("back", "prod").await, "r2");
    world.submit(bob, "/rollback back prod to r1").await.succeeds().await.says(&["r1 is live on prod"]);
    world.expect_response("back", "prod", "Hello from back").await;
    let refused = world.command(bob, "/rollback back prod").await;
    refused.says(&["a moment ago", "r2", "r3"]);
    assert_eq!(world.release("back", "prod").await, "r1");
    // A release that was rolled back is no target, except for an admin with a reason. dev never changed.
    let refused = world.command(bob, "/rollback back prod to r3").await;
    refused.says(&["was rolled back from r3", "/promote back prod r3 again"]);
    let forward = world.submit(bob, "/rollback back prod to r3 it was the network").await.succeeds().await;
    forward.says(&["r3 is live on prod", "Override", "it was the network"]);
    world.expect_response("back", "prod", "Release 3").await;
    assert_eq!(world.release("back", "dev").await, "r3");
}

#[tokio::test]
async fn a_failed_build_shows_its_error_and_is_not_deployed() {
    let (world, created) = deployed(module_path!(), "red", "").await;
    let clone = Repository::clone_from_message(&created);
    clone.run_in_builds("python3 -c \"assert 1 == 2, 'they differ by design'\"");
    clone.push("Break a test");
    let red = world.submit(world.ann(), "/build red").await.fails().await;
    red.says(&["#2", "BUILD", "they differ by design"]);
    world.command(world.ann(), "/build log red").await.says(&["they differ by design", "failed"]);
    world.command(world.ann(), "/deploy red #2").await.says(&["#2", "did not succeed"]);
    world.command(world.ann(), "/deploy red").await.says(&["runs r1"]);
    assert_eq!(world.release("red", "dev").await, "r1");
}
