//! Delays that a seed and a name choose.

use std::ops::Range;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// A delay within `bounds` (milliseconds). It depends on `seed` and `name` alone.
pub fn delay(seed: u64, name: &str, bounds: Range<u64>) -> Duration {
    let digest = Sha256::digest(format!("{seed} {name}"));
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    Duration::from_millis(bounds.start + number % (bounds.end - bounds.start))
}
