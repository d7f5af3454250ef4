use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use sluice_model::{OperationId, PortResult, Target, UserId};

/// Why an operation may have something to do that its replica does not know about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A replica that drives nothing accepted it.
    Accepted,
    /// That person sent it a signal.
    Signal(UserId),
    /// That operation released a slot for which it is next in the queue.
    Slot(OperationId),
    /// The replica that owned it under that fence is stopping.
    Released(u64),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Accepted => f.write_str("accepted"),
            Cause::Signal(who) => write!(f, "signal-{who}"),
            Cause::Slot(by) => write!(f, "slot-{by}"),
            Cause::Released(fence) => write!(f, "released-{fence}"),
        }
    }
}

/// A hint to other replicas. No replica acts on its content: the receiver reads the operation's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The operation.
    pub operation: OperationId,
    /// The sequence of its journal at that time, as far as the sender knows it.
    pub sequence: u64,
    /// What happened.
    pub cause: Cause,
}

/// Wakes other replicas. Hints may be lost, late or duplicated: without them the sweep finds everything, only
/// later. So there is no result to wait for.
pub trait Wakeups: Send + Sync {
    /// Queues a hint and returns at once.
    fn wake(&self, hint: Hint);
}

/// Sends no hints: for one replica, or for several that rely on their sweeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWakeups;

impl Wakeups for NoWakeups {
    fn wake(&self, _hint: Hint) {}
}

/// SQS: the queue for hints, first in, first out per operation. Several replicas share it, and each hint goes
/// to one of them.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Its full name.
    fn name(&self) -> &str;
    /// Whether it exists (`sqs:GetQueueUrl`).
    async fn exists(&self, target: &Target) -> PortResult<bool>;
    /// `sqs:CreateQueue`. An existing queue with the same attributes is success, with others a conflict.
    async fn create(&self, target: &Target) -> PortResult<()>;
    /// `sqs:SendMessage`. Safe to repeat: SQS drops a duplicate within five minutes.
    async fn send(&self, target: &Target, hint: &Hint) -> PortResult<()>;
    /// `sqs:ReceiveMessage`, waiting up to `wait` (20 s at most), and `sqs:DeleteMessageBatch`: the returned
    /// hints are deleted already. Messages that are no hints are deleted too and omitted.
    async fn receive(&self, target: &Target, wait: Duration) -> PortResult<Vec<OperationId>>;
}
