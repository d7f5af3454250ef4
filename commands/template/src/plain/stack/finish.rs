//! The last step of every template: what nothing uses goes, and what CloudFormation would refuse is found.

use std::collections::BTreeSet;

use super::super::references::{Decided, PSEUDO, References};
use super::error::PassError;
use super::shared::{all_references, output_references, references, used_by, uses};
use super::template::StackTemplate;
use crate::budget::LARGEST_FILE;

/// CloudFormation's limits.
const MOST_RESOURCES: usize = 500;
pub(super) const MOST_OUTPUTS: usize = 200;
const MOST_PARAMETERS: usize = 200;

/// Removes unused parameters, conditions, mappings and dependencies, and gives everything that is wrong, in order.
pub(super) fn finish(template: &mut StackTemplate) -> Vec<PassError> {
    prune(template);
    let mut errors = dangling(template);
    errors.extend(circle(template).map(PassError::Circle));
    let counts = [
        ("resources", template.resources.len(), MOST_RESOURCES),
        ("outputs", template.outputs.len(), MOST_OUTPUTS),
        ("parameters", template.parameters.len(), MOST_PARAMETERS),
        ("bytes of template", template.text().len(), LARGEST_FILE),
    ];
    errors.extend(
        counts
            .into_iter()
            .filter(|(_, found, limit)| found > limit)
            .map(|(what, found, limit)| PassError::TooMany { what, found, limit }),
    );
    errors.sort();
    errors
}

fn prune(template: &mut StackTemplate) {
    let ids: BTreeSet<String> = template.resources.keys().cloned().collect();
    for resource in template.resources.values_mut() {
        resource.depends_on.retain(|id| ids.contains(id));
    }
    let conditions = std::mem::take(&mut template.conditions);
    let mut open: Vec<String> = all_references(template).conditions.into_iter().collect();
    while let Some(name) = open.pop() {
        if let Some(definition) = conditions.get(&name).filter(|_| !template.conditions.contains_key(&name)) {
            open.extend(used_by(definition));
            template.conditions.insert(name, definition.clone());
        }
    }
    let used = all_references(template);
    template.mappings.retain(|name, _| used.mappings.contains(name));
    template.parameters.retain(|name, _| used.names(name));
}

/// References to what the template does not have.
fn dangling(template: &StackTemplate) -> Vec<PassError> {
    let mut errors = Vec::new();
    let mut check = |from: &str, found: References| {
        let values = found.values.into_iter().map(|used| used.name).filter(|name| {
            !PSEUDO.contains(&name.as_str())
                && !template.parameters.contains_key(name)
                && !template.resources.contains_key(name)
        });
        let conditions = found.conditions.into_iter().filter(|name| !template.conditions.contains_key(name));
        let mappings = found.mappings.into_iter().filter(|name| !template.mappings.contains_key(name));
        let all: BTreeSet<String> = values.chain(conditions).chain(mappings).collect();
        errors.extend(all.into_iter().map(|to| PassError::Dangling { from: from.to_owned(), to }));
    };
    template.resources.iter().for_each(|(id, resource)| check(id, references(resource)));
    template.outputs.iter().for_each(|(name, output)| check(name, output_references(output)));
    template.conditions.iter().for_each(|(name, value)| check(name, References::of(value, &Decided::new())));
    errors
}

/// Resources that refer to each other in a circle, or to such ones; without recursion, because a chain may be long.
fn circle(template: &StackTemplate) -> Option<Vec<String>> {
    let mut open = uses(template);
    loop {
        let free: BTreeSet<String> =
            open.iter().filter(|(_, used)| used.is_empty()).map(|(id, _)| id.clone()).collect();
        if free.is_empty() {
            break;
        }
        open.retain(|id, _| !free.contains(id));
        open.values_mut().for_each(|used| used.retain(|name| !free.contains(name)));
    }
    (!open.is_empty()).then(|| open.into_keys().collect())
}
