//! The status of an operation.

use serde::{Deserialize, Serialize};

/// The status of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It has an owner, or should have one.
    Running,
    /// It waits for people and has no owner.
    Waiting,
    /// It failed or was cancelled, and is being undone.
    Unwinding,
    /// It ended with success.
    Succeeded,
    /// It ended without success.
    Failed,
    /// It needs a person: this version does not know it, its journal is corrupt, or it can neither go forward
    /// nor unwind.
    Stuck,
}

impl Status {
    /// Whether it has ended.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Succeeded | Status::Failed)
    }
    /// Whether it has no driver, because it ended or waits for people. It needs only its update delivered.
    pub(crate) fn is_delivered_once(self) -> bool {
        self.is_final() || matches!(self, Status::Waiting | Status::Stuck)
    }
    /// The name in the store and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Waiting => "waiting",
            Status::Unwinding => "unwinding",
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Stuck => "stuck",
        }
    }
    pub(crate) fn parse(text: &str) -> Option<Self> {
        use Status::*;
        [Running, Waiting, Unwinding, Succeeded, Failed, Stuck]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}
