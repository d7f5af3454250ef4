//! The policy of a stage: several approvals, locks, overrides, parameters, and repeated promotions.

use futures::future::join_all;
use sluice_e2e::fixture::{deployed, next_release};
use sluice_e2e::{Message, PATIENCE, Repository, World, eventually};

/// A missing parameter is refused with a command that sets it; the next deploy uses the value.
async fn set_parameter(world: &World, created: &Message) {
    let ann = world.ann();
    let clone = Repository::clone_from_message(created);
    clone.edit("template.yaml", |template| {
        template
            .replace(
                "Globals:",
                "  LogLevel:\n    Type: String\n    AllowedValues: [debug, info]\n\nGlobals:",
            )
            .replace("STAGE: !Ref Stage", "STAGE: !Ref Stage\n        LOG_LEVEL: !Ref LogLevel")
    });
    clone.push("Log by level \u{202e}gol");
    world.submit(ann, "/build policy").await.succeeds().await;
    let refused = world.submit(ann, "/deploy policy").await.fails().await;
    refused.says(&["LogLevel has no value for the stage dev", "/stage set policy dev param.LogLevel=debug"]);
    assert!(!refused.text().contains('\u{202e}'), "a commit subject cannot hide text");
    let set = world.submit(ann, "/stage set policy dev param.LogLevel=debug param.Unused=1").await;
    set.succeeds().await.says(&["Updated the parameters for dev of policy", "LogLevel=debug"]);
    let deployed = world.submit(ann, "/deploy policy").await.succeeds().await;
    deployed.says(&["LogLevel: debug", "Unused parameters", "Unused"]);
    world.command(ann, "/deploy policy").await.says(&["nothing to deploy"]);
    world.submit(ann, "/stage set policy dev param.LogLevel=info param.Unused=-").await.succeeds().await;
    let again = world.submit(ann, "/deploy policy").await.succeeds().await;
    again.says(&["LogLevel: debug → info"]);
}

#[tokio::test]
async fn two_approvals_a_lock_an_override_and_a_rollback_work_together() {
    let (world, created) = deployed(module_path!(), "policy", "approvals=2").await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    world.command(ann, "/stage list policy").await.says(&["2 approvals by others"]);
    world.command(ann, "/pipeline check policy prod").await.says(&["not locked", "2 needed from"]);
    world.command(eve, "/pipeline check policy prod").await.says(&["Only operators"]);

    let promotion = world.submit(ann, "/promote policy prod").await;
    let waiting = promotion.waits().await;
    world.click(bob, &waiting, "promotion.approve").await;
    world.command(bob, "/promote approve policy prod").await.says(&["Nothing was changed"]);
    assert_eq!(world.release("policy", "prod").await, "nothing");
    eventually("the message counts the approval", PATIENCE, async || {
        let words = promotion.waits().await.text();
        if words.contains("1 of 2") { Ok(()) } else { Err(words) }
    })
    .await;
    world.command(cyd, "/promote approve policy prod fine with me").await.says(&["Approved"]);
    promotion.succeeds().await.says(&[&format!("Approved by <@{bob}>"), &format!("Approved by <@{cyd}>")]);
    assert_eq!(world.release("policy", "prod").await, "r1");
    eventually("the request has become the decision", PATIENCE, async || {
        let texts: Vec<String> = world.messages(world.channel()).await.iter().map(Message::text).collect();
        let decision = format!("Approved by <@{bob}>, <@{cyd}>: policy r1 to prod.");
        let is_open = texts.iter().any(|text| text.contains("please review"));
        let is_decided = texts.iter().any(|text| text.contains(&decision));
        if is_decided && !is_open { Ok(()) } else { Err(texts.join("\n--\n")) }
    })
    .await;

    next_release(&world, "policy", &created, "Release 2").await;
    let locked = world.submit(bob, "/stage lock policy prod for 1h \"fixing the ledger\"").await;
    let holds = locked.waits().await;
    holds.says(&["Lock on prod of policy", "is active", "fixing the ledger", "rollbacks are allowed"]);
    world.command(ann, "/promote policy prod").await.says(&[
        "locked",
        "fixing the ledger",
        "/stage unlock policy prod",
    ]);
    world.command(ann, "/pipeline status policy").await.says(&["prod is locked by", "fixing the ledger"]);
    assert!(
        !world.command(ann, "/pipeline status policy").await.text().contains("Open:"),
        "a lock is no open operation"
    );
    world
        .command(eve, "/promote policy prod override please")
        .await
        .says(&["Only admins and people on call"]);
    let passed = world.submit(cyd, "/promote policy prod override checkout is down").await.succeeds().await;
    passed.says(&["checkout is down", &format!("<@{bob}>"), "approvals were skipped"]);
    assert_eq!(world.release("policy", "prod").await, "r2");
    world.expect_response("policy", "prod", "Release 2").await;

    world
        .submit(ann, "/rollback policy prod the total is wrong")
        .await
        .succeeds()
        .await
        .says(&["r1 is live on prod"]);
    world.submit(bob, "/stage unlock policy prod").await.succeeds().await.says(&["Unlocked prod"]);
    locked.succeeds().await.says(&["Lock on prod of policy", "ended", "unlocked by bob"]);
    world.command(ann, "/promote policy prod").await.says(&["was rolled back from r2", "again"]);
    let again = world.submit(ann, "/promote policy prod again").await;
    let waiting = again.waits().await;
    join_all([bob, cyd].map(|who| world.click(who, &waiting, "promotion.approve"))).await;
    again.succeeds().await;
    assert_eq!(world.release("policy", "prod").await, "r2");

    // A parameter has a value for each stage and is part of a promotion.
    set_parameter(&world, &created).await;

    // A hard lock blocks rollbacks, too, and mentions the owner of the lock that it replaces.
    let soft = world.submit(bob, "/stage lock policy prod \"the ledger once more\"").await;
    soft.waits().await;
    let hard = world.submit(ann, "/stage lock policy prod for 1h hard \"an audit\"").await.waits().await;
    soft.succeeds().await.says(&["ended", "taken over by ann"]);
    hard.says(&["Replaced lock", &format!("<@{bob}>")]);
    world.command(bob, "/rollback policy prod").await.says(&["locked", "Only an admin can remove"]);
    world.submit(ann, "/stage unlock policy prod").await.succeeds().await;
    let short = world.submit(bob, "/stage lock policy prod for 4s \"the fair\"").await.succeeds().await;
    short.says(&["ended", "it expired"]);
    let history = world.command(eve, &format!("/pipeline history policy prod <@{bob}> since 1h")).await;
    history.says(&["by", "/stage lock policy prod"]);
}
