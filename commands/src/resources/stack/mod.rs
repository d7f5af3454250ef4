//! The stack of a stage: everything of the template that Sluice does not create itself.
//!
//! It changes in passes (`sluice_template::plain::stack`): GROW before the versions are made, WIRE after the stage moved. A pass is
//! a change set that is created, compared with what the pass may do, executed and awaited. The journal keeps the digest of a pass
//! and not its template: each step computes the template again from the artifact and from what is live, and refuses to go on if it
//! differs. If nothing changes, the plan is the only step.

mod computed;
mod described;
mod execution;
mod gather;
mod leftover;
mod messages;
mod of;
mod outside;
mod pass;
mod plan;
mod preview;
pub(crate) mod remove;
mod role;
mod shed;
mod shown;
mod steps;
mod token;
mod unblock;
mod upload;
mod values;
mod what;
mod worker;

use crate::operation::effects::*;
use crate::operation::{EngineError, Node, OperationState, StepId};
use crate::resources::describe::Line;
use crate::resources::resource::{Duty, Resource};
use crate::resources::role::role_nodes;

pub(crate) use execution::PassEnd;
pub(crate) use of::{StackOf, WantedStack};
pub(crate) use outside::StackDrift;
pub(crate) use pass::PassNodes;
pub(crate) use plan::StackPlan;
pub(crate) use preview::{StackPreview, previewed};
pub(crate) use shed::{Shedding, Unneeded};
pub(crate) use values::stack_values;
pub(crate) use what::{StackItem, StackOfStage};

#[cfg(any(test, feature = "testing"))]
pub(crate) use messages::{failed as pass_failed, first_failure, progress};
#[cfg(any(test, feature = "testing"))]
pub(crate) use of::Pass;

use plan::PlanStack;
use role::stack_role;

pub(crate) struct Stack;

impl Resource for Stack {
    fn name(&self) -> &'static str {
        "stack of a stage"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[
            &PUT_OBJECT,
            &CREATE_CHANGE_SET,
            &EXECUTE_CHANGE_SET,
            &DELETE_CHANGE_SET,
            &TERMINATION_PROTECTION,
            &DELETE_STACK,
            &CONTINUE_UPDATE_ROLLBACK,
        ]
    }
    fn exempt(&self, duty: Duty) -> Option<&'static str> {
        Some(match duty {
            Duty::Drift => {
                "each pass begins with the template that is live, and `/pipeline status` shows who changed it last"
            }
            Duty::Description => {
                "its change sets are described, and show more than a comparison of templates"
            }
        })
    }
}

/// The steps that plan the passes, after these; gives the last of them, too. A rollback of CloudFormation that failed is continued
/// first, and then they are planned again.
pub(crate) fn plan_nodes(
    op: &OperationState,
    of: &StackOf,
    after: Vec<StepId>,
) -> Result<(Vec<Node>, StepId), EngineError> {
    let plan = |id: &str, is_first| {
        let step = PlanStack { of: of.clone(), is_first };
        Node::new(StepId::new(id), "", step)
    };
    let mut nodes = vec![plan(PLAN, true).after(after)];
    let blocked = op.output::<StackPlan>(&StepId::new(PLAN))?.and_then(|plan| plan.blocked);
    let Some(blocked) = blocked else { return Ok((nodes, StepId::new(PLAN))) };
    let (unblock, done) = blocked.nodes(op, &of.target, of::Pass::Grow, vec![StepId::new(PLAN)]);
    nodes.extend(unblock);
    nodes.push(plan(PLAN_AGAIN, false).after([done]));
    Ok((nodes, StepId::new(PLAN_AGAIN)))
}

/// What the planned passes change, for the people who approve it.
pub(crate) fn described_changes(op: &OperationState) -> Result<Vec<Line>, EngineError> {
    let Some(plan) = planned(op)? else { return Ok(vec![]) };
    let found = op.output::<steps::FoundChanges>(&of::Pass::Grow.step("stack-changes"))?;
    let (grow, changes) = found.map(|found| (found.shown, found.changes)).unwrap_or_default();
    Ok(shown::lines(&grow, changes.saturating_sub(grow.len()), &plan.wires))
}

const PLAN: &str = "stack-plan";
const PLAN_AGAIN: &str = "stack-plan-again";

/// The plan of the passes, once it is known.
pub(crate) fn planned(op: &OperationState) -> Result<Option<StackPlan>, EngineError> {
    let first = op.output::<StackPlan>(&StepId::new(PLAN))?;
    match first {
        Some(StackPlan { blocked: Some(_), .. }) => op.output(&StepId::new(PLAN_AGAIN)),
        first => Ok(first),
    }
}

/// The steps that create the role with which CloudFormation works, unless the stack has it.
pub(crate) fn service_role_nodes(of: &StackOf, plan: &StackPlan) -> Result<Vec<Node>, EngineError> {
    let role = stack_role(of, &plan.names)?;
    if plan.role.as_ref() == Some(&role.arn(&of.target)) {
        return Ok(vec![]);
    }
    // A logical id has no hyphen.
    Ok(role_nodes(&of.target, &of.pipeline, "cloud-formation", messages::CREATE_ROLE.into(), &role))
}
