//! The deletion of a stack.

use async_trait::async_trait;

use super::super::execution::{PATIENCE, PassEnd, SETTLE, slow, waits};
use super::super::messages;
use crate::application::Sluice;
use crate::operation::effects::{DELETE_STACK, TERMINATION_PROTECTION};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::ports::{DeleteStack, EventsSince, StackEvents, StackStatus};
use crate::resources::own::ours;
use sluice_model::Target;

/// Lets CloudFormation delete the stack.
pub(super) struct Unprotect {
    pub(super) target: Target,
    pub(super) stack: String,
}

#[async_trait]
impl Step<Sluice> for Unprotect {
    fn effect(&self) -> Effect {
        Effect::Mutate(&TERMINATION_PROTECTION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        cx.world.ports.stacks.set_termination_protection(&self.target, &self.stack, false).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let stack = cx.world.ports.stacks.stack(&self.target, &self.stack).await?;
        if stack.is_none_or(|stack| !stack.is_protected) { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Begins to delete the stack.
pub(super) struct Delete {
    pub(super) target: Target,
    pub(super) stack: String,
    pub(super) role: Option<String>,
    pub(super) token: String,
}

#[async_trait]
impl Step<Sluice> for Delete {
    fn effect(&self) -> Effect {
        Effect::Mutate(&DELETE_STACK)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { target, stack, role, token } = self;
        let request =
            DeleteStack { stack: stack.clone(), role: role.clone(), retain: vec![], token: token.clone() };
        cx.world.ports.stacks.delete_stack(target, &request).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let stacks = &cx.world.ports.stacks;
        let stack = stacks.stack(&self.target, &self.stack).await?;
        let deletes = [StackStatus::DeleteInProgress, StackStatus::DeleteComplete];
        if stack.is_none_or(|stack| deletes.contains(&stack.status)) {
            return ours(());
        }
        // It may have failed already.
        let since = EventsSince::Token(self.token.clone());
        let events = stacks.stack_events(&self.target, &self.stack, &since).await?;
        match events.is_some_and(|found| !found.events.is_empty()) {
            true => ours(()),
            false => Ok(Observed::Absent),
        }
    }
}

/// Waits until the stack is gone, or CloudFormation gives up.
pub(super) struct AwaitRemoval {
    pub(super) target: Target,
    pub(super) stack: String,
    pub(super) token: String,
}

#[async_trait]
impl Step<Sluice> for AwaitRemoval {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (stacks, waited) = (&cx.world.ports.stacks, cx.begun.elapsed());
        let stack = stacks.stack(&self.target, &self.stack).await?;
        let Some(stack) = stack.filter(|stack| stack.status != StackStatus::DeleteComplete) else {
            return Progress::done(PassEnd { failure: None, left: vec![] });
        };
        if waited > PATIENCE {
            return Err(EngineError::Refused(slow(&self.stack)));
        }
        let since = EventsSince::Token(self.token.clone());
        let found = stacks.stack_events(&self.target, &self.stack, &since).await?;
        let events = found.map(|found| found.events).unwrap_or_default();
        // The status may be that of an earlier attempt: CloudFormation needs a moment until it shows that it began.
        let has_ended = events.iter().any(|event| event.is_of_stack && event.status.has_failed());
        if stack.status == StackStatus::DeleteInProgress || !(has_ended || waited > SETTLE) {
            return Ok(waits(&events, waited));
        }
        let events = StackEvents { events, is_complete: true };
        let failure = messages::first_failure(events.first_failure(), stack.status);
        Progress::done(PassEnd { failure: Some(failure), left: vec![] })
    }
}
