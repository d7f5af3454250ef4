//! Operations that only change records of a pipeline, and nothing in AWS. The command is checked when it is planned. The only
//! step checks it again on the current state and writes the records. Such an operation cannot be cancelled.

use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use crate::application::Sluice;
use crate::operation::{
    Context, Effect, EngineError, Node, Operation, OperationState, Progress, Step, StepId, Summary,
};
use crate::records::{AuditSubject, stage_slot};
use sluice_model::{Actor, Permission, StageName, Target};

/// The step that writes the records.
pub(crate) const RECORD: &str = "record";

/// A kind of [`RecordChange`].
#[async_trait]
pub(crate) trait Change: Copy + Send + Sync + 'static {
    /// See [`Operation::Params`].
    type Params: DeserializeOwned + Send + Sync + 'static;

    /// See [`Operation::kind`].
    fn kind(self) -> &'static str;
    /// See [`Operation::noun`].
    fn noun(self) -> &'static str {
        self.kind()
    }
    /// See [`Operation::is_urgent`].
    fn is_urgent(self) -> bool {
        false
    }
    /// See [`Operation::permission`].
    fn permission(self) -> Permission {
        Permission::Admins
    }
    /// The stage that the audit records name.
    fn stage(self, _params: &Self::Params) -> Option<&StageName> {
        None
    }
    /// Whether the stage's slot is held while the records are written.
    fn takes_slot(self) -> bool {
        false
    }
    /// The records to write and the output of the step, from the current state.
    async fn record(self, params: &Self::Params, by: &Actor, cx: &Context) -> Result<Progress, EngineError>;
    /// The steps after the records are written.
    fn next(self, _params: &Self::Params, _op: &OperationState) -> Result<Vec<Node>, EngineError> {
        Ok(vec![])
    }
    /// See [`Operation::summary`].
    fn summary(self, params: &Self::Params, op: &OperationState) -> Summary;
}

/// The operation that makes a [`Change`].
pub(crate) struct RecordChange<C>(pub(crate) C);

impl<C: Change> Operation<Sluice> for RecordChange<C> {
    type Params = C::Params;

    fn kind(&self) -> &'static str {
        self.0.kind()
    }
    fn noun(&self) -> &'static str {
        self.0.noun()
    }
    fn is_urgent(&self) -> bool {
        self.0.is_urgent()
    }
    fn can_cancel(&self) -> bool {
        false
    }
    fn nodes(
        &self,
        params: &Arc<C::Params>,
        op: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let step = Record { change: self.0, params: Arc::clone(params), by: op.spec.actor.clone() };
        let node = Node::new(StepId::new(RECORD), "", step);
        let slot = self.0.stage(params).filter(|_| self.0.takes_slot());
        let node = match slot {
            Some(stage) => node.holding(stage_slot(stage)),
            None => node,
        };
        Ok([node].into_iter().chain(self.0.next(params, op)?).collect())
    }
    fn permission(&self, _: &C::Params) -> Permission {
        self.0.permission()
    }
    fn audit_subject(&self, params: &C::Params, _: &OperationState) -> AuditSubject {
        AuditSubject { stage: self.0.stage(params).cloned(), ..AuditSubject::default() }
    }
    fn summary(&self, params: &C::Params, op: &OperationState) -> Summary {
        self.0.summary(params, op)
    }
}

struct Record<C: Change> {
    change: C,
    params: Arc<C::Params>,
    by: Actor,
}

#[async_trait]
impl<C: Change> Step<Sluice> for Record<C> {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        self.change.record(&self.params, &self.by, cx).await
    }
}
