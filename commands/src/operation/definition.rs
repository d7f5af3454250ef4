//! A kind of operation: its steps as a function of its state, its gates, its records and its texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::operation::contents::Content;
use crate::operation::head::Head;
use crate::operation::slot::Slot;
use crate::operation::snapshot::Snapshot;
use crate::operation::state::OperationState;
use crate::operation::step::{EngineError, Node, TOO_LARGE};
use crate::operation::world::World;
use crate::ports::Write;
use crate::records::AuditSubject;
use crate::rules::Subjects;
use sluice_model::{Button, Part, Permission, Refusal, Target, Text};

/// One kind of operation. From an operation's parameters and state it computes steps, gates, records and
/// texts.
///
/// The parameters are decoded once, when an operation is accepted or loaded ([`OperationKind::bind`]). An
/// operation whose parameters do not decode is stuck, so no method here needs a fallback.
pub trait Operation: Send + Sync + 'static {
    /// The parameters, as the journal's first row records them.
    type Params: DeserializeOwned + Send + Sync + 'static;

    /// The name of the kind in [`OperationSpec`](crate::operation::OperationSpec): `deploy`.
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
        _world: &'a World,
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
    ) -> Result<Vec<Node>, EngineError>;
    /// The contents that the journal refers to and that the steps depend on. They are attached to `op` before
    /// [`Operation::nodes`] or [`Operation::resolution`] is called.
    fn contents(
        &self,
        _params: &Arc<Self::Params>,
        _op: &OperationState,
        _target: &Target,
    ) -> Result<Vec<Arc<dyn Content>>, EngineError> {
        Ok(vec![])
    }
    /// The steps of a stuck operation that an admin marked as resolved. They observe what AWS serves and
    /// record it. Without steps, the operation just ends.
    fn resolution(
        &self,
        _params: &Arc<Self::Params>,
        _op: &OperationState,
        _target: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        Ok(vec![])
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
        _snapshot: &Snapshot,
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
    /// The stage, build, release… that its audit records name.
    fn audit_subject(&self, params: &Self::Params, op: &OperationState) -> AuditSubject;
    /// The texts of its message, besides its steps.
    fn summary(&self, params: &Self::Params, op: &OperationState) -> Summary;
}

/// A kind of operation in the [`Registry`], without its parameter type.
pub trait OperationKind: Send + Sync {
    /// See [`Operation::kind`].
    fn kind(&self) -> &'static str;
    /// See [`Operation::noun`].
    fn noun(&self) -> &'static str;
    /// See [`Operation::is_urgent`].
    fn is_urgent(&self) -> bool;
    /// See [`Operation::version`].
    fn version(&self) -> u32;
    /// See [`Operation::can_cancel`].
    fn can_cancel(&self) -> bool;
    /// See [`Operation::if_too_large`].
    fn if_too_large(&self) -> &'static str;
    /// See [`Operation::on_forced_end`].
    fn on_forced_end<'a>(
        &'a self,
        head: &'a Head,
        world: &'a World,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Write>, EngineError>>;
    /// Decodes the parameters of one operation of this kind. `op` includes at least its accepted row.
    fn bind(self: Arc<Self>, op: &OperationState) -> Result<Arc<dyn BoundOperation>, EngineError>;
}

impl<O: Operation> OperationKind for O {
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
    fn can_cancel(&self) -> bool {
        Operation::can_cancel(self)
    }
    fn if_too_large(&self) -> &'static str {
        Operation::if_too_large(self)
    }
    fn on_forced_end<'a>(
        &'a self,
        head: &'a Head,
        world: &'a World,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Write>, EngineError>> {
        Operation::on_forced_end(self, head, world, at)
    }
    fn bind(self: Arc<Self>, op: &OperationState) -> Result<Arc<dyn BoundOperation>, EngineError> {
        Ok(Arc::new(Bound { params: Arc::new(op.params()?), operation: self }))
    }
}

