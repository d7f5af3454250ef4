//! The policy of a stage on the wire: several approvals, locks, overrides, what comes back.

use futures::future::join_all;
use sluice_e2e::fixture::{deployed, next, runs};
use sluice_e2e::{Message, PATIENCE, Repository, World, eventually};

/// A parameter without a default is asked for with a line that works; its value comes with the next deploy.
async fn created_parameter(world: &World, created: &Message) {
    let ann = world.ann();
    let clone = Repository::clone_as_told(created);
    clone.edit("template.yaml", |template| {
        template
            .replace(
                "Globals:",
                "  LogLevel:\n    Type: String\n    AllowedValues: [debug, info]\n\nGlobals:",
            )
            .replace("STAGE: !Ref Stage", "STAGE: !Ref Stage\n        LOG_LEVEL: !Ref LogLevel")
    });
    clone.push("Log by level \u{202e}gol");
    world.asks(ann, "/build policy").await.succeeds().await;
    let refused = world.asks(ann, "/deploy policy").await.fails().await;
    refused.says(&["LogLevel has no value for the stage dev", "/stage set policy dev param.LogLevel=debug"]);
    assert!(!refused.words().contains('\u{202e}'), "git text hides nothing");
    let set = world.asks(ann, "/stage set policy dev param.LogLevel=debug param.Unused=1").await;
    set.succeeds().await.says(&["Updated the parameters of dev of policy", "LogLevel=debug"]);
    let deployed = world.asks(ann, "/deploy policy").await.succeeds().await;
    deployed.says(&["LogLevel: debug", "Not in the template", "Unused"]);
    world.types(ann, "/deploy policy").await.says(&["nothing to deploy"]);
    world.asks(ann, "/stage set policy dev param.LogLevel=info param.Unused=-").await.succeeds().await;
    let again = world.asks(ann, "/deploy policy").await.succeeds().await;
    again.says(&["LogLevel: debug → info"]);
}

#[tokio::test]
async fn two_have_to_approve_and_a_lock_an_override_and_a_rollback_do_what_they_say() {
    let (world, created) = deployed(module_path!(), "policy", "approvals=2").await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    world.types(ann, "/stage list policy").await.says(&["2 approvals by others"]);
    world.types(ann, "/pipeline check policy prod").await.says(&["nobody locked it", "2 are asked of"]);
    world.types(eve, "/pipeline check policy prod").await.says(&["Only operators"]);

    let promotion = world.asks(ann, "/promote policy prod").await;
    let waiting = promotion.waits().await;
    world.clicks(bob, &waiting, "promotion.approve").await;
    world.types(bob, "/promote approve policy prod").await.says(&["nothing changed"]);
    assert_eq!(runs(&world, "policy").await, "nothing");
    eventually("the card counts", PATIENCE, async || {
        let words = promotion.waits().await.words();
        if words.contains("1 of 2") { Ok(()) } else { Err(words) }
    })
    .await;
    world.types(cyd, "/promote approve policy prod fine with me").await.says(&["Approved"]);
    promotion.succeeds().await.says(&[&format!("Approved by <@{bob}>"), &format!("Approved by <@{cyd}>")]);
    assert_eq!(runs(&world, "policy").await, "r1");

    next(&world, "policy", &created, "Release 2").await;
    let locked = world.asks(bob, "/stage lock policy prod for 1h \"fixing the ledger\"").await;
    let holds = locked.waits().await;
    holds.says(&["Lock of prod of policy", "holds", "fixing the ledger", "a rollback passes"]);
    world.types(ann, "/promote policy prod").await.says(&[
        "locked",
        "fixing the ledger",
        "/stage unlock policy prod",
    ]);
    world.types(ann, "/pipeline status policy").await.says(&["prod is locked by", "fixing the ledger"]);
    assert!(
        !world.types(ann, "/pipeline status policy").await.words().contains("Open:"),
        "it is under way for nobody"
    );
    world.types(eve, "/promote policy prod override please").await.says(&["Only admins and people on call"]);
    let passed = world.asks(cyd, "/promote policy prod override checkout is down").await.succeeds().await;
    passed.says(&["checkout is down", &format!("<@{bob}>"), "Nobody was asked to approve it"]);
    assert_eq!(runs(&world, "policy").await, "r2");
    world.answers("policy", "prod", "Release 2").await;

    world
        .asks(ann, "/rollback policy prod the total is wrong")
        .await
        .succeeds()
        .await
        .says(&["prod runs r1"]);
    world.asks(bob, "/stage unlock policy prod").await.succeeds().await.says(&["open for what is new"]);
    locked.succeeds().await.says(&["Lock of prod of policy", "is over", "unlocked by bob"]);
    world.types(ann, "/promote policy prod").await.says(&["was rolled back from r2", "again"]);
    let again = world.asks(ann, "/promote policy prod again").await;
    let waiting = again.waits().await;
    join_all([bob, cyd].map(|who| world.clicks(who, &waiting, "promotion.approve"))).await;
    again.succeeds().await;
    assert_eq!(runs(&world, "policy").await, "r2");

    // A parameter has a value per stage, and is part of what is promoted.
    created_parameter(&world, &created).await;

    // A hard lock holds the way back, too; and whose it was is told when it is taken over.
    let soft = world.asks(bob, "/stage lock policy prod \"the ledger once more\"").await;
    soft.waits().await;
    let hard = world.asks(ann, "/stage lock policy prod for 1h hard \"an audit\"").await.waits().await;
    soft.succeeds().await.says(&["is over", "taken over by ann"]);
    hard.says(&["Taken over from", &format!("<@{bob}>")]);
    world.types(bob, "/rollback policy prod").await.says(&["locked", "An admin lifts it"]);
    world.asks(ann, "/stage unlock policy prod").await.succeeds().await;
    let short = world.asks(bob, "/stage lock policy prod for 4s \"the fair\"").await.succeeds().await;
    short.says(&["is over", "its time has come"]);
    let history = world.types(eve, &format!("/pipeline history policy prod <@{bob}> since 1h")).await;
    history.says(&["by", "/stage lock policy prod"]);
}
