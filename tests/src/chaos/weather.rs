//! Faults on the way to AWS and Slack, one after the other, as the seed says.

use std::time::Duration;

use crate::World;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::book::Book;

/// Where faults strike. Of the store the methods are named: this program's own look (`Scan`) is spared.
const PLACES: [(&str, Option<&str>); 15] = [
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
    ("codebuild", None),
    ("codecommit", None),
    ("sqs", None),
    ("slack", Some("chat.postMessage")),
    ("slack", Some("chat.update")),
];

/// Blows until the time is up.
pub(crate) async fn blow(world: &World, book: &Book, seed: u64, until: Instant) {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5741_5448);
    while Instant::now() < until {
        sleep(Duration::from_millis(rng.random_range(200..1500))).await;
        let fault = world.arm(&fault(&mut rng)).await;
        book.faults.set(book.faults.get() + 1);
        sleep(Duration::from_millis(rng.random_range(300..4000))).await;
        book.struck.set(book.struck.get() + usize::from(fault.fired().await));
        fault.release().await;
    }
}

fn fault(rng: &mut StdRng) -> Value {
    let (service, method) = PLACES.choose(rng).copied().unwrap_or(PLACES[0]);
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
