//! Roles that only direct functions use, and the policies that become part of them.
//!
//! Such a role is immutable: its name is made from its content, and a change makes a new one. So nothing of the stack may name
//! it or attach a policy to it. A role or policy that fails this takes those it is attached to with it into the stack.

use std::collections::{BTreeMap, BTreeSet};

use super::attached::{attached_only_by_reference, in_outputs, policies};
use super::graph::Graph;
use super::kinds::ROLE;
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
    let mut policies = policies(graph);
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
