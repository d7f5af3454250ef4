//! A kind of operation: its steps as a function of its state, its gates, its records and its texts.

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::application::Application;
use crate::contents::Content;
use crate::error::{EngineError, TOO_LARGE};
use crate::head::Head;
use crate::ports::Write;
use crate::slot::Slot;
use crate::state::OperationState;
use crate::step::{Node, Step};
use crate::summary::Summary;
use crate::tickets::Precedence;
use crate::world::World;
use sluice_model::{Permission, Refusal, Subjects, Target};

/// One kind of operation. From an operation's parameters and state it computes steps, gates, records and
/// texts.
///
/// The parameters are decoded once, when an operation is accepted or loaded ([`OperationKind::bind`]). An
/// operation whose parameters do not decode is stuck, so no method here needs a fallback.
pub trait Operation<A: Application>: Send + Sync + 'static {
    /// The parameters, as the journal's first row records them.
    type Params: DeserializeOwned + Send + Sync + 'static;

    /// The name of the kind in [`OperationSpec`](crate::OperationSpec): `deploy`.
    fn kind(&self) -> &'static str;
    /// The noun for it in a sentence: "a promotion of `orders`".
    fn noun(&self) -> &'static str {
        self.kind()
    }
    /// Whether its messages are sent before those of other operations, because people wait for them while
    /// something is broken.
    fn is_urgent(&self) -> bool {
        false
    }
    /// Its precedence in the queues for slots.
    fn precedence(&self) -> Precedence {
        Precedence::Normal
    }
    /// Raised whenever this version could not continue a journal of the version before.
    fn version(&self) -> u32 {
        1
    }
    /// Whether people may cancel it.
    fn can_cancel(&self) -> bool {
        true
    }
    /// Whether it keeps its ticket while it waits for people. Without a ticket it blocks no other operation,
    /// does not count as running when the same is requested again, and takes no slot any more.
    fn keeps_place(&self) -> bool {
        true
    }
    /// The next step for people if it produces more than the store accepts.
    fn if_too_large(&self) -> &'static str {
        "Make what it was asked for smaller."
    }
    /// The records that its end leaves if an admin forced that end and the journal cannot be read.
    fn on_forced_end<'a>(
        &'a self,
        _head: &'a Head,
        _world: &'a World<A>,
        _at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Write>, EngineError>> {
        Box::pin(std::future::ready(Ok(vec![])))
    }

    /// All steps that can be named from the state so far. Pure: a replay after a crash gives the same steps.
    fn nodes(
        &self,
        params: &Arc<Self::Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Node<A>>, EngineError>;
    /// The contents that the journal refers to and that the steps depend on. They are attached to `op` before
    /// [`Operation::nodes`] or [`Operation::resolution`] is called.
    fn contents(
        &self,
        _params: &Arc<Self::Params>,
        _op: &OperationState,
        _target: &Target,
    ) -> Result<Vec<Arc<dyn Content<A>>>, EngineError> {
        Ok(vec![])
    }
    /// The steps of a stuck operation that an admin marked as resolved. They observe what exists and
    /// record it. Without steps, the operation just ends.
    fn resolution(
        &self,
        _params: &Arc<Self::Params>,
        _op: &OperationState,
        _target: &Target,
    ) -> Result<Vec<Node<A>>, EngineError> {
        Ok(vec![])
    }
    /// A look at what it did, made once, [`Settings::follow_up`](crate::Settings::follow_up) after it succeeded. It holds no
    /// slot and nothing waits for it: it changes nothing, ends within some seconds, and its failure is no failure of the
    /// operation. What it sees is in [`OperationState::followed_up`], and [`Summary::follow_up`] reports it.
    fn follow_up(
        &self,
        _params: &Arc<Self::Params>,
        _op: &OperationState,
        _target: &Target,
    ) -> Option<Arc<dyn Step<A>>> {
        None
    }
    /// The permission to request it, checked at acceptance and again when it takes a slot.
    fn permission(&self, _params: &Self::Params) -> Permission {
        Permission::Operators
    }
    /// The people and groups whose state the permission and the gate depend on.
    fn subjects(&self, _params: &Self::Params, op: &OperationState) -> Subjects {
        Subjects::people([&op.spec.actor.id])
    }
    /// Whether it may still proceed, checked when it takes a slot. `Err` ends it before its first mutation
    /// under that slot.
    fn gate(
        &self,
        _params: &Self::Params,
        _op: &OperationState,
        _slot: &Slot,
        _snapshot: &A::Snapshot,
        _at: Timestamp,
    ) -> Result<(), Refusal> {
        Ok(())
    }
    /// The records that only this operation writes and that its end leaves, besides those of its steps.
    fn on_end(
        &self,
        _params: &Self::Params,
        _op: &OperationState,
        _succeeded: bool,
        _cx: &End<'_>,
    ) -> Result<Vec<Write>, EngineError> {
        Ok(vec![])
    }
    /// The objects that its audit records name.
    fn audit_subject(&self, params: &Self::Params, op: &OperationState) -> A::AuditSubject;
    /// The texts of its message, besides its steps.
    fn summary(&self, params: &Self::Params, op: &OperationState) -> Summary;
}

