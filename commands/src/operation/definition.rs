//! What a kind of operation is: its steps as a function of what is known, its gates, its records, its words.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::domain::{AuditSubject, Subjects};
use crate::operation::contents::Content;
use crate::operation::head::Head;
use crate::operation::slot::Slot;
use crate::operation::snapshot::Snapshot;
use crate::operation::state::OperationState;
use crate::operation::step::{EngineError, Node, TOO_LARGE};
use crate::operation::world::World;
use crate::ports::Write;
use sluice_model::{Button, Part, Permission, Refusal, Target, Text};

/// One kind of operation.
pub trait Operation: Send + Sync {
    /// Its name in charters: `deploy`.
    fn kind(&self) -> &'static str;
    /// What it is called in a sentence: "a promotion of `orders`".
    fn noun(&self) -> &'static str {
        self.kind()
    }
    /// Whether its messages go before those of other operations: people wait for it while something is broken.
    fn is_urgent(&self) -> bool {
        false
    }
    /// Raised whenever a journal of the version before could not be carried on by this one.
    fn version(&self) -> u32 {
        1
    }
    /// All steps that can be named so far, from what is known. Pure: after a crash it gives the same again.
    fn nodes(&self, op: &OperationState, target: &Target) -> Result<Vec<Node>, EngineError>;
    /// The contents that the facts refer to, and that its steps are named by. They are attached to the facts before
    /// [`Operation::nodes`] or [`Operation::resolution`] is asked.
    fn contents(
        &self,
        _facts: &OperationState,
        _target: &Target,
    ) -> Result<Vec<Arc<dyn Content>>, EngineError> {
        Ok(vec![])
    }
    /// The steps of a stuck operation that an admin marked as resolved: they look at what really runs and record it.
    /// Without any, it just ends.
    fn resolution(&self, _facts: &OperationState, _target: &Target) -> Result<Vec<Node>, EngineError> {
        Ok(vec![])
    }
    /// Whether people may stop it.
    fn can_cancel(&self) -> bool {
        true
    }
    /// Whether it keeps its place in the pipeline's line while it waits. Without one it holds up nobody, does not count as under way for
    /// people who ask the same again, and takes no slot any more.
    fn keeps_place(&self) -> bool {
        true
    }
    /// Who may ask for it. It was asked when it was accepted, and is asked again when it takes a slot.
    fn permission(&self, _facts: &OperationState) -> Permission {
        Permission::Operators
    }
    /// Whom that decision, and the gate's, is about: who asked, a while ago perhaps.
    fn subjects(&self, op: &OperationState) -> Subjects {
        Subjects::people([&op.spec.actor.id])
    }
    /// Whether it may still go on, asked again at that time, when it takes a slot. `Err` ends it before its first mutation
    /// there.
    fn gate(
        &self,
        _facts: &OperationState,
        _slot: &Slot,
        _ground: &Snapshot,
        _at: Timestamp,
    ) -> Result<(), Refusal> {
        Ok(())
    }
    /// Records of its own (nobody else writes them) that its end leaves behind, besides those that steps wrote.
    fn on_end(
        &self,
        _facts: &OperationState,
        _succeeded: bool,
        _cx: &End<'_>,
    ) -> Result<Vec<Write>, EngineError> {
        Ok(vec![])
    }
    /// The same, where an admin ended it and its journal cannot be read: it is recorded as failed.
    fn on_forced_end<'a>(
        &'a self,
        _head: &'a Head,
        _world: &'a World,
        _at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Write>, EngineError>> {
        Box::pin(std::future::ready(Ok(vec![])))
    }
    /// What to do if it leaves more than can be recorded.
    fn if_too_large(&self) -> &'static str {
        "Make what it was asked for smaller."
    }
    /// What it is about, for its audit records.
    fn about(&self, op: &OperationState) -> AuditSubject;
    /// What its message says, besides its steps.
    fn summary(&self, op: &OperationState) -> Summary;
}

