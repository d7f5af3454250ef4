//! Audit records: self-contained, so that each can be read when everything it names is gone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::Change;
use sluice_model::{Actor, BuildNumber, ChannelId, OperationId, PipelineName, ReleaseNumber, StageName};

/// What an audit record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Somebody asked for something, and it was accepted.
    Asked,
    /// Somebody wanted something, and a gate or a role did not let them.
    Refused,
    /// Somebody approved.
    Approved,
    /// Somebody rejected.
    Rejected,
    /// An operation ended well.
    Succeeded,
    /// Somebody stopped it.
    Cancelled,
    /// It gave way to a rollback.
    Preempted,
    /// An operation can go neither forward nor back.
    Stuck,
    /// An admin had a stuck operation try again.
    Retried,
    /// An admin marked a stuck operation as resolved.
    Resolved,
    /// An operation ended badly.
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
    /// Where; nowhere for what was done at a terminal and is of no pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// The pipeline; none if it is about all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<PipelineName>,
    /// The operation, or what stands for one that was done at once.
    pub operation: OperationId,
    /// Its kind: `promote`.
    pub kind: String,
    /// The command as it was understood.
    pub command: String,
    /// The rule that allowed it.
    pub rule: String,
    /// A stable code of the outcome: `succeeded`, `aws-denied`, …
    pub outcome: String,
    /// Everything else, as far as it applies.
    #[serde(flatten)]
    pub about: AuditSubject,
}

/// What an act was about.
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
    /// The release that runs, or would run, after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<ReleaseNumber>,
    /// Who approved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Actor>,
    /// The versions by function.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub versions: std::collections::BTreeMap<String, String>,
    /// Why, in the words of who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
