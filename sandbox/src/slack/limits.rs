//! Slack's rate limits.

use serde::{Deserialize, Serialize};

use crate::token_bucket::Rate;

/// The rate limits. `POST /control/limits` changes them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// `chat.postMessage` and `chat.postEphemeral`, per channel.
    pub post: Rate,
    /// `chat.update` and `chat.delete`, for the workspace.
    pub update: Rate,
}

impl Default for Limits {
    /// Posts have Slack's steady rate, with a burst for one busy minute of a team. Updates are more lenient than Slack's
    /// "50+ per minute", because Slack allows bursts.
    fn default() -> Self {
        Self { post: Rate { burst: 20, per_second: 1.0 }, update: Rate { burst: 120, per_second: 4.0 } }
    }
}
