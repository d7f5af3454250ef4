//! A pipeline.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use sluice_model::{Actor, ChannelId, PipelineName, StageName};

/// A pipeline: one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its name.
    pub name: PipelineName,
    /// The home channel: it was created here, and all its notifications go here.
    pub home: ChannelId,
    /// The person who created it.
    pub creator: Actor,
    /// When.
    pub created: Timestamp,
    /// The CodeCommit repository.
    pub repository: String,
    /// What `git clone` takes.
    pub clone_url: String,
    /// The branch that is built by default.
    pub branch: String,
    /// The CodeBuild project.
    pub project: String,
    /// The artifact bucket.
    pub bucket: String,
    /// Its stages in order. The first is open, the others are protected.
    pub stages: Vec<StageName>,
}

impl Pipeline {
    /// Whether changes of that stage need an approval: all stages but the first do.
    pub fn is_protected(&self, stage: &StageName) -> bool {
        self.stages.first() != Some(stage)
    }
    /// The stage before that one.
    pub fn before(&self, stage: &StageName) -> Option<&StageName> {
        let at = self.stages.iter().position(|name| name == stage)?;
        at.checked_sub(1).and_then(|before| self.stages.get(before))
    }
    /// The stage after that one.
    pub fn next(&self, stage: &StageName) -> Option<&StageName> {
        let at = self.stages.iter().position(|name| name == stage)?;
        self.stages.get(at + 1)
    }
}
