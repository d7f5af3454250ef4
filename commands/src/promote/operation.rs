//! `/promote`: a stage will run a release of an earlier stage.
//!
//! The version set is made before the gate, while nobody waits. The approval is bound to it and to the release that the stage
//! ran at the request. After the approval only aliases and the API stage move: two calls in a row at most.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::application::Sluice;
use crate::comparison::{Comparison, LookAtChanges, LookAtCommits};
use crate::operation::{
    Content, End, EngineError, Node, Operation, OperationState, Slot, Snapshot, Step, StepId, Summary,
};
use crate::ports::Write;
use crate::promote::approval::{Approval, enough, valid};
use crate::promote::messages;
use crate::promote::outdated::node as void_outdated_node;
use crate::promote::params::{APPROVAL, CHANGES, COMMITS, KIND, Params};
use crate::promote::refusals::stage_moved;
use crate::records::{AuditSubject, stage_slot};
use crate::resources::stack::described_changes;
use crate::resources::{Move, RanBefore, pinned_values};
use crate::rules::{Attempt, Subjects, pass};
use crate::steps::{
    FirstMinutes, ReadySet, STAGE_REVISION, StageMove, SystemSource, TOO_MANY_FUNCTIONS, all_done,
    application, has_moved, preparation_contents, preparation_nodes, resolution_nodes, same_policy,
    same_stage, still_there, touched,
};
use sluice_model::{Permission, Refusal, Target};

impl Params {
    /// The step that reads the commits in between, for approvers.
    fn commits(&self, target: &Target) -> Option<Node> {
        let step = self.commits_between(target)?;
        (self.approvals > 0).then(|| Node::new(StepId::new(COMMITS), "", step))
    }

    /// The commits between the running release and this one.
    pub(super) fn commits_between(&self, target: &Target) -> Option<LookAtCommits> {
        let (before, repository) = (self.before.as_ref()?, self.repository.clone()?);
        let (target, runs) = (target.clone(), before.commit.id.clone());
        Some(LookAtCommits { target, repository, newest: self.release.commit.clone(), runs })
    }

    /// The comparison of the running release with this one.
    pub(super) fn comparison(&self, target: &Target) -> Comparison {
        Comparison {
            target: target.clone(),
            pipeline: self.name.clone(),
            stage: self.to.clone(),
            bucket: self.bucket.clone(),
            is_first: false,
            before: self.before.as_ref().map(|before| before.release),
            parameters: self.before.as_ref().map(|before| before.parameters.clone()).unwrap_or_default(),
            from: Some((self.from.clone(), self.release.number)),
            artifact: self.release.artifact.clone(),
            wanted: self.parameters.clone(),
            system_before: self.before.as_ref().map(|before| before.system.clone()).unwrap_or_default(),
            system: SystemSource::Now,
            apis: pinned_values(&self.apis),
        }
    }

    /// The step that waits for approvals, after everything in `before`.
    fn approval(&self, op: &OperationState, before: &mut Vec<StepId>) -> Result<Option<Node>, EngineError> {
        if self.approvals == 0 {
            return Ok(None);
        }
        let step = Approval {
            params: self.clone(),
            requester: op.spec.actor.id.clone(),
            seen: op.output(&StepId::new(STAGE_REVISION))?,
        };
        let node = Node::new(StepId::new(APPROVAL), messages::approval_step(self.approvals), step);
        let node = node.after(before.clone());
        before.push(StepId::new(APPROVAL));
        Ok(Some(node))
    }

    /// The step that compares the releases, for approvers. It is the last one before the approval: its result goes into the
    /// row that is written then anyway, and in an earlier row each KB would cost two more write units.
    fn changes(&self, op: &OperationState, target: &Target) -> Result<Option<Node>, EngineError> {
        let Some(now) = application(op)? else { return Ok(None) };
        // Approvers decide about the values that were read, whatever they became since.
        let system = SystemSource::Pinned(now.application.system.clone());
        let of = Comparison { system, ..self.comparison(target) };
        let step = LookAtChanges { of, now, stack: described_changes(op)? };
        Ok((self.approvals > 0).then(|| Node::new(StepId::new(CHANGES), "", step)))
    }
}

/// The operation.
pub struct Promote;

impl Promote {
    /// The rest of the preparation, which changes the stage's stack and so needs the approval: the version set once it is made.
    fn after_approval(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
        (nodes, before): (&mut Vec<Node>, &mut Vec<StepId>),
    ) -> Result<Option<ReadySet>, EngineError> {
        let known: BTreeSet<StepId> = nodes.iter().map(|node| node.id.clone()).collect();
        nodes.extend(params.approval(op, before)?);
        let approved: Vec<StepId> = before.iter().filter(|id| id.0 == APPROVAL).cloned().collect();
        let rest = preparation_nodes(&params.preparation(op, target, Some(&approved)))?;
        let more = rest.nodes.into_iter().filter(|node| !known.contains(&node.id));
        let more: Vec<Node> = more.map(|node| node.holding(stage_slot(&params.to))).collect();
        before.extend(more.iter().map(|node| node.id.clone()));
        let is_done = all_done(op, &more);
        nodes.extend(more);
        Ok(rest.set.filter(|_| is_done))
    }
}

