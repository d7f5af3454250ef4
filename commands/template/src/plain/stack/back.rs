//! What a stack has to contain after a rollback: the triggers of the release that runs again, and everything else as it is. Data is
//! never moved back.

use std::collections::BTreeSet;

use super::super::classify::kinds;
use super::desired::Desired;
use super::shared::uses;
use super::template::{Emission, ParameterValue, StackTemplate};

/// What WIRE has to lead to after a rollback to the release that wanted `older`. A trigger of it that names something the stack no
/// longer has is left out.
pub fn back(live: &StackTemplate, older: &Desired) -> Desired {
    let Emission { template: wanted, parameters } = older.emission();
    let mut template = StackTemplate { resources: Default::default(), ..live.clone() };
    for (id, body) in &live.resources {
        let was = wanted.resources.get(id).filter(|was| was.kind == body.kind);
        if body.is_held_whole() {
            template.resources.extend(was.map(|was| (id.clone(), was.clone())));
            continue;
        }
        let mut body = body.clone();
        for property in kinds::trigger_properties(&body.kind) {
            match was.and_then(|was| was.properties.get(property)) {
                Some(value) => _ = body.properties.insert(property.to_owned(), value.clone()),
                None => _ = body.properties.remove(property),
            }
        }
        template.resources.insert(id.clone(), body);
    }
    for (id, body) in &wanted.resources {
        if body.is_held_whole() && !live.resources.contains_key(id) {
            template.resources.insert(id.clone(), body.clone());
        }
    }
    for (from, to) in [
        (wanted.mappings, &mut template.mappings),
        (wanted.conditions, &mut template.conditions),
        (wanted.parameters, &mut template.parameters),
    ] {
        for (name, value) in from {
            to.entry(name).or_insert(value);
        }
    }
    let known = |name: &String| template.parameters.contains_key(name) || name.starts_with("AWS::");
    let dangling = |template: &StackTemplate| -> BTreeSet<String> {
        let all = template.resources.iter().filter(|(id, _)| !live.resources.contains_key(*id));
        let is_dangling = |body: &super::template::StackResource| {
            let mut found = super::shared::references(body).values.into_iter().map(|used| used.name);
            found.any(|name| !known(&name) && !template.resources.contains_key(&name))
        };
        all.filter(|(_, body)| is_dangling(body)).map(|(id, _)| id.clone()).collect()
    };
    // One trigger may need another one.
    let mut gone = dangling(&template);
    let mut resources = template.resources.clone();
    while !gone.is_empty() {
        resources.retain(|id, _| !gone.contains(id));
        let rest = StackTemplate { resources: resources.clone(), ..template.clone() };
        gone = dangling(&rest);
    }
    template.resources = resources;
    // What stays may name a trigger that the older release has not: then that stays, too.
    let needed: BTreeSet<String> = uses(live)
        .into_iter()
        .filter(|(id, _)| template.resources.contains_key(id))
        .flat_map(|(_, used)| used)
        .filter(|id| !template.resources.contains_key(id))
        .collect();
    let needed = live.resources.iter().filter(|(id, _)| needed.contains(*id));
    let needed: Vec<_> = needed.map(|(id, body)| (id.clone(), body.clone())).collect();
    template.resources.extend(needed);
    let value = |name: &String| match live.parameters.contains_key(name) {
        true => Some(ParameterValue::Previous),
        false => parameters.get(name).cloned(),
    };
    let parameters =
        template.parameters.keys().filter_map(|name| Some((name.clone(), value(name)?))).collect();
    let stack = (!template.resources.is_empty()).then_some(Emission { template, parameters });
    Desired { stack, outputs: Default::default(), needed: older.needed.clone() }
}
