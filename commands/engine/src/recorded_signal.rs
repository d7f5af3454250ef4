//! Signals as they are recorded.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::step_id::StepId;
use sluice_model::{Actor, Refusal};

/// The pseudo-step that a cancel addresses: the operation as a whole.
pub const CANCEL: &str = "cancel";
/// The pseudo-step that *Retry* and *Mark resolved* address.
pub const STUCK: &str = "stuck";

/// A signal as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSignal {
    /// The step it addresses.
    pub step: StepId,
    /// The sender.
    pub actor: Actor,
    /// The kind.
    pub kind: SignalKind,
    /// The reason, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the operation fails, if another operation preempts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// When.
    pub at: Timestamp,
}

/// The kinds of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// Go on.
    Approve,
    /// Do not.
    Reject,
    /// Stop, and undo what was done.
    Cancel,
    /// Another operation goes first: stop, and undo what was done.
    Preempt,
    /// Stuck: retry what failed.
    Retry,
    /// Stuck: record what exists, and end.
    Resolve,
    /// Another operation ended what the step holds.
    Release,
    /// Another operation took over what the step holds.
    Replace,
}

/// The wait that a button or a command refers to: the step, and the sequence since which it waits.
pub fn parse_wait(awaits: &str) -> Option<(StepId, u64)> {
    let (step, since) = awaits.split_once('@')?;
    Some((StepId::new(step), since.parse().ok()?))
}
