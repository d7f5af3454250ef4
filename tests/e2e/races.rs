//! Races: the outcome does not depend on the order, and message, record and alias agree on it.

use std::time::{Duration, SystemTime};

use futures::future::join_all;
use sluice_e2e::fixture::{alias, assert_moved, deployed, next_release, wait_for_end};
use sluice_e2e::{Message, State, eventually};

#[tokio::test]
async fn fifty_clicks_at_once_are_two_approvals() {
    let (world, _) = deployed(module_path!(), "fifty", "approvals=2").await;
    let (bob, cyd) = (world.bob(), world.cyd());
    let promotion = world.submit(world.ann(), "/promote fifty prod").await;
    let waiting = promotion.waits().await;
    let first = (0..50).map(|_| world.try_click(bob, &waiting, "promotion.approve"));
    join_all(first).await;
    assert_eq!(promotion.waits().await.state(), Some(State::Waiting), "one person counts once");
    assert_eq!(world.release("fifty", "prod").await, "nothing");
    let mixed = (0..50).map(|nth| world.try_click([bob, cyd][nth % 2], &waiting, "promotion.approve"));
    join_all(mixed).await;
    let done = promotion.succeeds().await;
    for who in [bob, cyd] {
        assert_eq!(done.text().matches(&format!("Approved by <@{who}>")).count(), 1, "{}", done.text());
    }
    assert_eq!(world.release("fifty", "prod").await, "r1");
    assert!(alias(&world, "fifty", "prod").await.is_some());
}

#[tokio::test]
async fn approve_against_reject_and_lock_against_promote_have_one_outcome() {
    let (world, _) = deployed(module_path!(), "race", "").await;
    let (ann, bob, cyd) = (world.ann(), world.bob(), world.cyd());
    let (mut moved, mut tries) = (false, 0);
    while !moved && tries < 6 {
        tries += 1;
        let promotion = world.submit(ann, "/promote race prod").await;
        let waiting = promotion.waits().await;
        tokio::join!(
            world.try_click(bob, &waiting, "promotion.approve"),
            world.try_click(cyd, &waiting, "promotion.reject"),
        );
        let over = wait_for_end(&promotion).await;
        moved = over.state() == Some(State::Succeeded);
        assert_moved(&world, "race", moved).await;
    }
    if moved {
        world.submit(ann, "/stage set race prod approvals=0 confirm").await.succeeds().await;
    }

    let (world, _) = deployed(module_path!(), "lockrace", "").await;
    let promotion = world.submit(ann, "/promote lockrace prod").await;
    let waiting = promotion.waits().await;
    let lock = async { world.submit(cyd, "/stage lock lockrace prod \"the ledger\"").await.waits().await };
    tokio::join!(world.try_click(bob, &waiting, "promotion.approve"), lock);
    let over = wait_for_end(&promotion).await;
    let moved = over.state() == Some(State::Succeeded);
    if !moved {
        over.says(&["locked"]);
    }
    assert_moved(&world, "lockrace", moved).await;
}

/// The Unix time at which the request expires, from Slack's date format in its message.
fn expires(message: &Message) -> u64 {
    let text = message.text();
    let (_, after) = text.split_once("*Expires*").unwrap_or_else(|| panic!("{text}"));
    let (_, time) = after.split_once("<!date^").unwrap();
    time.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// Fifty approvals by two people, that long before the request expires. Returns whether the stage moved.
async fn approve_before_expiry(name: &str, before: Duration) -> bool {
    let (world, _) = deployed(module_path!(), name, "expires=2m").await;
    let (bob, cyd) = (world.bob(), world.cyd());
    let promotion = world.submit(world.ann(), &format!("/promote {name} prod")).await;
    let waiting = promotion.waits().await;
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(expires(&waiting)) - before;
    let near = async || if SystemTime::now() >= begin { Ok(()) } else { Err("too early") };
    eventually("the request is about to expire", Duration::from_secs(150), near).await;
    join_all((0..50).map(|nth| world.try_click([bob, cyd][nth % 2], &waiting, "promotion.approve"))).await;
    let over = wait_for_end(&promotion).await;
    let moved = over.state() == Some(State::Succeeded);
    if !moved {
        over.says(&["not approved in time"]);
    }
    assert_moved(&world, name, moved).await;
    eprintln!("{name}: fifty approvals, the first {before:?} before expiry: moved = {moved}");
    moved
}

#[tokio::test]
async fn approve_against_expiry_has_one_outcome() {
    let millis = Duration::from_millis;
    // Also on a busy machine the earlier one is in time.
    let (early, late) = tokio::join!(
        approve_before_expiry("early", millis(3_000)),
        approve_before_expiry("late", millis(30)),
    );
    assert!(early || !late, "the earlier approval cannot be too late if the later one was not");
}

#[tokio::test]
async fn an_approval_names_one_of_several_promotions() {
    let (world, created) = deployed(module_path!(), "several", "").await;
    let (ann, bob) = (world.ann(), world.bob());
    let first = world.submit(ann, "/promote several prod").await;
    let first = first.clone().only(&first.waits().await);
    next_release(&world, "several", &created, "Release 2").await;
    let second = world.submit(ann, "/promote several prod").await;
    second.waits().await;
    let unnamed = world.command(bob, "/promote approve several prod looks good").await;
    unnamed.says(&["2 promotions of several to prod", "r1", "r2", "/promote approve several prod r2"]);
    world.command(bob, "/promote reject several prod").await.says(&["2 promotions of several to prod"]);
    world
        .command(bob, "/promote approve several prod r2 looks good")
        .await
        .says(&["Approved: several r2 to prod"]);
    second.succeeds().await.says(&["r2 is live on prod"]);
    assert_eq!(world.release("several", "prod").await, "r2");
    let void = wait_for_end(&first).await;
    void.says(&["changed after this was requested", "moved it to r2"]);
    assert!(!void.has_button("promotion.approve"), "{}", void.text());
}

#[tokio::test]
async fn two_rollbacks_at_once_move_once() {
    for (name, reasons) in [("twice", ["", ""]), ("twofold", [" the total is wrong", " checkout is down"])] {
        let (world, created) = deployed(module_path!(), name, "approvals=0").await;
        for release in 1..=3 {
            if release > 1 {
                next_release(&world, name, &created, &format!("Release {release}")).await;
            }
            world.submit(world.ann(), &format!("/promote {name} prod")).await.succeeds().await;
        }
        assert_eq!(world.release(name, "prod").await, "r3");
        let [one, two] = reasons.map(|reason| format!("/rollback {name} prod{reason}"));
        let (ann, bob) = tokio::join!(world.submit(world.ann(), &one), world.submit(world.bob(), &two));
        let mut ends = vec![];
        for asked in [&ann, &bob] {
            // The second rollback is refused: the first is open, or the stage has moved already.
            let is_refused =
                ["is already running", "a moment ago"].map(|reason| asked.reply.text().contains(reason));
            if !is_refused.contains(&true) {
                ends.push(wait_for_end(asked).await);
            }
        }
        assert_eq!(ends.iter().filter(|end| end.state() == Some(State::Succeeded)).count(), 1, "{ends:?}");
        for void in ends.iter().filter(|end| end.state() == Some(State::Failed)) {
            void.says(&["no longer runs r3"]);
        }
        assert_eq!(world.release(name, "prod").await, "r2", "one release back, not two");
        world.expect_response(name, "prod", "Release 2").await;
    }
}
