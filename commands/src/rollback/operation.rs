//! `/rollback`: a stage goes back to a release that ran there. No build, no approval, no new version: its API and all aliases
//! move side by side.
//!
//! It is bound to the release that ran when it was requested: if the stage has moved when its turn comes, it is void.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryFutureExt as _;
use futures::future::try_join3;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::application::Sluice;
use crate::operation::{
    Context, Effect, End, EngineError, Node, Operation, OperationState, Preempt, Progress, ROLLBACK, Slot,
    Snapshot, Step, StepId, Summary, load, preempt,
};
use crate::ports::Write;
use crate::records::{AuditSubject, PipelineState, stack_slot, stage_slot};
use crate::resources::{ApiPlace, Asleep, Move, RanBefore, Seen, Surveyed, Watch, asleep, look_now};
use crate::rollback::messages;
use crate::rollback::params::Params;
use crate::rules::{Attempt, Want, pass};
use crate::steps::{
    FirstMinutes, HoldSlot, StackBack, StageMove, all_done, drift_note, has_moved, move_subject,
    resolution_nodes, still_there, touched,
};
use crate::{promote, resources};
use sluice_engine::Precedence;
use sluice_model::{Actor, Permission, Refusal, Target};

impl Params {
    /// The steps that connect the triggers of the release, and disconnect those that it did not have. Data stays.
    fn triggers(&self, op: &OperationState, target: &Target) -> Result<Vec<Node>, EngineError> {
        let stack = StackBack {
            target,
            pipeline: &self.name,
            stage: &self.stage,
            release: &self.release,
            set: &self.set,
            is_first: self.is_first,
        };
        // Tidying may be changing the stack: the move did not wait for it, and the triggers do.
        let moved = StepId::new("record");
        let hold = StepId::new("hold-stack");
        let mut nodes =
            vec![Node::new(hold.clone(), "", HoldSlot).after([moved]).holding(stack_slot(&self.stage))];
        let triggers = stack.nodes(op, &hold)?;
        nodes.extend(triggers.into_iter().map(|node| node.holding(stage_slot(&self.stage))));
        Ok(nodes)
    }
}

/// The operation.
pub struct Rollback;

impl Operation<Sluice> for Rollback {
    type Params = Params;

    fn kind(&self) -> &'static str {
        ROLLBACK
    }
    fn precedence(&self) -> Precedence {
        Precedence::First
    }
    fn is_urgent(&self) -> bool {
        true
    }

    fn nodes(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let slot = stage_slot(&params.stage);
        let look = StepId::new("look");
        let watch = Watch {
            pipeline: params.name.clone(),
            stage: params.stage.clone(),
            before: Some(params.before),
            mark: None,
            accepted: params.outside.clone(),
            line: drift_note(op),
        };
        let step = LookAtStage { params: Params::clone(params), watch };
        let mut nodes = vec![];
        let mut first = vec![];
        if params.goes_first {
            first.push(StepId::new("way"));
            let by = op.spec.actor.clone();
            nodes.push(Node::new(
                StepId::new("way"),
                "",
                PreemptOthers { params: Params::clone(params), by },
            ));
        }
        let node = Node::new(look.clone(), messages::check_stage(&params.stage), step);
        nodes.push(node.after(first).holding(slot.clone()));
        let Some(StageLook { seen, asleep }) = op.output(&look)? else { return Ok(nodes) };
        let mut are_awake = true;
        for (function, version) in params.set.versions.iter().filter(|(name, _)| asleep.contains(*name)) {
            let asleep =
                Asleep { target: target.clone(), function: function.clone(), version: version.clone() };
            let restore = asleep.nodes(function, look.clone()).map(|node| node.holding(slot.clone()));
            are_awake &= all_done(op, &restore);
            nodes.extend(restore);
        }
        if !are_awake {
            return Ok(nodes);
        }
        let before = RanBefore {
            pipeline: params.name.clone(),
            stage: params.stage.clone(),
            release: Some(params.before),
        };
        let (set, recorded, accepted) = (&params.set, &params.apis, params.outside.as_ref());
        let settings = &params.settings;
        let to = Move { target, before: &before, set, seen: &seen, recorded, settings, accepted };
        let moves = StageMove {
            to,
            release: &params.release,
            is_new: false,
            is_rollback: true,
            smoke: None,
            stack: None,
        }
        .nodes(op, vec![look.clone()], &[look])?;
        nodes.extend(moves);
        if params.has_stack {
            // The way back must not wait for CloudFormation: the triggers follow it.
            nodes.extend(params.triggers(op, target)?);
        }
        nodes.extend(promote::void_outdated_node(op, &params.name, &params.stage)?);
        Ok(nodes)
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
        FirstMinutes::after(op, target, place, &params.release, Some(params.before))
    }

    fn permission(&self, params: &Params) -> Permission {
        match params.overrides {
            false => Permission::OperatorsOrOncall,
            true => Permission::AdminsOrOncall,
        }
    }

    fn gate(
        &self,
        params: &Params,
        op: &OperationState,
        _: &Slot,
        snapshot: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        if has_moved(op) {
            return Ok(());
        }
        let state = &snapshot.state;
        let Params { name, stage, before, .. } = params;
        still_there(name, stage, state)?;
        pass(state, &Attempt { pipeline: name, stage, want: Want::Rollback, at })?;
        let now = state.stages.get(stage).and_then(|stage| stage.current.as_ref());
        match now {
            Some(now) if now.release == *before => Ok(()),
            now => Err(messages::stage_moved(params, now)),
        }
    }

    fn on_end(
        &self,
        params: &Params,
        op: &OperationState,
        succeeded: bool,
        cx: &End<'_>,
    ) -> Result<Vec<Write>, EngineError> {
        Ok(touched(op, succeeded, cx, (&params.name, &params.stage)))
    }

    fn audit_subject(&self, params: &Params, _op: &OperationState) -> AuditSubject {
        AuditSubject {
            versions: params.set.versions.clone(),
            reason: params.reason.clone(),
            ..move_subject(&params.stage, &params.release, Some(params.before))
        }
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        messages::summary(params, op)
    }
}

