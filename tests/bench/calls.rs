//! The calls of a command, and their cost.

use std::time::{Duration, Instant};

use serde_json::json;
use sluice_e2e::{Call, PATIENCE, World, eventually_every};

use crate::chain::{is_aws, is_store, longest};

/// An operation has settled when nothing was written for this long: longer than the time between two edits of a message.
const QUIET: Duration = Duration::from_millis(2500);

/// Waits until nothing more is written, and returns the calls after call number `since`.
pub(crate) async fn settled(world: &World, since: u64) -> Vec<Call> {
    let (mut last, mut changed) = (0, Instant::now());
    eventually_every(Duration::from_millis(100), "the operation settles", PATIENCE, async || {
        let calls = world.calls(since).await;
        let writes = calls.iter().filter(|call| call.mutating || call.service == "slack");
        let newest = writes.map(|call| call.seq).max().unwrap_or(0);
        if newest != last {
            (last, changed) = (newest, Instant::now());
        }
        if changed.elapsed() > QUIET { Ok(calls) } else { Err(format!("call {newest} was a moment ago")) }
    })
    .await
}

/// Delays every AWS call except the store's. Only then do parallel calls overlap, as they do on AWS: the emulator answers one
/// before the next is sent, and the log would show a chain that does not exist.
pub(crate) async fn space_calls(world: &World, delay: Duration) {
    world.clear_faults().await;
    let delay_ms = u64::try_from(delay.as_millis()).unwrap();
    let spec = json!({"except": ["dynamodb", "slack"], "action": "delay", "times": 0, "delay_ms": delay_ms});
    world.arm(&spec).await;
}

/// The cost of a part of the call log.
pub(crate) struct Cost {
    pub(crate) chain: Vec<String>,
    pub(crate) aws: usize,
    pub(crate) mutations: usize,
    pub(crate) store: usize,
    pub(crate) store_chain: usize,
    pub(crate) write_units: f64,
}

impl Cost {
    pub(crate) fn of(calls: &[Call]) -> Self {
        let aws: Vec<&Call> = calls.iter().filter(|call| is_aws(call)).collect();
        let store: Vec<&Call> = calls.iter().filter(|call| is_store(call)).collect();
        let chain = longest(&aws);
        Self {
            chain: chain.iter().map(|call| call.method.clone()).collect(),
            mutations: aws.iter().filter(|call| call.mutating).count(),
            aws: aws.len(),
            store_chain: longest(&store).len(),
            store: store.len(),
            write_units: store.iter().filter_map(|call| call.write_units).sum(),
        }
    }
}
