//! The names of steps.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names a step within its operation, as `alias:hello`. Journals refer to steps by this name: never rename
/// one without raising the definition's version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl StepId {
    /// A step by its bare name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
    /// One of several similar steps: `alias` of `hello`.
    pub fn of(name: &str, subject: &str) -> Self {
        Self(format!("{name}:{subject}"))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