/// A kind of operation in the [`Registry`](crate::Registry), without its parameter type.
pub trait OperationKind<A: Application>: Send + Sync {
    /// See [`Operation::kind`].
    fn kind(&self) -> &'static str;
    /// See [`Operation::noun`].
    fn noun(&self) -> &'static str;
    /// See [`Operation::is_urgent`].
    fn is_urgent(&self) -> bool;
    /// See [`Operation::version`].
    fn version(&self) -> u32;
    /// See [`Operation::precedence`].
    fn precedence(&self) -> Precedence;
    /// See [`Operation::can_cancel`].
    fn can_cancel(&self) -> bool;
    /// See [`Operation::if_too_large`].
    fn if_too_large(&self) -> &'static str;
    /// See [`Operation::on_forced_end`].
    fn on_forced_end<'a>(
        &'a self,
        head: &'a Head,
        world: &'a World<A>,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Write>, EngineError>>;
    /// Decodes the parameters of one operation of this kind. `op` includes at least its accepted row.
    fn bind(self: Arc<Self>, op: &OperationState) -> Result<Arc<dyn BoundOperation<A>>, EngineError>;
}

impl<A: Application, O: Operation<A>> OperationKind<A> for O {
    fn kind(&self) -> &'static str {
        Operation::kind(self)
    }
    fn noun(&self) -> &'static str {
        Operation::noun(self)
    }
    fn is_urgent(&self) -> bool {
        Operation::is_urgent(self)
    }
    fn version(&self) -> u32 {
        Operation::version(self)
    }
    fn precedence(&self) -> Precedence {
        Operation::precedence(self)
    }
    fn can_cancel(&self) -> bool {
        Operation::can_cancel(self)
    }
    fn if_too_large(&self) -> &'static str {
        Operation::if_too_large(self)
    }
    fn on_forced_end<'a>(
        &'a self,
        head: &'a Head,
        world: &'a World<A>,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Write>, EngineError>> {
        Operation::on_forced_end(self, head, world, at)
    }
    fn bind(self: Arc<Self>, op: &OperationState) -> Result<Arc<dyn BoundOperation<A>>, EngineError> {
        Ok(Arc::new(Bound { params: Arc::new(op.params()?), operation: self }))
    }
}

