//! The removal of a stage's stack.
//!
//! Everything in it but triggers has a deletion policy that keeps it (`sluice_template::plain::desired`), because a release or a
//! rollback may need it. So the stack is changed once more before it is deleted: what holds no data, and what its author did not
//! want to keep, is *released* with the first half of SHED, and CloudFormation deletes it together with the triggers. What holds
//! data stays in the account, with what it refers to.
//!
//! Only a stack with the stage's tags is touched, and only by its id: the names of two stages may collide.

mod look;
mod steps;

use std::sync::Arc;

use super::execution::PassEnd;
use super::messages;
use super::shed::{ShedChange, ShedEnd, ShedSteps};
use super::token::token;
use super::what::StackOfStage;
use crate::operation::{EngineError, Node, OperationState, StepId};
use sluice_model::Text;

use look::Release;
pub(crate) use look::{StackLook, StackToRemove};
use steps::{AwaitRemoval, Delete, Unprotect};

/// The steps that remove a stack as far as they can be named.
pub(crate) struct Removing {
    pub(crate) nodes: Vec<Node>,
    /// What the next steps need.
    pub(crate) last: StepId,
    /// How it ended, once it did: why CloudFormation could not do it, as a sentence.
    pub(crate) end: Option<Result<(), String>>,
}

/// One attempt to remove a stack.
pub(crate) struct Attempt<'a> {
    pub(crate) op: &'a OperationState,
    pub(crate) of: &'a StackOfStage,
    pub(crate) stack: &'a StackToRemove,
    /// Its number, from 1.
    pub(crate) number: usize,
}

impl Attempt<'_> {
    fn step(&self, what: &str) -> StepId {
        StepId::of(what, &format!("remove-{}", self.number))
    }

    fn token(&self, what: &str) -> String {
        token(&self.op.id, &format!("{what}-{}", self.number))
    }

    /// The steps, after these.
    pub(crate) fn nodes(&self, after: Vec<StepId>) -> Result<Removing, EngineError> {
        let mut removing = Removing { nodes: vec![], last: StepId::new(""), end: None };
        let mut after = after;
        if self.stack.is_released {
            let steps = ShedSteps {
                op: self.op,
                change: ShedChange {
                    of: self.of.clone(),
                    stack: self.stack.id.clone(),
                    plan: Arc::new(Release),
                },
                id: format!("release-{}", self.number),
                title: Text::plain(messages::RELEASE),
                is_large: self.stack.is_large,
            };
            let release = steps.nodes(after)?;
            removing.nodes.extend(release.nodes);
            match release.end {
                Some(ShedEnd { last, failure: None }) => after = vec![last],
                Some(ShedEnd { last, failure: Some(failure) }) => {
                    (removing.last, removing.end) = (last, Some(Err(failure)));
                    return Ok(removing);
                }
                None => return Ok(removing),
            }
        }
        let target = self.of.target.clone();
        let stack = self.stack.id.clone();
        if self.stack.is_protected {
            let id = self.step("stack-unprotect");
            let step = Unprotect { target: target.clone(), stack: stack.clone() };
            removing.nodes.push(Node::new(id.clone(), "", step).after(after));
            after = vec![id];
        }
        let (delete, gone) = (self.step("stack-delete"), self.step("stack-gone"));
        let token = self.token("remove");
        let role = self.stack.role.clone();
        let step = Delete { target: target.clone(), stack: stack.clone(), role, token: token.clone() };
        removing.nodes.push(Node::new(delete.clone(), "", step).after(after));
        let end: Option<PassEnd> = self.op.output(&gone)?;
        let step = AwaitRemoval { target, stack, token };
        removing.nodes.push(Node::new(gone.clone(), messages::DELETE_STACK, step).after([delete]));
        removing.last = gone;
        removing.end = end.map(|end| end.failure.map_or(Ok(()), Err));
        Ok(removing)
    }
}
