//! Token buckets: a burst of calls, then a rate per second, then 429 with the seconds to wait.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Calls from a full bucket.
    pub burst: u32,
    /// Calls that are added each second.
    pub per_second: f64,
}

/// The remaining calls of each bucket.
#[derive(Debug, Default)]
pub struct Buckets(HashMap<String, Bucket>);

#[derive(Debug)]
struct Bucket {
    left: f64,
    filled_at: u64,
}

impl Buckets {
    /// Takes one call from the bucket `key` at `now` (microseconds). The error is the number of seconds to wait.
    pub fn take(&mut self, key: &str, rate: Rate, now: u64) -> Result<(), u64> {
        let full = f64::from(rate.burst);
        let bucket = self.0.entry(key.to_owned()).or_insert(Bucket { left: full, filled_at: now });
        let passed = now.saturating_sub(bucket.filled_at) as f64 / 1e6;
        bucket.left = (bucket.left + passed * rate.per_second).min(full);
        bucket.filled_at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait = if rate.per_second > 0.0 { (1.0 - bucket.left) / rate.per_second } else { 60.0 };
        Err(wait.ceil().clamp(1.0, 3600.0) as u64)
    }

    pub fn refill(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_applies() {
        let mut buckets = Buckets::default();
        let rate = Rate { burst: 2, per_second: 0.5 };
        assert_eq!(buckets.take("C1", rate, 0), Ok(()));
        assert_eq!(buckets.take("C1", rate, 0), Ok(()));
        assert_eq!(buckets.take("C1", rate, 0), Err(2));
        assert_eq!(buckets.take("C2", rate, 0), Ok(()), "another channel has its own bucket");
        assert_eq!(buckets.take("C1", rate, 1_000_000), Err(1));
        assert_eq!(buckets.take("C1", rate, 2_000_000), Ok(()));
    }

    #[test]
    fn a_bucket_never_holds_more_than_its_burst() {
        let mut buckets = Buckets::default();
        let rate = Rate { burst: 1, per_second: 1.0 };
        assert_eq!(buckets.take("C1", rate, 0), Ok(()));
        assert_eq!(buckets.take("C1", rate, 60_000_000), Ok(()));
        assert_eq!(buckets.take("C1", rate, 60_000_000), Err(1));
    }
}
