//! What the requests cost, as DynamoDB itself reports it with every answer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Capacity consumed by a store, as far as the answers told. Indices are included.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Consumed {
    /// Read request units: 1 for 4 KB read consistently, 0.5 for 4 KB of the due index.
    pub read_units: f64,
    /// Write request units: 1 for 1 KB written plainly, 2 in a transaction.
    pub write_units: f64,
    /// Requests sent, second attempts included.
    pub requests: u64,
}

/// Adds up what the answers report, and says it in the log: the call and the partition, never a body.
#[derive(Debug, Default)]
pub(super) struct Meter {
    total: Mutex<Consumed>,
}

impl Meter {
    pub(super) fn total(&self) -> Consumed {
        *self.lock()
    }

    pub(super) fn sent(&self) {
        self.lock().requests += 1;
    }

    pub(super) fn read(&self, call: &'static str, partition: &str, consumed: Option<&ConsumedCapacity>) {
        let units = consumed.and_then(ConsumedCapacity::capacity_units);
        self.add(call, partition, units.unwrap_or_default(), 0.0);
    }

    pub(super) fn write(&self, call: &'static str, partition: &str, consumed: Option<&ConsumedCapacity>) {
        let units = consumed.and_then(ConsumedCapacity::capacity_units);
        self.add(call, partition, 0.0, units.unwrap_or_default());
    }

    /// A transaction consumes writes, but one that its token recognised as done consumes reads.
    pub(super) fn transaction(&self, call: &'static str, partition: &str, consumed: &[ConsumedCapacity]) {
        let (mut reads, mut writes) = (0.0, 0.0);
        for table in consumed {
            match (table.read_capacity_units(), table.write_capacity_units()) {
                (None, None) => writes += table.capacity_units().unwrap_or_default(),
                (read, write) => {
                    reads += read.unwrap_or_default();
                    writes += write.unwrap_or_default();
                }
            }
        }
        self.add(call, partition, reads, writes);
    }

    fn add(&self, call: &'static str, partition: &str, rcu: f64, wcu: f64) {
        {
            let mut total = self.lock();
            total.read_units += rcu;
            total.write_units += wcu;
        }
        tracing::debug!(target: "sluice::state", call, partition, rcu, wcu);
    }

    fn lock(&self) -> MutexGuard<'_, Consumed> {
        // Three numbers are never half updated in a way that matters.
        self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
