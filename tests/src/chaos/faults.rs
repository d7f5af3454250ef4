//! Faults on the way to AWS and Slack, one after the other, chosen by the seed.

use std::time::Duration;

use crate::World;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::run_log::{RunLog, count};

/// The targets of faults. For DynamoDB the methods are named, to spare this program's own `Scan`.
const TARGETS: [(&str, Option<&str>); 17] = [
    ("dynamodb", Some("TransactWriteItems")),
    ("dynamodb", Some("TransactWriteItems")),
    ("dynamodb", Some("UpdateItem")),
    ("dynamodb", Some("PutItem")),
    ("dynamodb", Some("GetItem")),
    ("dynamodb", Some("Query")),
    ("lambda", None),
    ("lambda", None),
    ("apigateway", None),
    ("iam", None),
    ("cloudformation", None),
    ("cloudformation", None),
    ("codebuild", None),
    ("codecommit", None),
    ("sqs", None),
    ("slack", Some("chat.postMessage")),
    ("slack", Some("chat.update")),
];

/// Injects faults until the time is up.
pub(crate) async fn inject(world: &World, log: &RunLog, seed: u64, until: Instant) {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5741_5448);
    while Instant::now() < until {
        sleep(Duration::from_millis(rng.random_range(200..1500))).await;
        let fault = world.arm(&fault(&mut rng)).await;
        count(&log.faults);
        sleep(Duration::from_millis(rng.random_range(300..4000))).await;
        if fault.has_fired().await {
            count(&log.struck);
        }
        fault.release().await;
    }
}

fn fault(rng: &mut StdRng) -> Value {
    let (service, method) = TARGETS.choose(rng).copied().unwrap_or(TARGETS[0]);
    let mut fault = match rng.random_range(0..6) {
        0 => json!({"action": "hold", "when": "before"}),
        1 => json!({"action": "hold", "when": "after"}),
        2 => json!({"action": "refuse", "status": 500}),
        3 => json!({"action": "refuse", "status": 429}),
        4 => json!({"action": "drop", "when": if rng.random_bool(0.7) { "after" } else { "before" }}),
        _ => json!({"action": "delay", "delay_ms": rng.random_range(200..3000)}),
    };
    fault["service"] = json!(service);
    if let Some(method) = method {
        fault["method"] = json!(method);
    }
    fault["nth"] = json!(rng.random_range(1..5));
    fault["times"] = json!(rng.random_range(1..5));
    fault
}
