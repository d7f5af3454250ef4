//! What a change set would do, as CloudFormation describes it, and what each pass may do.
//!
//! Whether a change replaces a resource only the described change set says. So the rule of each pass is checked once more against it,
//! and an approval is bound to a digest of all that was shown.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::classify::{kinds, names};
use super::shared::HANDLE;
use super::shed::Shed;
use super::template::{Emission, ParameterValue, StackTemplate};

/// `ResourceChange.Action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChangeAction {
    /// It is created.
    Add,
    /// It is changed or replaced.
    Modify,
    /// It leaves the stack.
    Remove,
    /// A resource that exists comes into the stack.
    Import,
    /// CloudFormation cannot tell.
    Dynamic,
    /// Its properties are set to what the template says.
    SyncWithActual,
}

/// `ResourceChange.Replacement`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Replacement {
    /// A new one takes its place.
    True,
    /// It is changed in place.
    False,
    /// That depends on values that are not known yet. It counts as a replacement.
    Conditional,
}

/// `ResourceChange.PolicyAction`: what happens to the physical resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PolicyAction {
    /// It is deleted.
    Delete,
    /// It stays in the account.
    Retain,
    /// It is deleted after a snapshot.
    Snapshot,
    /// The replaced one is deleted.
    ReplaceAndDelete,
    /// The replaced one stays in the account.
    ReplaceAndRetain,
    /// The replaced one is deleted after a snapshot.
    ReplaceAndSnapshot,
}

/// One change of a change set. The names of members are those of `DescribeChangeSet`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Described {
    /// The logical id.
    pub logical_id: String,
    /// The type.
    pub kind: String,
    /// What happens.
    pub action: ChangeAction,
    /// Whether a new one takes its place; only for `Modify`.
    pub replacement: Option<Replacement>,
    /// What happens to the physical resource.
    pub policy_action: Option<PolicyAction>,
    /// The attributes that change: `Properties`, `Tags`, `DeletionPolicy`, …
    pub scope: BTreeSet<String>,
    /// The properties that change: `Details[].Target.Name`.
    pub properties: BTreeSet<String>,
}

impl Described {
    fn replaces(&self) -> bool {
        self.action == ChangeAction::Modify
            && matches!(self.replacement, Some(Replacement::True | Replacement::Conditional))
    }

    fn deletes(&self) -> bool {
        use PolicyAction::{Delete, ReplaceAndDelete, ReplaceAndSnapshot, Snapshot};
        matches!(self.policy_action, Some(Delete | ReplaceAndDelete | Snapshot | ReplaceAndSnapshot))
    }
}

/// What people confirmed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// An admin typed the word `replace`.
    pub replace: bool,
}

/// A change that a pass must not make.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Forbidden {
    /// It removes a resource.
    #[error("it would remove {0}, which a release may still use")]
    Removes(String),
    /// It deletes a resource, or the one that it replaces.
    #[error("it would delete {0}, which a release may still use")]
    Deletes(String),
    /// It replaces a resource that holds data.
    #[error(
        "it would replace {0}, which holds data, by an empty one; that needs the word `replace` from an admin"
    )]
    ReplacesData(String),
    /// It changes a trigger before the move.
    #[error(
        "it would change {0} before the move, and the code that runs would get its events; that needs the word `replace` from an admin"
    )]
    ChangesTrigger(String),
    /// CloudFormation cannot tell what it does.
    #[error("CloudFormation cannot tell what would happen to {0}")]
    Unknown(String),
    /// It is not part of the plan.
    #[error("it would change {0}, which is not part of the plan")]
    Unplanned(String),
}

fn verdict(all: impl Iterator<Item = Forbidden>) -> Result<(), Vec<Forbidden>> {
    let mut all: Vec<Forbidden> = all.collect();
    all.sort();
    if all.is_empty() { Ok(()) } else { Err(all) }
}

