//! The name of a secret on its stage, and the size of its value.

use std::fmt;
use std::str::FromStr;

/// The largest value in bytes of a parameter in the standard tier
/// (<https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm>).
pub const LARGEST_VALUE: usize = 4096;

/// The longest key. A whole name may have 1,011 characters with its ARN; a path of pipeline and stage leaves room for this
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>).
const LONGEST: usize = 128;

/// The name of a secret on its stage: letters, digits, `.`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretKey(String);

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to {LONGEST} letters, digits, `.`, `-` and `_`, as in `API_KEY`")]
pub struct BadKey;

impl FromStr for SecretKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let is_valid = |sign: char| sign.is_ascii_alphanumeric() || ".-_".contains(sign);
        let fits = (1..=LONGEST).contains(&text.len()) && text.chars().all(is_valid);
        if fits { Ok(Self(text.to_owned())) } else { Err(BadKey) }
    }
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
