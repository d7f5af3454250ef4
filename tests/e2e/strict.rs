//! The bot against an AWS with all rules of `sandbox/README.md`: eventual consistency, rate limits and concurrent changes of one
//! API must not fail an operation.

use std::collections::BTreeMap;

use sluice_e2e::{Aws, Call, Message, Options, PATIENCE, Repository, State, Submitted, World, eventually};

/// How many times longer a large deploy takes at Lambda's rate.
const LARGE: u32 = 3;

async fn strict() -> World {
    World::start(Options { lenient: Some("none"), ..Options::default() }).await
}

#[tokio::test]
async fn a_first_deploy_of_twenty_functions_with_thirty_routes_keeps_to_the_rates_of_aws() {
    let world = strict().await;
    let ann = world.ann();
    let created = world.submit(ann, "/repo create large from sam").await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.generate(20, 30);
    clone.push("Divide into functions");
    world.submit(ann, "/build large").await.succeeds().await;
    let before = world.last_call().await;
    let deploy = world.submit(ann, "/deploy large").await;
    succeeds_slowly(&deploy).await.says(&["r1 is live on dev"]);
    let calls = world.calls(before).await;
    report("a first deploy of 20 functions with 30 routes", &calls);
    assert_eq!(Aws(&world).functions("large").await.len(), 20);
    let imports = calls.iter().filter(|call| call.method == "ReimportApi" && call.result == "ok");
    assert_eq!(imports.count(), 1);
    for part in [0, 29] {
        answers(&world, &format!("large/dev/part{part}")).await;
    }
    let throttled: Vec<_> = calls.iter().filter(|call| call.rule.as_deref() == Some("rates")).collect();
    assert!(throttled.is_empty(), "{throttled:#?}");
}

#[tokio::test]
async fn a_rollback_proceeds_during_a_deploy_of_another_stage() {
    let world = strict().await;
    let (ann, bob) = (world.ann(), world.bob());
    let created = world.submit(ann, "/repo create busy from sam").await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    world.submit(ann, "/stage add busy prod").await.succeeds().await;
    for (functions, release) in [(1, "r1"), (2, "r2")] {
        clone.generate(functions, 2 * functions);
        clone.push("Divide once more");
        world.submit(ann, "/build busy").await.succeeds().await;
        world
            .submit(ann, "/deploy busy")
            .await
            .succeeds()
            .await
            .says(&[&format!("{release} is live on dev")]);
        let promotion = world.submit(ann, "/promote busy prod").await;
        world.click(bob, &promotion.waits().await, "promotion.approve").await;
        promotion.succeeds().await.says(&[&format!("{release} is live on prod")]);
    }
    clone.generate(5, 15);
    clone.push("Divide into many");
    world.submit(ann, "/build busy").await.succeeds().await;
    let mut moves = world.calls(0).await.into_iter().filter(|call| call.method == "UpdateStage");
    let promoted = moves.next_back().and_then(|call| call.detail);
    let before = world.last_call().await;
    let deploy = world.submit(ann, "/deploy busy").await;
    eventually("the release is being prepared", PATIENCE, async || {
        let calls = world.calls(before).await;
        let has_begun = calls.iter().any(|call| call.method == "CreateFunction" && call.result == "ok");
        if has_begun { Ok(()) } else { Err(format!("{} calls", calls.len())) }
    })
    .await;
    world.submit(bob, "/rollback busy prod to r1").await.succeeds().await.says(&["r1 is live on prod"]);
    succeeds_slowly(&deploy).await.says(&["r3 is live on dev"]);
    let calls = world.calls(before).await;
    report("a rollback during a deploy", &calls);
    let mut moves = calls.iter().filter(|call| call.method == "UpdateStage");
    let (first, second) = (moves.next().unwrap(), moves.next().unwrap());
    assert_eq!(first.detail, promoted, "the rollback must not wait for the deploy");
    assert_ne!(second.detail, promoted, "each stage has an API of its own");
    let runs = world.releases("busy").await;
    assert_eq!((runs["dev"].as_str(), runs["prod"].as_str()), ("r3", "r1"));
    answers(&world, "busy/prod/part0").await;
    answers(&world, "busy/dev/part14").await;
}

async fn succeeds_slowly(asked: &Submitted) -> Message {
    eventually("the deploy ends", PATIENCE * LARGE, async || {
        let message = asked.messages().await.pop().ok_or("it has no message".to_owned())?;
        match message.state() {
            Some(State::Succeeded) => Ok(message),
            Some(State::Failed | State::Stuck) => panic!("{}", message.text()),
            _ => Err(message.text()),
        }
    })
    .await
}

async fn answers(world: &World, path: &str) {
    let (pipeline, stage) = path.split_once('/').unwrap();
    world.expect_response(pipeline, stage, "Hello from").await;
}

/// Prints the calls by service, the busiest second, and the refusals by rule.
fn report(story: &str, calls: &[Call]) {
    let mut services = BTreeMap::<&str, Vec<u64>>::new();
    let mut refused = BTreeMap::<String, usize>::new();
    for call in calls.iter().filter(|call| call.service != "slack") {
        services.entry(&call.service).or_default().push(call.start_us);
        if let Some(rule) = &call.rule {
            *refused.entry(format!("{rule} {}:{}", call.service, call.method)).or_default() += 1;
        }
    }
    eprintln!("{story}:");
    for (service, mut starts) in services {
        starts.sort_unstable();
        let in_a_second =
            |from: &u64| starts.iter().filter(|at| (*from..*from + 1_000_000).contains(*at)).count();
        let peak = starts.iter().map(in_a_second).max().unwrap_or(0);
        eprintln!("  {service}: {} calls, {peak} in the busiest second", starts.len());
    }
    eprintln!("  refused by rules: {refused:?}");
}
