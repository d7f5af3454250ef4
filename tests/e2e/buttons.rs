//! The story of the README with a button wherever the next step has one. Stages, the first promotion and a build after a push are typed.

use sluice_e2e::{Message, PATIENCE, Repository, State, World, eventually};

/// Waits for the newest message whose title has these words and whose operation succeeded.
async fn done(world: &World, title: &str) -> Message {
    eventually(format!("a message says {title:?}"), PATIENCE, async || {
        let messages = world.messages(world.channel()).await;
        let is_it = |message: &&Message| message.state().is_some() && message.title().contains(title);
        let found = messages.iter().rev().find(is_it);
        match found {
            Some(message) if message.state() == Some(State::Succeeded) => Ok(message.clone()),
            other => Err(format!("{:?}\n{}", other.map(Message::text), world.log_tail())),
        }
    })
    .await
}

/// Waits for the newest message that waits for a decision.
async fn waiting(world: &World) -> Message {
    eventually("a promotion waits", PATIENCE, async || {
        let messages = world.messages(world.channel()).await;
        let found = messages.iter().rev().find(|message| message.state() == Some(State::Waiting));
        found.cloned().ok_or_else(|| world.log_tail())
    })
    .await
}

#[tokio::test]
async fn from_a_new_pipeline_to_production_and_back_by_buttons() {
    let world = World::shared(module_path!()).await;
    let (ann, bob) = (world.ann(), world.bob());
    let created = world.submit(ann, "/repo create taps").await.succeeds().await;
    world.click(ann, &created, "next.build").await;
    let built = done(&world, "Built taps #1").await;
    world.click(ann, &built, "next.deploy").await;
    done(&world, "taps r1 is live on dev").await;
    world.submit(ann, "/stage add taps staging").await.succeeds().await;
    world.submit(ann, "/stage add taps prod").await.succeeds().await;
    world.submit(ann, "/promote taps staging").await;
    world.click(bob, &waiting(&world).await, "promotion.approve").await;
    let staged = done(&world, "taps r1 is live on staging").await;
    world.click(ann, &staged, "next.promote").await;
    world.click(bob, &waiting(&world).await, "promotion.approve").await;
    let first = done(&world, "taps r1 is live on prod").await;
    assert!(!first.has_button("next.rollback"), "there is nothing to go back to");

    // The second release: after the build, a tap for each move and one for each approval.
    let clone = Repository::clone_from_message(&created);
    clone.edit("src/handlers.py", |code| format!("{code}\n\nVERSION = 2\n"));
    clone.push("Write down what is new");
    world.submit(ann, "/build taps").await;
    world.click(ann, &done(&world, "Built taps #2").await, "next.deploy").await;
    let deployed = done(&world, "taps r2 is live on dev").await;
    world.click(ann, &deployed, "next.promote").await;
    world.click(bob, &waiting(&world).await, "promotion.approve").await;
    world.click(ann, &done(&world, "taps r2 is live on staging").await, "next.promote").await;
    world.click(bob, &waiting(&world).await, "promotion.approve").await;
    let live = done(&world, "taps r2 is live on prod").await;
    assert_eq!(world.release("taps", "prod").await, "r2");

    world.click(bob, &live, "next.rollback").await;
    done(&world, "taps r1 is live on prod again").await;
    assert_eq!(world.release("taps", "prod").await, "r1");

    // A second tap on the same button: the message is old by now.
    let before = world.ephemerals(bob).await.len();
    world.click(bob, &live, "next.rollback").await;
    world.expect_ephemeral(bob, before, &["prod of taps runs r1 by now", "nothing was done"]).await;
    assert_eq!(world.release("taps", "prod").await, "r1");
    // An older build is not deployed over a newer one by a tap.
    let before = world.ephemerals(ann).await.len();
    world.click(ann, &built, "next.deploy").await;
    world.expect_ephemeral(ann, before, &["Build #2 of taps is newer", "nothing was done"]).await;
}

#[tokio::test]
async fn a_failed_build_offers_its_log_and_another_try_and_a_stranger_asks_for_the_role() {
    let world = World::shared(module_path!()).await;
    let (ann, eve) = (world.ann(), world.eve());
    let created = world.submit(ann, "/repo create fails from sam").await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.write(
        "buildspec.yml",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - echo the disk is full; exit 1\n",
    );
    clone.push("Break the build");
    let failed = world.submit(ann, "/build fails").await.fails().await;
    let before = world.ephemerals(ann).await.len();
    world.click(ann, &failed, "next.log").await;
    world.expect_ephemeral(ann, before, &["Log of build #1", "the disk is full"]).await;
    let before = world.ephemerals(eve).await.len();
    world.click(eve, &failed, "next.retry").await;
    let refused = world.expect_ephemeral(eve, before, &["operator"]).await;
    assert!(refused.has_button("access.ask"), "{}", refused.text());
    world.click(ann, &failed, "next.retry").await;
    eventually("the second build fails, too", PATIENCE, async || {
        let messages = world.messages(world.channel()).await;
        let found = messages
            .iter()
            .any(|message| message.title().contains("#2 of fails") && message.state() == Some(State::Failed));
        if found { Ok(()) } else { Err(world.log_tail()) }
    })
    .await;
}
