//! A stack in `UPDATE_ROLLBACK_FAILED`: an update failed, and CloudFormation could not undo it either. It accepts no change until its
//! rollback is continued
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html>). The next
//! change of the stack does that first. It skips no resource: what is skipped differs from its template from then on, so a person
//! decides about that in the console.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::execution::{PATIENCE, SETTLE, slow, waits};
use super::messages;
use super::of::{Pass, StackOf};
use crate::application::{Sluice, World};
use crate::operation::effects::CONTINUE_UPDATE_ROLLBACK;
use crate::operation::{
    Context, Effect, EngineError, Node, Observed, OperationState, Progress, Step, StepId,
};
use crate::ports::{EventsSince, StackClass, StackStatus};
use crate::resources::own::ours;
use sluice_model::Target;

/// A stack whose rollback has to be continued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlockedStack {
    /// Its id.
    stack: String,
    /// The ARN of its service role.
    role: String,
}

/// The stage's stack, if its rollback has to be continued.
pub(super) async fn blocked(of: &StackOf, world: &World) -> Result<Option<BlockedStack>, EngineError> {
    let stack = world.ports.stacks.stack(&of.target, &of.name()).await?;
    let stack = stack.filter(|stack| stack.status == StackStatus::UpdateRollbackFailed);
    Ok(stack.and_then(|stack| Some(BlockedStack { role: stack.role?, stack: stack.id })))
}

/// The look whether the rollback of a stack has to be continued, before another attempt of WIRE.
pub(super) struct LookForBlocked {
    pub(super) of: StackOf,
}

#[async_trait]
impl Step<Sluice> for LookForBlocked {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        Progress::done(blocked(&self.of, &cx.world).await?)
    }
}

impl BlockedStack {
    /// The steps that continue its rollback before a pass, after these; gives the last of them, too.
    pub(super) fn nodes(
        &self,
        op: &OperationState,
        target: &Target,
        pass: Pass,
        after: Vec<StepId>,
    ) -> (Vec<Node>, StepId) {
        let (unblock, done) = (pass.step("stack-unblock"), pass.step("stack-unblocked"));
        let token = format!("{}-unblock", pass.token(&op.id));
        let Self { stack, role } = self.clone();
        let step =
            ContinueRollback { target: target.clone(), stack: stack.clone(), role, token: token.clone() };
        let begin = Node::new(unblock.clone(), "", step).after(after);
        let step = AwaitRollback { target: target.clone(), stack, token };
        let end = Node::new(done.clone(), messages::CONTINUE_ROLLBACK, step).after([unblock]);
        (vec![begin, end], done)
    }
}

/// Continues the rollback.
struct ContinueRollback {
    target: Target,
    stack: String,
    role: String,
    token: String,
}

#[async_trait]
impl Step<Sluice> for ContinueRollback {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CONTINUE_UPDATE_ROLLBACK)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { target, stack, role, token } = self;
        cx.world.ports.stacks.continue_update_rollback(target, stack, role, &[], token).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let Self { target, stack, token, .. } = self;
        let stacks = &cx.world.ports.stacks;
        let found = stacks.stack(target, stack).await?;
        // Somebody else may have continued it.
        if found.is_none_or(|found| found.status != StackStatus::UpdateRollbackFailed) {
            return ours(());
        }
        let events = stacks.stack_events(target, stack, &EventsSince::Token(token.clone())).await?;
        match events.is_some_and(|found| !found.events.is_empty()) {
            true => ours(()),
            false => Ok(Observed::Absent),
        }
    }
}

/// Waits until the stack is as before the update that failed.
struct AwaitRollback {
    target: Target,
    stack: String,
    token: String,
}

#[async_trait]
impl Step<Sluice> for AwaitRollback {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { target, stack, token } = self;
        let (stacks, waited) = (&cx.world.ports.stacks, cx.begun.elapsed());
        let Some(found) = stacks.stack(target, stack).await? else { return Progress::done(()) };
        if found.status.class() == StackClass::Stable {
            return Progress::done(());
        }
        if waited > PATIENCE {
            return Err(EngineError::Refused(slow(stack)));
        }
        let events = stacks.stack_events(target, stack, &EventsSince::Token(token.clone())).await?;
        let events = events.map(|found| found.events).unwrap_or_default();
        let has_failed = events.iter().any(|event| event.is_of_stack && event.status.has_failed());
        match found.status.class() {
            // It may be the status from before.
            StackClass::Broken if has_failed || waited > SETTLE => {
                let refusal = messages::broken(&found.name, found.status, found.reason.as_deref());
                Err(EngineError::Refused(refusal))
            }
            _ => Ok(waits(&events, waited)),
        }
    }
}
