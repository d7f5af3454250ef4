//! Physical names and export names that a template fixes: each can exist only once in an account and region.
//!
//! `names_table.tsv` beside this file lists the name properties of every type, and the types that hold state. It is made from
//! CloudFormation's resource schemas by `tests/physical_names.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;

use super::super::conditions::Truth;
use super::super::references::References;
use super::graph::Graph;
use super::split::{FixedName, NameOrigin};

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
pub(super) fn is_stateful(kind: &str) -> bool {
    TABLE.stateful.contains(kind)
}

/// The names of all present resources and outputs.
pub(super) fn of(graph: &Graph<'_>) -> Vec<FixedName> {
    let mut names = Vec::new();
    for (logical_id, resource) in graph.resources() {
        for property in TABLE.names.get(resource.kind.as_str()).into_iter().flatten() {
            let value = resource.properties.get(*property);
            names.extend(value.and_then(|value| fixed(graph, logical_id, property, value, false)));
        }
    }
    for (name, output) in &graph.evaluator.template.outputs {
        let exists = output
            .condition
            .as_ref()
            .is_none_or(|condition| matches!(graph.evaluator.condition(condition), Ok(Truth::Decided(true))));
        let export = output.export.as_ref().filter(|_| exists);
        names.extend(export.and_then(|export| fixed(graph, name, "Export", export, true)));
    }
    names
}

/// `None` if there is no name on this stage: `AWS::NoValue`.
fn fixed(
    graph: &Graph<'_>,
    logical_id: &str,
    property: &str,
    value: &Value,
    is_export: bool,
) -> Option<FixedName> {
    let name = match graph.evaluator.evaluate(value) {
        Ok(None) => return None,
        Ok(Some(name)) => name.known_str().map(str::to_owned),
        Err(_) => None,
    };
    let origin = origin(graph, value);
    let (logical_id, property) = (logical_id.to_owned(), property.to_owned());
    Some(FixedName { logical_id, property, name, origin, is_export })
}

fn origin(graph: &Graph<'_>, value: &Value) -> NameOrigin {
    let template = graph.evaluator.template;
    let mut origin = NameOrigin::default();
    let mut open = vec![References::of(value, &graph.decided)];
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while let Some(found) = open.pop() {
        for reference in found.values {
            let name = reference.name;
            match name.as_str() {
                "AWS::StackName" | "AWS::StackId" => origin.stack = true,
                _ if template.parameters.contains_key(&name) => _ = origin.parameters.insert(name),
                _ if template.resources.contains_key(&name) => _ = origin.resources.insert(name),
                _ => {}
            }
        }
        for condition in found.conditions {
            let Some(definition) = template.conditions.get(&condition) else { continue };
            if seen.insert(condition) {
                let mut inner = References::of(definition, &graph.decided);
                conditions_in(definition, &mut inner.conditions);
                open.push(inner);
            }
        }
    }
    origin
}

/// The conditions that a definition names by `Condition`.
fn conditions_in(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| conditions_in(item, names)),
        Value::Object(map) => map.iter().for_each(|(key, value)| match value {
            Value::String(name) if key == "Condition" => _ = names.insert(name.clone()),
            value => conditions_in(value, names),
        }),
        _ => {}
    }
}
