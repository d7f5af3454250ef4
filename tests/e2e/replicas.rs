//! Two replicas on one table: any of them may get a command or a click, any of them may stop, and the work continues.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_e2e::fixture::{approved_promotion, build_and_deploy};
use sluice_e2e::{Aws, Bot, Call, Options, PATIENCE, Repository, State, Submitted, World, eventually};

/// Short leases: the operations of a killed bot are free after a second.
const SHORT_LEASES: [(&str, &str); 2] = [("SLUICE_LEASE", "1"), ("SLUICE_SETTLE", "1")];
/// A lease of ten minutes, with a sweep every 200 s: only hints are faster.
const LONG_LEASES: [(&str, &str); 2] = [("SLUICE_LEASE", "600"), ("SLUICE_QUEUE", QUEUE)];
const QUEUE: &str = "sqs:wake";
/// A scheduler's grace period.
const GRACE: Duration = Duration::from_secs(10);

async fn empty() -> World {
    World::start(Options { no_bot: true, ..Options::default() }).await
}

/// `orders` with a stage prod.
async fn prepare(world: &World) -> Repository {
    let created = world.submit(world.ann(), "/repo create orders from sam").await.succeeds().await;
    world.submit(world.ann(), "/stage add orders prod").await.succeeds().await;
    Repository::clone_from_message(&created)
}

/// How many of these calls had an effect.
async fn effects(world: &World, since: u64, method: &str) -> usize {
    let is_it = |call: &Call| call.mutates_aws() && call.effect && call.method == method;
    world.calls(since).await.iter().filter(|call| is_it(call)).count()
}

/// Waits until there is such a call.
async fn expect_call(world: &World, since: u64, method: &str) {
    eventually(format!("{method} is called"), PATIENCE, async || {
        let calls = world.calls(since).await;
        let seen = calls.iter().any(|call| call.method == method);
        if seen { Ok(()) } else { Err(format!("{} calls\n{}", calls.len(), world.log_tail())) }
    })
    .await;
}

/// A delay that is long enough to stop a bot meanwhile, and short enough for the bot to wait for the answer.
fn delayed(method: &str) -> Value {
    json!({"service": "lambda", "method": method, "action": "delay", "delay_ms": 1500})
}

/// The operation of a command.
async fn operation(asked: &Submitted) -> String {
    let found = eventually("the operation has a message", PATIENCE, async || {
        let messages = asked.messages().await;
        messages.first().and_then(|message| message.operation().map(str::to_owned)).ok_or("none yet")
    });
    found.await
}

/// SIGTERM: the bot ends in time and releases the operation, and another replica continues without waiting for the lease.
async fn hands_over_on_sigterm(world: &World, bot: Bot, asked: &Submitted) {
    let operation = operation(asked).await;
    let (_, fence) = Aws(world).owner(&operation).await;
    let (status, took) = bot.terminate(world).await;
    let ended = Instant::now();
    assert_eq!(status.code(), Some(0), "{}", world.log_tail());
    assert!(took < GRACE, "it took {took:?}");
    eventually("the other replica claims the operation", PATIENCE, async || {
        let (owner, now) = Aws(world).owner(&operation).await;
        if now > fence { Ok(()) } else { Err(format!("owner {owner:?}, fence {now}\n{}", world.log_tail())) }
    })
    .await;
    // The sweep runs every five seconds; a lease without a beat expires after fifteen.
    assert!(ended.elapsed() < Duration::from_secs(12), "only after {:?}", ended.elapsed());
}

