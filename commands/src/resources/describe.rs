//! The lines that show an approver what a release changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use sluice_model::{Target, Text};
use sluice_template::rights::{self, Right, size};
use sluice_template::{AppFunction, Application};

/// How many functions a line names, and how long each name may be.
const NAMED: usize = 8;
pub(crate) const WORD: usize = 60;

/// From one application to another on the same stage.
pub(crate) struct Change<'a> {
    /// What runs; `None` if nothing runs there yet.
    pub(crate) before: Option<&'a Application>,
    pub(crate) now: &'a Application,
    /// The additional rights by function.
    pub(crate) added_rights: BTreeMap<&'a str, Vec<Right>>,
}

impl<'a> Change<'a> {
    pub(crate) fn new(before: Option<&'a Application>, now: &'a Application, target: &Target) -> Self {
        let mut change = Self { before, now, added_rights: BTreeMap::new() };
        for (name, function) in &now.functions {
            let before = change.function_before(name).map(|before| &before.rights);
            let statements = before.map(|before| before.statements.as_slice()).unwrap_or_default();
            let mut added = rights::added(statements, &function.rights.statements, target);
            let had = |policy: &&String| before.is_some_and(|before| before.managed.contains(*policy));
            let managed = function.rights.managed.iter().filter(|policy| !had(policy));
            added.extend(managed.map(|policy| rights::managed(policy)));
            if !added.is_empty() {
                change.added_rights.insert(name, added);
            }
        }
        change
    }

    /// A function as it runs.
    pub(super) fn function_before(&self, name: &str) -> Option<&'a AppFunction> {
        self.before.and_then(|before| before.functions.get(name))
    }
}

/// A line about a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The functions that change in this way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    /// How many more functions change in this way.
    #[serde(default, skip_serializing_if = "is_none")]
    more: usize,
    /// What changes.
    what: String,
    /// Whether it is emphasised.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) bold: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

pub(crate) fn short(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl Line {
    /// A line that is not about functions.
    pub(crate) fn plain(what: String, bold: bool) -> Self {
        Self { what, bold, ..Self::default() }
    }

    /// A line about these functions. It names as many as fit.
    pub(super) fn of(functions: &[&str], what: String, bold: bool) -> Self {
        let names = functions.iter().take(NAMED).map(|name| short(name, WORD)).collect();
        Self { names, more: functions.len().saturating_sub(NAMED), what, bold }
    }

    pub(crate) fn text(&self) -> Text {
        let mut text = Text::default();
        for (nth, name) in self.names.iter().enumerate() {
            text = if nth > 0 { text.then(", ").code(name) } else { text.code(name) };
        }
        if self.more > 0 {
            text = text.then(format!(" and {} more", self.more));
        }
        if !self.names.is_empty() {
            text = text.then(": ");
        }
        if self.bold { text.bold(self.what.clone()) } else { text.then(self.what.clone()) }
    }

    /// Its size in a message, marks included.
    pub(crate) fn size(&self) -> usize {
        size(&self.text().flat()) + 4 * self.names.len() + 4
    }
}

/// Names and what happens to each, as in "A added, B changed", on as many lines as necessary.
pub(super) fn listed(label: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (name, what) in changes {
        let entry = format!("{} {what}", short(name, 5 * WORD));
        match lines.last_mut() {
            Some(line) if size(line) + size(&entry) < 700 => {
                line.push_str(", ");
                line.push_str(&entry);
            }
            _ => lines.push(format!("{label} {entry}")),
        }
    }
    lines
}

/// The keys that are added, changed and removed.
pub(super) fn compared<'a, T: PartialEq>(
    before: &BTreeMap<&'a str, T>,
    now: &BTreeMap<&'a str, T>,
    changed: &'static str,
) -> Vec<(&'a str, &'static str)> {
    let was = |name: &&'a str| match before.get(name) {
        None => Some((*name, "added")),
        Some(value) if now.get(name) != Some(value) => Some((*name, changed)),
        Some(_) => None,
    };
    let gone = before.keys().filter(|name| !now.contains_key(*name)).map(|name| (*name, "removed"));
    now.keys().filter_map(was).chain(gone).collect()
}
