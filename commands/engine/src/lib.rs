//! The operation engine: durable units of work that survive crashes, retries, double clicks and a second
//! replica.
//!
//! Three layers (DESIGN 5). *State*: a journal, folded ([`OperationState`]). *Planning*: [`plan()`], a pure
//! function from the state to the steps that are ready. *Driving*: the driver in [`Engine::drive`], claim →
//! plan → append → run. A mutation is recorded before and after it is made; after a crash it is observed
//! before it is made again. An operation that fails or is cancelled unwinds what people could reach, in
//! reverse. An operation that cannot unwind is *stuck*, and people are notified.
//!
//! What the operations do is the business of an [`Application`]: its types are seen by steps and gates, and
//! its [`Hooks`] are what the engine asks of it. A pipeline is no more than the name of a queue here, and a
//! slot no more than the name of what one operation at a time may write.

mod accept;
mod acquire;
mod application;
mod audit;
mod auditing;
mod codec;
mod codes;
mod commit_now;
mod content_cache;
mod contents;
mod drive;
mod driver;
mod effects;
mod engine;
mod error;
mod follow_up;
mod head;
mod hooks;
mod journal;
mod keys;
mod log;
mod operation;
mod park;
mod plan;
pub mod ports;
mod posted_messages;
mod queue;
mod recorded_signal;
mod registry;
mod retry;
mod signal;
mod slot;
mod state;
mod status;
mod step;
mod step_id;
mod summary;
mod sweep;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tickets;
mod unattended;
mod world;

pub use accept::{Accepted, Delivery, OperationRequest, accept, answered, inbox};
pub use application::Application;
pub use audit::{Act, AuditRecord};
pub use auditing::audit;
pub use codec::{RECORD_SCHEMA, from_item, to_item};
pub use codes::*;
pub use commit_now::commit_now;
pub use content_cache::{ContentCache, Loaded as LoadedContent};
pub use contents::Content;
pub use effects::{Mutation, Undo};
pub use engine::{Driven, Engine};
pub use error::EngineError;
pub use head::{Head, OperationSpec};
pub use hooks::{ForcedEnd, Hooks, Report};
pub use journal::{Entry, Row};
pub use keys::{Keys, TICKETS};
pub use log::{Loaded, load};
pub use operation::{BoundOperation, End, Operation, OperationKind};
pub use plan::{InFlight, Outcome, Plan, Start, plan};
pub use posted_messages::{Messages, Posted};
pub use recorded_signal::{CANCEL, RecordedSignal, STUCK, SignalKind, parse_wait};
pub use registry::Registry;
pub use retry::reading;
pub use signal::{Preempt, Signal, SignalOutcome, preempt, release, send_signal};
pub use slot::Slot;
pub use state::{FollowedUp, OperationState, StepState};
pub use status::Status;
pub use step::{Context, Done, Effect, Node, Observed, Progress, Step, Undone};
pub use step_id::StepId;
pub use summary::Summary;
pub use tickets::{Precedence, Ticket, TicketQueue};
pub use world::{Settings, World};
