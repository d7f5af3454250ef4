//! What of the stack waits for WIRE: triggers, and everything that refers to one.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Graph;
use super::split::{Held, Notice, Part, Placement};
use super::{kinds, names};

/// Marks what waits for WIRE, and everything of the stack that refers to it.
pub(super) fn hold(
    graph: &Graph<'_>,
    infrastructure: &BTreeSet<String>,
    parts: BTreeMap<String, Part>,
    notices: &mut Vec<Notice>,
) -> BTreeMap<String, Placement> {
    let mut held: BTreeMap<String, Held> = BTreeMap::new();
    for (logical_id, resource) in graph.resources() {
        if parts.get(logical_id) == Some(&Part::Stack) && !infrastructure.contains(logical_id) {
            // A service token's function is never direct, so this is one that the resource is given.
            let mut edges = graph.edges(logical_id).iter();
            let calls = edges.any(|edge| parts.get(edge.to.as_str()) == Some(&Part::Function));
            held.extend(kinds::held(resource, calls).map(|why| (logical_id.to_owned(), why)));
        }
    }
    loop {
        let whole = |id: &str| matches!(held.get(id), Some(Held::Type | Held::RefersTo(_)));
        let mut more = Vec::new();
        for (logical_id, _) in graph.resources() {
            if parts.get(logical_id) != Some(&Part::Stack) || whole(logical_id) {
                continue;
            }
            if let Some(edge) = graph.edges(logical_id).iter().find(|edge| whole(&edge.to)) {
                more.push((logical_id.to_owned(), Held::RefersTo(edge.to.clone())));
            }
        }
        if more.is_empty() {
            break;
        }
        held.extend(more);
    }
    for (logical_id, part) in parts.iter().filter(|(_, part)| part.is_direct()) {
        let waits = graph
            .edges(logical_id)
            .iter()
            .filter(|edge| matches!(held.get(&edge.to), Some(Held::Type | Held::RefersTo(_))));
        let waits: BTreeSet<&String> = waits.map(|edge| &edge.to).collect();
        // An API's body and a layer are no versions: they can be written after WIRE without a second release.
        if matches!(part, Part::Function | Part::Role | Part::Policy(_)) {
            notices.extend(
                waits
                    .into_iter()
                    .map(|to| Notice::NeedsHeld { direct: logical_id.clone(), held: to.clone() }),
            );
        }
    }
    let place = |(logical_id, part): (String, Part)| {
        let is_stateful = part == Part::Stack
            && graph.resource(&logical_id).is_some_and(|resource| names::is_stateful(&resource.kind));
        let held = held.remove(&logical_id);
        (logical_id, Placement { part, held, is_stateful })
    };
    parts.into_iter().map(place).collect()
}
