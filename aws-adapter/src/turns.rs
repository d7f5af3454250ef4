//! A limit of one call in a period of seconds, in the order in which the callers came.
//!
//! A caller that waits in a queue gives up after a moment, because it has to renew its lease, and comes again later: by then others are
//! in front of it, and on a busy account it would never leave. Here a caller that has to wait long gets a time instead,
//! which is kept until it comes back.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

/// How much later than its time a caller may come back. After that, its turn is forgotten.
const GRACE: Duration = Duration::from_secs(15);

/// One call in any period of this length. A key distinguishes the callers, such as the id of the API.
#[derive(Debug)]
pub(crate) struct Turns {
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the last call left.
    left: Option<Instant>,
    /// From when on each caller may leave.
    turns: HashMap<String, Instant>,
}

impl Turns {
    pub(crate) fn new(period: Duration) -> Self {
        Self { period, state: Mutex::default() }
    }

    /// Waits until the caller's call may leave. If that takes longer than `at_most`, returns at once how long it takes: who comes back
    /// then has kept the place. Also who stops waiting keeps it.
    pub(crate) async fn admit(&self, key: &str, at_most: Duration) -> Result<(), Duration> {
        loop {
            match self.try_leave(key, Instant::now()) {
                None => return Ok(()),
                Some(wait) if wait > at_most => return Err(wait),
                Some(wait) => sleep(wait).await,
            }
        }
    }

    /// How long the caller has to wait; `None`: its call leaves now.
    fn try_leave(&self, key: &str, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock();
        let free = state.left.map_or(now, |left| left + self.period).max(now);
        state.turns.retain(|_, turn| *turn + GRACE >= now);
        let last = state.turns.values().max().map_or(free, |last| *last + self.period);
        let turn = *state.turns.entry(key.to_owned()).or_insert(last.max(free));
        let wait = turn.max(free).duration_since(now);
        if !wait.is_zero() {
            return Some(wait);
        }
        state.turns.remove(key);
        state.left = Some(now);
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PERIOD: Duration = Duration::from_secs(5);
    const PATIENCE: Duration = Duration::from_secs(2);

    /// When a caller's call left that comes back when it may leave, and `late` after that.
    async fn leaves(turns: &Turns, key: &str, late: Duration) -> Instant {
        while let Err(wait) = turns.admit(key, PATIENCE).await {
            sleep(wait + late).await;
        }
        Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn callers_leave_in_the_order_in_which_they_came() {
        let (turns, start) = (Turns::new(PERIOD), Instant::now());
        let left =
            futures::future::join_all(["a", "b", "c"].map(|key| leaves(&turns, key, Duration::ZERO))).await;
        assert_eq!(left, [start, start + PERIOD, start + 2 * PERIOD]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_comes_later_does_not_overtake_one_that_is_away() {
        let (turns, start) = (Turns::new(PERIOD), Instant::now());
        turns.admit("first", PATIENCE).await.unwrap();
        assert_eq!(turns.admit("away", PATIENCE).await, Err(PERIOD));
        sleep(Duration::from_secs(4)).await;
        assert_eq!(
            turns.admit("new", PATIENCE).await,
            Err(Duration::from_secs(6)),
            "after the one that is away"
        );
        turns.admit("away", PATIENCE).await.unwrap();
        assert_eq!(start.elapsed(), PERIOD);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_does_not_come_back_blocks_nobody() {
        let turns = Turns::new(PERIOD);
        turns.admit("first", PATIENCE).await.unwrap();
        turns.admit("gone", PATIENCE).await.unwrap_err();
        let start = Instant::now();
        leaves(&turns, "next", Duration::ZERO).await;
        assert_eq!(start.elapsed(), 2 * PERIOD, "one turn is lost");
        assert!(turns.state.lock().turns.contains_key("gone"));
        sleep(GRACE).await;
        turns.admit("next", PATIENCE).await.unwrap();
        assert!(turns.state.lock().turns.is_empty());
    }

    proptest! {
        #[test]
        fn calls_are_a_period_apart_whenever_callers_come_back(late in prop::collection::vec(0..20_000_u64, 1..8)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let turns = Turns::new(PERIOD);
                let keys: Vec<_> = late.iter().enumerate().map(|(nth, late)| (nth.to_string(), Duration::from_millis(*late))).collect();
                let mut left = futures::future::join_all(keys.iter().map(|(key, late)| leaves(&turns, key, *late))).await;
                left.sort();
                for pair in left.windows(2) {
                    assert!(pair[1] - pair[0] >= PERIOD, "{left:?}");
                }
            });
        }
    }
}