#[tokio::test]
async fn one_replica_accepts_another_approves_and_finishes() {
    let world = empty().await;
    Bot::init(&world);
    let (a, b) = (Bot::serve(&world, &SHORT_LEASES).await, Bot::replica(&world, &SHORT_LEASES).await);
    world.balance(&[&a, &b]).await;
    prepare(&world).await;
    world.submit(world.ann(), "/build orders").await.succeeds().await;

    // Killed in the middle of an operation: the other replica observes and continues.
    let since = world.last_call().await;
    let held = world.arm(&json!({"service": "lambda", "method": "CreateFunction", "action": "hold"})).await;
    let deploy = world.via(&a).submit(world.ann(), "/deploy orders").await;
    eventually("the deploy runs", PATIENCE, async || {
        if held.is_holding().await { Ok(()) } else { Err(world.log_tail()) }
    })
    .await;
    a.kill();
    world.clear_faults().await;
    deploy.succeeds().await.says(&["r1 is live on dev"]);
    assert_eq!(effects(&world, since, "CreateFunction").await, 1);

    // Accepted by one, approved by the other; the same click on both counts once.
    let a = Bot::serve(&world, &SHORT_LEASES).await;
    let promotion = world.via(&a).submit(world.ann(), "/promote orders prod").await;
    let waiting = promotion.waits().await;
    let click = world.via(&b).click(world.bob(), &waiting, "promotion.approve").await;
    let again = world.via(&a).redeliver(&click.trigger_id).await;
    assert_eq!(again.text(), click.text());
    a.kill();
    promotion.succeeds().await.says(&["r1 is live on prod"]);
    assert_eq!(world.via(&b).releases("orders").await["prod"], "r1");
}

#[tokio::test]
async fn a_stopping_replica_finishes_its_step_and_another_continues_at_once() {
    let world = empty().await;
    Bot::init(&world);
    let mut a = Bot::serve(&world, &[]).await;
    let b = Bot::replica(&world, &[]).await;
    prepare(&world.via(&a)).await;

    let since = world.last_call().await;
    let build = world.via(&a).submit(world.ann(), "/build orders").await;
    expect_call(&world, since, "StartBuild").await;
    hands_over_on_sigterm(&world, a, &build).await;
    build.succeeds().await.says(&["#1"]);
    assert_eq!(effects(&world, since, "StartBuild").await, 1);

    a = Bot::serve(&world, &[]).await;
    let since = world.last_call().await;
    world.arm(&delayed("CreateFunction")).await;
    let deploy = world.via(&a).submit(world.ann(), "/deploy orders").await;
    expect_call(&world, since, "CreateFunction").await;
    hands_over_on_sigterm(&world, a, &deploy).await;
    deploy.succeeds().await.says(&["r1 is live on dev"]);
    assert_eq!(effects(&world, since, "CreateFunction").await, 1);

    a = Bot::serve(&world, &[]).await;
    let promotion = world.via(&a).submit(world.ann(), "/promote orders prod").await;
    let waiting = promotion.waits().await;
    let since = world.last_call().await;
    world.arm(&delayed("CreateAlias")).await;
    world.via(&a).click(world.bob(), &waiting, "promotion.approve").await;
    expect_call(&world, since, "CreateAlias").await;
    hands_over_on_sigterm(&world, a, &promotion).await;
    promotion.succeeds().await.says(&["r1 is live on prod"]);
    assert_eq!(effects(&world, since, "CreateAlias").await, 1);

    for asked in [build, deploy, promotion] {
        let messages = asked.messages().await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!(messages[0].state(), Some(State::Succeeded));
    }
    assert_eq!(world.via(&b).releases("orders").await, [("dev", "r1"), ("prod", "r1")].map(owned).into());
}

fn owned((stage, release): (&str, &str)) -> (String, String) {
    (stage.to_owned(), release.to_owned())
}

#[tokio::test]
async fn a_hint_in_the_queue_wakes_a_driving_replica() {
    let world = empty().await;
    Bot::init_with(&world, &LONG_LEASES);
    // Commands and clicks go to a replica that drives nothing, so all progress is due to its hints.
    let front = Bot::front(&world, &LONG_LEASES).await;
    let (a, b) = (Bot::replica(&world, &LONG_LEASES).await, Bot::replica(&world, &LONG_LEASES).await);
    let front_world = world.via(&front);
    prepare(&front_world).await;
    front_world.submit(world.ann(), "/build orders").await.succeeds().await;
    front_world.submit(world.ann(), "/deploy orders").await.succeeds().await;
    let waiting = front_world.submit(world.ann(), "/promote orders prod").await;
    let card = waiting.waits().await;
    front_world.click(world.bob(), &card, "promotion.approve").await;
    waiting.succeeds().await.says(&["r1 is live on prod"]);

    // A stopping replica sends a hint, too: no sweep would find the operation for minutes.
    let since = world.last_call().await;
    let build = world.via(&a).submit(world.ann(), "/build orders").await;
    expect_call(&world, since, "StartBuild").await;
    hands_over_on_sigterm(&world, a, &build).await;
    build.succeeds().await.says(&["#2"]);
    assert_eq!(effects(&world, since, "StartBuild").await, 1);
    drop(b);

    let calls = world.calls(0).await;
    let sent = calls.iter().filter(|call| call.service == "sqs" && call.method == "SendMessage");
    let sent: Vec<_> = sent.map(|call| call.detail.clone().unwrap_or_default()).collect();
    assert!(sent.len() >= 6 && sent.iter().all(|detail| detail.starts_with("wake.fifo ")), "{sent:?}");
}

