//! The time of day, from the machine: the only reader of the wall clock.

use jiff::Timestamp;
use sluice_commands::ports::Clock;

#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port's adapter")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
