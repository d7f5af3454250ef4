//! The input of a decision about a pipeline: the pipeline as one query returns it and the access of people.
//! No decision uses less, so a granted or revoked role counts from then on.

use crate::records::PipelineState;
use crate::rules::{Access, Roles};

/// A pipeline and its roles.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The pipeline.
    pub state: PipelineState,
    /// The roles and the source of each.
    pub roles: Roles,
    /// The access of each person.
    pub access: Access,
}
