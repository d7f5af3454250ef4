//! The parameters of a removal.

use serde::{Deserialize, Serialize};

use crate::operation::StepId;
use crate::records::ApiUrl;
use crate::resources::stack::StackOfStage;
use sluice_model::{PipelineName, ReleaseNumber, StageName, Target};

/// `/stage remove`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage.
    pub stage: StageName,
    /// The release that the stage ran when the removal was requested and confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ReleaseNumber>,
    /// Where its APIs answered then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<ApiUrl>,
}

impl Params {
    /// The stage's stack.
    pub(super) fn stack(&self, target: &Target) -> StackOfStage {
        StackOfStage { target: target.clone(), pipeline: self.name.clone(), stage: self.stage.clone() }
    }
}

/// The step that records that the stage is being removed: the point of no return.
pub(super) fn begin() -> StepId {
    StepId::new("begin")
}

/// The step that takes the stage out of its pipeline.
pub(super) fn leave() -> StepId {
    StepId::new("record")
}
