//! Who people are, on the wire: a user group approves while Slack says who is in it, who was deactivated counts no more,
//! the roles of the file are read anew on SIGHUP, and the first admin is named by `sluice init`.

use std::time::{Duration, Instant};

use serde_json::json;
use sluice_e2e::{Bot, Options, PATIENCE, State, World, eventually, free_address};

const LEADS: &str = "S0LEADS01";

/// A world with its own bot.
async fn world() -> (World, Bot) {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    Bot::init(&world);
    let bot = Bot::serve(&world, &[]).await;
    (world, bot)
}

/// A pipeline whose `r1` is on dev, and a stage prod with this policy.
async fn deployed(world: &World, name: &str, policy: &str) {
    let lines = [
        format!("/repo create {name}"),
        format!("/build {name}"),
        format!("/stage add {name} prod"),
        format!("/stage set {name} prod {policy}"),
        format!("/deploy {name}"),
    ];
    for line in lines {
        world.asks(world.ann(), &line).await.succeeds().await;
    }
}

async fn runs(world: &World, name: &str) -> String {
    world.runs(name).await.remove("prod").unwrap_or_default()
}

#[tokio::test]
async fn a_group_approves_only_while_slack_says_who_is_in_it() {
    let (world, _bot) = world().await;
    let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
    let refuse = json!({
        "service": "slack", "method": "usergroups.users.list", "action": "refuse", "code": "missing_scope", "times": 0,
    });
    let refuses = world.arm(&refuse).await;
    deployed(&world, "led", &format!("approvers=\"<!subteam^{LEADS}|@leads>\"")).await;
    world.types(ann, "/stage list led").await.says(&[&format!("by <!subteam^{LEADS}>")]);
    let promotion = world.asks(ann, "/promote led prod").await;
    let waiting = promotion.waits().await;

    // Nobody passes, and everybody is told why: who is in the group, who is not, and who looks.
    for who in [eve, bob] {
        let told = world.types(who, "/promote approve led prod").await;
        told.says(&["nobody passes by that group", "usergroups:read", "group-unknown"]);
    }
    world.types(ann, "/pipeline check led prod").await.says(&["usergroups:read", "so nobody passes"]);
    let before = world.whispers(bob).await.len();
    world.clicks(bob, &waiting, "promotion.approve").await;
    world.whispered(bob, before, &["nobody passes by that group"]).await;
    assert!(refuses.fired().await);
    assert_eq!(runs(&world, "led").await, "nothing");

    // A Slack that does not answer holds nobody up.
    refuses.release().await;
    world.control("groups", &json!({"group": LEADS, "users": [eve]})).await;
    let hold = json!({"service": "slack", "method": "usergroups.users.list", "action": "hold", "times": 0});
    let holds = world.arm(&hold).await;
    let began = Instant::now();
    let told = world.types(eve, "/promote approve led prod").await;
    told.says(&["Slack did not say who is in", "group-unknown"]);
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    assert!(holds.holds().await);

    // The late answer is there for the next who asks.
    let asked = world.calls(0).await.iter().filter(|call| call.method == "usergroups.users.list").count();
    holds.release().await;
    eventually("eve approves", PATIENCE, async || {
        let words = world.types(eve, "/promote approve led prod").await.words();
        if words.contains("Approved") { Ok(()) } else { Err(words) }
    })
    .await;
    promotion.succeeds().await.says(&[&format!("Approved by <@{eve}>"), "prod runs r1"]);
    assert_eq!(runs(&world, "led").await, "r1");
    world.types(bob, "/promote approve led prod").await.says(&["No promotion of led to prod waits"]);
    let now = world.calls(0).await.iter().filter(|call| call.method == "usergroups.users.list").count();
    assert_eq!(now, asked, "what is known is not asked again");
}

