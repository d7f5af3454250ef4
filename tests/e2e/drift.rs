//! Truth on the wire: somebody moves a stage by hand, with the `aws` command line that each promotion's thread holds, and
//! everybody is told; whoever wants to move that stage is asked first, and nothing is overwritten that they did not see.

use std::process::Command;

use sluice_e2e::{Aws, Bot, Message, Options, PATIENCE, Repository, World, eventually};

/// Lines in a shell of this world, with its own `aws`.
fn shell(world: &World, lines: &str) -> String {
    let script = format!("set -e\n. '{}'\n{lines}\n", world.folder().join("env.sh").display());
    let done = Command::new("sh").arg("-c").arg(&script).output().expect("there is a shell");
    let told = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{lines}\n{told}");
    told
}

/// The lines to copy from a message, as Slack's own "copy" gives them.
fn lines(message: &Message) -> String {
    let words = message.words();
    let code = words.split("```").nth(1).unwrap_or_else(|| panic!("no lines in {words}"));
    code.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A pipeline with `r1` and then `r2` on dev and prod; the message of the second promotion.
async fn promoted(name: &str) -> (World, Message) {
    // A world each: one bot has one share of Lambda's calls, and a comparison that waits for it too long is given up.
    let world = World::start(Options::default()).await;
    let (ann, bob) = (world.ann(), world.bob());
    let created = world.asks(ann, &format!("/repo create {name}")).await.succeeds().await;
    world.asks(ann, &format!("/stage add {name} prod")).await.succeeds().await;
    let mut last = None;
    for nth in 1..=2 {
        if nth == 2 {
            let clone = Repository::clone_as_told(&created);
            clone.greet("Release 2");
            clone.push("Greet as release 2");
        }
        world.asks(ann, &format!("/build {name}")).await.succeeds().await;
        world.asks(ann, &format!("/deploy {name}")).await.succeeds().await;
        let promotion = world.asks(ann, &format!("/promote {name} prod")).await;
        world.clicks(bob, &promotion.waits().await, "promotion.approve").await;
        last = Some(promotion.succeeds().await);
    }
    (world, last.unwrap())
}

/// The message in the promotion's thread that holds the way back.
async fn way_back(world: &World, promotion: &Message) -> Message {
    eventually("the way back is told", PATIENCE, async || {
        let messages = world.messages(world.channel()).await;
        let mut found = messages.into_iter().filter(|message| {
            message.thread() == Some(promotion.ts()) && message.words().contains("aws lambda update-alias")
        });
        found.next().ok_or_else(|| "not yet".to_owned())
    })
    .await
}

/// Waits until the question is answered so: what was moved a moment after a promotion is not judged at once.
async fn status(world: &World, name: &str, parts: &[&str]) {
    eventually(format!("status says {parts:?}"), PATIENCE, async || {
        let words = world.types(world.eve(), &format!("/pipeline status {name}")).await.words();
        let words = words.replace('`', "");
        if parts.iter().all(|part| words.contains(part)) { Ok(()) } else { Err(words) }
    })
    .await
}

async fn alias(world: &World, name: &str) -> String {
    let aws = Aws(world);
    let function = aws.functions(name).await.remove(0);
    aws.aliases(&function).await.remove("prod").unwrap()
}

#[tokio::test]
async fn the_lines_in_the_thread_bring_the_old_release_back_and_status_says_so() {
    let (world, promotion) = promoted("byhand").await;
    let recorded = alias(&world, "byhand").await;
    world.answers("byhand", "prod", "Release 2").await;
    let told = way_back(&world, &promotion).await;
    let lines = lines(&told);
    assert!(lines.contains("--name prod") && lines.contains("--region us-east-1"), "{lines}");
    shell(&world, &lines);
    world.answers("byhand", "prod", "Hello from byhand").await;
    let theirs = alias(&world, "byhand").await;
    let moved = format!("points to version {theirs} instead of {recorded}");
    status(&world, "byhand", &["prod was moved outside Sluice", &moved, "first seen"]).await;
    world.types(world.ann(), "/pipeline check byhand prod").await.says(&[
        "AWS: prod was moved",
        &moved,
        "anyway",
    ]);

    // Back where Sluice left it: all is well once somebody looks.
    shell(
        &world,
        &lines.replace(&format!("--function-version {theirs}"), &format!("--function-version {recorded}")),
    );
    eventually("it is right again", 2 * PATIENCE, async || {
        let words = world.types(world.eve(), "/pipeline status byhand").await.words();
        if words.contains("moved outside") { Err(words) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn who_moves_a_stage_that_was_moved_is_asked_first_by_button_and_by_word() {
    let (world, promotion) = promoted("asked").await;
    let (ann, eve) = (world.ann(), world.eve());
    let told = way_back(&world, &promotion).await;
    let lines = lines(&told);
    shell(&world, &lines);
    status(&world, "asked", &["prod was moved outside Sluice"]).await;
    let theirs = alias(&world, "asked").await;

    // Nothing begins, and the one who asked alone is told.
    let before = world.messages(world.channel()).await.len();
    let whispers = world.whispers(ann).await.len();
    for line in ["/promote asked prod r1 again", "/rollback asked prod"] {
        world.types(ann, line).await.says(&["moved outside Sluice", &format!("{line} anyway")]);
    }
    world.types(eve, "/rollback asked prod anyway").await.says(&["Only operators"]);
    assert_eq!(world.messages(world.channel()).await.len(), before);
    let asked = world.whispered(ann, whispers, &["/rollback asked prod anyway"]).await;
    assert!(asked.has_button("drift.go"), "{}", asked.words());

    // It moves once more: the old button asks again, the new one goes on.
    let dev = {
        let aws = Aws(&world);
        let function = aws.functions("asked").await.remove(0);
        aws.aliases(&function).await.remove("dev").unwrap()
    };
    shell(
        &world,
        &lines.replace(&format!("--function-version {theirs}"), &format!("--function-version {dev}")),
    );
    let whispers = world.whispers(ann).await.len();
    world.clicks(ann, &asked, "drift.go").await;
    let again = world.whispered(ann, whispers, &[&format!("points to version {dev}")]).await;
    assert_eq!(alias(&world, "asked").await, dev, "nothing was overwritten");
    let back = world.expect(world.channel(), "/rollback asked prod anyway").await;
    world.clicks(ann, &again, "drift.go").await;
    let done = back.succeeds().await;
    done.says(&["prod runs r1", "Moved outside Sluice", "goes on anyway"]);
    world.answers("asked", "prod", "Hello from asked").await;

    // At a terminal there is no button, but the word.
    let function = Aws(&world).functions("asked").await.remove(0);
    shell(
        &world,
        &format!("aws lambda update-alias --function-name {function} --name prod --function-version {dev}"),
    );
    status(&world, "asked", &["prod was moved outside Sluice"]).await;
    let run = |line: &str| Bot::runs(&world, &["run", line, "--as", ann], &[]);
    let (code, printed) = run("/rollback asked prod r2 the terminal says so");
    assert!(code == Some(1) && printed.contains("moved outside Sluice"), "{code:?} {printed}");
    let (code, printed) = run("/rollback asked prod r2 anyway the terminal says so");
    assert!(code == Some(0) && printed.contains("prod runs r2"), "{code:?} {printed}");
    world.answers("asked", "prod", "Release 2").await;
}
