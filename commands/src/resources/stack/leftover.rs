//! A stack whose creation failed: it is deleted before it is created again.

use async_trait::async_trait;

use super::messages;
use super::of::{LOOK_AGAIN, Pass, StackOf};
use crate::application::Sluice;
use crate::operation::effects::DELETE_STACK;
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::ports::{DeleteStack, StackClass, StackStatus};
use crate::resources::own::ours;

/// Deletes a stack whose creation failed. It has no resources, and CloudFormation does nothing else with it.
pub(super) struct DeleteLeftover {
    pub(super) of: StackOf,
    pub(super) stack: String,
    pub(super) pass: Pass,
}

#[async_trait]
impl Step<Sluice> for DeleteLeftover {
    fn effect(&self) -> Effect {
        Effect::Mutate(&DELETE_STACK)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let token = format!("{}-clean", self.pass.token(&cx.operation));
        let request = DeleteStack { stack: self.stack.clone(), role: None, retain: vec![], token };
        cx.world.ports.stacks.delete_stack(&self.of.target, &request).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let stack = cx.world.ports.stacks.stack(&self.of.target, &self.stack).await?;
        let deletes = [StackStatus::DeleteInProgress, StackStatus::DeleteComplete];
        match stack.is_none_or(|stack| deletes.contains(&stack.status)) {
            true => ours(()),
            false => Ok(Observed::Absent),
        }
    }
}

/// Waits until that stack is gone.
pub(super) struct AwaitDeletion {
    pub(super) of: StackOf,
    pub(super) stack: String,
}

#[async_trait]
impl Step<Sluice> for AwaitDeletion {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let stack = cx.world.ports.stacks.stack(&self.of.target, &self.stack).await?;
        match stack {
            Some(stack) if stack.status.class() == StackClass::Broken => {
                let refusal = messages::broken(&self.of.name(), stack.status, stack.reason.as_deref());
                Err(EngineError::Refused(refusal))
            }
            Some(stack) if stack.status.class() != StackClass::Gone => {
                Ok(Progress::NotYet { after: LOOK_AGAIN, note: None })
            }
            _ => Progress::done(()),
        }
    }
}
