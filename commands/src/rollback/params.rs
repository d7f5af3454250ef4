//! The parameters of a rollback.

use serde::{Deserialize, Serialize};

use crate::records::{Change, PinnedApis, PinnedSettings, Release, VersionSet};
use crate::rules::Drift;
use sluice_model::{PipelineName, ReleaseNumber, StageName};

/// Recorded when the rollback is accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage.
    pub stage: StageName,
    /// The release that it ran when this was requested.
    pub before: ReleaseNumber,
    /// The commit of that release.
    pub before_commit: Change,
    /// The release to return to.
    pub release: Release,
    /// The versions of that release on this stage.
    pub set: VersionSet,
    /// The APIs that the stage's record names.
    #[serde(default, skip_serializing_if = "PinnedApis::is_empty")]
    pub apis: PinnedApis,
    /// The settings of functions that the stage's record names.
    #[serde(default, skip_serializing_if = "PinnedSettings::is_empty")]
    pub settings: PinnedSettings,
    /// Whether the stage has a stack.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_stack: bool,
    /// Whether the stage is the pipeline's first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_first: bool,
    /// The reason.
    pub reason: Option<String>,
    /// Whether a promotion of the pipeline was open when this was requested. A promotion to the stage is pre-empted.
    pub goes_first: bool,
    /// The problems of the gates that were closed and that a rollback passes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// Drift of the stage that the requester accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Drift>,
    /// Whether the release is no rollback target: a newer one, or one that was rolled back. That is an override.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overrides: bool,
}
