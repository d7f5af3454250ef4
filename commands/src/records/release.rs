//! Releases, and what each of them is on a stage.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::API_STAGE;
use crate::ports::{ApiKind, ApiStage, SeparateSetting};
use crate::records::{Artifact, Change, Parameters};
use sluice_model::{Actor, ApiStageSettings, BuildNumber, OperationId, ReleaseNumber};
use sluice_template::plain::SystemParameters;

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
    /// The APIs by logical id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apis: PinnedApis,
    /// The settings of its functions that have calls of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: PinnedSettings,
    /// The values that the template's parameters had when the versions were made.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// What Systems Manager had for the template when the versions were made.
    #[serde(default, skip_serializing_if = "SystemParameters::is_empty")]
    pub system: SystemParameters,
    /// The stage's stack with this release, if the release has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<PinnedStack>,
    /// Whether the triggers of the stage deliver no events.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub events_off: bool,
    /// Whether `/pipeline tidy` may have deleted these versions. If so, the stage cannot be rolled back to them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tidied: bool,
}

/// A stage's stack with a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedStack {
    /// The SHA-256 of its template, in hex.
    pub template: String,
    /// The logical ids of its resources that the release's functions, roles and APIs refer to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub needed: BTreeSet<String>,
    /// The logical ids of all resources that the release has in the stack: they stay while a rollback may return to it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub wanted: BTreeSet<String>,
}

/// The last time a pipeline was tidied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tidied {
    /// When.
    pub at: Timestamp,
    /// The number of its releases at that time.
    pub releases: u64,
}

/// Settings of functions that have calls of their own, by function name: those that differ from Lambda's defaults.
pub type PinnedSettings = BTreeMap<String, BTreeMap<SeparateSetting, Value>>;

/// A stage's APIs by logical id.
pub type PinnedApis = BTreeMap<String, PinnedApi>;

/// An API of a stage, and what it serves for a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedApi {
    /// The API's id.
    pub api: String,
    /// Its kind.
    #[serde(default, skip_serializing_if = "ApiKind::is_http")]
    pub kind: ApiKind,
    /// The API's endpoint.
    pub endpoint: String,
    /// The name of its API stage; `$default` if that is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What its stage serves.
    #[serde(flatten)]
    pub served: Served,
    /// The settings of its stage.
    #[serde(default, skip_serializing_if = "ApiStageSettings::is_default")]
    pub settings: ApiStageSettings,
}

impl PinnedApi {
    /// The name of its API stage.
    pub fn stage_name(&self) -> &str {
        self.stage.as_deref().unwrap_or(API_STAGE)
    }

    /// The URL of its API stage, with a slash at the end.
    pub fn url(&self) -> String {
        let stage = self.stage.iter().map(|stage| format!("{stage}/"));
        format!("{}/{}", self.endpoint.trim_end_matches('/'), stage.collect::<String>())
    }
}

/// The API that a stage's smoke test calls: the one that SAM makes of events, or the first.
pub fn main_api(apis: &PinnedApis) -> Option<&PinnedApi> {
    let implicit = ["ServerlessHttpApi", "ServerlessRestApi"].into_iter().find_map(|api| apis.get(api));
    implicit.or_else(|| apis.values().next())
}

/// Where an API of a stage answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiUrl {
    /// The API's logical id.
    pub logical: String,
    /// Its kind.
    #[serde(default, skip_serializing_if = "ApiKind::is_http")]
    pub kind: ApiKind,
    /// The URL, with a slash at the end.
    pub url: String,
}

/// Where the APIs answer, in the order of their logical ids.
pub fn api_urls(apis: &PinnedApis) -> Vec<ApiUrl> {
    let url = |(logical, api): (&String, &PinnedApi)| ApiUrl {
        logical: logical.clone(),
        kind: api.kind,
        url: api.url(),
    };
    apis.iter().map(url).collect()
}

/// What an API stage serves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The deployment, which cannot change.
    pub deployment: String,
    /// The stage variables: the version of each function by its logical id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

impl Served {
    /// What an API stage serves; `None` without a deployment.
    pub fn of(stage: ApiStage) -> Option<Self> {
        Some(Self { deployment: stage.deployment?, variables: stage.variables })
    }

    /// The deployment, and the variables that differ from those of `other`: `d2`, or `d2 with Hello=7, World=none`.
    pub fn beside(&self, other: Option<&Self>) -> String {
        let none = BTreeMap::new();
        let theirs = other.map_or(&none, |other| &other.variables);
        let names: BTreeSet<&String> = self.variables.keys().chain(theirs.keys()).collect();
        let differ = names.into_iter().filter(|name| self.variables.get(*name) != theirs.get(*name));
        let value = |name: &String| self.variables.get(name).map_or("none", String::as_str).to_owned();
        let differ: Vec<_> = differ.map(|name| format!("{name}={}", value(name))).collect();
        if other.is_none() || differ.is_empty() {
            return self.deployment.clone();
        }
        format!("{} with {}", self.deployment, differ.join(", "))
    }
}
