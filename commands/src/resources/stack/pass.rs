//! The steps of one pass: its change set is created, compared with what the pass may do, executed and awaited.

use super::execution::{AwaitExecution, PassEnd, Verdict};
use super::leftover::{AwaitDeletion, DeleteLeftover};
use super::messages;
use super::of::{Pass, StackOf};
use super::plan::{PlannedPass, StackPlan};
use super::role::stack_role;
use super::steps::{AwaitChanges, CreateChangeSet, DropChangeSet, ExecuteChangeSet, FoundChanges};
use super::unblock::{BlockedStack, LookForBlocked};
use super::upload::UploadTemplate;
use crate::operation::{EngineError, Node, OperationState, SignalKind, StepId};
use crate::ports::ChangeSetIds;
use sluice_model::Text;

/// How often a rollback plans its triggers again by itself because somebody else changed the stack.
const MOST_BY_ITSELF: usize = 5;

/// The steps of a pass as far as they can be named.
pub(crate) struct PassNodes {
    pub(crate) nodes: Vec<Node>,
    /// Whether the stack is as the pass wants it.
    pub(crate) is_done: bool,
    /// Whether everything is ready, and only the execution is left.
    pub(crate) is_ready: bool,
}

impl PassNodes {
    /// The steps of GROW. With `executes`, the change set is executed after these steps; without it, it is only described.
    pub(crate) fn grow(
        op: &OperationState,
        of: &StackOf,
        plan: &StackPlan,
        (after, executes): (&[StepId], Option<&[StepId]>),
    ) -> Result<Self, EngineError> {
        let mut nodes = Self { nodes: vec![], is_done: false, is_ready: false };
        let Some(planned) = &plan.grow else { return Ok(Self { is_done: true, ..nodes }) };
        nodes.pass(op, of, (Pass::Grow, planned, plan), after.to_vec(), executes)?;
        Ok(nodes)
    }

    /// The steps of WIRE: as many attempts as somebody wanted.
    pub(crate) fn wire(
        op: &OperationState,
        of: &StackOf,
        plan: &StackPlan,
        after: &[StepId],
    ) -> Result<Self, EngineError> {
        let mut nodes = Self { nodes: vec![], is_done: false, is_ready: false };
        let Some(planned) = &plan.wire else { return Ok(Self { is_done: true, ..nodes }) };
        let mut retries = op.signals.iter().filter(|signal| signal.kind == SignalKind::Retry).count();
        let mut after = after.to_vec();
        for attempt in 1.. {
            let pass = Pass::Wire(attempt);
            if attempt > 1 {
                let look = pass.step("stack-look");
                let step = LookForBlocked { of: of.clone() };
                nodes.nodes.push(Node::new(look.clone(), "", step).after(after));
                let Some(blocked) = op.output::<Option<BlockedStack>>(&look)? else { break };
                after = vec![look];
                if let Some(blocked) = blocked {
                    let (unblock, done) = blocked.nodes(op, &of.target, pass, after);
                    nodes.nodes.extend(unblock);
                    if !op.is_done(&done) {
                        break;
                    }
                    after = vec![done];
                }
            }
            nodes.pass(op, of, (pass, planned, plan), after, Some(&[]))?;
            let (awaited, found) = (pass.step("stack-done"), pass.step("stack-changes"));
            let is_gone = op.output::<FoundChanges>(&found)?.is_some_and(|found| found.is_gone);
            let (awaited, failure) = match op.output::<PassEnd>(&awaited)? {
                Some(PassEnd { failure: Some(failure), .. }) => (awaited, failure),
                None if is_gone => (found, messages::GONE_MEANWHILE.to_owned()),
                _ => break,
            };
            let verdict = pass.step("stack-verdict");
            // What somebody else did meanwhile is no reason to ask, but for a bound.
            let by_itself = is_gone && of.is_rollback && attempt <= MOST_BY_ITSELF;
            let step = Verdict { pass, failure, is_retried: by_itself || retries >= attempt };
            retries += usize::from(by_itself);
            nodes.nodes.push(Node::new(verdict.clone(), messages::execute(pass), step).after([awaited]));
            if !op.is_done(&verdict) {
                break;
            }
            after = vec![verdict];
        }
        Ok(nodes)
    }