/// The same in words for people, with the advice that suits the operation.
pub(crate) fn refusal_of(definition: &dyn Operation, trouble: &EngineError) -> Refusal {
    let refusal = trouble.refusal();
    match refusal.code == TOO_LARGE {
        true => Refusal { hint: format!("{} {}", definition.if_too_large(), refusal.hint), ..refusal },
        false => refusal,
    }
}

/// What is at hand when an operation ends.
pub struct End<'a> {
    /// The account and region.
    pub target: &'a Target,
    /// The time of the end.
    pub at: Timestamp,
}

/// The words of an operation's message.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What is done, as a headline without its state: "deploy of `orders` build `#1` to `dev`".
    pub title: Text,
    /// What the end means, if it ended well: "dev runs r1". Of what does not wait for an approval ([`Summary::stands`]), also
    /// what the wait means.
    pub result: Option<Text>,
    /// The headline once it ended well, in place of title and result: "`prod` of `orders` now needs no approval".
    pub done: Option<Text>,
    /// How it stands while it waits, or once it ended well, where that is no approval and no success: "holds".
    pub stands: Option<&'static str>,
    /// Facts about it.
    pub fields: Vec<(String, Text)>,
    /// Parts that nothing may push out of the message, before the steps.
    pub leads: Vec<Part>,
    /// Lines that the message has no room for, while it waits for people: a reply in the thread each.
    pub pages: Vec<Vec<String>>,
    /// Further parts, behind the steps.
    pub parts: Vec<Part>,
    /// What to do next.
    pub hint: Option<Text>,
    /// Buttons, while it waits for people.
    pub buttons: Vec<Button>,
    /// A request that mentions those who can decide, while it waits for people.
    pub request: Option<Text>,
    /// When it is looked at again while it waits, though nobody speaks: to remind, or to end the wait.
    pub wakes: Option<Timestamp>,
    /// Reminds those who can decide, while it waits for people.
    pub reminder: Option<Text>,
    /// Whether its end is shown to the whole channel: it changed (or failed to change) a protected stage.
    pub broadcast: bool,
    /// Whether its good end is worth no message of its own: who asked for it brought it about.
    pub quiet: bool,
}

impl Summary {
    /// A story with a headline alone.
    pub fn new(title: Text) -> Self {
        Self {
            title,
            result: None,
            done: None,
            stands: None,
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
    /// Adds a fact.
    pub fn field(mut self, label: &str, value: impl Into<Text>) -> Self {
        self.fields.push((label.to_owned(), value.into()));
        self
    }
}

/// The definitions by kind and version.
#[derive(Clone, Default)]
pub struct Registry {
    known: BTreeMap<(&'static str, u32), Arc<dyn Operation>>,
}

impl Registry {
    /// Adds a definition.
    pub fn with(mut self, definition: impl Operation + 'static) -> Self {
        self.known.insert((definition.kind(), definition.version()), Arc::new(definition));
        self
    }
    /// The definition that carries such operations; `None` if this version of Sluice does not know them.
    pub fn get(&self, kind: &str, version: u32) -> Option<Arc<dyn Operation>> {
        self.known
            .iter()
            .find(|((known, at), _)| *known == kind && *at == version)
            .map(|(_, d)| Arc::clone(d))
    }
    /// The newest version of a kind: what is accepted now is carried by that.
    pub fn newest(&self, kind: &str) -> Option<Arc<dyn Operation>> {
        let mut known = self.known.iter().filter(|((known, _), _)| *known == kind);
        known.next_back().map(|(_, definition)| Arc::clone(definition))
    }
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Operation>> {
        self.known.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Versioned(u32);

    impl Operation for Versioned {
        fn kind(&self) -> &'static str {
            "versioned"
        }
        fn version(&self) -> u32 {
            self.0
        }
        fn nodes(&self, _: &OperationState, _: &Target) -> Result<Vec<Node>, EngineError> {
            Ok(vec![])
        }
        fn about(&self, _: &OperationState) -> AuditSubject {
            AuditSubject::default()
        }
        fn summary(&self, _: &OperationState) -> Summary {
            Summary::new("A story".into())
        }
    }

    #[test]
    fn what_is_new_is_of_the_newest_version() {
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
