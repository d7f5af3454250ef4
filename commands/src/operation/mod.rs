//! The operation engine: durable units of work that survive crashes, retries, double clicks and a second
//! replica.
//!
//! Three layers (DESIGN 5). *State*: a journal, folded ([`OperationState`]). *Planning*: [`plan()`], a pure
//! function from the state to the steps that are ready. *Driving*: the driver in [`Engine::drive`], claim →
//! plan → append → run. A mutation is recorded before and after it is made; after a crash it is observed
//! before it is made again. An operation that fails or is cancelled unwinds what people could reach, in
//! reverse. An operation that cannot unwind is *stuck*, and people are notified.

mod accept;
mod auditing;
mod commit_now;
mod contents;
mod definition;
mod driver;
pub mod effects;
mod engine;
pub mod head;
mod journal;
mod keys;
mod log;
mod park;
mod plan;
mod posted_messages;
mod queue;
mod retry;
mod signal;
mod slot;
mod snapshot;
mod state;
mod step;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod unattended;
mod update;
mod world;

pub(crate) use accept::inbox;
pub use accept::{Accepted, Delivery, OperationRequest, accept, answered};
pub(crate) use auditing::{audit, audit_by};
pub use commit_now::commit_now;
pub use contents::{Content, ContentCache, Loaded as LoadedContent};
pub use definition::{BoundOperation, End, Operation, OperationKind, Registry, Summary};
pub use engine::{Driven, Engine};
pub use head::{Head, OperationSpec, Status};
pub use journal::{Entry, Row};
pub use keys::Keys;
pub use log::{Loaded, load};
pub use plan::{InFlight, Outcome, Plan, Start, plan};
pub use posted_messages::{Messages, Posted};
pub(crate) use retry::reading;
pub(crate) use signal::{Preempt, preempt, release_lock};
pub use signal::{Signal, SignalOutcome, send_signal};
pub use slot::{Slot, Ticket};
pub use snapshot::Snapshot;
pub use state::{OperationState, RecordedSignal, SignalKind, StepState};
pub use step::{Context, Done, Effect, EngineError, Node, Observed, Progress, Step, StepId, Undone};
pub use update::{card, marked, took};
#[cfg(any(test, feature = "testing"))]
pub(crate) use update::{of as told, of_parked};
pub use world::{Pinned, Settings, World};

/// The kind of locks. A guard of its own protects what they write, so a rollback passes a lock that holds a
/// slot.
pub const LOCK: &str = "stage-lock";
/// The kind of deploys.
pub const DEPLOY: &str = "deploy";
/// The kind of promotions.
pub const PROMOTE: &str = "promote";
/// The kind of rollbacks. They go to the head of every queue.
pub const ROLLBACK: &str = "rollback";
/// The code of an operation that was rejected.
pub const REJECTED: &str = "rejected";
/// The code of a request that was not decided in time.
pub const EXPIRED: &str = "expired";
/// The code of an operation that was cancelled.
pub const CANCELLED: &str = "cancelled";
/// The code of a void operation: what it was bound to changed.
pub const VOID: &str = "void";
