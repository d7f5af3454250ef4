//! *Ask for it* on the wire: a new person is refused, asks with a button, and works a moment later; a request is decided
//! once, however many decide at the same time.

use sluice_e2e::{Message, PATIENCE, World, eventually};

/// What the channel sees of a request, once it says all of these.
async fn request(world: &World, parts: &[&str]) -> Message {
    eventually(format!("a request is to say {parts:?}"), PATIENCE, async || {
        let messages = world.messages(world.channel()).await;
        let found =
            messages.iter().rev().find(|message| parts.iter().all(|part| message.words().contains(part)));
        found.cloned().ok_or_else(|| messages.last().map(Message::words).unwrap_or_default())
    })
    .await
}

/// Eve types a line, is refused, and asks for the role that she lacks.
async fn asks_for_it(world: &World, line: &str) -> Message {
    let eve = world.eve();
    world.types(eve, line).await.says(&["Only operators may do that"]);
    // The button says what she typed: she may be refused elsewhere at the same time.
    let refused = eventually("she is offered to ask", PATIENCE, async || {
        let whispers = world.whispers(eve).await;
        whispers.into_iter().rfind(|message| message.0["blocks"].to_string().contains(line)).ok_or("not yet")
    })
    .await;
    assert!(refused.has_button("access.ask"), "{}", refused.words());
    world.clicks(eve, &refused, "access.ask").await;
    let asked = request(world, &[" asks to be an operator", line]).await;
    assert!(asked.has_button("access.grant") && asked.has_button("access.decline"));
    asked
}

#[tokio::test]
async fn a_new_person_asks_for_a_role_and_gets_it() {
    let world = World::shared(module_path!()).await;
    let (ann, eve) = (world.ann(), world.eve());
    world.asks(ann, "/repo create newcomers").await.succeeds().await;
    let asked = asks_for_it(&world, "/build newcomers").await;
    asked.says(&[&format!("<@{ann}>"), "please decide", "/pipeline grant"]);
    let before = world.whispers(eve).await.len();
    world.clicks(eve, &asked, "access.grant").await;
    world.whispered(eve, before, &["Only admins"]).await;

    let line = format!("/pipeline grant <@{eve}> operators newcomers");
    let grant = world.expect(world.channel(), &line).await;
    world.clicks(ann, &asked, "access.grant").await;
    grant.succeeds().await.says(&[&format!("<@{eve}>"), "is an operator for"]);
    let decided = request(&world, &[" asked to be an operator", "/build newcomers", "Granted by"]).await;
    assert_eq!(decided.ts(), asked.ts(), "the very message says who decided");
    assert!(!decided.has_button("access.grant"));
    world.asks(eve, "/build newcomers").await.succeeds().await;

    let before = world.whispers(ann).await.len();
    world.clicks_late(ann, &asked, "access.decline").await;
    world.whispered(ann, before, &["was granted by", "nothing changed"]).await;
    let history = world.types(ann, "/pipeline history newcomers").await;
    history.says(&["asked: operators for eve", "approved: operators for eve", "wanted for /build newcomers"]);
}

#[tokio::test]
async fn who_grants_and_who_declines_at_the_same_time_come_to_one_outcome() {
    let world = World::shared(module_path!()).await;
    let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
    world.asks(ann, "/repo create contested").await.succeeds().await;
    let asked = asks_for_it(&world, "/build contested").await;
    let clicks = (0..10).flat_map(|_| [(ann, "access.grant"), (bob, "access.decline")]);
    let clicks = clicks.map(|(who, action)| world.clicks_late(who, &asked, action));
    futures::future::join_all(clicks).await;
    let decided = request(&world, &[" asked to be an operator", "/build contested"]).await;
    let is_granted = decided.words().contains("Granted by");
    assert_ne!(is_granted, decided.words().contains("Declined by"), "{}", decided.words());
    let is_operator = eventually("the record is to say the same", PATIENCE, async || {
        let who = world.types(ann, "/pipeline who contested").await.words();
        let has = who.lines().any(|row| row.contains(eve) && row.contains("operators"));
        if has == is_granted { Ok(has) } else { Err(who) }
    })
    .await;
    let build = world.types(eve, "/build contested").await.words();
    assert_eq!(is_operator, !build.contains("Only operators"), "{build}");
    let history = world.types(ann, "/pipeline history contested").await.words();
    let (_, rows) = history.split_once("Outcome\n").unwrap();
    let of_request = |row: &&str| row.contains("operators for eve") && !row.contains("asked: ");
    assert_eq!(rows.lines().filter(of_request).count(), 1, "one decision: {history}");
}
