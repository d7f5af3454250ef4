//! The reference to an artifact in the journal: its digest instead of its content.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::operation::{EngineError, OperationState, StepId};
use crate::resources::Deployable;
use sluice_template::plain::SystemParameters;

/// The step that reads the artifact.
pub(super) const ARTIFACT: &str = "artifact";

/// The reference to an artifact that was read for a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadArtifact {
    /// The digest of a [`Deployable`].
    pub(crate) digest: String,
    /// How many functions it has.
    pub(crate) functions: usize,
    /// The parameters with a value for the stage that the template does not declare.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unknown_parameters: Vec<String>,
    /// Whether a function has a statement with any action or any resource.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) wild_rights: bool,
    /// The repositories of images that are not the pipeline's own by their name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) images: BTreeSet<String>,
    /// What was read of Systems Manager: every later reading has the same values.
    #[serde(default, skip_serializing_if = "SystemParameters::is_empty")]
    pub(crate) system: SystemParameters,
}

impl ReadArtifact {
    pub(crate) fn of(read: &Deployable, images: BTreeSet<String>) -> Self {
        let unknown_parameters = read.application.unknown_parameters.clone();
        let functions = read.application.count_functions();
        let wild_rights = read.application.has_wild_rights();
        let system = read.application.system.clone();
        Self { digest: read.digest.clone(), functions, unknown_parameters, wild_rights, images, system }
    }
}

/// The reference to the artifact, once it was read.
pub(crate) fn read_artifact(op: &OperationState) -> Result<Option<ReadArtifact>, EngineError> {
    op.output(&StepId::new(ARTIFACT))
}
