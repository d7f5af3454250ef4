//! The policy of a stage on the wire: several approvals, locks, overrides, what comes back; and races, after which
//! message, record and alias say the same.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use futures::future::join_all;
use sluice_e2e::{Asked, Aws, Message, PATIENCE, Repository, State, World, eventually};

/// A pipeline whose `r1` is on dev, and a stage prod with this policy.
async fn deployed(name: &str, policy: &str) -> (World, Message) {
    let world = World::shared().await;
    let ann = world.ann();
    let created = world.asks(ann, &format!("/repo create {name}")).await.succeeds().await;
    world.asks(ann, &format!("/build {name}")).await.succeeds().await;
    world.asks(ann, &format!("/stage add {name} prod")).await.succeeds().await;
    if !policy.is_empty() {
        world.asks(ann, &format!("/stage set {name} prod {policy}")).await.succeeds().await;
    }
    world.asks(ann, &format!("/deploy {name}")).await.succeeds().await;
    (world, created)
}

/// Another build of the same commit in other words, on dev as `r2`.
async fn second(world: &World, name: &str, created: &Message) {
    let clone = Repository::clone_as_told(created);
    clone.greet("Release 2");
    clone.push("Greet as release 2");
    world.asks(world.ann(), &format!("/build {name}")).await.succeeds().await;
    world.asks(world.ann(), &format!("/deploy {name}")).await.succeeds().await;
}

async fn runs(world: &World, name: &str) -> String {
    world.runs(name).await.remove("prod").unwrap_or_default()
}

/// Where the alias `prod` of the pipeline's only function points.
async fn alias(world: &World, name: &str) -> Option<String> {
    let aws = Aws(world);
    let function = aws.functions(name).await.remove(0);
    aws.aliases(&function).await.remove("prod")
}

#[tokio::test]
async fn two_have_to_approve_and_a_lock_an_override_and_a_rollback_do_what_they_say() {
    let (world, created) = deployed("policy", "approvals=2").await;
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

    second(&world, "policy", &created).await;
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
    assert!(world.curl("policy", "prod").await.1.contains("Release 2"));

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

#[tokio::test]
async fn fifty_clicks_at_once_are_two_approvals() {
    let (world, _) = deployed("fifty", "approvals=2").await;
    let (bob, cyd) = (world.bob(), world.cyd());
    let promotion = world.asks(world.ann(), "/promote fifty prod").await;
    let waiting = promotion.waits().await;
    let first = (0..50).map(|_| world.tries_click(bob, &waiting, "promotion.approve"));
    join_all(first).await;
    assert_eq!(promotion.waits().await.state(), State::Waiting, "one person is one approval");
    assert_eq!(runs(&world, "fifty").await, "nothing");
    let mixed = (0..50).map(|nth| world.tries_click([bob, cyd][nth % 2], &waiting, "promotion.approve"));
    join_all(mixed).await;
    let done = promotion.succeeds().await;
    for who in [bob, cyd] {
        assert_eq!(done.words().matches(&format!("Approved by <@{who}>")).count(), 1, "{}", done.words());
    }
    assert_eq!(runs(&world, "fifty").await, "r1");
    assert!(alias(&world, "fifty").await.is_some());
}

#[tokio::test]
async fn approve_against_reject_and_lock_against_promote_have_one_outcome() {
    let (world, _) = deployed("race", "").await;
    let (ann, bob, cyd) = (world.ann(), world.bob(), world.cyd());
    let (mut moved, mut tries) = (false, 0);
    while !moved && tries < 6 {
        tries += 1;
        let promotion = world.asks(ann, "/promote race prod").await;
        let waiting = promotion.waits().await;
        tokio::join!(
            world.tries_click(bob, &waiting, "promotion.approve"),
            world.tries_click(cyd, &waiting, "promotion.reject"),
        );
        let over = ended(&promotion).await;
        moved = over.state() == State::Succeeded;
        agree(&world, "race", moved).await;
    }
    if moved {
        world.asks(ann, "/stage set race prod approvals=0").await.succeeds().await;
    }

    let (world, _) = deployed("lockrace", "").await;
    let promotion = world.asks(ann, "/promote lockrace prod").await;
    let waiting = promotion.waits().await;
    let lock = async { world.asks(cyd, "/stage lock lockrace prod \"the ledger\"").await.waits().await };
    tokio::join!(world.tries_click(bob, &waiting, "promotion.approve"), lock);
    let over = ended(&promotion).await;
    let moved = over.state() == State::Succeeded;
    if !moved {
        over.says(&["locked"]);
    }
    agree(&world, "lockrace", moved).await;
}

/// The operation's message, once it has come to an end.
async fn ended(asked: &Asked) -> Message {
    eventually("the promotion ends", PATIENCE, async || {
        let messages = asked.messages().await;
        let last = messages.last().cloned().ok_or("it has no message".to_owned())?;
        match last.state() {
            State::Succeeded | State::Failed => Ok(last),
            state => Err(format!("{state:?}")),
        }
    })
    .await
}

/// Record and alias say what the message says.
async fn agree(world: &World, name: &str, moved: bool) {
    assert_eq!(runs(world, name).await, if moved { "r1" } else { "nothing" });
    assert_eq!(alias(world, name).await.is_some(), moved, "{name}");
}
