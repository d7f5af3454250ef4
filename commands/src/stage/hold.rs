//! The time while a lock holds: it ends at its end, or when it is removed or replaced.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::application::Sluice;
use crate::operation::{
    Context, Effect, EngineError, Node, OperationState, Progress, SignalKind, Step, StepId, release,
};
use crate::records::PipelineState;
use crate::stage::params::{Lock as Params, hold};
use sluice_model::{Actor, OperationId, PipelineName, StageName};

/// The steps after the locks in `set`: the former locks are notified, and each lock holds.
pub(super) fn nodes(op: &OperationState, params: &Params, set: &[StepId]) -> Result<Vec<Node>, EngineError> {
    let mut nodes = vec![];
    for stage in &params.stages {
        let lock = StepId::of("lock", stage.as_str());
        let replaced: Vec<OperationId> = op.output(&lock)?.unwrap_or_default();
        if !replaced.is_empty() {
            let locks = replaced.into_iter().map(|lock| (lock, stage.clone())).collect();
            let step = NotifyLocks { locks, how: SignalKind::Replace, by: op.spec.actor.clone() };
            nodes.push(Node::new(StepId::of("tell", stage.as_str()), "", step).after([lock]));
        }
    }
    nodes.extend(params.stages.iter().map(|stage| {
        let step = Hold { name: params.name.clone(), stage: stage.clone(), until: params.until };
        Node::new(hold(stage), "", step).after(set.iter().cloned())
    }));
    Ok(nodes)
}

/// Notifies the operations of locks that these were removed or replaced.
pub(super) struct NotifyLocks {
    pub(super) locks: Vec<(OperationId, StageName)>,
    pub(super) how: SignalKind,
    pub(super) by: Actor,
}

#[async_trait]
impl Step<Sluice> for NotifyLocks {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        for (lock, stage) in &self.locks {
            release(&cx.world, lock, &hold(stage), self.how, &self.by).await?;
        }
        Progress::done(())
    }
}

struct Hold {
    name: PipelineName,
    stage: StageName,
    until: Timestamp,
}

#[async_trait]
impl Step<Sluice> for Hold {
    fn effect(&self) -> Effect {
        Effect::Await
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        if !cx.signals.is_empty() || self.until <= cx.world.clock.now() {
            return Progress::done(());
        }
        let state = PipelineState::read(&*cx.world.store, &cx.world.keys, &self.name).await?;
        match state.locks.get(&self.stage) {
            // A lock that is kept in another one holds too.
            Some(lock) if lock.each().any(|lock| lock.operation == cx.operation) => {
                Ok(Progress::Await { until: Some(self.until) })
            }
            // The operation that ended the lock notifies this one with the person's name, but that may have
            // failed.
            _ => Progress::done(()),
        }
    }
}
