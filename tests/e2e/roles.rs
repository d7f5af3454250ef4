//! Roles: a person without a role is refused, works after a grant, and is refused again after the revocation. An approval does not
//! count without the role. Everybody can list the roles.

use sluice_e2e::{PATIENCE, State, World, eventually};

#[tokio::test]
async fn a_role_is_valid_from_grant_to_revocation() {
    let world = World::shared(module_path!()).await;
    let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
    world.submit(ann, "/repo create granted from sam").await.succeeds().await;
    world.command(eve, "/build granted").await.says(&["Only operators"]);
    let grant = format!("/pipeline grant <@{eve}|eve> operators granted");
    world.command(eve, &grant).await.says(&["Only admins"]);
    let line = format!("/pipeline grant <@{eve}> operators granted");
    world.submit(ann, &line).await.succeeds().await.says(&[&format!("<@{eve}>"), "is now an operator for"]);
    world.command(ann, &grant).await.says(&["is already an operator"]);
    world.command(eve, "/pipeline who granted").await.says(&["granted by", "pinned in"]);
    world.submit(eve, "/build granted").await.succeeds().await;
    world.command(eve, "/repo create another").await.says(&["Only operators"]);

    let line = format!("/pipeline revoke <@{eve}> operators granted");
    world.submit(ann, &line).await.succeeds().await.says(&["no longer"]);
    world.command(eve, "/build granted").await.says(&["Only operators"]);
    world
        .command(ann, &format!("/pipeline revoke <@{bob}> admins"))
        .await
        .says(&["because sluice.toml says so"]);
    world.command(eve, "/pipeline history granted").await.says(&["/pipeline grant", "/pipeline revoke"]);
}

#[tokio::test]
async fn a_role_for_all_pipelines_is_announced_and_listed() {
    let world = World::shared(module_path!()).await;
    let (ann, eve) = (world.ann(), world.eve());
    let granted = world.command(ann, &format!("/pipeline grant <@{eve}> oncall")).await;
    granted.says(&["is now on call for all pipelines", "Granted by"]);
    assert_eq!(granted.body["response_type"], "in_channel", "the whole channel sees it");
    world.command(eve, "/pipeline who").await.says(&["oncall", "granted by", "Last changes"]);
    world.command(ann, &format!("/pipeline revoke <@{eve}> oncall")).await.says(&["no longer"]);
    world.command(ann, &format!("/pipeline revoke <@{eve}> oncall")).await.says(&["has no grant as"]);
}

#[tokio::test]
async fn an_approval_does_not_count_after_the_role_is_revoked() {
    let world = World::shared(module_path!()).await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    for line in [
        "/repo create lost from sam",
        "/build lost",
        "/stage add lost prod",
        "/stage set lost prod approvals=2",
    ] {
        world.submit(ann, line).await.succeeds().await;
    }
    world.submit(ann, "/deploy lost").await.succeeds().await;
    world.submit(ann, &format!("/pipeline grant <@{eve}> approvers lost")).await.succeeds().await;
    let promotion = world.submit(ann, "/promote lost prod").await;
    let waiting = promotion.waits().await;
    world.click(eve, &waiting, "promotion.approve").await;
    promotion.waits().await;
    world.submit(ann, &format!("/pipeline revoke <@{eve}> approvers lost")).await.succeeds().await;
    world.command(bob, "/promote approve lost prod").await.says(&["Approved"]);
    let message = eventually("bob's approval is shown", PATIENCE, async || {
        let message = promotion.waits().await;
        let is_shown = message.text().contains(&format!("Approved by <@{bob}>"));
        if is_shown { Ok(message) } else { Err("not yet") }
    })
    .await;
    assert_eq!(message.state(), Some(State::Waiting), "{}", message.text());
    message.says(&["2 given, but not all of them count now"]);
    assert_ne!(world.release("lost", "prod").await, "r1");
    world.command(cyd, "/promote approve lost prod").await.says(&["Approved"]);
    promotion.succeeds().await;
    assert_eq!(world.release("lost", "prod").await, "r1");
}
