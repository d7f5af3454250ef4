//! The parameters of the operations on stages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rules::{self, Policy, parameter};
use sluice_model::{PipelineName, StageName};

/// `/stage add`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Add {
    /// The pipeline.
    pub name: PipelineName,
    /// The new stage.
    pub stage: StageName,
    /// The stage before it; `None` adds it at the end.
    pub after: Option<StageName>,
}

/// `/stage set`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Set {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage.
    pub stage: StageName,
    /// The settings as typed.
    pub settings: Vec<(String, String)>,
    /// The default policy for the stage's position.
    pub default: Policy,
    /// The policy at the time of the request.
    pub before: Policy,
    /// Whether the new policy requires less than before.
    pub is_lower: bool,
}

impl Set {
    /// Whether the settings include values of parameters.
    pub(super) fn sets_parameters(&self) -> bool {
        self.settings.iter().any(|(key, _)| parameter(key).is_some())
    }
}

/// `/stage lock`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lock {
    /// The pipeline.
    pub name: PipelineName,
    /// The stages.
    pub stages: Vec<StageName>,
    /// The end of the lock.
    pub until: Timestamp,
    /// Whether it blocks rollbacks too.
    pub hard: bool,
    /// Why.
    pub reason: String,
    /// The locks of other people at the time of the request that are taken over.
    pub over: Vec<rules::Lock>,
    /// The locks at that time that the owner may not remove. They are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<rules::Lock>,
}

/// `/stage unlock`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unlock {
    /// The pipeline.
    pub name: PipelineName,
    /// The locks at the time of the request.
    pub locks: Vec<rules::Lock>,
    /// The locks that apply again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<rules::Lock>,
}

impl Unlock {
    pub(super) fn restored(&self, stage: &StageName) -> Option<&rules::Lock> {
        self.restored.iter().find(|lock| lock.stage == *stage)
    }

    /// The locks that end on these stages.
    pub(super) fn gone(&self, stages: &[StageName]) -> Vec<rules::Lock> {
        let stays = |lock: &rules::Lock| {
            let restored = self.restored(&lock.stage);
            restored.is_some_and(|restored| restored.each().any(|kept| kept.operation == lock.operation))
        };
        let lifted = self.locks.iter().filter(|lock| stages.contains(&lock.stage));
        lifted.flat_map(rules::Lock::each).filter(|lock| !stays(lock)).collect()
    }
}