    fn pass(
        &mut self,
        op: &OperationState,
        of: &StackOf,
        (pass, planned, plan): (Pass, &PlannedPass, &StackPlan),
        mut after: Vec<StepId>,
        executes: Option<&[StepId]>,
    ) -> Result<(), EngineError> {
        (self.is_done, self.is_ready) = (false, false);
        let is_first = pass == Pass::Grow || (plan.grow.is_none() && pass == Pass::Wire(1));
        if let Some(leftover) = plan.leftover.as_ref().filter(|_| is_first) {
            let (delete, gone) = (pass.step("stack-clean"), pass.step("stack-gone"));
            let (of, stack) = (of.clone(), leftover.clone());
            let step = DeleteLeftover { of: of.clone(), stack: stack.clone(), pass };
            self.nodes.push(Node::new(delete.clone(), messages::DELETE_LEFTOVER, step).after(after));
            self.nodes.push(Node::new(gone.clone(), "", AwaitDeletion { of, stack }).after([delete]));
            after = vec![gone];
        }
        let digest = &planned.digest;
        if planned.is_large {
            let upload = pass.step("stack-template");
            let step =
                UploadTemplate { of: of.clone(), pass, digest: digest.clone(), kept: plan.kept.clone() };
            self.nodes.push(Node::new(upload.clone(), "", step).after(after));
            after = vec![upload];
        }
        let (create, found, execute, done) = (
            pass.step("stack-compare"),
            pass.step("stack-changes"),
            pass.step("stack-update"),
            pass.step("stack-done"),
        );
        let step = CreateChangeSet {
            of: of.clone(),
            pass,
            digest: digest.clone(),
            kept: plan.kept.clone(),
            role: stack_role(of, &plan.names)?.arn(&of.target),
        };
        let is_begun = op.step(&execute).is_some();
        let node = Node::new(create.clone(), messages::create_change_set(pass), step).after(after);
        self.nodes.push(node.spent_if(is_begun));
        let ids = match op.output::<Option<ChangeSetIds>>(&create)? {
            None => return Ok(()),
            Some(None) => {
                self.is_done = true;
                return Ok(());
            }
            Some(Some(ids)) => ids,
        };
        let step = AwaitChanges {
            of: of.clone(),
            pass,
            digest: digest.clone(),
            kept: plan.kept.clone(),
            ids: ids.clone(),
        };
        self.nodes.push(Node::new(found.clone(), "", step).after([create]));
        let Some(FoundChanges { is_empty, is_gone, .. }) = op.output(&found)? else { return Ok(()) };
        if is_gone {
            return Ok(());
        }
        if is_empty {
            let drop = pass.step("stack-drop");
            let step = DropChangeSet { target: of.target.clone(), ids };
            self.nodes.push(Node::new(drop.clone(), "", step).after([found]));
            self.is_done = op.is_done(&drop);
            return Ok(());
        }
        let Some(needs) = executes else {
            self.is_ready = true;
            return Ok(());
        };
        let token = pass.token(&op.id);
        let step = ExecuteChangeSet { target: of.target.clone(), token: token.clone(), ids: ids.clone() };
        let node = Node::new(execute.clone(), "", step).after([found]);
        self.nodes.push(node.after(needs.iter().cloned()));
        let is_grow = pass == Pass::Grow;
        let step = AwaitExecution { target: of.target.clone(), token, is_grow, ids };
        let end: Option<PassEnd> = op.output(&done)?;
        // A failure is shown by the verdict, which has the same title.
        let has_failed = end.as_ref().is_some_and(|end| end.failure.is_some());
        let title = if has_failed { Text::default() } else { messages::execute(pass) };
        self.nodes.push(Node::new(done.clone(), title, step).after([execute]));
        self.is_done = end.is_some() && !has_failed;
        Ok(())
    }
}
