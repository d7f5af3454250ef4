//! The call log, cut at a command, and what the cut costs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::chain::{Call, longest};
use crate::world::{PATIENCE, World};

/// How long the store must be left alone for an operation to count as settled: longer than the pace of messages.
const QUIET: Duration = Duration::from_millis(2500);

/// A place in the call log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark(u64);

impl Mark {
    /// Whether a call came later.
    pub(crate) fn is_before(self, call: &Call) -> bool {
        call.seq > self.0
    }
}

impl World {
    /// The place where the log ends now.
    pub(crate) async fn mark(&self) -> Result<Mark> {
        Ok(Mark(self.calls(Mark(0)).await?.last().map_or(0, |call| call.seq)))
    }

    /// The calls since then.
    pub(crate) async fn calls(&self, since: Mark) -> Result<Vec<Call>> {
        let answer = self.get(&format!("/control/calls?since={}", since.0)).await?;
        let calls = if answer.is_array() { answer } else { answer["calls"].clone() };
        Ok(serde_json::from_value(calls)?)
    }

    /// Waits until nothing more is written, and gives the calls since `mark`.
    pub(crate) async fn settled(&self, mark: Mark) -> Result<Vec<Call>> {
        let until = Instant::now() + PATIENCE;
        let (mut last, mut since) = (0, Instant::now());
        while Instant::now() < until {
            let calls = self.calls(mark).await?;
            let changes = calls.iter().filter(|call| call.mutating || call.service == "slack");
            let newest = changes.map(|call| call.seq).max().unwrap_or(0);
            if newest != last {
                (last, since) = (newest, Instant::now());
            } else if since.elapsed() > QUIET {
                return Ok(calls);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("the store was not left alone in time".into())
    }

    /// Makes every AWS call but the store's later by that much. Only then do calls made side by side overlap, as they do
    /// at AWS; without it the emulator answers one before the next was sent, and the log shows a chain that is none.
    pub(crate) async fn space_calls(&self, delay: Duration) -> Result<()> {
        self.http.delete(format!("{}/control/fault", self.ready.page)).send().await?.error_for_status()?;
        if !delay.is_zero() {
            let spec: Value = json!({
                "except": ["dynamodb", "slack"], "action": "delay", "times": 0,
                "delay_ms": u64::try_from(delay.as_millis())?,
            });
            self.post("/control/fault", &spec).await?;
        }
        Ok(())
    }
}

/// What a stretch of the log comes to.
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
        let aws: Vec<&Call> = calls.iter().filter(|call| call.is_aws()).collect();
        let store: Vec<&Call> = calls.iter().filter(|call| call.is_store()).collect();
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
