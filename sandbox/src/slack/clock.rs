//! Slack's time: microseconds since 1970, and the `ts` of a message.

use std::time::{SystemTime, UNIX_EPOCH};

pub fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Now, in whole seconds, for the signature's timestamp.
pub fn seconds() -> u64 {
    micros() / 1_000_000
}

/// `1712345678.123456`.
pub fn ts(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
