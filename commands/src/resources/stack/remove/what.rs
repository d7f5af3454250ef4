//! Which stack, and what is in it.

use serde::{Deserialize, Serialize};

use sluice_model::{PipelineName, StageName, Target};
use sluice_template::plain::stack_name;

/// The stack of a stage, by the stage.
#[derive(Debug, Clone)]
pub(crate) struct StackOfStage {
    pub(crate) target: Target,
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
}

impl StackOfStage {
    pub(super) fn name(&self) -> String {
        stack_name(&self.pipeline, &self.stage)
    }
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct StackItem {
    /// Its logical id.
    pub(crate) id: String,
    /// Its type.
    pub(crate) kind: String,
    /// Its name in AWS, if it has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
}
