//! Startup: exit statuses, printed errors, and no secret in any output.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use sluice_e2e::{Aws, Bot, Options, PATIENCE, World, eventually};

/// No log, message or table may contain it.
const CANARY: &str = "canary-c0ffee-5ec2e7";

async fn empty() -> World {
    World::start(Options { no_bot: true, ..Options::default() }).await
}

fn with(world: &World, changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut env = world.env().clone();
    env.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    env
}

#[tokio::test]
async fn all_configuration_errors_are_printed_at_once_with_status_2() {
    let world = empty().await;
    let mut env = with(
        &world,
        &[
            ("SLUICE_LISTEN", "here"),
            ("SLUICE_LISTNE", "127.0.0.1:1"),
            ("SLUICE_QUEUE", "sqs:no name"),
            ("SLUICE_STATE", "sqlite::memory:"),
        ],
    );
    env.remove("SLACK_SIGNING_SECRET");
    env.insert("SLACK_BOT_TOKEN".into(), format!("xoxb-{CANARY}"));
    let (status, printed) = Bot::run_with(&world, &["serve"], &env);
    assert_eq!(status, Some(2), "{printed}");
    for name in ["SLUICE_LISTEN", "SLUICE_LISTNE", "SLUICE_QUEUE", "SLUICE_STATE", "SLACK_SIGNING_SECRET"] {
        assert!(printed.contains(name), "{name} is not in:\n{printed}");
    }
    assert!(!printed.contains(CANARY), "{printed}");
}

#[tokio::test]
async fn refused_credentials_and_a_missing_table_or_queue_exit_with_3() {
    let world = empty().await;
    let (status, printed) = Bot::run_with(&world, &["serve"], world.env());
    assert_eq!(status, Some(3), "{printed}");
    assert!(printed.contains("sluice init"), "{printed}");

    Bot::init(&world);
    let queue = [("SLUICE_QUEUE", "sqs:wake")];
    let (status, printed) = Bot::run_with(&world, &["serve"], &with(&world, &queue));
    assert_eq!(status, Some(3), "{printed}");
    assert!(
        printed.contains("queue `wake.fifo` does not exist") && printed.contains("sluice init"),
        "{printed}"
    );
    let (status, printed) = Bot::run_with(&world, &["check"], &with(&world, &queue));
    assert_eq!(status, Some(1), "{printed}");
    // The boundary names the queue, too: no function may use it.
    for line in ["✗ Queue", "✗ Boundaries", "2 checks failed"] {
        assert!(printed.contains(line), "{printed}");
    }
    // Twice, since people repeat it.
    Bot::init_with(&world, &queue);
    Bot::init_with(&world, &queue);
    let (status, printed) = Bot::run_with(&world, &["check"], &with(&world, &queue));
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("`wake.fifo` exists"), "{printed}");
    drop(Bot::serve(&world, &queue).await);

    let (status, printed) =
        Bot::run_with(&world, &["serve"], &with(&world, &[("SLACK_BOT_TOKEN", &format!("xoxb-{CANARY}"))]));
    assert_eq!(status, Some(3), "{printed}");
    assert!(printed.contains("invalid_auth") && !printed.contains(CANARY), "{printed}");

    let (status, printed) = Bot::run_with(
        &world,
        &["serve"],
        &with(&world, &[("AWS_ACCESS_KEY_ID", "AKIANOTOFTHISWORLD00"), ("AWS_SECRET_ACCESS_KEY", CANARY)]),
    );
    assert_eq!(status, Some(3), "{printed}");
    assert!(!printed.contains(CANARY), "{printed}");
}

