//! Stopping, going back, and being stuck: who may, what is taken back, and that the channel says what really runs.

use serde_json::json;
use sluice_e2e::{Aws, Message, Options, PATIENCE, Repository, World, eventually};

/// A pipeline with `r1` on dev and prod, and `r2` on dev, in a world of its own: faults strike whoever calls.
async fn moving(name: &str) -> (World, Message) {
    let world = World::start(Options::default()).await;
    let ann = world.ann();
    let created = world.asks(ann, &format!("/repo create {name}")).await.succeeds().await;
    world.asks(ann, &format!("/build {name}")).await.succeeds().await;
    world.asks(ann, &format!("/stage add {name} prod")).await.succeeds().await;
    world.asks(ann, &format!("/deploy {name}")).await.succeeds().await;
    let promotion = world.asks(ann, &format!("/promote {name} prod")).await;
    world.clicks(world.bob(), &promotion.waits().await, "promotion.approve").await;
    promotion.succeeds().await;
    let clone = Repository::clone_as_told(&created);
    clone.greet("Howdy");
    clone.push("Say howdy");
    world.asks(ann, &format!("/build {name}")).await.succeeds().await;
    world.asks(ann, &format!("/deploy {name}")).await.succeeds().await;
    (world, created)
}

async fn alias(world: &World, name: &str, stage: &str) -> Option<String> {
    let aws = Aws(world);
    let functions = aws.functions(name).await;
    aws.aliases(functions.first()?).await.remove(stage)
}

#[tokio::test]
async fn a_build_is_stopped_by_who_asked_and_by_nobody_without_the_right() {
    let world = World::shared(module_path!()).await;
    let (ann, eve) = (world.ann(), world.eve());
    let created = world.asks(ann, "/repo create slow").await.succeeds().await;
    let clone = Repository::clone_as_told(&created);
    clone.edit("tests/test_app.py", |code| format!("import time\ntime.sleep(600)\n{code}"));
    clone.push("Take ten minutes");
    for typed in [false, true] {
        let build = world.asks(ann, "/build slow").await;
        let running = eventually("CodeBuild is to run it", PATIENCE, async || {
            let messages = build.messages().await;
            let running = messages.into_iter().find(|message| message.words().contains("open the log"));
            running.ok_or("not yet")
        })
        .await;
        let told = world.whispers(eve).await.len();
        world.clicks(eve, &running, "operation.cancel").await;
        world.whispered(eve, told, &["who asked for it, or an admin"]).await;
        if typed {
            world.types(ann, "/build cancel slow").await.says(&["Stopping"]);
        } else {
            world.clicks(ann, &running, "operation.cancel").await;
        }
        let over = build.fails().await;
        over.says(&["was cancelled", "Taken back: start the build", &format!("Cancelled by <@{ann}>")]);
        assert!(!over.has_button("operation.cancel"));
        let told = world.whispers(ann).await.len();
        world.clicks_late(ann, &running, "operation.cancel").await;
        world.whispered(ann, told, &["ended already"]).await;
    }
    world.types(ann, "/build list slow").await.says(&["cancelled"]);
    world.types(ann, "/build cancel slow").await.says(&["No build of slow runs"]);
    let stops =
        world.calls(0).await.into_iter().filter(|call| call.method == "StopBuild" && call.effect).count();
    assert_eq!(stops, 2, "each was stopped in CodeBuild, once");
}

#[tokio::test]
async fn a_promotion_that_fails_half_way_puts_back_what_it_moved() {
    let (world, created) = moving("half").await;
    let (ann, bob) = (world.ann(), world.bob());
    // Another route, so that the API stage has to move as well, after the alias.
    let clone = Repository::clone(&world, "half");
    clone.edit("template.yaml", |template| template.replace("Method: GET\n", "Method: POST\n"));
    clone.push("Answer elsewhere");
    world.asks(ann, "/build half").await.succeeds().await;
    world.asks(ann, "/deploy half").await.succeeds().await;
    let before = alias(&world, "half", "prod").await;
    let refused = json!({
        "service": "apigateway", "method": "UpdateStage", "action": "refuse", "status": 403,
        "code": "AccessDeniedException", "times": 1,
    });
    let fault = world.arm(&refused).await;
    let promotion = world.asks(ann, "/promote half prod").await;
    world.clicks(bob, &promotion.waits().await, "promotion.approve").await;
    let over = promotion.fails().await;
    assert!(fault.fired().await, "the template's route did not change: {}", created.words());
    over.says(&["Taken back: move", "aws-denied"]);
    assert_eq!(alias(&world, "half", "prod").await, before);
    assert_eq!(world.runs("half").await.remove("prod").unwrap(), "r1");
    world.answers("half", "prod", "Hello from half").await;
    // The same again, when the cause is mended.
    let again = world.asks(ann, "/promote half prod").await;
    world.clicks(bob, &again.waits().await, "promotion.approve").await;
    again.succeeds().await.says(&["prod runs r3"]);
}

#[tokio::test]
async fn what_cannot_be_put_back_is_stuck_until_an_admin_sees_to_it_and_a_rollback_passes() {
    for (action, end) in [("operation.retry", "failed"), ("operation.resolve", "was resolved by hand")] {
        let name = if action.ends_with("retry") { "stuck" } else { "mixed" };
        let (world, _) = moving(name).await;
        let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
        let clone = Repository::clone(&world, name);
        clone.edit("template.yaml", |template| template.replace("Method: GET\n", "Method: POST\n"));
        clone.push("Answer elsewhere");
        world.asks(ann, &format!("/build {name}")).await.succeeds().await;
        world.asks(ann, &format!("/deploy {name}")).await.succeeds().await;
        let denied = |service: &str, method: &str, nth: u32, times: u32| {
            json!({
                "service": service, "method": method, "action": "refuse", "status": 403,
                "code": "AccessDeniedException", "nth": nth, "times": times,
            })
        };
        world.arm(&denied("apigateway", "UpdateStage", 1, 1)).await;
        // The first move is the promotion's, the second is its way back.
        world.arm(&denied("lambda", "UpdateAlias", 2, 1)).await;
        let promotion = world.asks(ann, &format!("/promote {name} prod")).await;
        world.clicks(bob, &promotion.waits().await, "promotion.approve").await;
        let stuck = promotion.is_stuck().await;
        stuck.says(&["Not taken back: move"]);
        let told = world.whispers(eve).await.len();
        world.clicks(eve, &stuck, action).await;
        world.whispered(eve, told, &["Only admins"]).await;
        world.clicks(bob, &stuck, action).await;
        let over = promotion.fails().await;
        over.says(&[end]);
        let runs = world.runs(name).await.remove("prod").unwrap_or_default();
        match action {
            "operation.retry" => {
                over.says(&["Taken back: move"]);
                assert_eq!(runs, "r1");
            }
            _ => {
                // The alias has moved on, the API stage has not: no one release runs here.
                world.types(ann, &format!("/pipeline status {name}")).await.says(&["mixed"]);
                world.asks(bob, &format!("/rollback {name} prod to r1")).await.succeeds().await;
                assert_eq!(world.runs(name).await.remove("prod").unwrap(), "r1");
            }
        }
        world.answers(name, "prod", &format!("Hello from {name}")).await;
    }
}
