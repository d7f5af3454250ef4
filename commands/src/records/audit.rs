//! Audit records: self-contained, because each must be readable after everything it names is deleted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::records::Change;
use sluice_model::{Actor, BuildNumber, ChannelId, OperationId, PipelineName, ReleaseNumber, StageName};

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
    /// A rollback preempted it.
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

/// One line of the history. Append-only, without expiry; it survives the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
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
    /// Its kind: `promote`.
    pub kind: String,
    /// The command as it was parsed.
    pub command: String,
    /// The rule that allowed it.
    pub rule: String,
    /// A stable code of the outcome: `succeeded`, `aws-denied`, …
    pub outcome: String,
    /// Details, if they apply.
    #[serde(flatten)]
    pub about: AuditSubject,
}

/// The objects of an act.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditSubject {
    /// The stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageName>,
    /// The build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildNumber>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Change>,
    /// The release that ran before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<ReleaseNumber>,
    /// The release that runs, or would have run, after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<ReleaseNumber>,
    /// The people who approved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Actor>,
    /// The versions by function.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub versions: std::collections::BTreeMap<String, String>,
    /// The reason, as the person typed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
