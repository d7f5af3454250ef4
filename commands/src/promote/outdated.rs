//! A promotion that waits while its stage moves becomes void at once, not only when somebody approves it.
//!
//! The operation that moved the stage signals the others, as a step of its own journal: if the process dies between the move and
//! that step, the next owner runs the step. A request that was accepted at the same moment notices when it begins to wait, and
//! every read and every decision checks once more. Signalling twice does no harm.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::application::Sluice;
use crate::operation::{
    Context, Effect, EngineError, Loaded, Node, OperationState, PROMOTE, Preempt, Progress, Status, Step,
    StepId, World, load, preempt,
};
use crate::promote::Params;
use crate::promote::refusals::stage_moved;
use crate::records::{PipelineState, stage_slot};
use crate::resources::mark;
use crate::steps::{STAGE_REVISION, others_are_open};
use sluice_model::{OperationId, PipelineName, Refusal, StageName};

/// How long to wait after the store did not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// The revision in the mark that a promotion saw of its stage. A move that was undone since does not count, because the stage
/// runs what it ran.
fn revision(mark: &Value) -> Option<u64> {
    mark.as_u64().or_else(|| mark.get(0)?.as_u64())
}

/// Whether the stage moved since the promotion was requested. `seen`: the stage's mark before the first look at it.
pub(super) fn is_outdated(params: &Params, seen: Option<&Value>, state: &PipelineState) -> bool {
    let Some(stage) = state.stages.get(&params.to) else { return false };
    let now = stage.current.as_ref();
    let is_other = now.map(|now| now.release) != params.before.as_ref().map(|before| before.release);
    is_other || seen.is_some_and(|seen| revision(seen) != revision(&mark(&params.to, state)))
}

/// The refusal of a decision about a promotion that is outdated.
pub(super) fn outdated(op: &OperationState, params: &Params, state: &PipelineState) -> Option<Refusal> {
    let seen = op.output::<Value>(&StepId::new(STAGE_REVISION)).ok().flatten();
    is_outdated(params, seen.as_ref(), state).then(|| stage_moved(&params.name, &params.to, state))
}

/// Voids every open promotion whose stage moved since it was requested, and returns those. `stage`: only promotions to this
/// one. A promotion that holds its stage's slot is moving it, and is left alone.
pub(crate) async fn void_outdated(
    world: &World,
    state: &PipelineState,
    stage: Option<&StageName>,
) -> Result<BTreeSet<OperationId>, EngineError> {
    let mut found = BTreeSet::new();
    for ticket in state.queue.tickets.iter().filter(|ticket| ticket.kind == PROMOTE && !ticket.stuck) {
        let Loaded { head, op, .. } = match load(&*world.store, &world.keys, &ticket.operation).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => continue,
            // An unreadable operation must not block the others.
            Err(error) if error.is_corrupt() => continue,
            Err(error) => return Err(error),
        };
        let Ok(params) = op.params::<Params>() else { continue };
        let moves = state.queue.slots.get(&stage_slot(&params.to)) == Some(&ticket.operation);
        let is_open = matches!(head.status, Status::Running | Status::Waiting) && !moves;
        if !is_open || stage.is_some_and(|stage| *stage != params.to) {
            continue;
        }
        let seen = op.output::<Value>(&StepId::new(STAGE_REVISION)).ok().flatten();
        let current = state.stages.get(&params.to).and_then(|stage| stage.current.as_ref());
        let Some(current) = current.filter(|_| is_outdated(&params, seen.as_ref(), state)) else { continue };
        let preemption = Preempt {
            refusal: stage_moved(&params.name, &params.to, state),
            rule: "stage moved",
            by: &current.by,
            about: params.audit_subject(&op),
        };
        preempt(world, &head, preemption).await?;
        found.insert(ticket.operation.clone());
    }
    Ok(found)
}

/// The step that voids them after a move was recorded, if another promotion was open then.
pub(crate) fn node(
    op: &OperationState,
    name: &PipelineName,
    stage: &StageName,
) -> Result<Option<Node>, EngineError> {
    let step = VoidOutdated { name: name.clone(), stage: stage.clone() };
    let node = || Node::new(StepId::new("void-outdated"), "", step).after([StepId::new("record")]);
    Ok(others_are_open(op)?.then(node))
}

struct VoidOutdated {
    name: PipelineName,
    stage: StageName,
}

#[async_trait]
impl Step<Sluice> for VoidOutdated {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let void = async {
            let state = PipelineState::read(&*cx.world.store, &cx.world.keys, &self.name).await?;
            void_outdated(&cx.world, &state, Some(&self.stage)).await
        };
        match void.await {
            Ok(_) => Progress::done(()),
            // The stage has moved: a failure here must not fail the operation.
            Err(error) if error.can_retry() => Ok(Progress::NotYet { after: AGAIN, note: None }),
            Err(error) => {
                tracing::warn!(operation = %cx.operation, %error, "outdated promotions could not be voided");
                Progress::done(())
            }
        }
    }
}
