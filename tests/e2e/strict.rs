//! The bot against an AWS with all rules of `sandbox/README.md`: nothing may fail for what AWS does in the first seconds, for
//! its rates, or for two changes of one API.

use std::collections::BTreeMap;

use sluice_e2e::{Asked, Aws, Call, Message, Options, PATIENCE, Repository, State, World, eventually};

/// A large deploy takes its time at Lambda's rates.
const LONG: u32 = 3;

async fn strict() -> World {
    World::start(Options { lenient: Some("none"), ..Options::default() }).await
}

#[tokio::test]
async fn a_first_deploy_of_twenty_functions_with_thirty_routes_keeps_to_awss_rates() {
    let world = strict().await;
    let ann = world.ann();
    let created = world.asks(ann, "/repo create large").await.succeeds().await;
    let clone = Repository::clone_as_told(&created);
    clone.multiply(20, 30);
    clone.push("Divide into functions");
    world.asks(ann, "/build large").await.succeeds().await;
    let before = world.last_call().await;
    let deploy = world.asks(ann, "/deploy large").await;
    succeeds_at_length(&deploy).await.says(&["dev runs r1"]);
    let calls = world.calls(before).await;
    report("a first deploy of 20 functions with 30 routes", &calls);
    assert_eq!(Aws(&world).functions("large").await.len(), 20);
    let routes = calls.iter().filter(|call| call.method == "CreateRoute" && call.result == "ok");
    assert_eq!(routes.count(), 30);
    for part in [0, 29] {
        answers(&world, &format!("large/dev/part{part}")).await;
    }
    let throttled: Vec<_> = calls.iter().filter(|call| call.rule.as_deref() == Some("rates")).collect();
    assert!(throttled.is_empty(), "{throttled:#?}");
}

#[tokio::test]
async fn a_rollback_passes_during_a_deploy_of_another_stage() {
    let world = strict().await;
    let (ann, bob) = (world.ann(), world.bob());
    let created = world.asks(ann, "/repo create busy").await.succeeds().await;
    let clone = Repository::clone_as_told(&created);
    world.asks(ann, "/stage add busy prod").await.succeeds().await;
    for (functions, release) in [(1, "r1"), (2, "r2")] {
        clone.multiply(functions, 2 * functions);
        clone.push("Divide once more");
        world.asks(ann, "/build busy").await.succeeds().await;
        world.asks(ann, "/deploy busy").await.succeeds().await.says(&[&format!("dev runs {release}")]);
        let promotion = world.asks(ann, "/promote busy prod").await;
        world.clicks(bob, &promotion.waits().await, "promotion.approve").await;
        promotion.succeeds().await.says(&[&format!("prod runs {release}")]);
    }
    clone.multiply(5, 15);
    clone.push("Divide into many");
    world.asks(ann, "/build busy").await.succeeds().await;
    let before = world.last_call().await;
    let deploy = world.asks(ann, "/deploy busy").await;
    // The API is being changed.
    eventually("a route is made", PATIENCE, async || {
        let calls = world.calls(before).await;
        let made = calls.iter().any(|call| call.method == "CreateRoute" && call.result == "ok");
        if made { Ok(()) } else { Err(format!("{} calls", calls.len())) }
    })
    .await;
    world.asks(bob, "/rollback busy prod to r1").await.succeeds().await.says(&["prod runs r1"]);
    succeeds_at_length(&deploy).await.says(&["dev runs r3"]);
    let calls = world.calls(before).await;
    report("a rollback during a deploy", &calls);
    let moved = calls.iter().find(|call| call.method == "UpdateStage" && about(call, "stages/prod")).unwrap();
    let frozen = calls.iter().rfind(|call| call.method == "CreateDeployment").unwrap();
    assert!(moved.seq < frozen.seq, "the rollback did not wait for the deploy");
    let runs = world.runs("busy").await;
    assert_eq!((runs["dev"].as_str(), runs["prod"].as_str()), ("r3", "r1"));
    answers(&world, "busy/prod/part0").await;
    answers(&world, "busy/dev/part14").await;
}

fn about(call: &Call, part: &str) -> bool {
    call.detail.as_ref().is_some_and(|detail| detail.contains(part))
}

async fn succeeds_at_length(asked: &Asked) -> Message {
    eventually("the deploy is over", PATIENCE * LONG, async || {
        let message = asked.messages().await.pop().ok_or("it has no message".to_owned())?;
        match message.state() {
            Some(State::Succeeded) => Ok(message),
            Some(State::Failed | State::Stuck) => panic!("{}", message.words()),
            _ => Err(message.words()),
        }
    })
    .await
}

async fn answers(world: &World, path: &str) {
    let (pipeline, stage) = path.split_once('/').unwrap();
    world.answers(pipeline, stage, "Hello from").await;
}

/// Prints what a story cost: the most calls in any second, and what the rules refused.
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
