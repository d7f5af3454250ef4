//! What people decided about the stack of a stage.

use serde::{Deserialize, Serialize};

/// What people decided about the stack of a stage: recorded when an operation is accepted, so every pass of it follows the same
/// decisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackChoices {
    /// Whether the triggers of the stage deliver no events (`/stage set NAME STAGE events=off`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub events_off: bool,
    /// Whether a resource with data may be replaced by an empty one (the word `replace`). The former one stays in the account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
}

impl StackChoices {
    /// Whether nobody decided anything.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
