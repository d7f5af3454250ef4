//! The changes of a stack, as approvers see them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::resources::describe::{Line, WORD, short};
use sluice_template::plain::{ChangeAction, Described, Emission, Replacement, StackResource, StackTemplate};

/// How many changes of a pass are listed.
pub(super) const MOST_SHOWN: usize = 40;

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    Replace,
    Remove,
    Change,
    Add,
}

/// A change of one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ShownChange {
    pub(super) what: What,
    pub(super) logical_id: String,
    pub(super) kind: String,
    /// The name that the template gives it. The stack's role may do everything with what has this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

impl ShownChange {
    /// A change of a change set that leads to this template.
    pub(super) fn of(change: &Described, template: &StackTemplate) -> Self {
        let replaces = matches!(change.replacement, Some(Replacement::True | Replacement::Conditional));
        let what = match change.action {
            ChangeAction::Add | ChangeAction::Import => What::Add,
            ChangeAction::Remove => What::Remove,
            _ if replaces => What::Replace,
            _ => What::Change,
        };
        let resource = template.resources.get(&change.logical_id);
        let name = resource.filter(|_| what == What::Add).and_then(fixed_name);
        Self { what, logical_id: change.logical_id.clone(), kind: change.kind.clone(), name }
    }

    /// The changes from one template to another, as far as the templates show them.
    pub(super) fn between(before: &StackTemplate, after: Option<&Emission>) -> Vec<Self> {
        let Some(after) = after else { return vec![] };
        let mut all: Vec<Self> = expected(before, &after.template)
            .iter()
            .map(|change| Self::of(change, &after.template))
            .collect();
        all.sort();
        all
    }

    fn line(&self, when: &str) -> Line {
        let (verb, is_bold) = match self.what {
            What::Replace => ("replaced by an empty one; the former one stays in the account", true),
            What::Remove => ("removed", true),
            What::Change => ("changed", false),
            What::Add => ("added", false),
        };
        let (id, kind) = (short(&self.logical_id, WORD), short(&self.kind, WORD));
        let name =
            self.name.as_ref().map_or(String::new(), |name| format!(" with the name {}", short(name, WORD)));
        Line::plain(format!("Stack{when}: {id} ({kind}) {verb}{name}"), is_bold)
    }
}

/// What CloudFormation will find between two templates. It replaces a resource whose name changes; which other properties it
/// cannot change in place only its change set says.
pub(super) fn expected(before: &StackTemplate, after: &StackTemplate) -> Vec<Described> {
    let of = |action, id: &String, kind: &String, replacement| Described {
        logical_id: id.clone(),
        kind: kind.clone(),
        action,
        replacement,
        policy_action: None,
        scope: BTreeSet::new(),
        properties: BTreeSet::new(),
    };
    let new = after.resources.iter().filter_map(|(id, now)| match before.resources.get(id) {
        None => Some(of(ChangeAction::Add, id, &now.kind, None)),
        Some(was) if was.properties == now.properties && was.attributes == now.attributes => None,
        Some(was) => {
            let replacement = if now.is_named_as(was) { Replacement::False } else { Replacement::True };
            Some(of(ChangeAction::Modify, id, &now.kind, Some(replacement)))
        }
    });
    let gone = before.resources.iter().filter(|(id, _)| !after.resources.contains_key(*id));
    new.chain(gone.map(|(id, was)| of(ChangeAction::Remove, id, &was.kind, None))).collect()
}

fn fixed_name(resource: &StackResource) -> Option<String> {
    resource.fixed_name().map(str::to_owned)
}

/// The lines about GROW, which is part of the approved change, and about WIRE, which follows the move.
pub(super) fn lines(grow: &[ShownChange], more: usize, wire: &[ShownChange]) -> Vec<Line> {
    let mut lines: Vec<Line> = grow.iter().map(|change| change.line("")).collect();
    if more > 0 {
        lines.push(Line::plain(format!("Stack: {more} more changes"), true));
    }
    lines.extend(wire.iter().map(|change| change.line(", after the move")));
    lines
}
