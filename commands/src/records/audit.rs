//! Audit records of pipelines.

use serde::{Deserialize, Serialize};

use crate::records::Change;
use sluice_model::{Actor, BuildNumber, ReleaseNumber, StageName};

/// One line of the history of pipelines.
pub type AuditRecord = sluice_engine::AuditRecord<AuditSubject>;

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
