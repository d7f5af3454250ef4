//! User groups and roles: a group approves while Slack lists its members, deactivated people do not count, SIGHUP reloads the
//! roles of the file, and `sluice init` names the first admin.

use std::time::{Duration, Instant};

use serde_json::json;
use sluice_e2e::fixture::deploy;
use sluice_e2e::{Bot, Options, PATIENCE, State, World, eventually, free_address};

const LEADS: &str = "S0LEADS01";

/// A world with its own bot.
async fn world() -> (World, Bot) {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    Bot::init(&world);
    let bot = Bot::serve(&world, &[]).await;
    (world, bot)
}

#[tokio::test]
async fn a_group_approves_only_while_slack_lists_its_members() {
    let (world, _bot) = world().await;
    let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
    let refuse = json!({
        "service": "slack", "method": "usergroups.users.list", "action": "refuse", "code": "missing_scope", "times": 0,
    });
    let refuses = world.arm(&refuse).await;
    deploy(&world, "led", &format!("approvers=\"<!subteam^{LEADS}|@leads>\"")).await;
    world.command(ann, "/stage list led").await.says(&[&format!("approvers: <!subteam^{LEADS}>")]);
    let promotion = world.submit(ann, "/promote led prod").await;
    let waiting = promotion.waits().await;

    // Nobody can approve, and everybody gets the reason: members, others, and readers of the check.
    for who in [eve, bob] {
        let refused = world.command(who, "/promote approve led prod").await;
        refused.says(&["grants no access", "usergroups:read"]);
    }
    world.command(ann, "/pipeline check led prod").await.says(&["usergroups:read", "grants no access"]);
    let before = world.ephemerals(bob).await.len();
    world.click(bob, &waiting, "promotion.approve").await;
    world.expect_ephemeral(bob, before, &["so it grants no access"]).await;
    assert!(refuses.has_fired().await);
    assert_eq!(world.release("led", "prod").await, "nothing");

    // Slack without an answer blocks nobody.
    refuses.release().await;
    world.control("groups", &json!({"group": LEADS, "users": [eve]})).await;
    let hold = json!({"service": "slack", "method": "usergroups.users.list", "action": "hold", "times": 0});
    let holds = world.arm(&hold).await;
    let began = Instant::now();
    let refused = world.command(eve, "/promote approve led prod").await;
    refused.says(&["Slack did not return the members of"]);
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    assert!(holds.is_holding().await);

    // The late answer serves the next question.
    let asked = world.calls(0).await.iter().filter(|call| call.method == "usergroups.users.list").count();
    holds.release().await;
    eventually("eve approves", PATIENCE, async || {
        let words = world.command(eve, "/promote approve led prod").await.text();
        if words.contains("Approved") { Ok(()) } else { Err(words) }
    })
    .await;
    promotion.succeeds().await.says(&[&format!("Approved by <@{eve}>"), "r1 is live on prod"]);
    assert_eq!(world.release("led", "prod").await, "r1");
    world.command(bob, "/promote approve led prod").await.says(&["No promotion of led to prod is waiting"]);
    let now = world.calls(0).await.iter().filter(|call| call.method == "usergroups.users.list").count();
    assert_eq!(now, asked, "known members are not requested again");
}

#[tokio::test]
async fn a_group_gets_a_role_and_a_deactivated_approver_does_not_count() {
    let (world, bot) = world().await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    deploy(&world, "gone", "approvals=2").await;
    let canonical = format!("/pipeline grant <!subteam^{LEADS}> approvers gone");
    let grant = world.expect(world.channel(), &canonical).await;
    world.control("groups", &json!({"group": LEADS, "users": [eve, bob]})).await;
    world.command(ann, "/pipeline grant @leads approvers gone").await;
    grant.succeeds().await.says(&[&format!("<!subteam^{LEADS}>"), "is now an approver for"]);
    world.command(eve, "/pipeline who gone").await.says(&[LEADS, ": 2 people", "pinned in"]);

    let promotion = world.submit(ann, "/promote gone prod").await;
    promotion.waits().await;
    world.command(bob, "/promote approve gone prod").await.says(&["Approved"]);
    promotion.waits().await;
    world.control("people", &json!({"user": bob, "deactivated": true})).await;
    // The bot caches Slack's answer for a minute; a restarted bot has no cache.
    bot.kill();
    let _bot = Bot::serve(&world, &[]).await;
    world.command(cyd, "/promote approve gone prod").await.says(&["Approved"]);
    let message = eventually("cyd's approval is shown", PATIENCE, async || {
        let message = promotion.waits().await;
        let is_shown = message.text().contains(&format!("Approved by <@{cyd}>"));
        if is_shown { Ok(message) } else { Err(message.text()) }
    })
    .await;
    assert_eq!(message.state(), Some(State::Waiting), "{}", message.text());
    message.says(&["2 given, but not all of them count now"]);
    assert_ne!(world.release("gone", "prod").await, "r1");
    world.command(eve, "/promote approve gone prod").await.says(&["Approved"]);
    promotion.succeeds().await;
    assert_eq!(world.release("gone", "prod").await, "r1");
}

