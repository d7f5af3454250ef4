//! Races on the wire: whoever comes first, there is one outcome, and it is the same in message, record and alias.

use std::time::{Duration, SystemTime};

use futures::future::join_all;
use sluice_e2e::fixture::{agree, alias, deployed, ended, next, runs};
use sluice_e2e::{Message, State, eventually};

#[tokio::test]
async fn fifty_clicks_at_once_are_two_approvals() {
    let (world, _) = deployed(module_path!(), "fifty", "approvals=2").await;
    let (bob, cyd) = (world.bob(), world.cyd());
    let promotion = world.asks(world.ann(), "/promote fifty prod").await;
    let waiting = promotion.waits().await;
    let first = (0..50).map(|_| world.tries_click(bob, &waiting, "promotion.approve"));
    join_all(first).await;
    assert_eq!(promotion.waits().await.state(), Some(State::Waiting), "one person is one approval");
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
    let (world, _) = deployed(module_path!(), "race", "").await;
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
        moved = over.state() == Some(State::Succeeded);
        agree(&world, "race", moved).await;
    }
    if moved {
        world.asks(ann, "/stage set race prod approvals=0 confirm").await.succeeds().await;
    }

    let (world, _) = deployed(module_path!(), "lockrace", "").await;
    let promotion = world.asks(ann, "/promote lockrace prod").await;
    let waiting = promotion.waits().await;
    let lock = async { world.asks(cyd, "/stage lock lockrace prod \"the ledger\"").await.waits().await };
    tokio::join!(world.tries_click(bob, &waiting, "promotion.approve"), lock);
    let over = ended(&promotion).await;
    let moved = over.state() == Some(State::Succeeded);
    if !moved {
        over.says(&["locked"]);
    }
    agree(&world, "lockrace", moved).await;
}

/// When the request expires, in seconds of the epoch, as its message has it for the reader's own time zone.
fn expires(message: &Message) -> u64 {
    let words = message.words();
    let (_, after) = words.split_once("Expires").unwrap_or_else(|| panic!("{words}"));
    let (_, time) = after.split_once("<!date^").unwrap();
    time.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// Fifty approvals by two people, the first of them that long before the request expires; says whether it moved.
async fn approves_at_the_end(name: &str, before: Duration) -> bool {
    let (world, _) = deployed(module_path!(), name, "expires=1m").await;
    let (bob, cyd) = (world.bob(), world.cyd());
    let promotion = world.asks(world.ann(), &format!("/promote {name} prod")).await;
    let waiting = promotion.waits().await;
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(expires(&waiting)) - before;
    let near = async || if SystemTime::now() >= begin { Ok(()) } else { Err("it is not time yet") };
    eventually("the request is about to expire", Duration::from_secs(90), near).await;
    join_all((0..50).map(|nth| world.tries_click([bob, cyd][nth % 2], &waiting, "promotion.approve"))).await;
    let over = ended(&promotion).await;
    let moved = over.state() == Some(State::Succeeded);
    if !moved {
        over.says(&["Nobody decided in time"]);
    }
    agree(&world, name, moved).await;
    eprintln!("{name}: fifty approvals, the first {before:?} before the end: moved = {moved}");
    moved
}

#[tokio::test]
async fn approve_against_expiry_has_one_outcome() {
    let millis = Duration::from_millis;
    let (early, late) =
        tokio::join!(approves_at_the_end("early", millis(900)), approves_at_the_end("late", millis(30)),);
    assert!(early || !late, "who came earlier was not too late");
}

#[tokio::test]
async fn of_several_promotions_the_one_that_is_named_is_decided() {
    let (world, created) = deployed(module_path!(), "several", "").await;
    let (ann, bob) = (world.ann(), world.bob());
    let first = world.asks(ann, "/promote several prod").await;
    let first = first.clone().only(&first.waits().await);
    next(&world, "several", &created, "Release 2").await;
    let second = world.asks(ann, "/promote several prod").await;
    second.waits().await;
    let unnamed = world.types(bob, "/promote approve several prod looks good").await;
    unnamed.says(&["2 promotions of several to prod", "r1", "r2", "/promote approve several prod r2"]);
    world.types(bob, "/promote reject several prod").await.says(&["2 promotions of several to prod"]);
    world
        .types(bob, "/promote approve several prod r2 looks good")
        .await
        .says(&["Approved: several r2 to prod"]);
    second.succeeds().await.says(&["prod runs r2"]);
    assert_eq!(runs(&world, "several").await, "r2");
    let void = ended(&first).await;
    void.says(&["moved since this was asked", "prod now runs r2"]);
    assert!(!void.has_button("promotion.approve"), "{}", void.words());
}

#[tokio::test]
async fn two_rollbacks_at_once_go_back_once() {
    for (name, reasons) in [("twice", ["", ""]), ("twofold", [" the total is wrong", " checkout is down"])] {
        let (world, created) = deployed(module_path!(), name, "approvals=0").await;
        for release in 1..=3 {
            if release > 1 {
                next(&world, name, &created, &format!("Release {release}")).await;
            }
            world.asks(world.ann(), &format!("/promote {name} prod")).await.succeeds().await;
        }
        assert_eq!(runs(&world, name).await, "r3");
        let [one, two] = reasons.map(|reason| format!("/rollback {name} prod{reason}"));
        let (ann, bob) = tokio::join!(world.asks(world.ann(), &one), world.asks(world.bob(), &two));
        let mut ends = vec![];
        for asked in [&ann, &bob] {
            // Who came when it was open is shown that one; who came after it, when the stage was back already.
            let is_told =
                ["is under way already", "was rolled back"].map(|told| asked.reply.words().contains(told));
            if !is_told.contains(&true) {
                ends.push(ended(asked).await);
            }
        }
        assert_eq!(ends.iter().filter(|end| end.state() == Some(State::Succeeded)).count(), 1, "{ends:?}");
        for void in ends.iter().filter(|end| end.state() == Some(State::Failed)) {
            void.says(&["does not run r3 any more"]);
        }
        assert_eq!(runs(&world, name).await, "r2", "not one further");
        world.answers(name, "prod", "Release 2").await;
    }
}
