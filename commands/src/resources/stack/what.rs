//! Which stack, and what is in it.

use serde::{Deserialize, Serialize};

use crate::names;
use crate::operation::{EngineError, World};
use crate::ports::{Stack, StackResource};
use sluice_model::{PipelineName, StageName, Target, Text};
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

    /// The stage's stack, by name and tags: the names of two stages may collide.
    pub(super) async fn find(&self, world: &World) -> Result<Option<Stack>, EngineError> {
        let found = world.ports.stacks.stack(&self.target, &self.name()).await?;
        let tags = names::stage_tags(&self.pipeline, &self.stage);
        Ok(found.filter(|stack| tags.iter().all(|(key, value)| stack.tags.get(key) == Some(value))))
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

impl StackItem {
    /// Its logical id and type.
    pub(crate) fn text(&self) -> Text {
        Text::default().code(&self.id).then(format!(" ({})", self.kind))
    }

    /// Those of these resources that exist.
    pub(super) fn all(resources: Vec<StackResource>) -> impl Iterator<Item = Self> {
        let there = resources.into_iter().filter(|resource| !resource.status.is_gone());
        there.map(|resource| Self {
            id: resource.logical_id,
            kind: resource.resource_type,
            name: resource.physical_id.unwrap_or_default(),
        })
    }
}
