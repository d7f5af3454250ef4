//! Releases, and what each of them is on a stage.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::records::{Artifact, Change, Parameters};
use sluice_model::{Actor, BuildNumber, OperationId, ReleaseNumber};

/// A release: one build that was deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its number.
    pub number: ReleaseNumber,
    /// The operation that made it.
    pub operation: OperationId,
    /// Whether it ran on the first stage. A failed release cannot be promoted.
    pub succeeded: bool,
    /// Its build.
    pub build: BuildNumber,
    /// Its commit.
    pub commit: Change,
    /// Its artifact.
    pub artifact: Artifact,
    /// When it was made.
    pub made: Timestamp,
    /// The person who made it.
    pub actor: Actor,
}

/// The immutable version of each function, for one release on one stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionSet {
    /// The version by function name.
    pub versions: BTreeMap<String, String>,
    /// The API, if the release has routes.
    pub api: Option<PinnedApi>,
    /// The values that the template's parameters had when the versions were made.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// Whether `/pipeline tidy` may have deleted these versions. If so, the stage cannot be rolled back to them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tidied: bool,
}

/// The last time a pipeline was tidied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tidied {
    /// When.
    pub at: Timestamp,
    /// The number of its releases at that time.
    pub releases: u64,
}

/// A deployment of an API, which cannot change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedApi {
    /// The API's id.
    pub api: String,
    /// The API's endpoint.
    pub endpoint: String,
    /// The deployment.
    pub deployment: String,
}
