//! What the steps of this folder share: references of a stack's parts, and names of conditions and mappings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::conditions::{Truth, in_order};
use super::super::evaluate::Evaluator;
use super::super::references::{Decided, References};
use super::needs::short_hash;
use super::template::{StackResource, StackTemplate};
use super::text::merged;
use crate::error::{Findings, Place, Violation};
use crate::shape;

/// The one resource of a stack that only has exports. It creates nothing.
pub(super) const HANDLE: &str = "SluiceHandle";

pub(super) fn handle() -> StackResource {
    StackResource {
        kind: "AWS::CloudFormation::WaitConditionHandle".to_owned(),
        properties: Map::new(),
        depends_on: BTreeSet::new(),
        attributes: Map::new(),
        held: None,
        carried_since: None,
    }
}

/// What a resource refers to, by properties and attributes; `DependsOn` is not among it.
pub(super) fn references(resource: &StackResource) -> References {
    let mut found = References::default();
    for (key, value) in resource.properties.iter().chain(&resource.attributes) {
        if key != "Metadata" {
            found.add(value, &Decided::new());
        }
    }
    found
}

/// The resources that each resource needs: by properties, attributes and `DependsOn`.
pub(super) fn uses(template: &StackTemplate) -> BTreeMap<String, BTreeSet<String>> {
    let of = |resource: &StackResource| {
        let mut used: BTreeSet<String> =
            references(resource).values.into_iter().map(|used| used.name).collect();
        used.extend(resource.depends_on.iter().cloned());
        used.retain(|name| template.resources.contains_key(name));
        used
    };
    template.resources.iter().map(|(id, resource)| (id.clone(), of(resource))).collect()
}

/// What an output refers to.
pub(super) fn output_references(output: &Value) -> References {
    let mut found = References::default();
    for value in output.as_object().into_iter().flat_map(Map::values) {
        // `Export` is a mapping with one key, but no intrinsic function.
        let value = value.get("Name").unwrap_or(value);
        found.add(value, &Decided::new());
    }
    found
}

/// What resources, outputs and conditions refer to.
pub(super) fn all_references(template: &StackTemplate) -> References {
    let mut all = References::default();
    let resources = template.resources.values().map(references);
    let outputs = template.outputs.values().map(output_references);
    let conditions = template.conditions.values().map(|value| References::of(value, &Decided::new()));
    for found in resources.chain(outputs).chain(conditions) {
        all.values.extend(found.values);
        all.conditions.extend(found.conditions);
        all.mappings.extend(found.mappings);
    }
    all
}

/// The conditions that a definition uses.
pub(super) fn used_by(definition: &Value) -> BTreeSet<String> {
    super::super::conditions::used_by(definition)
}

/// Adds the conditions and mappings that only CloudFormation can evaluate, each under a name with a hash of its content. A resource
/// that a pass carries over brings its own along: two of one name are equal.
pub(super) fn name_by_content(
    template: &mut StackTemplate,
    evaluator: &Evaluator<'_>,
    findings: &mut Findings,
) {
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let mut mappings: BTreeMap<String, String> = BTreeMap::new();
    for (name, mapping) in &evaluator.template.mappings {
        let content = mapping_json(mapping);
        mappings.insert(name.clone(), format!("{name}{}", short_hash(&content)));
    }
    let mut conditions = BTreeMap::new();
    for name in in_order(&evaluator.template.conditions) {
        let Some(definition) = evaluator.template.conditions.get(name) else { continue };
        if evaluator.holds(name).is_some() {
            continue;
        }
        let place = Place::of(&["Conditions", name]);
        let Some(reduced) = findings.take(&place, reduced(definition, evaluator)) else { continue };
        let content = with_names(reduced, &renamed, &mappings);
        let new = format!("{name}{}", short_hash(&content));
        renamed.insert(name.to_owned(), new.clone());
        conditions.insert(new, content);
    }
    template.conditions = conditions;
    let change = |value: &mut Value| *value = with_names(std::mem::take(value), &renamed, &mappings);
    for resource in template.resources.values_mut() {
        resource.properties.values_mut().for_each(change);
        resource.attributes.values_mut().for_each(change);
    }
    template.outputs.values_mut().for_each(change);
    for (name, mapping) in &evaluator.template.mappings {
        let new = mappings.get(name).cloned().unwrap_or_default();
        template.mappings.insert(new, mapping_json(mapping));
    }
}

fn mapping_json(mapping: &BTreeMap<String, BTreeMap<String, Value>>) -> Value {
    let second = |pairs: &BTreeMap<String, Value>| {
        pairs.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>()
    };
    mapping
        .iter()
        .map(|(key, pairs)| (key.clone(), Value::Object(second(pairs))))
        .collect::<Map<_, _>>()
        .into()
}

/// The value with the names of conditions and mappings changed.
fn with_names(
    value: Value,
    conditions: &BTreeMap<String, String>,
    mappings: &BTreeMap<String, String>,
) -> Value {
    let inner = |value: Value| with_names(value, conditions, mappings);
    match value {
        Value::Array(items) => items.into_iter().map(inner).collect(),
        Value::Object(map) => {
            let is_single = map.len() == 1;
            let pairs = map.into_iter().map(|(key, mut value)| {
                let names = match (is_single, key.as_str()) {
                    (true, "Fn::If") => Some(conditions),
                    (true, "Fn::FindInMap") => Some(mappings),
                    (true, "Condition") => {
                        let name = value.as_str().and_then(|name| conditions.get(name)).cloned();
                        return (key, name.map_or(value, Value::String));
                    }
                    _ => None,
                };
                if let (Some(names), Some(first)) = (names, value.get_mut(0))
                    && let Some(new) = first.as_str().and_then(|name| names.get(name))
                {
                    *first = new.clone().into();
                }
                (key, inner(value))
            });
            pairs.collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// The definition of an undecided condition without the operands that are decided.
fn reduced(definition: &Value, evaluator: &Evaluator<'_>) -> Result<Value, Violation> {
    let map = shape::map(definition)?;
    let Some((name, argument)) = map.iter().next() else { return Ok(definition.clone()) };
    Ok(match name.as_str() {
        "Fn::Equals" => {
            let sides = shape::list(argument)?.iter().map(|side| {
                Ok(evaluator.evaluate(side)?.map_or_else(|| "".into(), |side| merged(side.expression())))
            });
            json!({ name: sides.collect::<Result<Vec<Value>, Violation>>()? })
        }
        "Fn::And" | "Fn::Or" | "Fn::Not" => {
            let mut open = Vec::new();
            for operand in shape::list(argument)? {
                // A decided operand that decides the whole would have decided the condition.
                if matches!(evaluator.truth(operand)?, Truth::Undecided(_)) {
                    open.push(reduced(operand, evaluator)?);
                }
            }
            match open.as_slice() {
                [one] if name != "Fn::Not" => one.clone(),
                _ => json!({ name: open }),
            }
        }
        _ => definition.clone(),
    })
}
