//! Audit records: self-contained, because each must be readable after everything it names is deleted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::head::OperationSpec;
use sluice_model::{Actor, ChannelId, OperationId, PipelineName};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A request was accepted.
    Asked,
    /// A gate or a missing role refused a request.
    Refused,
    /// A person approved.
    Approved,
    /// A person rejected.
    Rejected,
    /// An operation succeeded.
    Succeeded,
    /// A person cancelled it.
    Cancelled,
    /// Another operation preempted it.
    Preempted,
    /// An operation can neither continue nor unwind.
    Stuck,
    /// An admin retried a stuck operation.
    Retried,
    /// An admin marked a stuck operation as resolved.
    Resolved,
    /// An operation failed.
    Failed,
}

/// One line of the history; `S` are the objects of the act. Append-only, without expiry; it survives the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord<S> {
    /// When, in UTC.
    pub at: Timestamp,
    /// What happened.
    pub act: Act,
    /// Who did it.
    pub actor: Actor,
    /// The channel; none for an act at a terminal that concerns no pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// The pipeline; none if the act concerns all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<PipelineName>,
    /// The operation, or the id used in its place for an act without an operation.
    pub operation: OperationId,
    /// Its kind: `deploy`.
    pub kind: String,
    /// The command as it was parsed.
    pub command: String,
    /// The rule that allowed it.
    pub rule: String,
    /// A stable code of the outcome: `succeeded`, `aws-denied`, …
    pub outcome: String,
    /// Details, if they apply.
    #[serde(flatten)]
    pub about: S,
}

impl<S> AuditRecord<S> {
    /// The record of something that happened to an operation, attributed to the person who requested it.
    pub(crate) fn of(
        operation: &OperationId,
        spec: &OperationSpec,
        act: Act,
        outcome: String,
        about: S,
        at: Timestamp,
    ) -> Self {
        Self {
            at,
            act,
            actor: spec.actor.clone(),
            channel: Some(spec.channel.clone()),
            pipeline: Some(spec.pipeline.clone()),
            operation: operation.clone(),
            kind: spec.kind.clone(),
            command: spec.command.clone(),
            rule: String::new(),
            outcome,
            about,
        }
    }
}
