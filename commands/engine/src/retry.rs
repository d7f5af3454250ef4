//! Waits between tries. The SDK tries twice; the long wait is here.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use crate::ports::StoreError;

/// The wait before the next try: doubling from 200 ms, at most `cap`.
pub(crate) fn delay(tries: u32, cap: Duration) -> Duration {
    Duration::from_millis(200).saturating_mul(1 << tries.min(16)).min(cap)
}

/// A read is tried six times before its error is returned.
const READS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(200))
    .with_max_delay(Duration::from_secs(2))
    .with_max_times(5);

/// Reads with retries: a failed read can be repeated without harm.
pub async fn reading<T, F>(read: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    read.retry(READS).when(|error| matches!(error, StoreError::Again(_) | StoreError::Unknown(_))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_cap() {
        let cap = Duration::from_secs(30);
        assert_eq!(delay(0, cap), Duration::from_millis(200));
        assert_eq!(delay(3, cap), Duration::from_millis(1600));
        assert_eq!(delay(40, cap), cap);
    }
}
