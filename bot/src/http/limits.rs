//! The limits of a server.

use std::time::Duration;

/// Limits per server and per connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The server's name in metrics.
    pub(super) server: &'static str,
    pub(super) connections: usize,
    pub(super) head: Duration,
    pub(super) request: Duration,
    pub(super) idle: Duration,
    pub(super) lifetime: Duration,
}

impl Limits {
    /// For the public address, which Slack delivers to.
    pub(crate) const PUBLIC: Self = Self {
        server: "slack",
        connections: 512,
        head: Duration::from_secs(5),
        request: Duration::from_secs(15),
        idle: Duration::from_secs(75),
        lifetime: Duration::from_secs(300),
    };
    /// For Prometheus.
    pub(crate) const METRICS: Self = Self { server: "metrics", connections: 16, ..Self::PUBLIC };
}
