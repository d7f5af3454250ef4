//! The stack of a stage, and its passes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::token::token;
use crate::application::World;
use crate::operation::{EngineError, StepId};
use crate::records::StackChoices;
use crate::resources::resource::Preparation;
use sluice_model::{OperationId, PipelineName, ReleaseNumber, StageName, Target};
use sluice_template::AppStack;
use sluice_template::plain::{DirectValues, stack_name};

/// How long to wait before the next look at a stack that is being changed.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What a release wants of its stage's stack.
#[async_trait]
pub(crate) trait WantedStack: Send + Sync {
    /// Reads it, with the values of the stage's APIs; `None` if nothing belongs to a stack.
    async fn wanted(&self, world: &World, apis: &DirectValues) -> Result<Option<AppStack>, EngineError>;
}

/// The stack of a stage for a release.
#[derive(Clone)]
pub(crate) struct StackOf {
    pub(crate) target: Target,
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
    /// The release that is deployed.
    pub(crate) release: ReleaseNumber,
    /// Whether the stage goes back to it: then only triggers change.
    pub(crate) is_rollback: bool,
    pub(crate) choices: StackChoices,
    /// The values of the stage's APIs.
    pub(crate) apis: DirectValues,
    pub(crate) source: Arc<dyn WantedStack>,
}

impl StackOf {
    pub(crate) fn new(of: &Preparation, apis: DirectValues, source: Arc<dyn WantedStack>) -> Self {
        Self {
            target: of.target.clone(),
            pipeline: of.pipeline.clone(),
            stage: of.stage.clone(),
            release: of.release,
            is_rollback: false,
            choices: of.choices,
            apis,
            source,
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        stack_name(&self.pipeline, &self.stage)
    }
}

/// A pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Before the versions are made.
    Grow,
    /// After the stage moved, with the number of the attempt, from 1.
    Wire(usize),
}

impl Pass {
    pub(super) fn step(self, what: &str) -> StepId {
        match self {
            Pass::Grow => StepId::of(what, "grow"),
            Pass::Wire(attempt) => StepId::of(what, &format!("wire-{attempt}")),
        }
    }

    /// The name of its change set, and the token of its requests.
    pub(super) fn token(self, operation: &OperationId) -> String {
        match self {
            Pass::Grow => token(operation, "grow"),
            Pass::Wire(attempt) => token(operation, &format!("wire-{attempt}")),
        }
    }
}
