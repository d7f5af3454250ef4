//! The parameters of tidying, and its limits.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::resources::stack::StackOfStage;
use sluice_model::{PipelineName, StageName, Target};

/// The kind of the operation.
pub const KIND: &str = "tidy";

/// How much one run deletes; the next run continues. This bounds the journal, and how long the pipeline waits.
pub(super) const MOST_VERSIONS: usize = 100;
pub(super) const MOST_ROLES: usize = 25;
pub(super) const MOST_LOGS: usize = 50;
/// How many functions and roles are looked at in parallel.
pub(super) const SIDE_BY_SIDE: usize = 4;

/// The parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// Its stages.
    pub stages: Vec<StageName>,
    /// Whether to delete what is found; otherwise it is only listed.
    pub delete: bool,
    /// Whether Sluice started it automatically.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    /// The resources with data that may go.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub data: BTreeSet<Data>,
}

impl Params {
    /// The stack of a stage.
    pub(super) fn stack(&self, target: &Target, stage: &StageName) -> StackOfStage {
        StackOfStage { target: target.clone(), pipeline: self.name.clone(), stage: stage.clone() }
    }
}

/// A resource with data in the stack of a stage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Data {
    /// The stage.
    pub stage: StageName,
    /// Its logical id.
    pub resource: String,
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stage, self.resource)
    }
}
