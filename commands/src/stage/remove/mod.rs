//! `/stage remove`: deletes everything that Sluice made for a stage, and takes the stage out of its pipeline.
//!
//! It works in rounds. Each begins with a look at what there is, by names, tags and paths that only this stage has, and deletes
//! it: first the API stages, so no request comes any more, then the stack with the triggers, then functions, their roles, and the
//! APIs. The last round finds nothing. So it also finds what failed deploys left, and a look that lags is repeated.
//!
//! The first step that changes something is the record: from then on the stage *is being removed*. Nothing else may change it, and
//! there is no way back. A step that fails leaves the operation stuck; *Retry* continues, and after *Mark resolved* the same command
//! begins again with what is left.

mod command;
mod delete;
mod found;
mod look;
mod messages;
mod open;
mod params;
mod record;

use std::sync::Arc;

use jiff::Timestamp;

use crate::application::Sluice;
use crate::operation::{
    EngineError, Node, Operation, OperationState, STAGE_REMOVE, SignalKind, Slot, Snapshot, Step, StepId,
    Summary,
};
use crate::records::{AuditSubject, prepare_slot, stage_slot};
use crate::resources::stack::StackOfStage;
use crate::resources::stack::remove::Attempt;
use crate::stage::remove::delete::{Part, Remove, Verdict, is_left};
use crate::stage::remove::found::{Found, FoundApi, look};
use crate::stage::remove::look::LookForAll;
use crate::stage::remove::record::{Begin, Forget, Forgotten, Leave};
use crate::steps::{DeleteRole, HoldSlot, RolePart};
use sluice_model::{Permission, Refusal, Target, Text};

#[cfg(any(test, feature = "testing"))]
pub(crate) use self::found::sample;
#[cfg(any(test, feature = "testing"))]
pub(crate) use self::messages::{locked, stack_left};
pub use self::params::Params;
use self::params::{begin, leave};

/// The operation's kind.
pub const KIND: &str = STAGE_REMOVE;

/// The operation.
pub struct StageRemove;

/// One round: everything that its look found is deleted.
struct Round<'a> {
    op: &'a OperationState,
    of: StackOfStage,
    found: &'a Found,
    number: usize,
    nodes: Vec<Node>,
}

impl Round<'_> {
    /// The id of one of its steps.
    fn step(&self, what: &str, subject: &str) -> StepId {
        StepId::of(what, &format!("{}/{subject}", self.number))
    }

    /// Adds a step under the slot of the stage.
    fn add(
        &mut self,
        id: StepId,
        title: impl Into<Text>,
        step: impl Step<Sluice> + 'static,
        after: Vec<StepId>,
    ) -> StepId {
        let node = Node::new(id.clone(), title, step).after(after);
        self.nodes.push(node.holding(stage_slot(&self.of.stage)));
        id
    }

    fn remove(&self, part: Part) -> Remove {
        Remove { target: self.of.target.clone(), part }
    }

    /// The steps that end requests, after these. With `again`, only those of API stages that API Gateway kept at first.
    fn requests(&mut self, after: &[StepId], again: bool) -> Result<Vec<StepId>, EngineError> {
        let mut ids = vec![];
        for api in &self.found.apis {
            for stage in &api.stages {
                let subject = format!("{}/{stage}", api.id);
                let id = self.step("api-stage", &subject);
                if again && !is_left(self.op, &id)? {
                    continue;
                }
                let id = if again { self.step("api-stage-again", &subject) } else { id };
                let title = if again { Default::default() } else { messages::end_requests(api, stage) };
                let (kind, api, stage) = (api.kind, api.id.clone(), stage.clone());
                let part = Part::ApiStage { kind, api, stage, is_kept_if_used: !again };
                let step = self.remove(part);
                ids.push(self.add(id, title, step, after.to_vec()));
            }
        }
        Ok(ids)
    }

    /// Functions, then their roles, then the APIs: those take longest, and nothing waits for them.
    fn rest(&mut self, after: &[StepId]) -> Vec<StepId> {
        let mut last: Vec<StepId> = after.to_vec();
        for function in &self.found.functions {
            let (id, title) = (self.step("function", function), messages::delete_function(function));
            let step = self.remove(Part::Function { function: function.clone() });
            last.push(self.add(id, title, step, after.to_vec()));
        }
        let of_functions = last.clone();
        for role in &self.found.roles {
            let target = &self.of.target;
            let delete = |part| DeleteRole { target: target.clone(), role: role.clone(), part };
            let (policies, itself) = (delete(RolePart::Policies), delete(RolePart::Itself));
            let policy = self.add(self.step("role-policy", role), "", policies, of_functions.clone());
            last.push(self.add(self.step("role", role), "", itself, vec![policy]));
        }
        let mut before = of_functions;
        for FoundApi { kind, id: api, name, .. } in &self.found.apis {
            let (id, title) = (self.step("api", api), messages::delete_api(name));
            let step = self.remove(Part::Api { kind: *kind, api: api.clone() });
            // One after the other: an account may delete one REST API in 30 seconds.
            before = vec![self.add(id, title, step, before)];
            last.extend(before.iter().cloned());
        }
        last
    }
}

/// The last steps of a round: `Err` if it only ended the attempt to delete the stack.
type Last = Result<Vec<StepId>, StepId>;

