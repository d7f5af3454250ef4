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

/// The conditions of `Condition`, wherever one stands in a definition.
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

/// Reports conditions that refer to something that they may not use, and circles.
pub(super) fn check(template: &PlainTemplate, findings: &mut Findings) {
    let mut uses: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, definition) in &template.conditions {
        let place = Place::of(&["Conditions", name]);
        let mut others = BTreeSet::new();
        named(definition, &mut others);
        let found = References::of(definition, &Decided::new());
        others.extend(found.conditions);
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
        uses.insert(name, others);
    }
    // A condition that cannot be ordered is part of a circle, or uses one.
    let mut open: BTreeSet<&str> = uses.keys().copied().collect();
    loop {
        let ready: Vec<&str> = open
            .iter()
            .copied()
            .filter(|name| {
                uses.get(name).is_none_or(|used| !used.iter().any(|used| open.contains(used.as_str())))
            })
            .collect();
        if ready.is_empty() {
            break;
        }
        ready.iter().for_each(|name| _ = open.remove(name));
    }
    for name in open {
        let wrong = Violation::new(
            TemplateCode::Reference,
            "the condition depends on itself",
            "remove a `Condition` from the circle",
        );
        findings.add(&Place::of(&["Conditions", name]), wrong);
    }
}
