//! Waiting for a condition: the only clock of these tests.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// The deadline of most conditions on a busy machine. Reaching it is a failure, so a long one costs nothing.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Calls `look` every 40 ms until it succeeds, and returns what it found. Panics after `within` with what it saw last.
pub async fn eventually<T, E: Display>(
    what: impl Display,
    within: Duration,
    look: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    eventually_every(Duration::from_millis(40), what, within, look).await
}

/// The same with another period, where looking is a load of its own.
pub async fn eventually_every<T, E: Display>(
    period: Duration,
    what: impl Display,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let began = Instant::now();
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match look().await {
            Ok(found) => return found,
            Err(seen) if began.elapsed() > within => {
                panic!("not within {} s: {what}. Seen last:\n{seen}", within.as_secs())
            }
            Err(_) => {}
        }
    }
}
