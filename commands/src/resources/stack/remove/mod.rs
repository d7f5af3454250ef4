//! The removal of a stage's stack.
//!
//! Everything in it but triggers has a deletion policy that keeps it (`sluice_template::plain::desired`), because a release or a
//! rollback may need it. So the stack is changed once more before it is deleted: what holds no data, and what its author did not
//! want to keep, is *released* with the first half of SHED, and CloudFormation deletes it together with the triggers. What holds
//! data stays in the account, with what it refers to.
//!
//! Only a stack with the stage's tags is touched, and only by its id: the names of two stages may collide.

mod look;
mod release;
mod steps;
mod what;

use super::execution::{AwaitExecution, PassEnd};
use super::messages;
use super::steps::{DropChangeSet, ExecuteChangeSet};
use crate::operation::{EngineError, Node, OperationState, StepId};
use crate::ports::ChangeSetIds;

pub(crate) use look::{StackLook, StackToRemove};
use release::{AwaitRelease, CreateRelease, FoundRelease, UploadRelease};
use steps::{AwaitRemoval, Delete, Unprotect};
pub(crate) use what::{StackItem, StackOfStage};

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
        format!("sluice-{}-{what}-{}", self.op.id, self.number)
    }

    /// The steps, after these.
    pub(crate) fn nodes(&self, after: Vec<StepId>) -> Result<Removing, EngineError> {
        let mut removing = Removing { nodes: vec![], last: StepId::new(""), end: None };
        let mut after = after;
        if self.stack.is_released {
            match self.release(&mut removing, after)? {
                Some(last) => after = vec![last],
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

    /// The steps that let CloudFormation delete what holds no data; gives the last one once all are done. Sets the end if they
    /// fail.
    fn release(&self, to: &mut Removing, mut after: Vec<StepId>) -> Result<Option<StepId>, EngineError> {
        let (create, found, execute, done) = (
            self.step("stack-compare"),
            self.step("stack-changes"),
            self.step("stack-update"),
            self.step("stack-done"),
        );
        let (of, stack) = (self.of.clone(), self.stack.id.clone());
        let token = self.token("release");
        if self.stack.is_large {
            let upload = self.step("stack-template");
            let step = UploadRelease { of: of.clone(), stack: stack.clone() };
            to.nodes.push(Node::new(upload.clone(), "", step).after(after));
            after = vec![upload];
        }
        let step = CreateRelease { of: of.clone(), stack: stack.clone(), token: token.clone() };
        let node = Node::new(create.clone(), "", step).after(after);
        to.nodes.push(node.spent_if(self.op.step(&execute).is_some()));
        let ids = match self.op.output::<Option<ChangeSetIds>>(&create)? {
            None => return Ok(None),
            Some(None) => return Ok(Some(create)),
            Some(Some(ids)) => ids,
        };
        let step = AwaitRelease { of, ids: ids.clone() };
        to.nodes.push(Node::new(found.clone(), messages::RELEASE, step).after([create]));
        match self.op.output::<FoundRelease>(&found)? {
            None => return Ok(None),
            Some(FoundRelease { failure: Some(failure), .. }) => {
                (to.last, to.end) = (found, Some(Err(failure)));
                return Ok(None);
            }
            Some(FoundRelease { is_empty: true, .. }) => {
                let drop = self.step("stack-drop");
                let step = DropChangeSet { target: self.of.target.clone(), ids };
                to.nodes.push(Node::new(drop.clone(), "", step).after([found]));
                return Ok(self.op.is_done(&drop).then_some(drop));
            }
            Some(FoundRelease { .. }) => {}
        }
        let target = self.of.target.clone();
        let step = ExecuteChangeSet { target: target.clone(), token: token.clone(), ids: ids.clone() };
        to.nodes.push(Node::new(execute.clone(), "", step).after([found]));
        let step = AwaitExecution { target, token, is_grow: false, ids };
        to.nodes.push(Node::new(done.clone(), "", step).after([execute]));
        let end: Option<PassEnd> = self.op.output(&done)?;
        Ok(match end {
            Some(PassEnd { failure: None }) => Some(done),
            Some(PassEnd { failure: Some(failure) }) => {
                (to.last, to.end) = (done, Some(Err(failure)));
                None
            }
            None => None,
        })
    }
}
