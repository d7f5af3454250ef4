//! The functions that the stack invokes during its own update, with everything that they need for that.
//!
//! These stay in the stack, because only CloudFormation knows when to invoke them: functions behind the `ServiceToken` of
//! custom resources, macros, rotations of secrets, and Lambda@Edge, which a distribution copies. A function that such a function
//! may call in turn, directly or through a state machine, is one too: the CDK's provider framework works so.

use std::collections::BTreeSet;

use super::graph::Graph;
use super::kinds::{
    ALIAS, FUNCTION, MANAGED_POLICY, PERMISSION, POLICY, ROLE, ROLE_POLICY, STATE_MACHINE, VERSION,
};

/// The resources that are followed from one to the next. Others, such as a table that both use, connect no functions.
const FOLLOWED: [&str; 8] =
    [FUNCTION, VERSION, ALIAS, ROLE, POLICY, MANAGED_POLICY, ROLE_POLICY, STATE_MACHINE];

/// The logical ids of these functions and of what has to be in the stack with them: roles, versions, aliases, permissions.
pub(super) fn of(graph: &Graph<'_>) -> BTreeSet<String> {
    let mut open: Vec<String> = Vec::new();
    for (logical_id, resource) in graph.resources() {
        let property = match resource.kind.as_str() {
            _ if resource.is_custom() => "ServiceToken",
            "AWS::CloudFormation::Macro" => "FunctionName",
            "AWS::SecretsManager::RotationSchedule" => "RotationLambdaARN",
            "AWS::CloudFront::Distribution" => "DistributionConfig",
            _ => continue,
        };
        let named: Vec<&str> = graph.named_by(logical_id, property).collect();
        let is_edge = resource.kind == "AWS::CloudFront::Distribution";
        for to in named {
            // A distribution's configuration names more than its functions: buckets, APIs, function URLs.
            if !is_edge || [FUNCTION, VERSION, ALIAS].iter().any(|kind| graph.is(to, kind)) {
                open.push(to.to_owned());
            }
        }
        // The rotation is what invokes the function, so it cannot wait. A custom resource may have to, for another function.
        if resource.kind == "AWS::SecretsManager::RotationSchedule" {
            open.push(logical_id.to_owned());
        }
    }
    let mut found = BTreeSet::new();
    while let Some(logical_id) = open.pop() {
        if !found.insert(logical_id.clone()) {
            continue;
        }
        let followed = |id: &str| FOLLOWED.iter().any(|kind| graph.is(id, kind));
        if followed(&logical_id) {
            let next = graph.edges(&logical_id).iter().map(|edge| edge.to.as_str());
            open.extend(next.filter(|to| followed(to)).map(str::to_owned));
        }
        for (user, property) in graph.users(&logical_id) {
            let belongs = match property {
                "Roles" | "RoleName" => {
                    [POLICY, MANAGED_POLICY, ROLE_POLICY].iter().any(|kind| graph.is(user, kind))
                }
                "FunctionName" => [VERSION, ALIAS, PERMISSION].iter().any(|kind| graph.is(user, kind)),
                // A topic as the service token: its subscriptions lead to the function.
                "TopicArn" => graph.is(user, "AWS::SNS::Subscription"),
                _ => false,
            };
            if belongs {
                open.push(user.to_owned());
                if graph.is(user, "AWS::SNS::Subscription") {
                    open.extend(graph.named_by(user, "Endpoint").map(str::to_owned));
                }
            }
        }
        if graph.is(&logical_id, "AWS::SNS::Topic") {
            open.extend(graph.named_by(&logical_id, "Subscription").map(str::to_owned));
        }
    }
    found
}
