//! What functions and APIs need of a stack that is as they want it.

use futures::future::try_join;

use super::messages;
use crate::application::World;
use crate::operation::EngineError;
use crate::ports::StackClass;
use sluice_model::Target;
use sluice_template::plain::{DirectValues, StackValues};

/// The values of a stack, and those of APIs. Without a stack, only those of APIs are known.
pub(crate) async fn stack_values(
    world: &World,
    target: &Target,
    stack: Option<&str>,
    apis: &DirectValues,
) -> Result<StackValues, EngineError> {
    let mut values = StackValues { direct: apis.clone(), ..StackValues::default() };
    let Some(name) = stack else { return Ok(values) };
    let stacks = &world.ports.stacks;
    let (stack, resources) =
        try_join(stacks.stack(target, name), stacks.stack_resources(target, name)).await?;
    // A stage whose stack has nothing but triggers gets it after the move.
    let Some(stack) = stack.filter(|stack| stack.status.class() != StackClass::NeedsCleanUp) else {
        return Ok(values);
    };
    if stack.status.class() == StackClass::Broken {
        let refusal = messages::broken(name, stack.status, stack.reason.as_deref());
        return Err(EngineError::Refused(refusal));
    }
    values.stack_id = Some(stack.id);
    values.outputs = stack.outputs.into_iter().map(|(name, output)| (name, output.value)).collect();
    let resources = resources.unwrap_or_default().into_iter();
    values.resources =
        resources.filter_map(|resource| Some((resource.logical_id, resource.physical_id?))).collect();
    Ok(values)
}