impl Operation<Sluice> for Promote {
    type Params = Params;

    fn kind(&self) -> &'static str {
        KIND
    }
    fn noun(&self) -> &'static str {
        "promotion"
    }
    fn if_too_large(&self) -> &'static str {
        TOO_MANY_FUNCTIONS
    }

    fn nodes(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let prepared = preparation_nodes(&params.preparation(op, target, None))?;
        let is_done = all_done(op, &prepared.nodes);
        let ready = prepared.set.filter(|_| is_done);
        let mut nodes: Vec<Node> = params.commits(target).into_iter().chain(prepared.nodes).collect();
        if ready.is_none() && !(prepared.waits && is_done) {
            return Ok(nodes);
        }
        let mut before: Vec<StepId> = nodes.iter().map(|node| node.id.clone()).collect();
        if let Some(node) = params.changes(op, target)? {
            before.push(node.id.clone());
            nodes.push(node);
        }
        let ready = match ready {
            Some(ready) => ready,
            None => {
                if let Some(ready) = self.after_approval(params, op, target, (&mut nodes, &mut before))? {
                    ready
                } else {
                    return Ok(nodes);
                }
            }
        };
        let release = params.before.as_ref().map(|before| before.release);
        let ran = RanBefore { pipeline: params.name.clone(), stage: params.to.clone(), release };
        let moves = StageMove {
            to: Move {
                target,
                before: &ran,
                set: &ready.set,
                seen: &ready.seen,
                recorded: &params.apis,
                settings: &params.settings,
                accepted: params.outside.as_ref(),
            },
            release: &params.release,
            is_new: false,
            is_rollback: false,
            smoke: params.smoke.as_ref(),
            stack: ready.stack.as_ref(),
        };
        if let Some(test) = moves.impossible_test(&before) {
            nodes.push(test);
            return Ok(nodes);
        }
        if !before.contains(&StepId::new(APPROVAL)) {
            nodes.extend(params.approval(op, &mut before)?);
        }
        let approved: Vec<StepId> = before.iter().filter(|id| id.0 == APPROVAL).cloned().collect();
        nodes.extend(moves.nodes(op, before, &approved)?);
        nodes.extend(void_outdated_node(op, &params.name, &params.to)?);
        Ok(nodes)
    }

    fn contents(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Arc<dyn Content<Sluice>>>, EngineError> {
        preparation_contents(&params.preparation(op, target, None))
    }

    fn resolution(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        Ok(resolution_nodes(op, &params.name, &params.to))
    }

    fn follow_up(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Option<Arc<dyn Step<Sluice>>> {
        let before = params.before.as_ref().map(|before| before.release);
        FirstMinutes::after(op, target, (&params.name, &params.to), &params.release, before)
    }

    fn permission(&self, params: &Params) -> Permission {
        match params.override_reason {
            _ if params.stack.replace => Permission::Admins,
            None => Permission::Operators,
            Some(_) => Permission::AdminsOrOncall,
        }
    }

    fn subjects(&self, params: &Params, op: &OperationState) -> Subjects {
        let approved = Params::approved_at_all(op).chain([&op.spec.actor.id]);
        Subjects::people(approved).naming(&params.named)
    }

    fn gate(
        &self,
        params: &Params,
        op: &OperationState,
        slot: &Slot,
        snapshot: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let state = &snapshot.state;
        let Params { name, to, before, .. } = params;
        if has_moved(op) {
            return Ok(());
        }
        still_there(name, to, state)?;
        if *slot != stage_slot(to) {
            return Ok(());
        }
        let now = state.stages.get(to).and_then(|stage| stage.current.as_ref());
        if now.map(|now| now.release) == before.as_ref().map(|before| before.release) {
            // It may have moved away and back.
            same_stage(op, name, to, state)?;
            pass(state, &Attempt { pipeline: name, stage: to, want: params.want(), at })?;
            same_policy(
                op,
                params.smoke.as_ref(),
                (&params.parameters, params.stack),
                (&state.policy(to), to),
            )?;
            return enough(params, state).and_then(|()| valid(params, op, &snapshot.access));
        }
        Err(stage_moved(name, to, state))
    }

    fn on_end(
        &self,
        params: &Params,
        op: &OperationState,
        succeeded: bool,
        cx: &End<'_>,
    ) -> Result<Vec<Write>, EngineError> {
        Ok(touched(op, succeeded, cx, (&params.name, &params.to)))
    }

    fn audit_subject(&self, params: &Params, op: &OperationState) -> AuditSubject {
        params.audit_subject(op)
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        messages::summary(params, op)
    }
}
