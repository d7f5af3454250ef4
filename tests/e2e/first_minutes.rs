//! After a deploy and a promotion, the thread says how the first minutes went.

use std::time::Duration;

use sluice_e2e::fixture::approved_promotion;
use sluice_e2e::{Message, Options, Repository, World, eventually};

/// CloudWatch shows a call a minute later. The calls of this story are made in the first seconds.
const LOOK_AFTER: u32 = 90;
/// Until the reply is there.
const LATEST: Duration = Duration::from_secs(150);

/// The handler fails if the path says so.
const HANDLER: &str = r#"
def handler(event, context):
    if event["queryStringParameters"]["bad"] == "yes":
        raise KeyError("ledger")
    return {"statusCode": 200, "body": "well"}


def good(event, context):
    pass
"#;

/// Waits for the reply about the first minutes in the thread of a message.
async fn reply_to(world: &World, message: &Message) -> Message {
    eventually("the first minutes are reported", LATEST, async || {
        let all = world.messages(world.channel()).await;
        let replies = all.iter().filter(|reply| reply.thread() == Some(message.ts()));
        let about = |reply: &&Message| reply.text().contains("in the first");
        let mut found: Vec<Message> = replies.filter(about).cloned().collect();
        assert!(found.len() < 2, "it is said once: {found:?}");
        found.pop().ok_or_else(|| world.log_tail())
    })
    .await
}

#[tokio::test]
async fn the_first_minutes_of_a_release_are_reported_in_its_thread() {
    let world = World::start(Options { look_after: LOOK_AFTER, ..Options::default() }).await;
    let ann = world.ann();
    let created = world.submit(ann, "/repo create busy from sam").await.succeeds().await;
    world.submit(ann, "/stage add busy prod").await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("src/app.py", |code| {
        let (head, _) = code.split_once("def handler(event, context):").unwrap();
        format!("{head}{}", HANDLER.trim_start())
    });
    clone.push("Fail on demand");
    world.submit(ann, "/build busy").await.succeeds().await;
    let deployed = world.submit(ann, "/deploy busy").await.succeeds().await;
    deployed.says(&["To test dev after every change, run", "/stage set busy dev smoke=\"GET / 200\""]);

    let promotion = approved_promotion(&world, "busy").await.succeeds().await;
    let url = world.stage_url("busy", "prod");
    world.expect_at(&format!("{url}/?bad=no"), "well").await;
    let failed = world.expect_at(&format!("{url}/?bad=yes"), "Internal Server Error").await;
    assert!(!failed.contains("ledger"), "{failed}");
    for bad in ["yes", "yes", "no"] {
        let answer = world.http().get(format!("{url}/?bad={bad}")).send().await.unwrap();
        assert_eq!(answer.status().is_success(), bad == "no");
    }
    // Nothing waits for the look: the operation has succeeded, and the next one begins at once.
    world.command(ann, "/pipeline status busy").await.says(&["r1"]);
    let locked = world.submit(ann, "/stage lock busy dev for 1h the ledger").await;
    locked.reply.says(&["dev"]);

    let reply = reply_to(&world, &promotion).await;
    let text = reply.text().replace('`', "");
    assert!(text.contains("3 of 5 calls failed in the first"), "{text}");
    assert!(text.contains("Hello 3 of 5"), "{text}");
    assert!(text.contains("Cold start: Hello ") && text.contains("Memory: at most "), "{text}");
    assert!(text.contains("/pipeline logs busy prod since 10m"), "{text}");
    let of_deploy = reply_to(&world, &deployed).await;
    assert!(of_deploy.text().contains("Nobody called it yet"), "{}", of_deploy.text());
}
