//! Two replicas on one table: any of them may get the command or the click, any of them may go, and the work goes on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_e2e::{Asked, Aws, Bot, Call, Options, PATIENCE, Repository, State, World, eventually};

/// Short leases: what a dead bot held is free after a second.
const HASTE: [(&str, &str); 2] = [("SLUICE_LEASE", "1"), ("SLUICE_SETTLE", "1")];
/// With such a lease the sweep comes every 200 s, and a dead owner is waited for ten minutes: only hints are quicker.
const PATIENT: [(&str, &str); 2] = [("SLUICE_LEASE", "600"), ("SLUICE_QUEUE", QUEUE)];
const QUEUE: &str = "sqs:wake";
/// What a scheduler gives a process to end.
const SOON: Duration = Duration::from_secs(10);

async fn empty() -> World {
    World::start(Options { no_bot: true, ..Options::default() }).await
}

/// `orders` with a stage prod, by whoever gets the commands.
async fn prepare(world: &World) -> Repository {
    let created = world.asks(world.ann(), "/repo create orders").await.succeeds().await;
    world.asks(world.ann(), "/stage add orders prod").await.succeeds().await;
    Repository::clone_as_told(&created)
}

/// How often that call took hold since.
async fn effects(world: &World, since: u64, method: &str) -> usize {
    let is_it = |call: &Call| call.mutates_aws() && call.effect && call.method == method;
    world.calls(since).await.iter().filter(|call| is_it(call)).count()
}

/// Waits until such a call is under way, or was made.
async fn reached(world: &World, since: u64, method: &str) {
    eventually(format!("{method} is to be called"), PATIENCE, async || {
        let calls = world.calls(since).await;
        let seen = calls.iter().any(|call| call.method == method);
        if seen { Ok(()) } else { Err(format!("{} calls\n{}", calls.len(), world.log_tail())) }
    })
    .await;
}

/// Late enough to stop a bot meanwhile, soon enough for the bot to wait for it.
fn late(method: &str) -> Value {
    json!({"service": "lambda", "method": method, "action": "delay", "delay_ms": 1500})
}

/// The only operation that this command began.
async fn operation(asked: &Asked) -> String {
    let found = eventually("the operation is to have a message", PATIENCE, async || {
        let messages = asked.messages().await;
        messages.first().and_then(|message| message.operation().map(str::to_owned)).ok_or("none yet")
    });
    found.await
}

/// SIGTERM: it ends well and in time, and lets go of the operation, which another replica takes up without a lease's wait.
async fn leaves_to_the_other(world: &World, bot: Bot, asked: &Asked) {
    let operation = operation(asked).await;
    let (_, fence) = Aws(world).owner(&operation).await;
    let (status, took) = bot.terminate(world).await;
    let ended = Instant::now();
    assert_eq!(status.code(), Some(0), "{}", world.log_tail());
    assert!(took < SOON, "it took {took:?}");
    eventually("the other replica is to take it up", PATIENCE, async || {
        let (owner, now) = Aws(world).owner(&operation).await;
        if now > fence { Ok(()) } else { Err(format!("owner {owner:?}, fence {now}\n{}", world.log_tail())) }
    })
    .await;
    // A sweep comes every five seconds; a silent owner is waited for fifteen.
    assert!(ended.elapsed() < Duration::from_secs(12), "only after {:?}", ended.elapsed());
}

#[tokio::test]
async fn what_one_replica_accepts_another_may_approve_and_finish() {
    let world = empty().await;
    Bot::init(&world);
    let (a, b) = (Bot::serve(&world, &HASTE).await, Bot::replica(&world, &HASTE).await);
    world.balances(&[&a, &b]).await;
    prepare(&world).await;
    world.asks(world.ann(), "/build orders").await.succeeds().await;

    // Killed in the middle of what it accepted: the other one observes, and goes on.
    let since = world.last_call().await;
    let held = world.arm(&json!({"service": "lambda", "method": "CreateFunction", "action": "hold"})).await;
    let deploy = world.via(&a).asks(world.ann(), "/deploy orders").await;
    eventually("the deploy is to be under way", PATIENCE, async || {
        if held.holds().await { Ok(()) } else { Err(world.log_tail()) }
    })
    .await;
    a.kill();
    world.clear_faults().await;
    deploy.succeeds().await.says(&["dev runs r1"]);
    assert_eq!(effects(&world, since, "CreateFunction").await, 1);

    // Accepted here, approved there; the same click on both is one.
    let a = Bot::serve(&world, &HASTE).await;
    let promotion = world.via(&a).asks(world.ann(), "/promote orders prod").await;
    let waiting = promotion.waits().await;
    let click = world.via(&b).clicks(world.bob(), &waiting, "promotion.approve").await;
    let again = world.via(&a).redeliver(&click.trigger_id).await;
    assert_eq!(again.words(), click.words());
    a.kill();
    promotion.succeeds().await.says(&["prod runs r1"]);
    assert_eq!(world.via(&b).runs("orders").await["prod"], "r1");
}