impl StageRemove {
    /// The steps of a round, and its last ones once they are known.
    fn round(
        params: &Params,
        op: &OperationState,
        target: &Target,
        (found, number, failures): (&Found, usize, &mut usize),
    ) -> Result<(Vec<Node>, Option<Last>), EngineError> {
        let of = params.stack(target);
        let mut round = Round { op, of: of.clone(), found, number, nodes: vec![] };
        let start = vec![begin(), look(number)];
        let mut after = [start, round.requests(&[begin(), look(number)], false)?].concat();
        if let Some(stack) = &found.stack {
            let removing = Attempt { op, of: &of, stack, number }.nodes(after)?;
            let slot = stage_slot(&params.stage);
            round.nodes.extend(removing.nodes.into_iter().map(|node| node.holding(slot.clone())));
            match removing.end {
                None => return Ok((round.nodes, None)),
                Some(Ok(())) => after = vec![removing.last],
                Some(Err(failure)) => {
                    *failures += 1;
                    let retries = op.signals.iter().filter(|signal| signal.kind == SignalKind::Retry).count();
                    let id = round.step("verdict", &stack.name);
                    let step =
                        Verdict { name: stack.name.clone(), failure, is_retried: retries >= *failures };
                    let node = Node::new(id.clone(), messages::DELETE_STACK, step).after([removing.last]);
                    round.nodes.push(node.holding(slot));
                    return Ok((round.nodes, Some(Err(id))));
                }
            }
        }
        let again = round.requests(&after, true)?;
        let after = [after, again].concat();
        let last = round.rest(&after);
        Ok((round.nodes, Some(Ok(last))))
    }

    /// The records, once nothing is left in AWS.
    fn records(params: &Params, op: &OperationState, after: Vec<StepId>) -> Result<Vec<Node>, EngineError> {
        let (name, stage) = (&params.name, &params.stage);
        let (mut nodes, mut after) = (vec![], after);
        let mut from: Option<String> = None;
        for page in 1.. {
            let id = StepId::of("forget", &page.to_string());
            let step = Forget { name: name.clone(), stage: stage.clone(), from };
            nodes.push(Node::new(id.clone(), "", step).after(after).holding(stage_slot(stage)));
            let Some(Forgotten { more }) = op.output(&id)? else { return Ok(nodes) };
            after = vec![id];
            from = more;
            if from.is_none() {
                break;
            }
        }
        let step = Leave { name: name.clone(), stage: stage.clone() };
        nodes.push(Node::new(leave(), messages::LEAVE, step).after(after).holding(stage_slot(stage)));
        Ok(nodes)
    }
}

impl Operation<Sluice> for StageRemove {
    type Params = Params;

    fn kind(&self) -> &'static str {
        KIND
    }
    fn noun(&self) -> &'static str {
        "removal"
    }
    /// It begins as soon as it has its slots, and then there is no way back.
    fn can_cancel(&self) -> bool {
        false
    }
    fn if_too_large(&self) -> &'static str {
        "Delete some of the stage's functions by hand."
    }

    fn nodes(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let stage = &params.stage;
        // Nothing is prepared for the stage meanwhile, and nothing moves it.
        let hold = StepId::new("hold");
        let mut nodes = vec![Node::new(hold.clone(), "", HoldSlot).holding(prepare_slot(stage))];
        let mut before: Option<Found> = None;
        let mut after = vec![hold];
        let mut failures = 0;
        for number in 1.. {
            let step = LookForAll { of: params.stack(target), before: before.take() };
            let title = if number == 1 { messages::LOOK } else { "" };
            nodes.push(Node::new(look(number), title, step).after(after).holding(stage_slot(stage)));
            if number == 1 {
                let step = Begin { name: params.name.clone(), stage: stage.clone() };
                let node = Node::new(begin(), "", step).after([look(1)]).holding(stage_slot(stage));
                nodes.push(node.point_of_no_return());
            }
            let Some(found) = op.output::<Found>(&look(number))? else { return Ok(nodes) };
            if !op.is_done(&begin()) {
                return Ok(nodes);
            }
            if found.is_empty() {
                nodes.extend(Self::records(params, op, vec![begin(), look(number)])?);
                return Ok(nodes);
            }
            let (steps, last) = Self::round(params, op, target, (&found, number, &mut failures))?;
            nodes.extend(steps);
            (after, before) = match last {
                None => return Ok(nodes),
                Some(Ok(last)) => (last, Some(found)),
                Some(Err(verdict)) => (vec![verdict], None),
            };
            if !after.iter().all(|id| op.is_done(id)) {
                return Ok(nodes);
            }
        }
        Ok(nodes)
    }

    fn permission(&self, _: &Params) -> Permission {
        Permission::Admins
    }

    fn gate(
        &self,
        params: &Params,
        op: &OperationState,
        _: &Slot,
        snapshot: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        if op.is_done(&begin()) {
            return Ok(());
        }
        command::may_go(params, &snapshot.state, at)
    }

    fn audit_subject(&self, params: &Params, _: &OperationState) -> AuditSubject {
        AuditSubject { stage: Some(params.stage.clone()), before: params.before, ..AuditSubject::default() }
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        messages::summary(params, op)
    }
}
