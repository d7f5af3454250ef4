//! Roles that are never edited.

use std::collections::BTreeSet;

use super::policies::{api_policy, build_policy, function_policy, trust_apis, trust_builds, trust_functions};
use crate::names;
use crate::ports::Tags;
use sluice_model::{PipelineName, StageName, Target};
use sluice_template::{AppRights, cut_with_hash};

/// IAM's limit for all inline policies of a role together, counted in the same way.
pub const INLINE_LIMIT: usize = 10_240;
/// The part of a role's name, of 64 characters, that remains beside a hyphen and 26 characters of a hash.
const STEM: usize = 64 - 1 - 26;

/// A role that is never edited: its name contains a hash of everything that decides its rights and who may
/// assume it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImmutableRole {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its inline policy.
    pub policy: String,
    /// The ARNs of the managed policies of AWS that are attached to it.
    pub managed: BTreeSet<String>,
    /// Its trust policy.
    pub trust: String,
    /// The ARN of its permissions boundary.
    pub boundary: String,
    /// The stage it is for, if it is for one.
    pub stage: Option<StageName>,
}

impl ImmutableRole {
    /// The role of a pipeline's builds.
    pub fn of_builds(target: &Target, pipeline: &PipelineName) -> Self {
        Self {
            policy: build_policy(target, pipeline),
            managed: BTreeSet::new(),
            trust: trust_builds(target, pipeline),
            boundary: names::build_boundary_arn(target),
            stage: None,
            path: names::role_path(pipeline, None),
            name: String::new(),
        }
        .named(&format!("sluice-{pipeline}-build"))
    }

    /// The role of a function on a stage.
    pub fn of_function(
        target: &Target,
        (pipeline, stage): (&PipelineName, &StageName),
        function: &str,
        AppRights { statements, managed }: &AppRights,
    ) -> Self {
        Self {
            policy: function_policy(target, function, stage, statements),
            managed: managed.clone(),
            trust: trust_functions(),
            boundary: names::boundary_arn(target),
            stage: Some(stage.clone()),
            path: names::role_path(pipeline, Some(stage)),
            name: String::new(),
        }
        .named(function)
    }

    /// The role with which the API of a stage calls its functions.
    pub fn of_api(target: &Target, pipeline: &PipelineName, stage: &StageName) -> Self {
        Self {
            policy: api_policy(target, pipeline, stage),
            managed: BTreeSet::new(),
            trust: trust_apis(),
            boundary: names::api_boundary_arn(target),
            stage: Some(stage.clone()),
            path: names::role_path(pipeline, Some(stage)),
            name: String::new(),
        }
        .named(&format!("sluice-{pipeline}-{stage}-api"))
    }

    /// Its ARN.
    pub fn arn(&self, target: &Target) -> String {
        names::role_arn(target, &self.path, &self.name)
    }

    /// Its tags.
    pub fn tags(&self, pipeline: &PipelineName) -> Tags {
        match &self.stage {
            Some(stage) => names::stage_tags(pipeline, stage),
            None => names::tags(pipeline),
        }
    }

    pub(super) fn named(self, stem: &str) -> Self {
        let mut texts = vec![stem, &self.trust, &self.boundary, &self.policy];
        texts.extend(self.managed.iter().map(String::as_str));
        let hash = names::short_digest(&texts);
        Self { name: format!("{}-{hash}", cut_with_hash(stem, STEM)), ..self }
    }
}
