//! The parameters of a build, and what its steps share.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names;
use crate::operation::StepId;
use crate::records::{Build, BuildState};
use sluice_model::{Actor, BuildNumber, OperationId, PipelineName, Target};

/// The variable of a build with the id of its operation.
pub const OPERATION_VARIABLE: &str = "SLUICE_OP";

/// The parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The build's number.
    pub number: BuildNumber,
    /// A branch or a full commit id.
    pub reference: String,
    /// The pipeline's repository.
    pub repository: String,
    /// The pipeline's build project.
    pub project: String,
    /// The artifact bucket.
    pub bucket: String,
    /// A random part of the artifact's key. All builds of the pipeline have the same rights in the bucket, so the
    /// key must stay secret from other builds: only CodeBuild gets the nonce. It is not in the build's environment,
    /// nor in any message, log or audit record.
    pub nonce: String,
}

impl Params {
    /// The S3 prefix where CodeBuild puts the artifact.
    pub(crate) fn prefix(&self) -> String {
        names::build_prefix(&self.name, self.number, &self.nonce)
    }
}

pub(super) fn id(name: &str) -> StepId {
    StepId::new(name)
}

#[derive(Clone)]
pub(super) struct BuildContext {
    pub(super) target: Target,
    pub(super) params: Params,
}

/// The initial record of a build.
pub(crate) fn initial_record(
    params: &Params,
    operation: &OperationId,
    actor: &Actor,
    asked: Timestamp,
) -> Build {
    Build {
        number: params.number,
        operation: operation.clone(),
        state: BuildState::Running,
        reference: params.reference.clone(),
        commit: None,
        actor: actor.clone(),
        asked,
        ended: None,
        log: None,
        log_link: None,
        artifact: None,
    }
}
