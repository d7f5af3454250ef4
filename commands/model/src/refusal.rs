//! Why a request cannot be fulfilled, in words for people.

use serde::{Deserialize, Serialize};

use crate::Role;

/// An end that trying again cannot change, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable code.
    pub code: String,
    /// What happened and why.
    pub problem: String,
    /// What to do next.
    pub hint: String,
    /// The role that would have let them, and that somebody can give: it may be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<Role>,
}

impl Refusal {
    /// A refusal with its code, what happened, and what to do next.
    pub fn new(code: &str, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.into(), problem: problem.into(), hint: hint.into(), lacks: None }
    }
    /// For want of that role.
    pub fn lacking(self, role: Option<Role>) -> Self {
        Self { lacks: role, ..self }
    }
}

/// The codes of refusals for which Sluice or its store is at fault: people report them with the code.
const FAULTS: [&str; 11] = [
    "corrupt-record",
    "given-up",
    "newer-record",
    "no-access",
    "not-confirmed",
    "resolved-by-force",
    "store",
    "too-large",
    "unavailable",
    "unknown",
    "unreadable-operation",
];

pub(crate) fn is_fault(code: &str) -> bool {
    FAULTS.contains(&code)
}

/// Text that a person typed, for use within a message: without the marks that messages use for code and mentions.
pub fn plain(words: &str) -> String {
    words.replace('`', "'").replace("<@", "@").replace("<!subteam^", "!subteam^")
}
