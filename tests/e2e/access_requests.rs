//! Access requests: a new person is refused, requests a role with a button, and works a moment later. A request is decided once,
//! however many people decide at the same time.

use sluice_e2e::{Message, PATIENCE, World, eventually};

/// Waits for the channel's message of a request with these parts.
async fn request(world: &World, parts: &[&str]) -> Message {
    eventually(format!("a request has {parts:?}"), PATIENCE, async || {
        let messages = world.messages(world.channel()).await;
        let found =
            messages.iter().rev().find(|message| parts.iter().all(|part| message.text().contains(part)));
        found.cloned().ok_or_else(|| messages.last().map(Message::text).unwrap_or_default())
    })
    .await
}

/// Eve types a command, is refused, and requests the missing role.
async fn request_role(world: &World, line: &str) -> Message {
    let eve = world.eve();
    world.command(eve, line).await.says(&["Only operators can do this"]);
    // The button's message has her command: she may be refused elsewhere at the same time.
    let refused = eventually("eve is offered a request", PATIENCE, async || {
        let messages = world.ephemerals(eve).await;
        messages.into_iter().rfind(|message| message.0["blocks"].to_string().contains(line)).ok_or("not yet")
    })
    .await;
    assert!(refused.has_button("access.ask"), "{}", refused.text());
    world.click(eve, &refused, "access.ask").await;
    let asked = request(world, &[" asks to be an operator", line]).await;
    assert!(asked.has_button("access.grant") && asked.has_button("access.decline"));
    asked
}

#[tokio::test]
async fn a_new_person_requests_a_role_and_gets_it() {
    let world = World::shared(module_path!()).await;
    let (ann, eve) = (world.ann(), world.eve());
    world.submit(ann, "/repo create newcomers from sam").await.succeeds().await;
    let asked = request_role(&world, "/build newcomers").await;
    asked.says(&[&format!("<@{ann}>"), "please decide", "/pipeline grant"]);
    let before = world.ephemerals(eve).await.len();
    world.click(eve, &asked, "access.grant").await;
    world.expect_ephemeral(eve, before, &["Only admins"]).await;

    let line = format!("/pipeline grant <@{eve}> operators newcomers");
    let grant = world.expect(world.channel(), &line).await;
    world.click(ann, &asked, "access.grant").await;
    grant.succeeds().await.says(&[&format!("<@{eve}>"), "is now an operator for"]);
    let decided = request(&world, &[" asked to be an operator", "/build newcomers", "Granted by"]).await;
    assert_eq!(decided.ts(), asked.ts(), "the request itself shows the decision");
    assert!(!decided.has_button("access.grant"));
    world.submit(eve, "/build newcomers").await.succeeds().await;

    let before = world.ephemerals(ann).await.len();
    world.click_stale(ann, &asked, "access.decline").await;
    world.expect_ephemeral(ann, before, &["already granted this request", "Nothing was changed"]).await;
    let history = world.command(ann, "/pipeline history newcomers").await;
    history.says(&[
        "requested: operators for eve",
        "approved: operators for eve",
        "needed for /build newcomers",
    ]);
}

#[tokio::test]
async fn a_grant_and_a_decline_at_the_same_time_have_one_outcome() {
    let world = World::shared(module_path!()).await;
    let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
    world.submit(ann, "/repo create contested from sam").await.succeeds().await;
    let asked = request_role(&world, "/build contested").await;
    let clicks = (0..10).flat_map(|_| [(ann, "access.grant"), (bob, "access.decline")]);
    let clicks = clicks.map(|(who, action)| world.click_stale(who, &asked, action));
    futures::future::join_all(clicks).await;
    let decided = request(&world, &[" asked to be an operator", "/build contested"]).await;
    let is_granted = decided.text().contains("Granted by");
    assert_ne!(is_granted, decided.text().contains("Declined by"), "{}", decided.text());
    let is_operator = eventually("the record agrees", PATIENCE, async || {
        let who = world.command(ann, "/pipeline who contested").await.text();
        let has = who.lines().any(|row| row.contains(eve) && row.contains("operators"));
        if has == is_granted { Ok(has) } else { Err(who) }
    })
    .await;
    let build = world.command(eve, "/build contested").await.text();
    assert_eq!(is_operator, !build.contains("Only operators"), "{build}");
    let history = world.command(ann, "/pipeline history contested").await.text();
    let (_, rows) = history.split_once("Outcome\n").unwrap();
    let of_request = |row: &&str| row.contains("operators for eve") && !row.contains("requested: ");
    assert_eq!(rows.lines().filter(of_request).count(), 1, "one decision: {history}");
}
