//! Roles on the wire: who has none is refused, is granted one, works, and is refused again when it is taken away; what they
//! said before does not count any more. Everybody can read who may what, and why.

use sluice_e2e::{PATIENCE, State, World, eventually};

#[tokio::test]
async fn a_role_counts_from_the_grant_to_the_revocation() {
    let world = World::shared(module_path!()).await;
    let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
    world.asks(ann, "/repo create granted").await.succeeds().await;
    world.types(eve, "/build granted").await.says(&["Only operators", "not-an-operator"]);
    let grant = format!("/pipeline grant <@{eve}|eve> operators granted");
    world.types(eve, &grant).await.says(&["Only admins"]);
    let line = format!("/pipeline grant <@{eve}> operators granted");
    world.asks(ann, &line).await.succeeds().await.says(&[&format!("<@{eve}>"), "is an operator for"]);
    world.types(ann, &grant).await.says(&["already-granted"]);
    world.types(eve, "/pipeline who granted").await.says(&["granted by", "pinned in"]);
    world.asks(eve, "/build granted").await.succeeds().await;
    world.types(eve, "/repo create another").await.says(&["Only operators"]);

    let line = format!("/pipeline revoke <@{eve}> operators granted");
    world.asks(ann, &line).await.succeeds().await.says(&["any more"]);
    world.types(eve, "/build granted").await.says(&["Only operators"]);
    world.types(ann, &format!("/pipeline revoke <@{bob}> admins")).await.says(&["pinned in sluice.toml"]);
    world.types(eve, "/pipeline history granted").await.says(&["/pipeline grant", "/pipeline revoke"]);
}

#[tokio::test]
async fn a_role_for_all_pipelines_is_announced_and_listed() {
    let world = World::shared(module_path!()).await;
    let (ann, eve) = (world.ann(), world.eve());
    let told = world.types(ann, &format!("/pipeline grant <@{eve}> oncall")).await;
    told.says(&["is on call for all pipelines now", "Granted by"]);
    assert_eq!(told.body["response_type"], "in_channel", "everybody there sees it");
    world.types(eve, "/pipeline who").await.says(&["oncall", "granted by", "Last changes"]);
    world.types(ann, &format!("/pipeline revoke <@{eve}> oncall")).await.says(&["any more"]);
    world.types(ann, &format!("/pipeline revoke <@{eve}> oncall")).await.says(&["not-granted"]);
}

#[tokio::test]
async fn an_approval_does_not_count_when_the_role_is_gone() {
    let world = World::shared(module_path!()).await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    for line in
        ["/repo create lost", "/build lost", "/stage add lost prod", "/stage set lost prod approvals=2"]
    {
        world.asks(ann, line).await.succeeds().await;
    }
    world.asks(ann, "/deploy lost").await.succeeds().await;
    world.asks(ann, &format!("/pipeline grant <@{eve}> approvers lost")).await.succeeds().await;
    let promotion = world.asks(ann, "/promote lost prod").await;
    let waiting = promotion.waits().await;
    world.clicks(eve, &waiting, "promotion.approve").await;
    promotion.waits().await;
    world.asks(ann, &format!("/pipeline revoke <@{eve}> approvers lost")).await.succeeds().await;
    world.types(bob, "/promote approve lost prod").await.says(&["Approved"]);
    let message = eventually("bob's word is told", PATIENCE, async || {
        let message = promotion.waits().await;
        let is_told = message.words().contains(&format!("Approved by <@{bob}>"));
        if is_told { Ok(message) } else { Err("not yet") }
    })
    .await;
    assert_eq!(message.state(), Some(State::Waiting), "{}", message.words());
    message.says(&["2 given; those count who may still approve"]);
    assert_ne!(world.runs("lost").await.remove("prod").as_deref(), Some("r1"));
    world.types(cyd, "/promote approve lost prod").await.says(&["Approved"]);
    promotion.succeeds().await;
    assert_eq!(world.runs("lost").await.remove("prod").as_deref(), Some("r1"));
}
