//! Cancelled, undone and stuck operations: who may decide, what is undone, and that the channel shows what runs.

use serde_json::json;
use sluice_e2e::fixture::{alias, approved_promotion, build_and_deploy, deploy, next_release};
use sluice_e2e::{Options, PATIENCE, Repository, World, eventually};

/// A pipeline with `r1` on dev and prod, and `r2` on dev, in a world of its own: faults strike all callers.
async fn two_releases(name: &str) -> World {
    let world = World::start(Options::default()).await;
    let created = deploy(&world, name, "").await;
    approved_promotion(&world, name).await.succeeds().await;
    next_release(&world, name, &created, "Howdy").await;
    world
}

#[tokio::test]
async fn the_author_can_cancel_a_build_and_others_cannot() {
    let world = World::shared(module_path!()).await;
    let (ann, eve) = (world.ann(), world.eve());
    let created = world.submit(ann, "/repo create slow from sam").await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.run_in_builds("sleep 600");
    clone.push("Take ten minutes");
    for typed in [false, true] {
        let build = world.submit(ann, "/build slow").await;
        let running = eventually("CodeBuild runs the build", PATIENCE, async || {
            let messages = build.messages().await;
            let running = messages.into_iter().find(|message| message.text().contains("open the log"));
            running.ok_or("not yet")
        })
        .await;
        let before = world.ephemerals(eve).await.len();
        world.click(eve, &running, "operation.cancel").await;
        world.expect_ephemeral(eve, before, &["who requested this, or an admin"]).await;
        if typed {
            world.command(ann, "/build cancel slow").await.says(&["Cancelling"]);
        } else {
            world.click(ann, &running, "operation.cancel").await;
        }
        let over = build.fails().await;
        over.says(&["was cancelled", "Undone: Start build", &format!("Cancelled by <@{ann}>")]);
        assert!(!over.has_button("operation.cancel"));
        let before = world.ephemerals(ann).await.len();
        world.click_stale(ann, &running, "operation.cancel").await;
        world.expect_ephemeral(ann, before, &["already ended"]).await;
    }
    world.command(ann, "/build list slow").await.says(&["cancelled"]);
    world.command(ann, "/build cancel slow").await.says(&["No build of slow is running"]);
    let stops =
        world.calls(0).await.into_iter().filter(|call| call.method == "StopBuild" && call.effect).count();
    assert_eq!(stops, 2, "each build is stopped once in CodeBuild");
}

#[tokio::test]
async fn a_promotion_that_fails_half_way_is_undone() {
    let world = two_releases("half").await;
    // Another route: the API moves to another deployment.
    let clone = Repository::clone(&world, "half");
    clone.edit("template.yaml", |template| template.replace("Method: GET\n", "Method: POST\n"));
    clone.push("Answer elsewhere");
    build_and_deploy(&world, "half").await;
    let before = alias(&world, "half", "prod").await;
    let refused = json!({
        "service": "lambda", "method": "UpdateAlias", "action": "refuse", "status": 403,
        "code": "AccessDeniedException", "times": 1,
    });
    let fault = world.arm(&refused).await;
    let over = approved_promotion(&world, "half").await.fails().await;
    assert!(fault.has_fired().await, "the alias does not move");
    over.says(&["Undone: Move API", "AWS denied Sluice the call"]);
    assert_eq!(alias(&world, "half", "prod").await, before);
    assert_eq!(world.release("half", "prod").await, "r1");
    world.expect_response("half", "prod", "Hello from half").await;
    // The same again, without the fault.
    approved_promotion(&world, "half").await.succeeds().await.says(&["r3 is live on prod"]);
}

#[tokio::test]
async fn a_failed_undo_is_stuck_until_an_admin_resolves_it_and_a_rollback_proceeds() {
    for (action, end) in [("operation.retry", "failed"), ("operation.resolve", "was marked as resolved")] {
        let name = if action.ends_with("retry") { "stuck" } else { "mixed" };
        let world = two_releases(name).await;
        let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
        let clone = Repository::clone(&world, name);
        clone.edit("template.yaml", |template| template.replace("Method: GET\n", "Method: POST\n"));
        clone.push("Answer elsewhere");
        build_and_deploy(&world, name).await;
        let denied = |service: &str, method: &str, nth: u32, times: u32| {
            json!({
                "service": service, "method": method, "action": "refuse", "status": 403,
                "code": "AccessDeniedException", "nth": nth, "times": times,
            })
        };
        world.arm(&denied("lambda", "UpdateAlias", 1, 1)).await;
        // The first move is the promotion's, the second undoes it.
        world.arm(&denied("apigateway", "UpdateStage", 2, 1)).await;
        let promotion = approved_promotion(&world, name).await;
        let stuck = promotion.is_stuck().await;
        stuck.says(&["Not undone: Move API"]);
        let before = world.ephemerals(eve).await.len();
        world.click(eve, &stuck, action).await;
        world.expect_ephemeral(eve, before, &["Only admins"]).await;
        world.click(bob, &stuck, action).await;
        let over = promotion.fails().await;
        over.says(&[end]);
        let runs = world.release(name, "prod").await;
        match action {
            "operation.retry" => {
                over.says(&["Undone: Move API"]);
                assert_eq!(runs, "r1");
            }
            _ => {
                // The API has moved, the alias has not: the stage is mixed.
                world.command(ann, &format!("/pipeline status {name}")).await.says(&["mixed"]);
                world.submit(bob, &format!("/rollback {name} prod to r1")).await.succeeds().await;
                assert_eq!(world.release(name, "prod").await, "r1");
            }
        }
        world.expect_response(name, "prod", &format!("Hello from {name}")).await;
    }
}
