use jiff::Timestamp;

/// The only source of the time of day. Deadlines inside a process use tokio's monotonic clock, which tests can pause;
/// this one is for what is written down and shown.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}
