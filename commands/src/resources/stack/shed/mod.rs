//! SHED: resources that no release needs any more leave a stack.
//!
//! It takes two change sets. Everything but triggers has a deletion policy that keeps it, and the policy that counts is the one that
//! the stack has when a resource leaves its template. So the first change set lets CloudFormation delete what goes, and the second one
//! takes it out of the template. `/stage remove` needs the first one alone, because it deletes the stack then.

mod outcome;
mod steps;
mod unneeded;

use super::execution::{AwaitExecution, PassEnd};
use super::messages;
use super::steps::{DropChangeSet, ExecuteChangeSet};
use super::token::token;
use crate::operation::{EngineError, Node, OperationState, StepId};
use crate::ports::ChangeSetIds;
use sluice_model::Text;

use steps::{AwaitShed, CreateShed, FoundShed, UploadShed};
pub(super) use steps::{ShedChange, ShedPlan};
pub(crate) use unneeded::Unneeded;

/// The steps of one change set of SHED.
pub(super) struct ShedSteps<'a> {
    pub(super) op: &'a OperationState,
    pub(super) change: ShedChange,
    /// What distinguishes these steps from others of the operation.
    pub(super) id: String,
    /// The title of the change.
    pub(super) title: Text,
    /// Whether its template may have to be in S3.
    pub(super) is_large: bool,
}

/// Those steps as far as they can be named.
pub(crate) struct Shedding {
    pub(crate) nodes: Vec<Node>,
    /// How they ended, once they did.
    pub(crate) end: Option<ShedEnd>,
}

/// The end of a change.
#[derive(Debug, Clone)]
pub(crate) struct ShedEnd {
    /// The last step.
    pub(crate) last: StepId,
    /// Why CloudFormation could not do it, as a sentence.
    pub(crate) failure: Option<String>,
}

impl ShedSteps<'_> {
    fn step(&self, what: &str) -> StepId {
        StepId::of(what, &self.id)
    }

    /// The steps, after these.
    pub(super) fn nodes(self, mut after: Vec<StepId>) -> Result<Shedding, EngineError> {
        let [create, found, execute, done] =
            ["stack-compare", "stack-changes", "stack-update", "stack-done"].map(|what| self.step(what));
        let Self { op, change, title, .. } = &self;
        let token = token(&op.id, &self.id);
        let target = &change.of.target;
        let mut nodes = vec![];
        if self.is_large {
            let upload = self.step("stack-template");
            let step = UploadShed { change: change.clone() };
            nodes.push(Node::new(upload.clone(), "", step).after(after));
            after = vec![upload];
        }
        let ended = |nodes, last, failure| Ok(Shedding { nodes, end: Some(ShedEnd { last, failure }) });
        let step = CreateShed { change: change.clone(), token: token.clone() };
        let node = Node::new(create.clone(), "", step).after(after);
        nodes.push(node.spent_if(op.step(&execute).is_some()));
        let ids = match op.output::<Option<ChangeSetIds>>(&create)? {
            None => return Ok(Shedding { nodes, end: None }),
            Some(None) => return ended(nodes, create, None),
            Some(Some(ids)) => ids,
        };
        let step = AwaitShed { change: change.clone(), ids: ids.clone() };
        nodes.push(Node::new(found.clone(), title.clone(), step).after([create]));
        match op.output::<FoundShed>(&found)? {
            None => return Ok(Shedding { nodes, end: None }),
            Some(FoundShed { failure: Some(failure), .. }) => {
                return ended(nodes, found, Some(failure));
            }
            Some(FoundShed { is_empty: true, .. }) => {
                let drop = self.step("stack-drop");
                let step = DropChangeSet { target: target.clone(), ids };
                nodes.push(Node::new(drop.clone(), "", step).after([found]));
                return match op.is_done(&drop) {
                    true => ended(nodes, drop, None),
                    false => Ok(Shedding { nodes, end: None }),
                };
            }
            Some(FoundShed { .. }) => {}
        }
        let step = ExecuteChangeSet { target: target.clone(), token: token.clone(), ids: ids.clone() };
        nodes.push(Node::new(execute.clone(), "", step).after([found]));
        let step = AwaitExecution { target: target.clone(), token, is_grow: false, ids };
        nodes.push(Node::new(done.clone(), "", step).after([execute]));
        match op.output::<PassEnd>(&done)? {
            Some(PassEnd { failure, .. }) => ended(nodes, done, failure),
            None => Ok(Shedding { nodes, end: None }),
        }
    }
}

/// The title of the change that takes resources out of the template.
fn title() -> Text {
    Text::plain(messages::SHED)
}
