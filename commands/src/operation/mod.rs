//! Sluice's side of the operation engine: what a decision reads, the mutations it makes in AWS, the texts of an
//! operation's message, and the hooks through which [`sluice_engine`] asks for them.

pub mod effects;
mod hooks;
mod reads;
#[cfg(test)]
mod tests;
mod update;

pub use crate::application::{
    BoundOperation, Context, Engine, Node, Pinned, Ports, Preempt, Registry, Sluice, World,
};
pub use crate::records::Keys;
pub use crate::rules::Snapshot;
#[cfg(any(test, feature = "testing"))]
pub use sluice_engine::testing;
pub use sluice_engine::{
    Accepted, CANCELLED, Content, Delivery, Done, Driven, EXPIRED, Effect, End, EngineError, Entry, Head,
    Loaded, LoadedContent, Messages, Observed, Operation, OperationKind, OperationRequest, OperationSpec,
    OperationState, Posted, Precedence, Progress, REJECTED, RecordedSignal, Row, Settings, Signal,
    SignalKind, SignalOutcome, Slot, Status, Step, StepId, StepState, Summary, Ticket, Undone, VOID, accept,
    answered, audit, commit_now, inbox, load, preempt, reading, release, send_signal,
};
pub use update::{card, marked, took};

/// The kind of locks.
pub const LOCK: &str = "stage-lock";
/// The kind of deploys.
pub const DEPLOY: &str = "deploy";
/// The kind of promotions.
pub const PROMOTE: &str = "promote";
/// The kind of rollbacks.
pub const ROLLBACK: &str = "rollback";
/// The kind of removals of stages.
pub const STAGE_REMOVE: &str = "stage-remove";
