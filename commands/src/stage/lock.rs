//! `/stage lock`: keeps one or all stages unchanged until a time, which is always shown.
//!
//! Each stage's slot is held while its lock is recorded: an operation that moves the stage now ends first,
//! and later ones see the lock. So the stage cannot move after people were notified that it is locked.
//!
//! Then the operation waits as long as its locks hold, without slot, ticket or task, so its message can show
//! their state. It reminds the owner, and ends at the locks' end or once the last of its locks is removed or
//! replaced (`hold.rs`). Only the record decides whether a lock holds; the operation reads it
//! whenever it wakes.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::application::Sluice;
use crate::operation::{
    Context, Effect, EngineError, Node, Operation, OperationState, Progress, Snapshot, Step, StepId, Summary,
};
use crate::ports::Write;
use crate::records::{AuditSubject, stage_slot};
use crate::rules::Lock;
pub use crate::stage::params::Lock as Params;
use crate::stage::{hold, messages};
use sluice_engine::Precedence;
use sluice_model::{Actor, OperationId, Permission, PipelineName, StageName, Target, Text};

/// The operation's kind.
pub const KIND: &str = crate::operation::LOCK;

/// The operation.
pub struct StageLock;

impl Operation<Sluice> for StageLock {
    type Params = Params;

    fn kind(&self) -> &'static str {
        KIND
    }
    fn noun(&self) -> &'static str {
        "lock"
    }
    /// A guard of its own protects what it writes, so a rollback may pass it while it holds a slot.
    fn precedence(&self) -> Precedence {
        Precedence::Yields
    }
    fn is_urgent(&self) -> bool {
        true
    }
    fn nodes(&self, params: &Arc<Params>, op: &OperationState, _: &Target) -> Result<Vec<Node>, EngineError> {
        let node = |stage: &StageName| {
            let step = Record {
                name: params.name.clone(),
                stage: stage.clone(),
                owner: op.spec.actor.clone(),
                until: params.until,
                hard: params.hard,
                reason: params.reason.clone(),
            };
            let title = Text::plain("Lock stage ").code(stage.as_str());
            Node::new(StepId::of("lock", stage.as_str()), title, step).holding(stage_slot(stage))
        };
        // One after the other, in the order of the stages, so two locks of all stages never wait for each
        // other.
        let mut nodes: Vec<Node> = vec![];
        for stage in &params.stages {
            let before: Vec<StepId> = nodes.last().map(|node| node.id.clone()).into_iter().collect();
            nodes.push(node(stage).after(before));
        }
        let set: Vec<StepId> = nodes.iter().map(|node| node.id.clone()).collect();
        nodes.extend(hold::nodes(op, params, &set)?);
        Ok(nodes)
    }
    fn keeps_place(&self) -> bool {
        false
    }
    fn permission(&self, params: &Params) -> Permission {
        match params.hard {
            false => Permission::OperatorsOrOncall,
            true => Permission::Admins,
        }
    }
    fn can_cancel(&self) -> bool {
        false
    }
    fn audit_subject(&self, params: &Params, _op: &OperationState) -> AuditSubject {
        let stage = params.stages.first().filter(|_| params.stages.len() == 1).cloned();
        AuditSubject { stage, reason: Some(params.reason.clone()), ..AuditSubject::default() }
    }
    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        messages::lock(params, op)
    }
}

struct Record {
    name: PipelineName,
    stage: StageName,
    owner: Actor,
    until: Timestamp,
    hard: bool,
    reason: String,
}

#[async_trait]
impl Step<Sluice> for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let keys = &cx.world.keys;
        let Snapshot { state, access, .. } = Snapshot::read(&cx.world, &self.name).await?;
        state.stage(&self.name, &self.stage).map_err(EngineError::Refused)?;
        let lock = Lock {
            stage: self.stage.clone(),
            owner: self.owner.clone(),
            reason: self.reason.clone(),
            since: cx.world.clock.now(),
            until: self.until,
            hard: self.hard,
            operation: cx.operation.clone(),
            over: vec![],
        };
        // Another lock may have been set since this one was accepted.
        let (lock, ended) = match state.locks.get(&self.stage) {
            Some(other) => lock.in_place_of(other, &access).map_err(EngineError::Refused)?,
            None => (lock, vec![]),
        };
        let (key, when) = (keys.lock(&self.name, &self.stage), state.lock_as_seen(&self.stage));
        let ended: Vec<OperationId> = ended.into_iter().map(|lock| lock.operation).collect();
        Progress::recorded(ended, vec![Write::Put { item: lock.to_item(key)?, when }])
    }
}
