//! Socket Mode: nothing connects to the bot, and the same story works, also while connections end in every way that Slack has.

use serde_json::{Value, json};
use sluice_e2e::fixture::deploy;
use sluice_e2e::{Bot, Options, PATIENCE, World, eventually};

async fn without_bot() -> World {
    World::start(Options { no_bot: true, socket: true, ..Options::default() }).await
}

/// Slack makes trouble for one connection, or for all.
async fn trouble(world: &World, trouble: &str, link: Option<u64>) {
    let mut body = json!({ "trouble": trouble });
    if let Some(link) = link {
        body["link"] = link.into();
    }
    world.control("sockets", &body).await;
}

/// The open connections.
async fn links(world: &World) -> Vec<Value> {
    world.control_get("sockets").await["links"].as_array().unwrap().clone()
}

/// Waits until these connections are open: how many, and none of them older than `from`.
async fn expect_links(world: &World, count: usize, from: u64) {
    eventually(format!("{count} connections from {from} on are open"), PATIENCE, async || {
        let links = links(world).await;
        let is_new = |link: &Value| link["id"].as_u64() >= Some(from) && link["warned"] == false;
        if links.len() == count && links.iter().all(is_new) { Ok(()) } else { Err(format!("{links:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_release_goes_to_production_while_connections_come_and_go() {
    let world = World::start(Options { socket: true, ..Options::default() }).await;
    let (ann, bob) = (world.ann(), world.bob());
    expect_links(&world, 2, 0).await;
    deploy(&world, "orders", "").await;
    world.expect_response("orders", "dev", "Hello from orders").await;

    // Slack renews its connections every few hours: the new one is there before the old one goes.
    trouble(&world, "refresh", None).await;
    world.command(ann, "/pipeline status orders").await.says(&["r1"]);
    expect_links(&world, 2, 2).await;

    let promotion = world.submit(ann, "/promote orders prod").await;
    let waiting = promotion.waits().await;
    trouble(&world, "cut", None).await;
    expect_links(&world, 2, 4).await;
    world.click(bob, &waiting, "promotion.approve").await;
    promotion.succeeds().await.says(&["r1 is live on prod", &format!("Approved by <@{bob}>")]);
    world.expect_response("orders", "prod", "Hello from orders").await;

    // One connection of which only the other end knows that it is dead.
    trouble(&world, "freeze", Some(4)).await;
    expect_links(&world, 2, 5).await;
    world.command(ann, "/pipeline status orders").await.says(&["prod", "r1"]);
}

#[tokio::test]
async fn one_of_two_replicas_stops_and_every_command_is_answered() {
    let world = without_bot().await;
    Bot::init(&world);
    let (first, _second) = (Bot::serve(&world, &[]).await, Bot::replica(&world, &[]).await);
    expect_links(&world, 4, 0).await;
    let ann = world.ann();
    for name in ["one", "two", "three", "four"] {
        world.submit(ann, &format!("/repo create {name} from sam")).await.succeeds().await;
    }
    let before = world.ephemerals(ann).await.len();
    let stops = first.terminate(&world);
    let types = async {
        for _ in 0..20 {
            world.command(ann, "/repo list").await;
        }
    };
    let ((status, _), ()) = tokio::join!(stops, types);
    assert_eq!(status.code(), Some(0), "{}", world.log_tail());
    // A command that crosses the end of its connection cannot be acknowledged on it any more: its answer is posted.
    eventually("every command is answered", PATIENCE, async || {
        let all = world.ephemerals(ann).await;
        let answers = all[before..].iter().filter(|message| message.text().contains("four")).count();
        if answers == 20 { Ok(()) } else { Err(format!("{answers} answers")) }
    })
    .await;
    expect_links(&world, 2, 2).await;
    world.command(ann, "/repo list").await.says(&["two"]);
}

#[tokio::test]
async fn a_refused_token_ends_the_start_and_socket_mode_that_is_off_is_said() {
    let world = without_bot().await;
    Bot::init(&world);
    let bot_token = world.env()["SLACK_BOT_TOKEN"].clone();
    let (status, printed) = Bot::run(&world, &["serve"], &[("SLACK_APP_TOKEN", &bot_token)]);
    assert_eq!(status, Some(2), "{printed}");
    assert!(printed.contains("must be the token that begins with `xapp-`"), "{printed}");
    let (status, printed) = Bot::run(&world, &["serve"], &[("SLACK_APP_TOKEN", "xapp-of-another-app")]);
    assert_eq!(status, Some(3), "{printed}");
    assert!(printed.contains("Slack refuses SLACK_APP_TOKEN (invalid_auth)"), "{printed}");
    assert!(!printed.contains("xapp-of-another-app"), "{printed}");
    let (status, printed) = Bot::run(&world, &["check"], &[("SLACK_APP_TOKEN", "xapp-of-another-app")]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("✗ Deliveries") && printed.contains("make a new one"), "{printed}");
    let (status, printed) = Bot::run(&world, &["check"], &[]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("✓ Deliveries") && printed.contains("Socket Mode"), "{printed}");

    trouble(&world, "disable", None).await;
    let bot = Bot::spawn(&world, &["serve"], &[]);
    eventually("it says that Socket Mode is off", PATIENCE, async || {
        let page = world
            .http()
            .get(format!("{}/readyz", bot.url()))
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let page = page.text().await.unwrap_or_default();
        if page.contains("Socket Mode is switched off") { Ok(()) } else { Err(page) }
    })
    .await;
}
