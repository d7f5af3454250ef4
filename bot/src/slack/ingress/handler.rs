//! The handler of commands and clicks.

use async_trait::async_trait;
use sluice_commands::installation::Invocation;
use sluice_model::Answer;

/// Why a command has no answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// The store did not say whether it has the record.
    Unconfirmed,
    /// The store could not be reached, or throttles. Nothing was recorded.
    Unreachable,
}

/// Handles commands and clicks: the service, or a fake in tests.
#[async_trait]
pub(crate) trait CommandHandler: Send + Sync {
    /// Answers an authenticated delivery.
    async fn handle(&self, invocation: Invocation) -> Result<Answer, Unavailable>;
}
