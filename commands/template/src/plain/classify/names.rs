//! Physical names and export names that a template fixes: each can exist only once in an account and region.
//!
//! `names_table.tsv` beside this file lists the name properties of every type, and the types that hold state. It is made from
//! CloudFormation's resource schemas by `tests/physical_names.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;

use super::super::conditions::{in_order, used_by};
use super::super::references::References;
use super::graph::Graph;
use super::split::{FixedName, NameOrigin};

/// The property of an output that names its export.
const EXPORT: &str = "Export";

struct Table {
    names: BTreeMap<&'static str, Vec<&'static str>>,
    stateful: BTreeSet<&'static str>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { names: BTreeMap::new(), stateful: BTreeSet::new() };
    for line in include_str!("names_table.tsv").lines() {
        match line.split('\t').collect::<Vec<_>>().as_slice() {
            ["name", kind, property] => table.names.entry(*kind).or_default().push(*property),
            ["stateful", kind, _] => _ = table.stateful.insert(*kind),
            _ => {}
        }
    }
    table
});

/// Whether a type holds data that a replacement or a removal loses.
pub(in crate::plain) fn is_stateful(kind: &str) -> bool {
    TABLE.stateful.contains(kind)
}

/// The properties that name a resource of that type.
pub(in crate::plain) fn properties(kind: &str) -> &'static [&'static str] {
    TABLE.names.get(kind).map(Vec::as_slice).unwrap_or_default()
}

/// The names of all present resources and outputs.
pub(super) fn of(graph: &Graph<'_>) -> Vec<FixedName> {
    let conditions = of_conditions(graph);
    let mut names = Vec::new();
    for (logical_id, resource) in graph.resources() {
        for property in TABLE.names.get(resource.kind.as_str()).into_iter().flatten() {
            let value = resource.properties.get(*property);
            names.extend(value.and_then(|value| fixed(graph, &conditions, (logical_id, property), value)));
        }
    }
    for (name, output) in &graph.evaluator.template.outputs {
        let exists = output.condition.as_ref().is_none_or(|name| graph.decided.get(name) == Some(&true));
        let export = output.export.as_ref().filter(|_| exists);
        names.extend(export.and_then(|export| fixed(graph, &conditions, (name, EXPORT), export)));
    }
    names
}

/// `None` if there is no name on this stage: `AWS::NoValue`.
fn fixed(
    graph: &Graph<'_>,
    conditions: &Conditions,
    (logical_id, property): (&str, &str),
    value: &Value,
) -> Option<FixedName> {
    let name = match graph.evaluator.evaluate(value) {
        Ok(None) => return None,
        Ok(Some(name)) => name.known_str().map(str::to_owned),
        Err(_) => None,
    };
    let origin = origin(graph, conditions, value);
    let is_export = property == EXPORT;
    let (logical_id, property) = (logical_id.to_owned(), property.to_owned());
    Some(FixedName { logical_id, property, name, origin, is_export })
}

/// What the conditions of a template depend on, each with those that it uses.
type Conditions = BTreeMap<String, NameOrigin>;

fn of_conditions(graph: &Graph<'_>) -> Conditions {
    let conditions = &graph.evaluator.template.conditions;
    let mut origins = Conditions::new();
    for name in in_order(conditions) {
        let Some(definition) = conditions.get(name) else { continue };
        let mut origin = NameOrigin::default();
        let references = References::of(definition, &graph.decided);
        add(graph, &mut origin, &references);
        // Each is there: the order has the used ones first.
        for used in used_by(definition) {
            origins.get(&used).into_iter().for_each(|used| merge(&mut origin, used));
        }
        origins.insert(name.to_owned(), origin);
    }
    origins
}

fn origin(graph: &Graph<'_>, conditions: &Conditions, value: &Value) -> NameOrigin {
    let mut origin = NameOrigin::default();
    let references = References::of(value, &graph.decided);
    add(graph, &mut origin, &references);
    let used = references.conditions.iter().filter_map(|name| conditions.get(name));
    used.for_each(|used| merge(&mut origin, used));
    origin
}

/// Adds what the references themselves depend on.
fn add(graph: &Graph<'_>, origin: &mut NameOrigin, references: &References) {
    let template = graph.evaluator.template;
    for reference in &references.values {
        let name = &reference.name;
        match name.as_str() {
            "AWS::StackName" | "AWS::StackId" => origin.stack = true,
            _ if template.parameters.contains_key(name) => _ = origin.parameters.insert(name.clone()),
            _ if template.resources.contains_key(name) => _ = origin.resources.insert(name.clone()),
            _ => {}
        }
    }
}

fn merge(origin: &mut NameOrigin, other: &NameOrigin) {
    origin.stack |= other.stack;
    origin.parameters.extend(other.parameters.iter().cloned());
    origin.resources.extend(other.resources.iter().cloned());
}