/// Pre-empts promotions to the stage: a waiting one becomes void, a running one is undone.
struct PreemptOthers {
    params: Params,
    by: Actor,
}

#[async_trait]
impl Step<Sluice> for PreemptOthers {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let world = &cx.world;
        let state = PipelineState::read(&*world.store, &world.keys, &self.params.name).await?;
        for ticket in state.queue.tickets.iter().filter(|ticket| ticket.kind == promote::KIND) {
            let open = match load(&*world.store, &world.keys, &ticket.operation).await {
                Ok(Some(open)) => open,
                Ok(None) => continue,
                // An unreadable promotion does not stop a rollback: its owner parks it, and the rollback passes its slot.
                Err(error) if error.is_corrupt() => {
                    tracing::warn!(operation = %ticket.operation, %error, "a promotion is passed over");
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Ok(theirs) = open.op.params::<promote::Params>() else {
                tracing::warn!(operation = %ticket.operation, "a promotion of another version is passed over");
                continue;
            };
            if theirs.to == self.params.stage {
                let about = promote::Promote.audit_subject(&theirs, &open.op);
                let refusal = messages::goes_first(&self.by);
                let preemption = Preempt { refusal, rule: "rollback", by: &self.by, about };
                preempt(world, &open.head, preemption).await?;
            }
        }
        Progress::done(())
    }
}

/// The output of [`LookAtStage`].
#[derive(Debug, Serialize, Deserialize)]
struct StageLook {
    #[serde(flatten)]
    seen: Seen,
    /// The functions whose version is inactive: it must be restored before anybody calls it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    asleep: BTreeSet<String>,
}

struct LookAtStage {
    params: Params,
    watch: Watch,
}

#[async_trait]
impl Step<Sluice> for LookAtStage {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { params, watch } = self;
        let set = &params.set;
        let stage = Surveyed {
            stage: params.stage.clone(),
            functions: set.versions.keys().cloned().collect(),
            apis: ApiPlace::all(&set.apis),
        };
        let look = look_now(&cx.world, stage).map_err(EngineError::from);
        let (seen, recorded, asleep) =
            try_join3(look, watch.recorded(cx), asleep(&cx.world, &set.versions).map_err(EngineError::from))
                .await?;
        if let Some(recorded) = recorded {
            // An API that was replaced since, or got another API stage, was not seen where it is recorded.
            let mut moved = seen.clone();
            moved.apis.retain(|logical, _| {
                let places = (recorded.apis().get(logical), set.apis.get(logical));
                !matches!(places, (Some(now), Some(then)) if ApiPlace::of(now) != ApiPlace::of(then))
            });
            let drift = resources::drift(&recorded, &moved);
            if let Some(progress) = watch.judge(cx, drift).await? {
                return Ok(progress);
            }
        }
        Progress::done(StageLook { seen, asleep })
    }
}