/// One operation with its parameters decoded: [`Operation`] without its type.
pub trait BoundOperation: Send + Sync {
    /// See [`Operation::is_urgent`].
    fn is_urgent(&self) -> bool;
    /// See [`Operation::can_cancel`].
    fn can_cancel(&self) -> bool;
    /// See [`Operation::keeps_place`].
    fn keeps_place(&self) -> bool;
    /// See [`Operation::if_too_large`].
    fn if_too_large(&self) -> &'static str;
    /// See [`Operation::nodes`].
    fn nodes(&self, op: &OperationState, target: &Target) -> Result<Vec<Node>, EngineError>;
    /// See [`Operation::contents`].
    fn contents(&self, op: &OperationState, target: &Target) -> Result<Vec<Arc<dyn Content>>, EngineError>;
    /// See [`Operation::resolution`].
    fn resolution(&self, op: &OperationState, target: &Target) -> Result<Vec<Node>, EngineError>;
    /// See [`Operation::permission`].
    fn permission(&self) -> Permission;
    /// See [`Operation::subjects`].
    fn subjects(&self, op: &OperationState) -> Subjects;
    /// See [`Operation::gate`].
    fn gate(
        &self,
        op: &OperationState,
        slot: &Slot,
        snapshot: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal>;
    /// See [`Operation::on_end`].
    fn on_end(&self, op: &OperationState, succeeded: bool, cx: &End<'_>) -> Result<Vec<Write>, EngineError>;
    /// See [`Operation::audit_subject`].
    fn audit_subject(&self, op: &OperationState) -> AuditSubject;
    /// See [`Operation::summary`].
    fn summary(&self, op: &OperationState) -> Summary;
}

struct Bound<O: Operation> {
    operation: Arc<O>,
    params: Arc<O::Params>,
}

impl<O: Operation> BoundOperation for Bound<O> {
    fn is_urgent(&self) -> bool {
        Operation::is_urgent(&*self.operation)
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
    fn nodes(&self, op: &OperationState, target: &Target) -> Result<Vec<Node>, EngineError> {
        self.operation.nodes(&self.params, op, target)
    }
    fn contents(&self, op: &OperationState, target: &Target) -> Result<Vec<Arc<dyn Content>>, EngineError> {
        self.operation.contents(&self.params, op, target)
    }
    fn resolution(&self, op: &OperationState, target: &Target) -> Result<Vec<Node>, EngineError> {
        self.operation.resolution(&self.params, op, target)
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
        snapshot: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        self.operation.gate(&self.params, op, slot, snapshot, at)
    }
    fn on_end(&self, op: &OperationState, succeeded: bool, cx: &End<'_>) -> Result<Vec<Write>, EngineError> {
        self.operation.on_end(&self.params, op, succeeded, cx)
    }
    fn audit_subject(&self, op: &OperationState) -> AuditSubject {
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

/// The texts of an operation's message.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// A noun phrase for the operation, followed by its state: "Deploy of `orders` `#1` to `dev`" (failed).
    pub title: Text,
    /// The headline while it runs, in place of the title: "Deploying `orders` `#1` to `dev`".
    pub doing: Option<Text>,
    /// The headline while it waits for people: "Waiting for 1 approval: …".
    pub waiting: Option<Text>,
    /// The headline after success, the result as the requester would put it: "`orders` `r1` is live on `dev`".
    pub done: Option<Text>,
    /// Its state while it waits or after success, if that is neither an approval nor a success: "holds".
    pub state: Option<&'static str>,
    /// The meaning of [`Summary::state`]: "deploys and promotions are blocked".
    pub result: Option<Text>,
    /// Fields of the message: label and value.
    pub fields: Vec<(String, Text)>,
    /// Parts that must stay in the message, before the progress.
    pub leads: Vec<Part>,
    /// Lines that do not fit into the message while it waits for people. Each page becomes a thread reply.
    pub pages: Vec<Vec<String>>,
    /// Further parts, after the progress.
    pub parts: Vec<Part>,
    /// The next step.
    pub hint: Option<Text>,
    /// Buttons, while it waits for people.
    pub buttons: Vec<Button>,
    /// A message that mentions the people who can decide while it waits for them.
    pub request: Option<Text>,
    /// When its waiting step is checked again without a signal: to send a reminder or to end the wait.
    pub wakes: Option<Timestamp>,
    /// A reminder to the people who can decide, while it waits for them.
    pub reminder: Option<Text>,
    /// Whether its end is also shown to the whole channel because it changed, or failed to change, a
    /// protected stage.
    pub broadcast: bool,
    /// Whether success needs no message of its own, because the requester caused it.
    pub quiet: bool,
}

impl Summary {
    /// A summary that has only a title.
    pub fn new(title: Text) -> Self {
        Self {
            title,
            doing: None,
            waiting: None,
            done: None,
            state: None,
            result: None,
            fields: vec![],
            leads: vec![],
            pages: vec![],
            parts: vec![],
            hint: None,
            buttons: vec![],
            request: None,
            wakes: None,
            reminder: None,
            broadcast: false,
            quiet: false,
        }
    }
    /// Adds the headlines while it runs and after success.
    pub fn headlines(self, doing: Text, done: Text) -> Self {
        Self { doing: Some(doing), done: Some(done), ..self }
    }
    /// Adds a field.
    pub fn field(mut self, label: &str, value: impl Into<Text>) -> Self {
        self.fields.push((label.to_owned(), value.into()));
        self
    }
}

/// The definitions by kind and version.
#[derive(Clone, Default)]
pub struct Registry {
    known: BTreeMap<(&'static str, u32), Arc<dyn OperationKind>>,
}

impl Registry {
    /// Adds a definition.
    pub fn with(mut self, operation: impl Operation) -> Self {
        self.known.insert((operation.kind(), operation.version()), Arc::new(operation));
        self
    }
    /// The definition that drives such operations; `None` if this version of Sluice does not know them.
    pub fn get(&self, kind: &str, version: u32) -> Option<Arc<dyn OperationKind>> {
        self.known
            .iter()
            .find(|((known, at), _)| *known == kind && *at == version)
            .map(|(_, d)| Arc::clone(d))
    }
    /// The newest version of a kind. It drives the operations that are accepted now.
    pub fn newest(&self, kind: &str) -> Option<Arc<dyn OperationKind>> {
        let mut known = self.known.iter().filter(|((known, _), _)| *known == kind);
        known.next_back().map(|(_, definition)| Arc::clone(definition))
    }
    /// All kinds in all known versions.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn OperationKind>> {
        self.known.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Versioned(u32);

    impl Operation for Versioned {
        type Params = serde_json::Value;
        fn kind(&self) -> &'static str {
            "versioned"
        }
        fn version(&self) -> u32 {
            self.0
        }
        fn nodes(
            &self,
            _: &Arc<Self::Params>,
            _: &OperationState,
            _: &Target,
        ) -> Result<Vec<Node>, EngineError> {
            Ok(vec![])
        }
        fn audit_subject(&self, _: &Self::Params, _: &OperationState) -> AuditSubject {
            AuditSubject::default()
        }
        fn summary(&self, _: &Self::Params, _: &OperationState) -> Summary {
            Summary::new("A story".into())
        }
    }

    #[test]
    fn new_operations_use_the_newest_version() {
        let registry = Registry::default().with(Versioned(2)).with(Versioned(10)).with(Versioned(1));
        assert_eq!(registry.newest("versioned").unwrap().version(), 10);
        assert_eq!(
            registry.get("versioned", 1).unwrap().version(),
            1,
            "what began earlier is carried on as it began"
        );
        assert!(registry.newest("unknown").is_none());
    }
}
