//! One day of four people with the stage prod: who may, when, with whose consent, and how they get back. ann, bob and cyd
//! administer; eve is new.

use futures::future::join_all;
use sluice_e2e::fixture::{deployed, ended, next, runs};
use sluice_e2e::{Asked, Message, PATIENCE, State, World, eventually};

const NAME: &str = "day";

/// Eve is refused, asks for the role that she lacks, and ann grants it.
async fn eve_gets(world: &World, line: &str, role: &str) {
    let (ann, eve) = (world.ann(), world.eve());
    let before = world.whispers(eve).await.len();
    world.types(eve, line).await.says(&["you are not one of them"]);
    let refused = world.whispered(eve, before, &["you are not one of them"]).await;
    world.clicks(eve, &refused, "access.ask").await;
    let asked = eventually("her request is there", PATIENCE, async || {
        let messages = world.messages(world.channel()).await;
        let is_hers =
            |message: &&Message| message.has_button("access.grant") && message.words().contains(line);
        messages.iter().rfind(is_hers).cloned().ok_or("not yet")
    })
    .await;
    let grant = world.expect(world.channel(), &format!("/pipeline grant <@{eve}> {role} {NAME}")).await;
    world.clicks(ann, &asked, "access.grant").await;
    grant.succeeds().await;
}

/// A window that is not now, whatever time it is: night, for those who are awake.
fn another_hour() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hour = seconds / 3_600 % 24;
    let (from, to) = if hour < 12 { (14, 16) } else { (6, 8) };
    format!("\"Mon-Sun {from:02}:00-{to:02}:00 UTC\"")
}

async fn approve(world: &World, promotion: &Asked, people: &[&str]) -> Message {
    let waiting = promotion.waits().await;
    join_all(people.iter().map(|who| world.clicks(who, &waiting, "promotion.approve"))).await;
    waiting
}

#[tokio::test]
async fn four_people_and_the_gates_of_prod() {
    let (world, created) = deployed(module_path!(), NAME, "approvals=2").await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    let promote = "/promote day prod";

    // Two approvals: her own is none, his comes late.
    let promotion = world.asks(ann, promote).await;
    let waiting = promotion.waits().await;
    let before = world.whispers(ann).await.len();
    world.clicks(ann, &waiting, "promotion.approve").await;
    world.whispered(ann, before, &["your own request"]).await;
    approve(&world, &promotion, &[bob, cyd]).await;
    promotion.succeeds().await;
    let before = world.whispers(bob).await.len();
    world.clicks_late(bob, &waiting, "promotion.approve").await;
    world.whispered(bob, before, &["nothing changed"]).await;
    assert_eq!(runs(&world, NAME).await, "r1");

    // The stage moves while a request waits: it is void.
    next(&world, NAME, &created, "Release 2").await;
    let void = world.asks(ann, promote).await;
    let waiting = void.waits().await;
    world.asks(cyd, "/promote day prod override checkout is down").await.succeeds().await;
    // At once, and not at the next click: nobody is asked any more.
    let over = ended(&void).await;
    assert_eq!(over.says(&["moved since this was asked"]).state(), Some(State::Failed));
    assert!(!over.has_button("promotion.approve"), "{}", over.words());
    let open = world.types(bob, "/pipeline status day").await.words();
    assert!(!open.contains("Open: "), "{open}");
    join_all([bob, cyd].map(|who| world.tries_click(who, &waiting, "promotion.approve"))).await;
    assert_eq!(runs(&world, NAME).await, "r2");

    // A reject with a reason; a freeze; a lock taken over, and a hard one.
    next(&world, NAME, &created, "Release 3").await;
    let rejected = world.asks(ann, promote).await;
    rejected.waits().await;
    world.types(bob, "/promote reject day prod the numbers are wrong").await.says(&["Rejected"]);
    rejected.fails().await.says(&["rejected it", "the numbers are wrong"]);
    world
        .asks(ann, "/stage set day prod freeze=\"2020-01-01..2099-12-31 the fair is on\"")
        .await
        .succeeds()
        .await;
    world.types(bob, promote).await.says(&["frozen", "the fair is on"]);
    world.asks(ann, "/stage set day prod freeze=off").await.succeeds().await;
    world.asks(bob, "/stage lock day prod for 1h \"fixing the ledger\"").await.waits().await;
    world.types(ann, promote).await.says(&[&format!("<@{bob}> locked"), "fixing the ledger"]);
    let over = world.asks(cyd, "/stage lock day prod for 2h hard \"an audit\"").await.waits().await;
    over.says(&["Taken over from", &format!("<@{bob}>")]);
    world.types(ann, "/rollback day prod").await.says(&["locked", "An admin lifts it"]);
    world.types(ann, "/promote day prod override please").await.says(&["locked", "An admin lifts it"]);
    world.asks(cyd, "/stage unlock day prod").await.succeeds().await;

    // An override past a soft lock: loud, and its owner is told.
    world.asks(bob, "/stage lock day prod for 1h \"fixing the ledger\"").await.waits().await;
    let passed = world.asks(ann, "/promote day prod override checkout is down").await.succeeds().await;
    passed.says(&["checkout is down", &format!("<@{bob}>"), "Nobody was asked to approve it"]);
    assert_eq!(runs(&world, NAME).await, "r3");

    // At night: eve comes on call, and goes back through the lock and outside the window.
    eve_gets(&world, "/promote day prod override checkout is down", "oncall").await;
    world.asks(ann, &format!("/stage set day prod window={}", another_hour())).await.succeeds().await;
    world.types(eve, promote).await.says(&["Only operators"]);
    let back = world.asks(eve, "/rollback day prod the total is wrong").await.succeeds().await;
    back.says(&["prod runs r2", "the total is wrong", "within its window", "fixing the ledger"]);
    world.answers(NAME, "prod", "Release 2").await;

    // The day after: what was rolled back is wanted again.
    world.asks(ann, "/stage set day prod window=off").await.succeeds().await;
    world.asks(bob, "/stage unlock day prod").await.succeeds().await;
    world.types(ann, promote).await.says(&["was rolled back from r3", "again"]);
    let again = world.asks(ann, "/promote day prod again").await;
    approve(&world, &again, &[bob, cyd]).await;
    again.succeeds().await;
    assert_eq!(runs(&world, NAME).await, "r3");

    // Eve asks to operate, too, and builds.
    eve_gets(&world, "/build day", "operators").await;
    world.asks(eve, "/build day").await.succeeds().await;
    world
        .types(cyd, &format!("/pipeline history day <@{eve}>"))
        .await
        .says(&["/rollback day prod", "/build day"]);
}
