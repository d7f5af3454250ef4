//! Conditions, before they are evaluated: whether they use only what they may, and no circle.
//!
//! A condition may use parameters, mappings and pseudo parameters only, so it is decided for every stage once those are
//! known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::partial::Need;
use super::references::{Decided, PSEUDO, References};
use super::template::PlainTemplate;
use crate::error::{Findings, Place, TemplateCode, Violation};

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    /// It is decided.
    Decided(bool),
    /// What has to be known first.
    Undecided(BTreeSet<Need>),
}

/// The conditions that a definition uses, by `Condition` or `Fn::If`.
pub(super) fn used_by(definition: &Value) -> BTreeSet<String> {
    let mut names = References::of(definition, &Decided::new()).conditions;
    named(definition, &mut names);
    names
}

fn named(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| named(item, names)),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(name) if key == "Condition" => _ = names.insert(name.clone()),
                    value => named(value, names),
                }
            }
        }
        _ => {}
    }
}

/// The conditions, each after those that it uses. Those of a circle, and those that use one, are left out.
///
/// It does not recurse and visits each use once: a template may hold thousands of conditions in a row.
pub(super) fn in_order(conditions: &BTreeMap<String, Value>) -> Vec<&str> {
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    let mut users: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, definition) in conditions {
        let mut used = used_by(definition);
        used.retain(|used| conditions.contains_key(used));
        open.insert(name, used.len());
        used.into_iter().for_each(|used| users.entry(used).or_default().push(name));
    }
    let mut ready: Vec<&str> = open.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    let mut order = Vec::new();
    while let Some(name) = ready.pop() {
        order.push(name);
        for user in users.get(name).into_iter().flatten() {
            if let Some(count) = open.get_mut(user) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(user);
                }
            }
        }
    }
    order
}

/// Reports conditions that refer to something that they may not use, and circles.
pub(super) fn check(template: &PlainTemplate, findings: &mut Findings) {
    for (name, definition) in &template.conditions {
        let place = Place::of(&["Conditions", name]);
        let others = used_by(definition);
        let found = References::of(definition, &Decided::new());
        for other in others.iter().filter(|other| !template.conditions.contains_key(*other)) {
            let problem = format!("`{other}` is not a condition of this template");
            findings.add(
                &place,
                Violation::new(TemplateCode::Reference, problem, "correct the name, or declare it"),
            );
        }
        for mapping in found.mappings.iter().filter(|name| !template.mappings.contains_key(*name)) {
            let problem = format!("`{mapping}` is not a mapping of this template");
            findings.add(
                &place,
                Violation::new(TemplateCode::Reference, problem, "correct the name, or declare it"),
            );
        }
        for reference in &found.values {
            let name = &reference.name;
            if !template.parameters.contains_key(name) && !PSEUDO.contains(&name.as_str()) {
                let problem = format!("a condition cannot use `{name}`");
                let hint = "conditions use parameters, mappings and pseudo parameters only";
                findings.add(&place, Violation::new(TemplateCode::Reference, problem, hint));
            }
        }
    }
    // A condition that cannot be ordered is part of a circle, or uses one.
    let order: BTreeSet<&str> = in_order(&template.conditions).into_iter().collect();
    for name in template.conditions.keys().filter(|name| !order.contains(name.as_str())) {
        let wrong = Violation::new(
            TemplateCode::Reference,
            "the condition depends on itself",
            "remove a `Condition` from the circle",
        );
        findings.add(&Place::of(&["Conditions", name]), wrong);
    }
}
