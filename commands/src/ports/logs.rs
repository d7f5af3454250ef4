use async_trait::async_trait;

use super::LogStream;
use sluice_model::{PortResult, Target};

/// CloudWatch Logs.
#[async_trait]
pub trait Logs: Send + Sync {
    /// `logs:GetLogEvents` from the end: the last `lines` lines, oldest first; empty if the stream does not
    /// exist (yet).
    async fn tail(&self, target: &Target, log: &LogStream, lines: u32) -> PortResult<Vec<String>>;
    /// `logs:DescribeLogGroups`: the days after which a log group's events expire, 0 for never; `None` if
    /// there is no such group.
    async fn retention(&self, target: &Target, group: &str) -> PortResult<Option<u32>>;
    /// `logs:CreateLogGroup`. A group that exists is no error.
    async fn create_group(&self, target: &Target, group: &str) -> PortResult<()>;
    /// `logs:PutRetentionPolicy`: from now on events expire after `days`, one of the numbers that the service
    /// accepts (1, 3, 5, 7, 14, 30, 60, 90, …). Safe to repeat.
    async fn set_retention(&self, target: &Target, group: &str, days: u32) -> PortResult<()>;
}
