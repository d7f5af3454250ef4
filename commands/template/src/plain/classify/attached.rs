//! Which policies are attached to which roles, and what outputs name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::references::References;
use super::graph::Graph;
use super::kinds::{MANAGED_POLICY, POLICY, ROLE, ROLE_POLICY};

/// The policies of a template that are resources of their own, with the roles that each is attached to.
pub(super) fn policies(graph: &Graph<'_>) -> BTreeMap<String, BTreeSet<String>> {
    graph
        .resources()
        .filter(|(_, resource)| matches!(resource.kind.as_str(), POLICY | MANAGED_POLICY | ROLE_POLICY))
        .map(|(id, _)| (id.to_owned(), attached_to(graph, id)))
        .collect()
}

/// The roles that a policy is attached to by a reference.
fn attached_to(graph: &Graph<'_>, policy: &str) -> BTreeSet<String> {
    let own = ["Roles", "RoleName"].into_iter().flat_map(|property| graph.named_by(policy, property));
    let own: Vec<&str> = own.collect();
    let others = graph.users(policy).filter(|(_, property)| *property == "ManagedPolicyArns");
    let all = own.into_iter().chain(others.map(|(user, _)| user));
    all.filter(|id| graph.is(id, ROLE)).map(str::to_owned).collect()
}

/// Whether a policy is attached to nothing but roles that it names by reference.
pub(super) fn attached_only_by_reference(graph: &Graph<'_>, policy: &str) -> bool {
    let is_empty = |key: &str| {
        graph.property(policy, key).is_none_or(|value| value.as_array().is_some_and(Vec::is_empty))
    };
    let entries: Vec<&Value> = match (graph.property(policy, "Roles"), graph.property(policy, "RoleName")) {
        (Some(Value::Array(roles)), None) => roles.iter().collect(),
        (None, Some(role)) => vec![role],
        (None, None) => Vec::new(),
        // A list that is an expression as a whole.
        _ => return false,
    };
    let names_a_role = |entry: &&Value| {
        let found = References::of(entry, &graph.decided);
        found.values.iter().any(|reference| graph.is(&reference.name, ROLE))
    };
    is_empty("Users") && is_empty("Groups") && entries.iter().all(names_a_role)
}

/// The resources that an output names. A folded policy is no resource any more, so an output cannot name one.
pub(super) fn in_outputs(graph: &Graph<'_>) -> BTreeSet<String> {
    let outputs = graph.evaluator.template.outputs.values();
    let values = outputs.flat_map(|output| References::of(&output.value, &graph.decided).values);
    values.map(|reference| reference.name).collect()
}
