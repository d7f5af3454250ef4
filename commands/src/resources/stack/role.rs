//! The service role of a stage's stack.

use super::messages;
use super::of::StackOf;
use crate::operation::EngineError;
use crate::resources::rights::{FixedNames, ImmutableRole};

/// The role with which CloudFormation works on the stack.
pub(super) fn stack_role(of: &StackOf, names: &FixedNames) -> Result<ImmutableRole, EngineError> {
    ImmutableRole::of_stack(&of.target, (&of.pipeline, &of.stage), names)
        .map_err(|error| EngineError::Refused(messages::too_many_names(&of.name(), &error)))
}
