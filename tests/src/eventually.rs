//! Waiting for a condition: the only clock of these tests.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long most things may take on a busy machine. Reaching it is a failure, so it costs nothing to be generous.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Looks until `look` succeeds, and returns what it found. After `within` it panics with what was seen last.
pub async fn eventually<T, E: Display>(
    what: impl Display,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let began = Instant::now();
    let mut pulse = interval(Duration::from_millis(20));
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pulse.tick().await;
        match look().await {
            Ok(found) => return found,
            Err(seen) if began.elapsed() > within => {
                panic!("{what}: not within {} s. What was seen:\n{seen}", within.as_secs())
            }
            Err(_) => {}
        }
    }
}
