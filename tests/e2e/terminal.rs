//! Commands from a terminal while Slack is down: the same gates and the same work, recorded as a terminal's and posted later by the
//! next bot with Slack. And the audit export of all of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sluice_e2e::fixture::alias;
use sluice_e2e::{Bot, Options, PATIENCE, Repository, World, eventually};

/// A terminal has no Slack credentials.
const NO_SLACK: [(&str, &str); 4] =
    [("SLACK_BOT_TOKEN", ""), ("SLACK_SIGNING_SECRET", ""), ("SLACK_API_URL", ""), ("USER", "root")];

/// `sluice run` as a person: its exit status and output.
fn run(world: &World, who: &str, line: &str) -> (Option<i32>, String) {
    Bot::run(world, &["run", line, "--as", who], &NO_SLACK)
}

#[track_caller]
fn says((status, printed): (Option<i32>, String), wanted: i32, parts: &[&str]) {
    assert_eq!(status, Some(wanted), "{printed}");
    for part in parts {
        assert!(printed.contains(part), "{part:?} is not in:\n{printed}");
    }
}

/// The lines of `sluice audit export`.
fn export(world: &World, more: &[&str], env: &[(&str, &str)]) -> Vec<Value> {
    let arguments = [&["audit", "export"][..], more].concat();
    let (status, lines) = Bot::stdout_of(world, &arguments, &[&NO_SLACK[..], env].concat());
    assert_eq!(status, Some(0), "{}", world.log_tail());
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

async fn slack_calls(world: &World) -> usize {
    world.calls(0).await.iter().filter(|call| call.service == "slack").count()
}

#[tokio::test]
async fn a_rollback_without_slack_moves_the_stage_and_is_posted_by_the_next_bot() {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
    Bot::init(&world);
    let bot = Bot::serve(&world, &[]).await;
    let created = world.submit(ann, "/repo create orders from sam").await.succeeds().await;
    world.submit(ann, "/build orders").await.succeeds().await;
    world.submit(ann, "/stage add orders prod").await.succeeds().await;
    world.submit(ann, "/deploy orders").await.succeeds().await;

    // While a bot serves: requested and approved at a terminal, shown in the channel.
    let promotion = world.expect(world.channel(), "/promote orders prod").await;
    says(run(&world, ann, "/promote orders prod"), 0, &["/promote orders prod", "Waiting for 1 approval"]);
    let waiting = promotion.waits().await;
    waiting.says(&[&format!("Requested by <@{ann}> from a terminal")]);
    assert!(waiting.has_button("promotion.approve"));
    says(run(&world, ann, "/promote approve orders prod"), 1, &["You cannot decide on your own request"]);
    says(run(&world, bob, "/promote approve orders prod"), 0, &["Approved"]);
    let end = promotion.succeeds().await;
    end.says(&["r1 is live on prod", &format!("Approved by <@{bob}> from a terminal")]);
    assert!(!end.is_continued(), "{}", end.text());
    let first = alias(&world, "orders", "prod").await.unwrap();

    let clone = Repository::clone_from_message(&created);
    clone.set_greeting("Howdy");
    clone.push("Say howdy");
    world.submit(ann, "/build orders").await.succeeds().await;
    world.submit(ann, "/deploy orders").await.succeeds().await;
    let promotion = world.submit(ann, "/promote orders prod").await;
    world.click(bob, &promotion.waits().await, "promotion.approve").await;
    promotion.succeeds().await.says(&["r2 is live on prod"]);
    assert_ne!(alias(&world, "orders", "prod").await.unwrap(), first);

    // Slack is down, and the bot is killed.
    bot.kill();
    world.arm(&json!({"service": "slack", "action": "drop", "when": "before", "times": 0})).await;
    let before = slack_calls(&world).await;
    says(run(&world, eve, "/rollback orders prod"), 1, &["Only operators"]);
    says(run(&world, "ann", "/rollback orders prod"), 2, &["--as", "is not a Slack user ID", "U024BE7LH"]);
    says(run(&world, ann, "/rolback orders prod"), 1, &["/rollback"]);
    says(run(&world, ann, "/repo create books"), 1, &["needs a home channel"]);
    world.expect_response("orders", "prod", "Howdy").await;
    let rollback = world.expect(world.channel(), "/rollback orders prod it is slow").await;
    let line = ["run", "/rollback", "orders", "prod", "it", "is", "slow", "--as", ann];
    says(
        Bot::run(&world, &line, &NO_SLACK),
        0,
        &["Rolling back", "r1 is live on prod", "has not checked that"],
    );
    assert_eq!(alias(&world, "orders", "prod").await.unwrap(), first);
    world.expect_response("orders", "prod", "Hello from orders").await;
    says(run(&world, eve, "/pipeline history orders prod"), 0, &["root (terminal)", "/rollback orders prod"]);
    assert_eq!(slack_calls(&world).await, before, "a terminal does not call Slack");
    assert!(rollback.messages().await.is_empty());

    world.clear_faults().await;
    let _bot = Bot::serve(&world, &[]).await;
    let posted = rollback.succeeds().await;
    posted.says(&["r1 is live on prod", &format!("Requested by <@{ann}> from a terminal")]);
    assert!(!posted.is_continued(), "no earlier message can exist: {}", posted.text());
    assert_eq!(rollback.messages().await.len(), 1);

    let records = export(&world, &["--since", "1h"], &[]);
    let of = |act: &str, command: &str| {
        let is_it = |record: &&Value| record["act"] == act && record["command"] == command;
        let found: Vec<_> = records.iter().filter(is_it).cloned().collect();
        assert_eq!(found.len(), 1, "{act} {command}: {records:#?}");
        found.into_iter().next().unwrap()
    };
    let asked = of("asked", "/rollback orders prod it is slow");
    assert_eq!(asked["actor"], json!({"id": ann, "name": "root", "terminal": true}));
    assert_eq!((&asked["rule"], &asked["pipeline"]), (&json!("admins"), &json!("orders")));
    assert_eq!(of("succeeded", "/rollback orders prod it is slow")["after"], 1);
    assert_eq!(of("asked", "/stage add orders prod")["actor"].get("terminal"), None);
    let times: Vec<_> = records.iter().map(|record| record["at"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(export(&world, &[], &[]), records);
    assert!(export(&world, &["--since", "2999-01-01"], &[]).is_empty());
    let wrong = Bot::run(&world, &["audit", "export", "--since", "yesterday"], &NO_SLACK);
    says(wrong, 2, &["--since", "`yesterday` is not a time"]);
}

#[tokio::test]
async fn a_file_is_read_while_a_bot_serves_it_and_written_by_one_process_only() {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    let state = format!("sqlite:{}", world.folder().join("state.db").display());
    let state = [("SLUICE_STATE", state.as_str())];
    let env = [&NO_SLACK[..], &state].concat();
    let list = ["run", "/repo list", "--as", world.ann()];
    for arguments in [&list[..], &["audit", "export"]] {
        says(Bot::run(&world, arguments, &env), 3, &["sluice init"]);
    }
    assert_eq!(Bot::run(&world, &["init"], &state).0, Some(0));
    assert_eq!(export(&world, &[], &state), Vec::<Value>::new());
    let bot = Bot::serve(&world, &state).await;
    let created = world.submit(world.ann(), "/repo create orders from sam").await;
    created.succeeds().await;
    says(Bot::run(&world, &list, &env), 3, &["served by another process"]);
    let acts: BTreeMap<_, _> = export(&world, &[], &state)
        .into_iter()
        .map(|record| (record["act"].as_str().unwrap().to_owned(), record["actor"]["id"].clone()))
        .collect();
    assert_eq!(acts["succeeded"], world.ann());
    drop(bot);
    says(Bot::run(&world, &list, &env), 0, &["orders"]);

    // Stopped in the middle: the same command continues the operation, and the bot posts one message.
    let build = world.expect(world.channel(), "/build orders").await;
    let line = ["run", "/build orders", "--as", world.ann()];
    let stopped = Bot::spawn(&world, &line, &env);
    eventually("the build is started", PATIENCE, async || {
        let calls = world.calls(0).await;
        calls.iter().any(|call| call.method == "StartBuild").then_some(()).ok_or_else(|| world.log_tail())
    })
    .await;
    let (status, _) = stopped.terminate(&world).await;
    assert_eq!(status.code(), Some(1), "{}", world.log_tail());
    says(Bot::run(&world, &line, &env), 0, &["is already running", "Built"]);
    let _bot = Bot::serve(&world, &state).await;
    let posted = build.succeeds().await;
    assert!(!posted.is_continued(), "{}", posted.text());
    assert_eq!(build.messages().await.len(), 1);
    let builds = world.calls(0).await.iter().filter(|call| call.method == "StartBuild").count();
    assert_eq!(builds, 1);
}
