//! A day of four people with the stage prod: approvals, locks, overrides, windows and rollbacks. ann, bob and cyd are admins; eve
//! is new.

use futures::future::join_all;
use sluice_e2e::fixture::{deployed, next_release, wait_for_end};
use sluice_e2e::{Message, PATIENCE, State, Submitted, World, eventually};

const NAME: &str = "day";

/// Eve is refused, requests the missing role, and ann grants it.
async fn grant_to_eve(world: &World, line: &str, role: &str) {
    let (ann, eve) = (world.ann(), world.eve());
    let before = world.ephemerals(eve).await.len();
    world.command(eve, line).await.says(&["you are not one of them"]);
    let refused = world.expect_ephemeral(eve, before, &["you are not one of them"]).await;
    world.click(eve, &refused, "access.ask").await;
    let asked = eventually("eve's request is shown", PATIENCE, async || {
        let messages = world.messages(world.channel()).await;
        let is_hers =
            |message: &&Message| message.has_button("access.grant") && message.text().contains(line);
        messages.iter().rfind(is_hers).cloned().ok_or("not yet")
    })
    .await;
    let grant = world.expect(world.channel(), &format!("/pipeline grant <@{eve}> {role} {NAME}")).await;
    world.click(ann, &asked, "access.grant").await;
    grant.succeeds().await;
}

/// A deploy window that is closed now.
fn closed_window() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hour = seconds / 3_600 % 24;
    let (from, to) = if hour < 12 { (14, 16) } else { (6, 8) };
    format!("\"Mon-Sun {from:02}:00-{to:02}:00 UTC\"")
}

async fn approve(world: &World, promotion: &Submitted, people: &[&str]) -> Message {
    let waiting = promotion.waits().await;
    join_all(people.iter().map(|who| world.click(who, &waiting, "promotion.approve"))).await;
    waiting
}

#[tokio::test]
async fn four_people_use_the_gates_of_prod() {
    let (world, created) = deployed(module_path!(), NAME, "approvals=2").await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    let promote = "/promote day prod";

    // Two approvals: the author's own does not count, and a late one changes nothing.
    let promotion = world.submit(ann, promote).await;
    let waiting = promotion.waits().await;
    let before = world.ephemerals(ann).await.len();
    world.click(ann, &waiting, "promotion.approve").await;
    world.expect_ephemeral(ann, before, &["You cannot decide on your own request"]).await;
    approve(&world, &promotion, &[bob, cyd]).await;
    promotion.succeeds().await;
    let before = world.ephemerals(bob).await.len();
    world.click_stale(bob, &waiting, "promotion.approve").await;
    world.expect_ephemeral(bob, before, &["Nothing was changed"]).await;
    assert_eq!(world.release(NAME, "prod").await, "r1");

    // The stage moves while a promotion waits: the promotion is void.
    next_release(&world, NAME, &created, "Release 2").await;
    let void = world.submit(ann, promote).await;
    let waiting = void.waits().await;
    world.submit(cyd, "/promote day prod override checkout is down").await.succeeds().await;
    // At once, not only at the next click.
    let over = wait_for_end(&void).await;
    assert_eq!(over.says(&["changed after this was requested"]).state(), Some(State::Failed));
    assert!(!over.has_button("promotion.approve"), "{}", over.text());
    let open = world.command(bob, "/pipeline status day").await.text();
    assert!(!open.contains("Open: "), "{open}");
    join_all([bob, cyd].map(|who| world.try_click(who, &waiting, "promotion.approve"))).await;
    assert_eq!(world.release(NAME, "prod").await, "r2");

    // A rejection with a reason; a freeze; a hard lock that replaces a lock.
    next_release(&world, NAME, &created, "Release 3").await;
    let rejected = world.submit(ann, promote).await;
    rejected.waits().await;
    world.command(bob, "/promote reject day prod the numbers are wrong").await.says(&["Rejected"]);
    rejected.fails().await.says(&["rejected it", "the numbers are wrong"]);
    world
        .submit(ann, "/stage set day prod freeze=\"2020-01-01..2099-12-31 the fair is on\"")
        .await
        .succeeds()
        .await;
    world.command(bob, promote).await.says(&["frozen", "the fair is on"]);
    world.submit(ann, "/stage set day prod freeze=off").await.succeeds().await;
    world.submit(bob, "/stage lock day prod for 1h \"fixing the ledger\"").await.waits().await;
    world.command(ann, promote).await.says(&[&format!("<@{bob}> locked"), "fixing the ledger"]);
    let over = world.submit(cyd, "/stage lock day prod for 2h hard \"an audit\"").await.waits().await;
    over.says(&["Replaced lock", &format!("<@{bob}>")]);
    world.command(ann, "/rollback day prod").await.says(&["locked", "Only an admin can remove"]);
    world
        .command(ann, "/promote day prod override please")
        .await
        .says(&["locked", "Only an admin can remove"]);
    world.submit(cyd, "/stage unlock day prod").await.succeeds().await;

    // An override of a soft lock: announced, and its owner is mentioned.
    world.submit(bob, "/stage lock day prod for 1h \"fixing the ledger\"").await.waits().await;
    let passed = world.submit(ann, "/promote day prod override checkout is down").await.succeeds().await;
    passed.says(&["checkout is down", &format!("<@{bob}>"), "approvals were skipped"]);
    assert_eq!(world.release(NAME, "prod").await, "r3");

    // At night: eve is on call, and rolls back through the lock and outside the window.
    grant_to_eve(&world, "/promote day prod override checkout is down", "oncall").await;
    world.submit(ann, &format!("/stage set day prod window={}", closed_window())).await.succeeds().await;
    world.command(eve, promote).await.says(&["Only operators"]);
    let back = world.submit(eve, "/rollback day prod the total is wrong").await.succeeds().await;
    back.says(&["r2 is live on prod", "the total is wrong", "in its window", "fixing the ledger"]);
    world.expect_response(NAME, "prod", "Release 2").await;

    // The next day: the rolled back release is promoted again.
    world.submit(ann, "/stage set day prod window=off").await.succeeds().await;
    world.submit(bob, "/stage unlock day prod").await.succeeds().await;
    world.command(ann, promote).await.says(&["was rolled back from r3", "again"]);
    let again = world.submit(ann, "/promote day prod again").await;
    approve(&world, &again, &[bob, cyd]).await;
    again.succeeds().await;
    assert_eq!(world.release(NAME, "prod").await, "r3");

    // Eve requests the operator role, too, and builds.
    grant_to_eve(&world, "/build day", "operators").await;
    world.submit(eve, "/build day").await.succeeds().await;
    world
        .command(cyd, &format!("/pipeline history day <@{eve}>"))
        .await
        .says(&["/rollback day prod", "/build day"]);
}
