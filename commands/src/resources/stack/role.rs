//! The role with which CloudFormation works on a stage's stack.

use crate::resources::rights::ImmutableRole;
use sluice_model::{PipelineName, StageName, Target};

/// The role. `ImmutableRole::of_stack` (branch `stackrole`) takes the place of this body; until then it is a role that
/// CloudFormation cannot assume, and this branch works on the fake AWS alone.
pub(super) fn stack_role(target: &Target, pipeline: &PipelineName, stage: &StageName) -> ImmutableRole {
    ImmutableRole::of_api(target, pipeline, stage)
}