#[tokio::test]
async fn init_names_the_first_admin_and_sighup_reloads_the_file() {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
    let file = world.folder().join("sluice.toml");
    std::fs::write(&file, "[access]\n").unwrap();
    Bot::init(&world);
    let init = |who: &str| Bot::run(&world, &["init", "--admin", who], &[]);
    let (status, printed) = init("ann");
    assert!(status == Some(2) && printed.contains("--admin: `ann` is not a Slack user ID"), "{printed}");
    let (status, printed) = init(ann);
    assert!(
        status == Some(0) && printed.contains(&format!("admin: {ann} is now an admin of all pipelines")),
        "{printed}"
    );
    let (status, printed) = init(ann);
    assert!(
        status == Some(0) && printed.contains(&format!("admin: {ann} was already made an admin")),
        "{printed}"
    );

    let metrics = free_address();
    let bot = Bot::serve(&world, &[("SLUICE_METRICS", &metrics)]).await;
    world.command(bob, "/repo create hup from sam").await.says(&["Only operators"]);
    world.command(ann, &format!("/pipeline grant <@{bob}> operators")).await.says(&["is now an operator"]);
    world.submit(bob, "/repo create hup from sam").await.succeeds().await;
    world.command(eve, "/pipeline who").await.says(&[
        "sluice init by",
        "at a terminal",
        "sluice init --admin",
    ]);

    world.command(eve, "/build hup").await.says(&["Only operators"]);
    std::fs::write(&file, format!("[access]\noperators = [\"{eve}\"]\n[commands]\nprefix = \"acme-\"\n"))
        .unwrap();
    let logged = reload(&world, &bot).await;
    assert!(logged.contains("need a restart") && logged.contains("\"settings\":\"commands\""), "{logged}");
    assert!(logged.contains("\"changed\":\"operators\""), "{logged}");
    world.submit(eve, "/build hup").await.succeeds().await;

    std::fs::write(&file, "colour = \"red\"\n[access]\noperators = [\"bob\"]\n").unwrap();
    let logged = reload(&world, &bot).await;
    for part in ["\"ERROR\"", "colour: unknown setting", "is not a Slack user or group ID", "stays in force"]
    {
        assert!(logged.contains(part), "{part}: {logged}");
    }
    world.command(eve, "/build hup@main").await.says(&["Building"]);
    let metrics = world.http().get(format!("http://{metrics}/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let here = world.http().get(format!("{}/metrics", bot.url())).send().await.unwrap();
    assert_eq!(here.status().as_u16(), 404, "metrics are not served on Slack's address");
    assert!(metrics.contains("sluice_config_reloads_total{outcome=\"refused\"} 1"), "{metrics}");
}

/// Sends SIGHUP, and returns the log of the reload.
async fn reload(world: &World, bot: &Bot) -> String {
    let log = || std::fs::read_to_string(world.folder().join("bot.log")).unwrap_or_default();
    let before = log().len();
    bot.sighup();
    eventually("the bot has reloaded its file", PATIENCE, async || {
        let log = log();
        let new = log.get(before..).unwrap_or_default().to_owned();
        let is_done = new.contains("reloaded the roles") || new.contains("stays in force");
        if is_done { Ok(new) } else { Err(new) }
    })
    .await
}
