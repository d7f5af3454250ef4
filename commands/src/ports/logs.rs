use async_trait::async_trait;
use jiff::Timestamp;

use super::LogStream;
use sluice_model::{PortResult, Target};

/// An event of a log group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// When.
    pub at: Timestamp,
    /// The name of its stream.
    pub stream: String,
    /// What was written, cut to [`MAX_MESSAGE`] bytes. It may have several lines.
    pub message: String,
}

/// What to look for in a log group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSearch<'a> {
    /// A filter pattern (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>); empty: all events.
    pub pattern: &'a str,
    /// From when on.
    pub since: Timestamp,
    /// Until when; `None`: until now.
    pub until: Option<Timestamp>,
    /// How many events at most, 1 to 10,000.
    pub most: u32,
    /// Whether the newest of them are wanted, and not the oldest.
    pub newest: bool,
}

/// Events of a log group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogEvents {
    /// The oldest first.
    pub events: Vec<LogEvent>,
    /// Whether these are all events of the period.
    pub is_complete: bool,
}

/// The most bytes of a message that are kept. CloudWatch Logs accepts a megabyte.
pub const MAX_MESSAGE: usize = 16 << 10;

/// CloudWatch Logs.
#[async_trait]
pub trait Logs: Send + Sync {
    /// `logs:GetLogEvents` from the end: the last `lines` lines, oldest first; empty if the stream does not
    /// exist (yet).
    async fn tail(&self, target: &Target, log: &LogStream, lines: u32) -> PortResult<Vec<String>>;
    /// `logs:FilterLogEvents`: the events that a search finds in a few requests; `None` if there is no such group. Events may be
    /// missing for some seconds after they were written.
    async fn events(
        &self,
        target: &Target,
        group: &str,
        search: &LogSearch<'_>,
    ) -> PortResult<Option<LogEvents>>;
    /// `logs:DescribeLogGroups`: the days after which a log group's events expire, 0 for never; `None` if
    /// there is no such group.
    async fn retention(&self, target: &Target, group: &str) -> PortResult<Option<u32>>;
    /// `logs:CreateLogGroup`. A group that exists is no error.
    async fn create_group(&self, target: &Target, group: &str) -> PortResult<()>;
    /// `logs:PutRetentionPolicy`: from now on events expire after `days`, one of the numbers that the service
    /// accepts (1, 3, 5, 7, 14, 30, 60, 90, …). Safe to repeat.
    async fn set_retention(&self, target: &Target, group: &str, days: u32) -> PortResult<()>;
}