#[tokio::test]
async fn a_replica_that_is_told_to_stop_finishes_its_step_and_another_goes_on_at_once() {
    let world = empty().await;
    Bot::init(&world);
    let mut a = Bot::serve(&world, &[]).await;
    let b = Bot::replica(&world, &[]).await;
    prepare(&world.via(&a)).await;

    let since = world.last_call().await;
    let build = world.via(&a).asks(world.ann(), "/build orders").await;
    reached(&world, since, "StartBuild").await;
    leaves_to_the_other(&world, a, &build).await;
    build.succeeds().await.says(&["#1"]);
    assert_eq!(effects(&world, since, "StartBuild").await, 1);

    a = Bot::serve(&world, &[]).await;
    let since = world.last_call().await;
    world.arm(&late("CreateFunction")).await;
    let deploy = world.via(&a).asks(world.ann(), "/deploy orders").await;
    reached(&world, since, "CreateFunction").await;
    leaves_to_the_other(&world, a, &deploy).await;
    deploy.succeeds().await.says(&["dev runs r1"]);
    assert_eq!(effects(&world, since, "CreateFunction").await, 1);

    a = Bot::serve(&world, &[]).await;
    let promotion = world.via(&a).asks(world.ann(), "/promote orders prod").await;
    let waiting = promotion.waits().await;
    let since = world.last_call().await;
    world.arm(&late("CreateAlias")).await;
    world.via(&a).clicks(world.bob(), &waiting, "promotion.approve").await;
    reached(&world, since, "CreateAlias").await;
    leaves_to_the_other(&world, a, &promotion).await;
    promotion.succeeds().await.says(&["prod runs r1"]);
    assert_eq!(effects(&world, since, "CreateAlias").await, 1);

    for asked in [build, deploy, promotion] {
        let messages = asked.messages().await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!(messages[0].state(), Some(State::Succeeded));
    }
    assert_eq!(world.via(&b).runs("orders").await, [("dev", "r1"), ("prod", "r1")].map(owned).into());
}

fn owned((stage, release): (&str, &str)) -> (String, String) {
    (stage.to_owned(), release.to_owned())
}

#[tokio::test]
async fn with_a_queue_a_hint_wakes_whoever_drives() {
    let world = empty().await;
    Bot::init_with(&world, &PATIENT);
    // Commands and clicks come to one that drives nothing, so whatever happens, happens because it rang.
    let front = Bot::front(&world, &PATIENT).await;
    let (a, b) = (Bot::replica(&world, &PATIENT).await, Bot::replica(&world, &PATIENT).await);
    let door = world.via(&front);
    prepare(&door).await;
    door.asks(world.ann(), "/build orders").await.succeeds().await;
    door.asks(world.ann(), "/deploy orders").await.succeeds().await;
    let waiting = door.asks(world.ann(), "/promote orders prod").await;
    let card = waiting.waits().await;
    door.clicks(world.bob(), &card, "promotion.approve").await;
    waiting.succeeds().await.says(&["prod runs r1"]);

    // What stops rings as well: nobody else would look for minutes.
    let since = world.last_call().await;
    let build = world.via(&a).asks(world.ann(), "/build orders").await;
    reached(&world, since, "StartBuild").await;
    leaves_to_the_other(&world, a, &build).await;
    build.succeeds().await.says(&["#2"]);
    assert_eq!(effects(&world, since, "StartBuild").await, 1);
    drop(b);

    let calls = world.calls(0).await;
    let sent = calls.iter().filter(|call| call.service == "sqs" && call.method == "SendMessage");
    let sent: Vec<_> = sent.map(|call| call.detail.clone().unwrap_or_default()).collect();
    assert!(sent.len() >= 6 && sent.iter().all(|detail| detail.starts_with("wake.fifo ")), "{sent:?}");
}

#[tokio::test]
async fn with_the_queue_cut_or_gone_the_sweep_finds_everything() {
    let world = empty().await;
    let quick = [&HASTE[..], &[("SLUICE_QUEUE", QUEUE)]].concat();
    Bot::init_with(&world, &quick);
    let front = Bot::front(&world, &quick).await;
    let bot = Bot::replica(&world, &quick).await;
    let door = world.via(&front);
    prepare(&door).await;

    for (what, broken) in [
        ("refuses", json!({"service": "sqs", "action": "refuse", "status": 500, "times": 0})),
        ("is cut", json!({"service": "sqs", "action": "drop", "when": "before", "times": 0})),
        ("hangs", json!({"service": "sqs", "action": "hold", "times": 0})),
    ] {
        let fault = world.arm(&broken).await;
        let build = door.asks(world.ann(), "/build orders").await;
        assert_eq!(build.reply.status, Some(200), "while the queue {what}");
        build.succeeds().await;
        assert!(fault.fired().await, "nobody noticed that the queue {what}");
        world.clear_faults().await;
    }
    Aws(&world).delete_queue("wake.fifo").await;
    door.asks(world.ann(), "/deploy orders").await.succeeds().await.says(&["dev runs r1"]);
    let promotion = door.asks(world.ann(), "/promote orders prod").await;
    let waiting = promotion.waits().await;
    door.clicks(world.bob(), &waiting, "promotion.approve").await;
    promotion.succeeds().await.says(&["prod runs r1"]);
    let (status, took) = bot.terminate(&world).await;
    assert_eq!(status.code(), Some(0));
    assert!(took < SOON, "it took {took:?}");
}
