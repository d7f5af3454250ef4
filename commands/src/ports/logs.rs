use async_trait::async_trait;

use super::LogStream;
use crate::fault::PortResult;
use crate::ids::Target;

/// CloudWatch Logs.
#[async_trait]
pub trait Logs: Send + Sync {
    /// `logs:GetLogEvents` from the end: the last `lines` lines, oldest first; empty if there is no such stream (yet).
    async fn tail(&self, target: &Target, log: &LogStream, lines: u32) -> PortResult<Vec<String>>;
}
