//! GROW, the pass before the move: what is new or changed in place. It removes nothing, and triggers stay as they are.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::classify::{Held, kinds};
use super::desired::Desired;
use super::error::PassError;
use super::finish::{MOST_OUTPUTS, finish};
use super::shared::output_references;
use super::template::{Emission, ParameterValue, StackResource, StackTemplate};

/// The template of GROW; `None` if there is nothing for a stack to have yet. `since` is the release that is deployed: what it does
/// not have is carried over, and remembers that.
///
/// # Errors
///
/// What CloudFormation would refuse, because the stack still has the former form of something.
pub fn grow(
    live: Option<&StackTemplate>,
    desired: &Desired,
    since: &str,
) -> Result<Option<Emission>, Vec<PassError>> {
    let empty = StackTemplate::default();
    let live = live.unwrap_or(&empty);
    let mut grown = desired.emission();
    let mut errors = check(live, &grown.template);
    let wanted = std::mem::take(&mut grown.template.resources);
    for (id, new) in wanted {
        grown.template.resources.extend(held_back(live.resources.get(&id), new).map(|body| (id, body)));
    }
    for (id, old) in &live.resources {
        grown.template.resources.entry(id.clone()).or_insert_with(|| carried(old, since));
    }
    let names: Vec<String> = grown.template.outputs.keys().cloned().collect();
    for name in names {
        let is_whole = |output: &Value| all_present(&grown.template, output);
        if grown.template.outputs.get(&name).is_some_and(is_whole) {
            continue;
        }
        // It names a trigger that comes with WIRE.
        match live.outputs.get(&name).cloned() {
            Some(old) => _ = grown.template.outputs.insert(name, old),
            None => _ = grown.template.outputs.remove(&name),
        }
    }
    carry_sections(live, &mut grown);
    errors.extend(finish(&mut grown.template));
    grown.parameters.retain(|name, _| grown.template.parameters.contains_key(name));
    errors.sort();
    errors.dedup();
    match errors.is_empty() {
        true => Ok((!grown.template.resources.is_empty()).then_some(grown)),
        false => Err(errors),
    }
}

/// A resource that the new template does not have.
pub(super) fn carried(old: &StackResource, since: &str) -> StackResource {
    let mut carried = old.clone();
    carried.carried_since.get_or_insert_with(|| since.to_owned());
    carried
}

/// Adds what carried resources bring along: outputs, parameters, mappings and conditions. Those that nothing uses go later.
pub(super) fn carry_sections(live: &StackTemplate, emission: &mut Emission) {
    let template = &mut emission.template;
    for (name, output) in &live.outputs {
        // Nobody reads a value for a function of an earlier release again: it goes first where there are too many.
        let is_spare = name.starts_with("Sluice") && template.outputs.len() >= MOST_OUTPUTS;
        if !is_spare && !template.outputs.contains_key(name) && all_present(template, output) {
            template.outputs.insert(name.clone(), output.clone());
        }
    }
    let sections = [(&live.mappings, &mut template.mappings), (&live.conditions, &mut template.conditions)];
    for (from, to) in sections {
        for (name, value) in from {
            to.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    for (name, declared) in &live.parameters {
        if !template.parameters.contains_key(name) {
            template.parameters.insert(name.clone(), declared.clone());
            emission.parameters.insert(name.clone(), ParameterValue::Previous);
        }
    }
}

/// Whether everything that an output names is in the template, or will be once its sections are carried over.
fn all_present(template: &StackTemplate, output: &Value) -> bool {
    let found = output_references(output);
    let mut gone = found.values.iter().filter(|used| {
        !used.name.starts_with("AWS::")
            && !template.resources.contains_key(&used.name)
            && !template.parameters.contains_key(&used.name)
    });
    gone.next().is_none()
}

/// A resource of the new template as GROW has it; `None` if it comes with WIRE.
fn held_back(old: Option<&StackResource>, new: StackResource) -> Option<StackResource> {
    let Some(old) = old else {
        return match &new.held {
            Some(Held::Type | Held::RefersTo(_)) => None,
            _ => Some(with_triggers_of(None, new)),
        };
    };
    let waits = new.is_held_whole() || old.is_held_whole();
    let is_changed_caller = [&new.held, &old.held].contains(&&Some(Held::IfChanged));
    if waits || is_changed_caller {
        let mut body = old.clone();
        body.carried_since = None;
        return Some(body);
    }
    Some(with_triggers_of(Some(old), new))
}

/// The resource with the properties that trigger functions as they are, and the rest as it will be.
fn with_triggers_of(old: Option<&StackResource>, mut new: StackResource) -> StackResource {
    for property in kinds::trigger_properties(&new.kind) {
        match old.and_then(|old| old.properties.get(property)) {
            Some(value) => _ = new.properties.insert(property.to_owned(), value.clone()),
            None => _ = new.properties.remove(property),
        }
    }
    new
}

/// What cannot change while the former form is still there.
fn check(live: &StackTemplate, new: &StackTemplate) -> Vec<PassError> {
    let mut errors = Vec::new();
    for (id, resource) in &new.resources {
        if let Some(old) = live.resources.get(id).filter(|old| old.kind != resource.kind) {
            errors.push(PassError::TypeChanged {
                logical_id: id.clone(),
                was: old.kind.clone(),
                now: resource.kind.clone(),
            });
        }
    }
    let old = live.resources.iter().filter(|(id, _)| !new.resources.contains_key(*id));
    let taken: BTreeMap<_, _> =
        old.flat_map(|(id, old)| old.physical_names().map(move |name| (name, id))).collect();
    for (id, resource) in new.resources.iter().filter(|(id, _)| !live.resources.contains_key(*id)) {
        for key in resource.physical_names() {
            if let Some(old) = taken.get(&key) {
                let name = key.2.to_owned();
                errors.push(PassError::NameTaken { new: id.clone(), old: (*old).clone(), name });
            }
        }
    }
    errors
}