/// Checks the change set of GROW against its template.
///
/// # Errors
///
/// Every change that GROW must not make.
pub fn assert_grow(
    changes: &[Described],
    grown: &Emission,
    confirmed: Confirmed,
) -> Result<(), Vec<Forbidden>> {
    verdict(changes.iter().filter_map(|change| {
        let id = change.logical_id.clone();
        let body = grown.template.resources.get(&id);
        match change.action {
            ChangeAction::Remove => Some(Forbidden::Removes(id)),
            ChangeAction::Dynamic => Some(Forbidden::Unknown(id)),
            _ if body.is_none() => Some(Forbidden::Unplanned(id)),
            _ if change.deletes() => Some(Forbidden::Deletes(id)),
            _ if confirmed.replace => None,
            _ if change.replaces() && names::is_stateful(&change.kind) => Some(Forbidden::ReplacesData(id)),
            _ if body.is_some_and(|body| body.is_held_whole()) => Some(Forbidden::ChangesTrigger(id)),
            _ => None,
        }
    }))
}

/// Checks the change set of WIRE against the template before it and its own.
///
/// # Errors
///
/// Every change that WIRE must not make.
pub fn assert_wire(
    changes: &[Described],
    live: &StackTemplate,
    wired: &Emission,
    confirmed: Confirmed,
) -> Result<(), Vec<Forbidden>> {
    verdict(changes.iter().filter_map(|change| {
        let id = change.logical_id.clone();
        let is_planned = wired.template.resources.contains_key(&id);
        let was = live.resources.get(&id);
        match change.action {
            ChangeAction::Remove => {
                let is_trigger = was.is_some_and(|old| old.is_held_whole() && kinds::is_trigger(&old.kind));
                (is_planned || !is_trigger).then_some(Forbidden::Removes(id))
            }
            ChangeAction::Dynamic => Some(Forbidden::Unknown(id)),
            _ if !is_planned => Some(Forbidden::Unplanned(id)),
            _ if change.deletes() && !kinds::is_trigger(&change.kind) => Some(Forbidden::Deletes(id)),
            _ if change.replaces() && names::is_stateful(&change.kind) && !confirmed.replace => {
                Some(Forbidden::ReplacesData(id))
            }
            _ => None,
        }
    }))
}

/// Checks a change set of SHED: the one that lets resources go, or the one that removes them.
///
/// # Errors
///
/// Every change of something else.
pub fn assert_shed(changes: &[Described], shed: &Shed) -> Result<(), Vec<Forbidden>> {
    verdict(changes.iter().filter_map(|change| {
        let id = change.logical_id.clone();
        let only_attributes = !change.scope.iter().any(|scope| scope == "Properties" || scope == "Tags");
        let is_handle = id == HANDLE && change.action == ChangeAction::Add;
        let is_planned = is_handle
            || shed.dropped.contains(&id)
                && match change.action {
                    ChangeAction::Remove => true,
                    ChangeAction::Modify => only_attributes && !change.replaces(),
                    _ => false,
                };
        (!is_planned).then_some(Forbidden::Unplanned(id))
    }))
}

/// Whether a change set that was made again does what was approved.
pub fn is_as_approved(approved: &[Described], now: &[Described]) -> bool {
    let sorted = |changes: &[Described]| changes.iter().cloned().collect::<BTreeSet<_>>();
    sorted(approved) == sorted(now)
}

/// What an approval is bound to: SHA-256 in hex over the release, the templates of GROW and WIRE, the values of parameters except
/// for secrets, and the described changes that were shown. WIRE's are described once GROW is done.
pub fn approval_digest(
    release: &str,
    grow: Option<(&Emission, &[Described])>,
    wire: Option<(&Emission, &[Described])>,
) -> String {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    };
    add(release);
    for pass in [grow, wire] {
        let Some((emission, changes)) = pass else {
            add("none");
            continue;
        };
        add(&emission.template.text());
        for (name, value) in &emission.parameters {
            let declared = emission.template.parameters.get(name);
            let is_secret = declared.is_some_and(|declared| declared.get("NoEcho").is_some());
            add(name);
            add(match value {
                ParameterValue::Text(text) if !is_secret => text,
                ParameterValue::Text(_) => "secret",
                ParameterValue::Previous => "previous",
            });
        }
        let changes: BTreeSet<String> = changes.iter().map(|change| format!("{change:?}")).collect();
        add(&changes.len().to_string());
        changes.iter().for_each(|change| add(change));
    }
    hex::encode(digest.finalize())
}
