use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use sluice_model::{OperationId, PortResult, Target, UserId};

/// Why an operation may have something to do that its replica does not know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It was accepted by a replica that drives nothing.
    Accepted,
    /// That person said something to it.
    Signal(UserId),
    /// That operation gave back a slot for which it is next in line.
    Slot(OperationId),
    /// The replica that held it under that fence stops.
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

/// A hint to other replicas. It carries nothing that anybody acts on: its receiver looks at the operation's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Which operation.
    pub operation: OperationId,
    /// The sequence of its journal when that happened, as far as the sender knows it.
    pub sequence: u64,
    /// What happened.
    pub cause: Cause,
}

/// Wakes other replicas. Hints may be lost, late or doubled: without any of them the sweep finds everything,
/// only later. So nothing comes back, and nobody waits.
pub trait Wakeups: Send + Sync {
    /// Takes a hint and returns at once.
    fn wake(&self, hint: Hint);
}

/// Wakes nobody: one replica, or several that leave it to their sweeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWakeups;

impl Wakeups for NoWakeups {
    fn wake(&self, _hint: Hint) {}
}

/// SQS: the queue by which hints travel, first in, first out per operation. Several replicas share it, each hint goes to
/// one of them.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Its full name.
    fn name(&self) -> &str;
    /// Whether it is there (`sqs:GetQueueUrl`).
    async fn exists(&self, target: &Target) -> PortResult<bool>;
    /// `sqs:CreateQueue`. One that is there with the same attributes is success; with others it is a conflict.
    async fn create(&self, target: &Target) -> PortResult<()>;
    /// `sqs:SendMessage`. Safe to repeat: a hint is sent once in five minutes.
    async fn send(&self, target: &Target, hint: &Hint) -> PortResult<()>;
    /// `sqs:ReceiveMessage`, waiting up to that long (20 s at most), and `sqs:DeleteMessageBatch`: what it gives is
    /// deleted already. What was never a hint is deleted too, and left out.
    async fn receive(&self, target: &Target, wait: Duration) -> PortResult<Vec<OperationId>>;
}