/// One operation with its parameters decoded: [`Operation`] without its type.
pub trait BoundOperation<A: Application>: Send + Sync {
    /// See [`Operation::is_urgent`].
    fn is_urgent(&self) -> bool;
    /// See [`Operation::precedence`].
    fn precedence(&self) -> Precedence;
    /// See [`Operation::can_cancel`].
    fn can_cancel(&self) -> bool;
    /// See [`Operation::keeps_place`].
    fn keeps_place(&self) -> bool;
    /// See [`Operation::if_too_large`].
    fn if_too_large(&self) -> &'static str;
    /// See [`Operation::nodes`].
    fn nodes(&self, op: &OperationState, target: &Target) -> Result<Vec<Node<A>>, EngineError>;
    /// See [`Operation::contents`].
    fn contents(&self, op: &OperationState, target: &Target)
    -> Result<Vec<Arc<dyn Content<A>>>, EngineError>;
    /// See [`Operation::resolution`].
    fn resolution(&self, op: &OperationState, target: &Target) -> Result<Vec<Node<A>>, EngineError>;
    /// See [`Operation::follow_up`].
    fn follow_up(&self, op: &OperationState, target: &Target) -> Option<Arc<dyn Step<A>>>;
    /// See [`Operation::permission`].
    fn permission(&self) -> Permission;
    /// See [`Operation::subjects`].
    fn subjects(&self, op: &OperationState) -> Subjects;
    /// See [`Operation::gate`].
    fn gate(
        &self,
        op: &OperationState,
        slot: &Slot,
        snapshot: &A::Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal>;
    /// See [`Operation::on_end`].
    fn on_end(&self, op: &OperationState, succeeded: bool, cx: &End<'_>) -> Result<Vec<Write>, EngineError>;
    /// See [`Operation::audit_subject`].
    fn audit_subject(&self, op: &OperationState) -> A::AuditSubject;
    /// See [`Operation::summary`].
    fn summary(&self, op: &OperationState) -> Summary;
}

struct Bound<A: Application, O: Operation<A>> {
    operation: Arc<O>,
    params: Arc<O::Params>,
}

impl<A: Application, O: Operation<A>> BoundOperation<A> for Bound<A, O> {
    fn is_urgent(&self) -> bool {
        Operation::is_urgent(&*self.operation)
    }
    fn precedence(&self) -> Precedence {
        Operation::precedence(&*self.operation)
    }
    fn can_cancel(&self) -> bool {
        Operation::can_cancel(&*self.operation)
    }
    fn keeps_place(&self) -> bool {
        self.operation.keeps_place()
    }
    fn if_too_large(&self) -> &'static str {
        Operation::if_too_large(&*self.operation)
    }
    fn nodes(&self, op: &OperationState, target: &Target) -> Result<Vec<Node<A>>, EngineError> {
        self.operation.nodes(&self.params, op, target)
    }
    fn contents(
        &self,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Arc<dyn Content<A>>>, EngineError> {
        self.operation.contents(&self.params, op, target)
    }
    fn resolution(&self, op: &OperationState, target: &Target) -> Result<Vec<Node<A>>, EngineError> {
        self.operation.resolution(&self.params, op, target)
    }
    fn follow_up(&self, op: &OperationState, target: &Target) -> Option<Arc<dyn Step<A>>> {
        self.operation.follow_up(&self.params, op, target)
    }
    fn permission(&self) -> Permission {
        self.operation.permission(&self.params)
    }
    fn subjects(&self, op: &OperationState) -> Subjects {
        self.operation.subjects(&self.params, op)
    }
    fn gate(
        &self,
        op: &OperationState,
        slot: &Slot,
        snapshot: &A::Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        self.operation.gate(&self.params, op, slot, snapshot, at)
    }
    fn on_end(&self, op: &OperationState, succeeded: bool, cx: &End<'_>) -> Result<Vec<Write>, EngineError> {
        self.operation.on_end(&self.params, op, succeeded, cx)
    }
    fn audit_subject(&self, op: &OperationState) -> A::AuditSubject {
        self.operation.audit_subject(&self.params, op)
    }
    fn summary(&self, op: &OperationState) -> Summary {
        self.operation.summary(&self.params, op)
    }
}

/// The refusal that a failure shows to people, with the advice of this kind of operation.
pub(crate) fn refusal_of(if_too_large: &str, error: &EngineError) -> Refusal {
    let refusal = error.refusal();
    match refusal.code == TOO_LARGE {
        true => Refusal { hint: format!("{if_too_large} {}", refusal.hint), ..refusal },
        false => refusal,
    }
}

/// The context of an operation's end.
pub struct End<'a> {
    /// The account and region.
    pub target: &'a Target,
    /// The time of the end.
    pub at: Timestamp,
}