#[tokio::test]
async fn a_group_is_granted_a_role_and_who_was_deactivated_counts_no_more() {
    let (world, bot) = world().await;
    let (ann, bob, cyd, eve) = (world.ann(), world.bob(), world.cyd(), world.eve());
    deployed(&world, "gone", "approvals=2").await;
    let canonical = format!("/pipeline grant <!subteam^{LEADS}> approvers gone");
    let grant = world.expect(world.channel(), &canonical).await;
    world.control("groups", &json!({"group": LEADS, "users": [eve, bob]})).await;
    world.types(ann, "/pipeline grant @leads approvers gone").await;
    grant.succeeds().await.says(&[&format!("<!subteam^{LEADS}>"), "is an approver for"]);
    world.types(eve, "/pipeline who gone").await.says(&[LEADS, ": 2 people", "pinned in"]);

    let promotion = world.asks(ann, "/promote gone prod").await;
    promotion.waits().await;
    world.types(bob, "/promote approve gone prod").await.says(&["Approved"]);
    promotion.waits().await;
    world.control("people", &json!({"user": bob, "deactivated": true})).await;
    // What Slack said a moment ago counts for a minute; a bot that begins knows nothing.
    bot.kill();
    let _bot = Bot::serve(&world, &[]).await;
    world.types(cyd, "/promote approve gone prod").await.says(&["Approved"]);
    let message = eventually("cyd's word is told", PATIENCE, async || {
        let message = promotion.waits().await;
        let is_told = message.words().contains(&format!("Approved by <@{cyd}>"));
        if is_told { Ok(message) } else { Err(message.words()) }
    })
    .await;
    assert_eq!(message.state(), Some(State::Waiting), "{}", message.words());
    message.says(&["2 given; those count who may still approve"]);
    assert_ne!(runs(&world, "gone").await, "r1");
    world.types(eve, "/promote approve gone prod").await.says(&["Approved"]);
    promotion.succeeds().await;
    assert_eq!(runs(&world, "gone").await, "r1");
}

#[tokio::test]
async fn the_first_admin_is_named_at_a_terminal_and_the_file_is_read_anew_on_sighup() {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    let (ann, bob, eve) = (world.ann(), world.bob(), world.eve());
    let file = world.folder().join("sluice.toml");
    std::fs::write(&file, "[access]\n").unwrap();
    Bot::init(&world);
    let init = |who: &str| Bot::runs(&world, &["init", "--admin", who], &[]);
    let (status, told) = init("ann");
    assert!(status == Some(2) && told.contains("--admin: `ann` is not a Slack user ID"), "{told}");
    let (status, told) = init(ann);
    assert!(
        status == Some(0) && told.contains(&format!("admin: {ann} is one of all pipelines now")),
        "{told}"
    );
    let (status, told) = init(ann);
    assert!(status == Some(0) && told.contains(&format!("admin: {ann} was made one before")), "{told}");

    let metrics = free_address();
    let bot = Bot::serve(&world, &[("SLUICE_METRICS", &metrics)]).await;
    world.types(bob, "/repo create hup").await.says(&["Only operators"]);
    world.types(ann, &format!("/pipeline grant <@{bob}> operators")).await.says(&["is an operator"]);
    world.asks(bob, "/repo create hup").await.succeeds().await;
    world.types(eve, "/pipeline who").await.says(&["sluice init by", "at a terminal", "sluice init --admin"]);

    world.types(eve, "/build hup").await.says(&["Only operators"]);
    std::fs::write(&file, format!("[access]\noperators = [\"{eve}\"]\n[commands]\nprefix = \"acme-\"\n"))
        .unwrap();
    let said = reads_anew(&world, &bot).await;
    assert!(said.contains("need a restart") && said.contains("\"settings\":\"commands\""), "{said}");
    assert!(said.contains("\"changed\":\"operators\""), "{said}");
    world.asks(eve, "/build hup").await.succeeds().await;

    std::fs::write(&file, "colour = \"red\"\n[access]\noperators = [\"bob\"]\n").unwrap();
    let said = reads_anew(&world, &bot).await;
    for part in ["\"ERROR\"", "colour: unknown setting", "is no Slack user or group id", "stays in force"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    world.types(eve, "/build hup@main").await.says(&["Building"]);
    let metrics = world.http().get(format!("http://{metrics}/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let here = world.http().get(format!("{}/metrics", bot.url())).send().await.unwrap();
    assert_eq!(here.status().as_u16(), 404, "metrics are not for whoever reaches Slack's address");
    assert!(metrics.contains("sluice_config_reloads_total{outcome=\"refused\"} 1"), "{metrics}");
}

/// SIGHUP; what the log says of it.
async fn reads_anew(world: &World, bot: &Bot) -> String {
    let log = || std::fs::read_to_string(world.folder().join("bot.log")).unwrap_or_default();
    let before = log().len();
    bot.hang_up();
    eventually("the bot is to have read its file", PATIENCE, async || {
        let log = log();
        let new = log.get(before..).unwrap_or_default().to_owned();
        let is_done = new.contains("read anew") || new.contains("stays in force");
        if is_done { Ok(new) } else { Err(new) }
    })
    .await
}
