//! A limit on log lines that strangers can cause: one line per kind and minute, with the number of suppressed lines.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_secs(60);

/// The last line of each kind, and the lines suppressed since. Kinds are fixed texts, so the map stays small.
#[derive(Default)]
pub(crate) struct LogThrottle(Mutex<BTreeMap<&'static str, (Instant, u64)>>);

impl LogThrottle {
    /// If a line of this kind may be written now: how many were suppressed since the last one.
    pub(crate) fn admit(&self, kind: &'static str) -> Option<u64> {
        let mut kinds = self.0.lock();
        let now = Instant::now();
        match kinds.get_mut(kind) {
            None => {
                kinds.insert(kind, (now, 0));
                Some(0)
            }
            Some((at, suppressed)) if now.duration_since(*at) < INTERVAL => {
                *suppressed += 1;
                None
            }
            Some((at, suppressed)) => {
                *at = now;
                Some(std::mem::take(suppressed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_of_each_kind_is_admitted_in_a_minute() {
        let throttle = LogThrottle::default();
        assert_eq!(
            (throttle.admit("a"), throttle.admit("a"), throttle.admit("b"), throttle.admit("a")),
            (Some(0), None, Some(0), None)
        );
        tokio::time::advance(INTERVAL).await;
        assert_eq!((throttle.admit("a"), throttle.admit("a"), throttle.admit("b")), (Some(2), None, Some(0)));
    }
}
