//! The stage that a plain template is read for.

use std::collections::BTreeMap;

use crate::names::cut_with_hash;
use sluice_model::{PipelineName, StageName, Target};

/// CloudFormation's limit for the name of a stack.
const STACK_NAME: usize = 128;

/// The stage that a template is evaluated for.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// The pipeline.
    pub pipeline: &'a PipelineName,
    /// The stage: the value of the parameter `Stage`.
    pub name: &'a StageName,
    /// Account and region.
    pub target: &'a Target,
    /// The stage's values of parameters. The template need not declare them all.
    pub parameters: &'a BTreeMap<String, String>,
    /// What is known of Systems Manager: values by name. A list is written with commas.
    pub system_parameters: &'a BTreeMap<String, String>,
}

/// The name of a stage's stack: `sluice-{pipeline}-{stage}`.
pub fn stack_name(pipeline: &PipelineName, stage: &StageName) -> String {
    cut_with_hash(&format!("sluice-{pipeline}-{stage}"), STACK_NAME)
}
