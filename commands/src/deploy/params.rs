//! The parameters of a deploy.

use serde::{Deserialize, Serialize};

use crate::operation::OperationState;
use crate::records::{Artifact, Change, PinnedApis, PinnedSettings, Release, StackChoices};
use crate::resources::Preparation;
use crate::rules::{Drift, Parameters, Smoke};
use sluice_model::{BuildNumber, PipelineName, ReleaseNumber, StageName, Target};
use sluice_template::plain::SystemParameters;

/// The parameters, as recorded when the deploy is accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage.
    pub stage: StageName,
    /// The build.
    pub build: BuildNumber,
    /// Its commit.
    pub commit: Change,
    /// Its artifact.
    pub artifact: Artifact,
    /// The artifact bucket.
    pub bucket: String,
    /// The new release.
    pub release: ReleaseNumber,
    /// The release that the stage ran when this was requested.
    pub before: Option<ReleaseNumber>,
    /// The APIs that the stage's record names.
    #[serde(default, skip_serializing_if = "PinnedApis::is_empty")]
    pub apis: PinnedApis,
    /// The settings of functions that the stage's record names.
    #[serde(default, skip_serializing_if = "PinnedSettings::is_empty")]
    pub settings: PinnedSettings,
    /// Whether the stage's record has a stack.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_stack: bool,
    /// The stage after it, if its gates are open.
    pub next: Option<StageName>,
    /// Whether there is a stage after it, open or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_next: bool,
    /// The stage's smoke test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke: Option<Smoke>,
    /// Drift of the stage that the requester accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Drift>,
    /// The values of the template's parameters.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// The values with which the stage runs.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters_before: Parameters,
    /// What Systems Manager had for the release that the stage runs.
    #[serde(default, skip_serializing_if = "SystemParameters::is_empty")]
    pub system_before: SystemParameters,
    /// What people decided about the stage's stack.
    #[serde(default, skip_serializing_if = "StackChoices::is_default")]
    pub stack: StackChoices,
    /// A note about a build or commit that is newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer: Option<String>,
}

impl Params {
    pub(super) fn preparation<'a>(&'a self, op: &'a OperationState, target: &'a Target) -> Preparation<'a> {
        Preparation {
            op,
            target,
            pipeline: &self.name,
            stage: &self.stage,
            bucket: &self.bucket,
            artifact: &self.artifact,
            release: self.release,
            apis: &self.apis,
            has_stack: self.has_stack,
            is_first: true,
            stack_after: Some(&[]),
            before: self.before,
            outside: self.outside.as_ref(),
            parameters: &self.parameters,
            choices: self.stack,
        }
    }

    pub(super) fn release(&self, op: &OperationState, succeeded: bool) -> Release {
        Release {
            number: self.release,
            operation: op.id.clone(),
            succeeded,
            build: self.build,
            commit: self.commit.clone(),
            artifact: self.artifact.clone(),
            made: op.spec.accepted,
            actor: op.spec.actor.clone(),
        }
    }
}