#[tokio::test]
async fn without_the_queue_the_sweep_finds_everything() {
    let world = empty().await;
    let quick = [&SHORT_LEASES[..], &[("SLUICE_QUEUE", QUEUE)]].concat();
    Bot::init_with(&world, &quick);
    let front = Bot::front(&world, &quick).await;
    let bot = Bot::replica(&world, &quick).await;
    let front_world = world.via(&front);
    prepare(&front_world).await;

    for (what, broken) in [
        ("refuses", json!({"service": "sqs", "action": "refuse", "status": 500, "times": 0})),
        ("is cut", json!({"service": "sqs", "action": "drop", "when": "before", "times": 0})),
        ("hangs", json!({"service": "sqs", "action": "hold", "times": 0})),
    ] {
        let fault = world.arm(&broken).await;
        let build = front_world.submit(world.ann(), "/build orders").await;
        assert_eq!(build.reply.status, Some(200), "while the queue {what}");
        build.succeeds().await;
        assert!(fault.has_fired().await, "the bot did not call the queue while it {what}");
        world.clear_faults().await;
    }
    Aws(&world).delete_queue("wake.fifo").await;
    front_world.submit(world.ann(), "/deploy orders").await.succeeds().await.says(&["r1 is live on dev"]);
    let promotion = front_world.submit(world.ann(), "/promote orders prod").await;
    let waiting = promotion.waits().await;
    front_world.click(world.bob(), &waiting, "promotion.approve").await;
    promotion.succeeds().await.says(&["r1 is live on prod"]);
    let (status, took) = bot.terminate(&world).await;
    assert_eq!(status.code(), Some(0));
    assert!(took < GRACE, "it took {took:?}");
}

/// The items that a newer replica keeps beside those of the pipeline, its releases, its audit records and an operation: of a
/// kind that this version does not know, with a higher schema.
fn of_a_newer_replica(table: &[Value]) -> Vec<Value> {
    let like = |partition: &str, sort: &str, new: &str| {
        let text = |item: &Value, key: &str| item[key]["S"].as_str().unwrap_or_default().to_owned();
        let found = table
            .iter()
            .find(|item| text(item, "pk").contains(partition) && text(item, "sk").starts_with(sort));
        let mut item = found.unwrap_or_else(|| panic!("no item {sort} of {partition}")).clone();
        (item["sk"], item["v"]) = (json!({"S": new}), json!({"N": "9"}));
        item
    };
    vec![
        like("/pipeline/orders", "stage/prod", "widget/prod"),
        like("/releases/orders", "0000000001", "0000000001/prod/widget"),
        like("/operation/", "row/", "widget/000001"),
    ]
}

#[tokio::test]
async fn a_replica_leaves_records_of_a_newer_version_alone_and_works_beside_it() {
    let world = World::start(Options::default()).await;
    let clone = prepare(&world).await;
    build_and_deploy(&world, "orders").await;
    let newer = of_a_newer_replica(&Aws(&world).table().await);
    Aws(&world).put_items(&newer).await;

    approved_promotion(&world, "orders").await.succeeds().await.says(&["r1 is live on prod"]);
    clone.set_greeting("Release 2");
    clone.push("Greet as release 2");
    build_and_deploy(&world, "orders").await;
    approved_promotion(&world, "orders").await.succeeds().await;
    world.submit(world.bob(), "/rollback orders prod").await.succeeds().await.says(&["r1 is live on prod"]);
    world.command(world.eve(), "/pipeline status orders").await.says(&["r2", "r1"]);
    world.command(world.eve(), "/pipeline history orders").await.says(&["/rollback orders prod"]);
    let table = Aws(&world).table().await;
    for item in &newer {
        assert!(table.contains(item), "it was changed or removed: {item}");
    }
}
