//! `/deploy`: a green build becomes a release and runs on the first stage.
//!
//! For a function with an unchanged configuration, the longest chain has four calls: read and look (in parallel),
//! publish the code, look at the version, move the alias.

use std::sync::Arc;

use jiff::Timestamp;

use crate::application::Sluice;
use crate::deploy::messages;
use crate::deploy::params::Params;
use crate::operation::{
    Content, DEPLOY, End, EngineError, Keys, Node, Operation, OperationState, Slot, Snapshot, Step, StepId,
    Summary,
};
use crate::ports::{Precondition, Write};
use crate::records::{AuditSubject, stage_slot, to_item};
use crate::resources::{Move, RanBefore};
use crate::rules::{Attempt, Want, pass};
use crate::steps::{
    FirstMinutes, Preparing, StageMove, TOO_MANY_FUNCTIONS, all_done, has_moved, move_subject,
    preparation_contents, preparation_nodes, resolution_nodes, same_policy, same_stage, still_there, touched,
};
use sluice_model::{Permission, Refusal, Target};

/// The operation.
pub struct Deploy;

impl Operation<Sluice> for Deploy {
    type Params = Params;

    fn kind(&self) -> &'static str {
        DEPLOY
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
        let Preparing { mut nodes, set, .. } = preparation_nodes(&params.preparation(op, target))?;
        let Some(ready) = set else { return Ok(nodes) };
        let before: Vec<StepId> = nodes.iter().map(|node| node.id.clone()).collect();
        if !all_done(op, &nodes) {
            return Ok(nodes);
        }
        let ran =
            RanBefore { pipeline: params.name.clone(), stage: params.stage.clone(), release: params.before };
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
            release: &params.release(op, true),
            is_new: true,
            is_rollback: false,
            smoke: params.smoke.as_ref(),
            stack: ready.stack.as_ref(),
        };
        match moves.impossible_test(&before) {
            Some(test) => nodes.push(test),
            None => nodes.extend(moves.nodes(op, before, &[])?),
        }
        Ok(nodes)
    }

    fn contents(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Arc<dyn Content<Sluice>>>, EngineError> {
        preparation_contents(&params.preparation(op, target))
    }

    fn resolution(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        Ok(resolution_nodes(op, &params.name, &params.stage))
    }

    fn follow_up(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Option<Arc<dyn Step<Sluice>>> {
        let place = (&params.name, &params.stage);
        FirstMinutes::after(op, target, place, &params.release(op, true), params.before)
    }

    fn permission(&self, params: &Params) -> Permission {
        if params.stack.replace { Permission::Admins } else { Permission::Operators }
    }

    fn gate(
        &self,
        params: &Params,
        op: &OperationState,
        slot: &Slot,
        snapshot: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let Params { name, stage, smoke, parameters, .. } = params;
        if has_moved(op) {
            return Ok(());
        }
        let state = &snapshot.state;
        still_there(name, stage, state)?;
        pass(state, &Attempt { pipeline: name, stage, want: Want::Deploy, at })?;
        if *slot != stage_slot(stage) {
            return Ok(());
        }
        same_stage(op, name, stage, state)?;
        same_policy(op, smoke.as_ref(), (parameters, params.stack), (&state.policy(stage), stage))
    }

    fn on_end(
        &self,
        params: &Params,
        op: &OperationState,
        succeeded: bool,
        cx: &End<'_>,
    ) -> Result<Vec<Write>, EngineError> {
        if succeeded {
            return Ok(vec![]);
        }
        // The number of a failed release stays used.
        let keys = Keys::new(cx.target);
        let key = keys.release(&params.name, params.release);
        let item = to_item(key, Default::default(), &params.release(op, false))?;
        let touched = touched(op, succeeded, cx, (&params.name, &params.stage));
        Ok([Write::Put { item, when: Precondition::Any }].into_iter().chain(touched).collect())
    }

    fn audit_subject(&self, params: &Params, op: &OperationState) -> AuditSubject {
        move_subject(&params.stage, &params.release(op, true), params.before)
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        messages::summary(params, op)
    }
}
