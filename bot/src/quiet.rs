//! A log that strangers cannot fill: the first line of each kind in a minute, and how many there were besides.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const EVERY: Duration = Duration::from_secs(60);

/// What was said when, by kind. Kinds are fixed words, so that it stays small.
#[derive(Default)]
pub(crate) struct Quiet(Mutex<BTreeMap<&'static str, (Instant, u64)>>);

impl Quiet {
    /// Whether a line of this kind is to be written now: then how many were not since the last one.
    pub(crate) fn says(&self, kind: &'static str) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match kinds.get_mut(kind) {
            None => {
                kinds.insert(kind, (now, 0));
                Some(0)
            }
            Some((at, left_out)) if now.duration_since(*at) < EVERY => {
                *left_out += 1;
                None
            }
            Some((at, left_out)) => {
                *at = now;
                Some(std::mem::take(left_out))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_of_each_kind_in_a_minute_is_said_with_the_number_of_the_others() {
        let quiet = Quiet::default();
        assert_eq!(
            (quiet.says("a"), quiet.says("a"), quiet.says("b"), quiet.says("a")),
            (Some(0), None, Some(0), None)
        );
        tokio::time::advance(EVERY).await;
        assert_eq!((quiet.says("a"), quiet.says("a"), quiet.says("b")), (Some(2), None, Some(0)));
    }
}
