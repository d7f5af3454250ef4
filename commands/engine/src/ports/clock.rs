use jiff::Timestamp;

/// The only source of the time of day, for records and messages. Deadlines inside a process use tokio's
/// monotonic clock, which tests can pause.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}