/// Under the printed policies, with an S3 that sees a new bucket late and keeps versions even later.
#[tokio::test]
async fn init_waits_for_bucket_versions_and_check_probes_the_account() {
    const LENIENT: &str = "revision,data-plane,api-conflict,rates,iam-propagation,quotas,states";
    let world = World::start(Options { no_bot: true, lenient: Some(LENIENT), ..Options::default() }).await;
    let (status, printed) = Bot::run(&world, &["init"], &[]);
    assert_eq!(status, Some(0), "{printed}");
    for line in [
        "created the bucket sluice-",
        "\npublished the packager of builds at s3://sluice-",
        "waiting until the bucket sluice-",
        "keeps versions\nversioning is new",
    ] {
        assert!(printed.contains(line), "{line:?} is not in:\n{printed}");
    }
    let (status, printed) = Bot::run(&world, &["init"], &[]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("is up to date\nthe bucket sluice-"), "{printed}");

    // A second installation: the boundary protects the table of the first one from functions.
    let second = [("SLUICE_STATE", "dynamodb:second")];
    for _ in 0..2 {
        let (status, printed) = Bot::run(&world, &["init"], &second);
        assert_eq!(status, Some(3), "{printed}");
        assert!(
            printed.contains("sluice-boundary-us-east-1 denies functions access to the tables `sluice`"),
            "{printed}"
        );
        assert!(!printed.contains("second"), "nothing was created: {printed}");
    }

    let check = async || Bot::run(&world, &["check", "--account"], &[]);
    let (status, printed) = check().await;
    assert_eq!(status, Some(0), "{printed}");
    for line in [
        "The account\n",
        "✓ Bucket         `sluice-",
        "✓ Packager       published for builds\n",
        "✓ CodeCommit     answers\n",
        "✓ Versions       the bucket kept a version of a probe object\n",
        "✓ IAM roles      0 of 1000 used\n",
        "✓ Audit records  a deletion in `sluice-audit` was denied, as required\n",
        "✓ Transaction    two probe items were written, read and deleted\n",
    ] {
        assert!(printed.contains(line), "{line:?} is not in:\n{printed}");
    }

    // Credentials with too many rights are reported.
    world.control("rules", &json!({"lenient": ["policies"]})).await;
    let (status, printed) = check().await;
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("✗ Audit records  these credentials can delete audit records"), "{printed}");
    world.control("rules", &json!({"strict": ["policies"]})).await;

    // Somebody suspends versioning: nothing is created, and the answer names the fix.
    let bucket = "sluice-000000000000-us-east-1";
    Aws(&world).suspend_versioning(bucket).await;
    let bot = Bot::serve(&world, &[]).await;
    let refused = world.submit(world.ann(), "/repo create orders from sam").await.fails().await;
    refused.says(&["was suspended", "An admin must run sluice init"]);
    let (status, printed) = check().await;
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("with this version (versioning)"), "{printed}");
    let (status, printed) = Bot::run(&world, &["init"], &[]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains(&format!("updated the bucket {bucket}: versioning\n")), "{printed}");
    world.submit(world.ann(), "/repo create orders from sam").await.succeeds().await;
    drop(bot);
}

#[tokio::test]
async fn the_bot_waits_for_an_unreachable_aws() {
    let world = empty().await;
    Bot::init(&world);
    // A port that was free a moment ago: nothing listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let closed = format!("http://{closed}");
    let away = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CODECOMMIT", "AWS_ENDPOINT_URL_CODEBUILD"];
    let away: Vec<_> = away.iter().map(|name| (*name, closed.as_str())).collect();
    let bot = Bot::spawn(&world, &["serve"], &away);
    let page = async |path: &str| {
        let answer = world.http().get(format!("{}{path}", world.bot_url())).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        Ok::<_, String>((answer.status().as_u16(), answer.text().await.unwrap_or_default()))
    };
    let (_, why) = eventually("/readyz reports that AWS cannot be reached", PATIENCE, async || {
        let (status, why) = page("/readyz").await?;
        if status == 503 && why.contains("state:") && !why.contains("state: starting") {
            Ok((status, why))
        } else {
            Err(why)
        }
    })
    .await;
    assert!(!why.contains("slack:"), "{why}");
    assert_eq!(page("/healthz").await.unwrap().0, 200);
    world.command(world.ann(), "/repo list").await.says(&["Try again in a minute"]);
    drop(bot);
}

#[tokio::test]
async fn no_secret_is_in_any_log_message_or_table() {
    let world = empty().await;
    Bot::init(&world);
    // The world accepts only its own token and key, so these are the canaries.
    let bot = Bot::serve(&world, &[("SLUICE_LOG", "debug")]).await;
    let ann = world.ann();
    world.submit(ann, "/repo create quiet from sam").await.succeeds().await;
    world.submit(ann, "/build quiet").await.succeeds().await;
    world.submit(ann, "/deploy quiet").await.succeeds().await;
    let forged = format!("v0={}", "0".repeat(64));
    let command = json!({
        "user": ann, "channel": world.channel(), "command": "/repo", "text": "list", "signature": forged,
    });
    world.control("command", &command).await;
    drop(bot);
    let secrets: Vec<_> = ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "AWS_SECRET_ACCESS_KEY"]
        .iter()
        .map(|name| (*name, world.env()[*name].clone()))
        .collect();
    let messages = world.messages(world.channel()).await.into_iter().map(|message| message.0.to_string());
    let whispers = world.ephemerals(ann).await.into_iter().map(|message| message.0.to_string());
    let table = Aws(&world).table().await.into_iter().map(|item| item.to_string());
    let log = std::fs::read_to_string(world.folder().join("bot.log")).unwrap();
    assert!(log.lines().count() > 50, "the log has debug lines");
    for text in messages.chain(whispers).chain(table).chain([log]) {
        for (name, secret) in &secrets {
            assert!(
                !text.contains(secret.as_str()),
                "{name} is in:\n{}",
                text.chars().take(2_000).collect::<String>()
            );
        }
    }
}

#[tokio::test]
async fn the_manifest_in_the_repository_is_what_the_bot_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let kept = std::fs::read_to_string(root.join("manifest.yml")).unwrap();
    assert_eq!(Bot::print(&["manifest"]), kept, "outdated, run: sluice manifest > manifest.yml");
}
