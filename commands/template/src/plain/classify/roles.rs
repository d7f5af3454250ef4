//! Roles that only direct functions use, and the policies that become part of them.
//!
//! Such a role is immutable: its name is made from its content, and a change makes a new one. So nothing of the stack may name
//! it or attach a policy to it. A role or policy that fails this takes those it is attached to with it into the stack.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::references::References;
use super::graph::Graph;
use super::kinds::{MANAGED_POLICY, POLICY, ROLE, ROLE_POLICY};
use super::split::{Notice, Part, Split};

pub(super) fn place(graph: &Graph<'_>, parts: &mut BTreeMap<String, Part>) {
    let is_function = |id: &str| parts.get(id) == Some(&Part::Function);
    let is_dropped = |id: &str| matches!(parts.get(id), Some(Part::Dropped(_)));
    let candidates = graph.resources().filter(|(id, resource)| {
        let stays = parts.get(*id) == Some(&Part::Stack);
        let has_function = graph.users(id).any(|(user, property)| property == "Role" && is_function(user));
        resource.kind == ROLE && stays && has_function
    });
    let mut roles: BTreeSet<String> = candidates.map(|(id, _)| id.to_owned()).collect();
    let mut policies: BTreeMap<String, BTreeSet<String>> = graph
        .resources()
        .filter(|(_, resource)| matches!(resource.kind.as_str(), POLICY | MANAGED_POLICY | ROLE_POLICY))
        .map(|(id, _)| (id.to_owned(), attached_to(graph, id)))
        .collect();
    let in_outputs = in_outputs(graph);
    loop {
        let before = (roles.len(), policies.len());
        policies.retain(|policy, attached| {
            let only_roles = attached_only_by_reference(graph, policy);
            let users = graph.users(policy).all(|(user, property)| {
                (property == "ManagedPolicyArns" && roles.contains(user)) || is_dropped(user)
            });
            only_roles
                && users
                && !attached.is_empty()
                && attached.iter().all(|role| roles.contains(role))
                && !in_outputs.contains(policy)
        });
        roles.retain(|role| {
            let users = graph.users(role).all(|(user, property)| {
                is_function(user)
                    || is_dropped(user)
                    || (matches!(property, "Roles" | "RoleName") && policies.contains_key(user))
            });
            // A managed policy of the stack would change the rights of a running version.
            let own = graph.named_by(role, "ManagedPolicyArns").all(|policy| policies.contains_key(policy));
            users && own
        });
        if before == (roles.len(), policies.len()) {
            break;
        }
    }
    for (policy, attached) in policies {
        parts.insert(policy, Part::Policy(attached));
    }
    for role in roles {
        parts.insert(role, Part::Role);
    }
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
fn attached_only_by_reference(graph: &Graph<'_>, policy: &str) -> bool {
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
fn in_outputs(graph: &Graph<'_>) -> BTreeSet<String> {
    let outputs = graph.evaluator.template.outputs.values();
    let values = outputs.flat_map(|output| References::of(&output.value, &graph.decided).values);
    values.map(|reference| reference.name).collect()
}

/// Reports the roles of direct functions that stay in the stack.
pub(super) fn report_shared(graph: &Graph<'_>, split: &mut Split) {
    let is_function = |id: &str| split.part(id) == Some(&Part::Function);
    let mut notices = Vec::new();
    for (role, resource) in graph.resources() {
        let of_functions = graph.users(role).any(|(user, property)| property == "Role" && is_function(user));
        if resource.kind == ROLE && of_functions && split.part(role) == Some(&Part::Stack) {
            let with =
                graph.users(role).filter(|(user, _)| !is_function(user)).map(|(user, _)| user.to_owned());
            notices.push(Notice::SharedRole { role: role.to_owned(), with: with.collect() });
        }
    }
    split.notices.extend(notices);
}
