//! What Sluice's own versions, aliases and credentials replace, and what it leaves to the people who own the account.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::attached::{attached_only_by_reference, in_outputs, policies};
use super::graph::Graph;
use super::kinds::{ALIAS, API_ACCOUNT, FUNCTION, PERMISSION, ROLE, VERSION};
use super::split::{Part, Why};

pub(super) fn place(graph: &Graph<'_>, parts: &mut BTreeMap<String, Part>) {
    for (logical_id, resource) in graph.resources() {
        let function = function_of(graph, logical_id).filter(|id| parts.get(id) == Some(&Part::Function));
        let why = match (resource.kind.as_str(), function) {
            (VERSION, Some(function)) => Why::Version(function),
            (ALIAS, Some(function)) => Why::Alias(function),
            (PERMISSION, Some(_)) if is_of_direct_api(graph, logical_id, parts) => Why::ApiPermission,
            _ => continue,
        };
        parts.insert(logical_id.to_owned(), Part::Dropped(why));
    }
    deployment_preferences(graph, parts);
    account_settings(graph, parts);
}

/// The property that names the function which a resource belongs to.
pub(super) fn target_property(kind: &str) -> Option<&'static str> {
    match kind {
        "AWS::Lambda::Url" => Some("TargetFunctionArn"),
        VERSION
        | ALIAS
        | PERMISSION
        | "AWS::Lambda::EventInvokeConfig"
        | "AWS::Lambda::EventSourceMapping" => Some("FunctionName"),
        _ => None,
    }
}

/// The function that a property `FunctionName` or `TargetFunctionArn` names: by reference, also to a version or an alias of it,
/// or by the literal name that the template gives to it.
pub(super) fn function_of(graph: &Graph<'_>, logical_id: &str) -> Option<String> {
    let resource = graph.resource(logical_id)?;
    let property = target_property(&resource.kind)?;
    let mut named: Option<String> = graph.named_by(logical_id, property).next().map(str::to_owned);
    // A version of an alias of a function: two steps at most are possible.
    for _ in 0..2 {
        let Some(id) = named.clone().filter(|id| graph.is(id, VERSION) || graph.is(id, ALIAS)) else { break };
        named = graph.named_by(&id, "FunctionName").next().map(str::to_owned);
    }
    if let Some(id) = named {
        return graph.is(&id, FUNCTION).then_some(id);
    }
    let literal = graph.evaluator.evaluate(resource.properties.get(property)?).ok()??;
    let literal = literal.known_str()?;
    // `name`, `name:qualifier`, or an ARN.
    let name = match literal.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "lambda", region, account, "function", name, ..] => {
            let target = graph.evaluator.stage.target;
            if *region != target.region || *account != target.account {
                return None;
            }
            (*name).to_owned()
        }
        [name, ..] => (*name).to_owned(),
        [] => return None,
    };
    let mut functions = graph.resources().filter(|(_, resource)| resource.kind == FUNCTION);
    let is_called = |resource: &super::super::template::Resource| {
        let given = resource.properties.get("FunctionName")?;
        let given = graph.evaluator.evaluate(given).ok()??;
        Some(given.known_str()? == name)
    };
    functions.find(|(_, resource)| is_called(resource) == Some(true)).map(|(id, _)| id.to_owned())
}

fn is_of_direct_api(graph: &Graph<'_>, permission: &str, parts: &BTreeMap<String, Part>) -> bool {
    let principal = graph.resource(permission).and_then(|resource| resource.properties.get("Principal"));
    let principal = principal.and_then(|principal| graph.evaluator.evaluate(principal).ok()?);
    let is_gateway = principal.is_some_and(|principal| {
        principal.known_str().is_some_and(|name| name.starts_with("apigateway.amazonaws."))
    });
    is_gateway && graph.named_by(permission, "SourceArn").any(|api| parts.get(api) == Some(&Part::Api))
}

/// CodeDeploy's applications for Lambda, their deployment groups, and the roles that only those use.
fn deployment_preferences(graph: &Graph<'_>, parts: &mut BTreeMap<String, Part>) {
    let mut dropped: Vec<&str> = Vec::new();
    for (logical_id, resource) in graph.resources() {
        let is_lambda = resource.properties.get("ComputePlatform").and_then(Value::as_str) == Some("Lambda");
        if resource.kind == "AWS::CodeDeploy::Application" && is_lambda {
            dropped.push(logical_id);
            let groups = graph.users(logical_id).filter(|(user, property)| {
                *property == "ApplicationName" && graph.is(user, "AWS::CodeDeploy::DeploymentGroup")
            });
            dropped.extend(groups.map(|(user, _)| user));
        }
    }
    drop_with_roles(graph, &dropped, "ServiceRoleArn", &Why::DeploymentPreference, parts);
}

/// The role that API Gateway writes its logs with. It is one setting for the whole account and region, and the CDK sets it with every REST
/// API: the last stage that was deployed or removed would decide for all
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-account.html>).
fn account_settings(graph: &Graph<'_>, parts: &mut BTreeMap<String, Part>) {
    let settings = graph.resources().filter(|(_, resource)| resource.kind == API_ACCOUNT);
    let settings: Vec<&str> = settings.map(|(id, _)| id).collect();
    drop_with_roles(graph, &settings, "CloudWatchRoleArn", &Why::AccountSetting, parts);
}

/// Drops these resources, the roles that only they name in a property, and the policies that only those roles have.
fn drop_with_roles(
    graph: &Graph<'_>,
    resources: &[&str],
    property: &str,
    why: &Why,
    parts: &mut BTreeMap<String, Part>,
) {
    let in_outputs = in_outputs(graph);
    let named = resources.iter().flat_map(|id| graph.named_by(id, property));
    let mut roles: BTreeSet<String> = named.filter(|id| graph.is(id, ROLE)).map(str::to_owned).collect();
    let mut policies = policies(graph);
    loop {
        let before = (roles.len(), policies.len());
        policies.retain(|policy, attached| {
            !attached.is_empty()
                && attached.iter().all(|role| roles.contains(role))
                && attached_only_by_reference(graph, policy)
                && graph.users(policy).all(|(user, _)| roles.contains(user))
                && !in_outputs.contains(policy)
        });
        roles.retain(|role| {
            let mut users = graph.users(role);
            users.all(|(user, _)| resources.contains(&user) || policies.contains_key(user))
                && !in_outputs.contains(role)
        });
        if before == (roles.len(), policies.len()) {
            break;
        }
    }
    let resources = resources.iter().map(|id| (*id).to_owned());
    for id in resources.chain(roles).chain(policies.into_keys()) {
        parts.insert(id, Part::Dropped(why.clone()));
    }
}
