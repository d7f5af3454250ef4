//! The parameters of `/repo create`, and constants that its steps share.

use serde::{Deserialize, Serialize};

use crate::operation::StepId;
use crate::ports::{TAG_PIPELINE, Tags};
use sluice_model::{PipelineName, Target};

/// The subject of the first commit, which identifies a commit of ours.
pub const FIRST_COMMIT_SUBJECT: &str = "Initial commit";
/// How many pipelines the status of all pipelines shows.
pub(crate) const PIPELINES: u32 = 40;
/// The first stage of every pipeline.
pub const FIRST_STAGE: &str = "dev";

/// The repository's description in the console.
pub(crate) fn repository_description(name: &PipelineName) -> String {
    format!("Service {name}, delivered by Sluice")
}

/// The build project's description in the console.
pub(crate) fn project_description(name: &PipelineName) -> String {
    format!("Builds of pipeline {name}, managed by Sluice")
}

/// The parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The name of the pipeline and of its repository.
    pub name: PipelineName,
}

pub(super) fn id(name: &str) -> StepId {
    StepId::new(name)
}

#[derive(Clone)]
pub(super) struct RepoContext {
    pub(super) target: Target,
    pub(super) name: PipelineName,
}

impl RepoContext {
    pub(super) fn is_ours(&self, tags: &Tags) -> bool {
        tags.get(TAG_PIPELINE).map(String::as_str) == Some(self.name.as_str())
    }
}
