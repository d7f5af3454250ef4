//! Adds up the consumed capacity that DynamoDB reports with every answer.

use aws_sdk_dynamodb::types::ConsumedCapacity;
use parking_lot::Mutex;

/// The capacity that a store consumed, as far as DynamoDB reported it. Indexes are included.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Consumed {
    /// Read request units: 1 for 4 KB read consistently, 0.5 for 4 KB of the due index.
    pub read_units: f64,
    /// Write request units: 1 for 1 KB written plainly, 2 in a transaction.
    pub write_units: f64,
    /// Requests sent, including second attempts.
    pub requests: u64,
}

/// Adds up reported capacity, and logs it with the call and the partition.
#[derive(Debug, Default)]
pub(super) struct Meter {
    total: Mutex<Consumed>,
}

impl Meter {
    pub(super) fn total(&self) -> Consumed {
        *self.total.lock()
    }

    pub(super) fn sent(&self) {
        self.total.lock().requests += 1;
    }

    pub(super) fn read(&self, call: &'static str, partition: &str, consumed: Option<&ConsumedCapacity>) {
        let units = consumed.and_then(ConsumedCapacity::capacity_units);
        self.add(call, partition, units.unwrap_or_default(), 0.0);
    }

    pub(super) fn write(&self, call: &'static str, partition: &str, consumed: Option<&ConsumedCapacity>) {
        let units = consumed.and_then(ConsumedCapacity::capacity_units);
        self.add(call, partition, 0.0, units.unwrap_or_default());
    }

    /// A transaction consumes write units; one whose token DynamoDB recognises consumes read units. Only the total
    /// includes the indexes; the separate write units are those of the table alone.
    pub(super) fn transaction(&self, call: &'static str, partition: &str, consumed: &[ConsumedCapacity]) {
        let (mut reads, mut writes) = (0.0, 0.0);
        for table in consumed {
            let units = table.capacity_units().unwrap_or_default();
            let recognised = table.write_capacity_units().is_none() && table.read_capacity_units().is_some();
            if recognised { reads += units } else { writes += units }
        }
        self.add(call, partition, reads, writes);
    }

    fn add(&self, call: &'static str, partition: &str, rcu: f64, wcu: f64) {
        {
            let mut total = self.total.lock();
            total.read_units += rcu;
            total.write_units += wcu;
        }
        tracing::debug!(target: "sluice::state", call, partition, rcu, wcu);
    }
}
