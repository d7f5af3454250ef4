//! What is known of resource types: which trigger or call functions, which belong to an API.

use std::collections::BTreeSet;

use super::super::template::Resource;
use super::split::Held;

pub(in crate::plain) const FUNCTION: &str = "AWS::Lambda::Function";
pub(super) const LAYER: &str = "AWS::Lambda::LayerVersion";
pub(super) const VERSION: &str = "AWS::Lambda::Version";
pub(super) const ALIAS: &str = "AWS::Lambda::Alias";
pub(in crate::plain) const PERMISSION: &str = "AWS::Lambda::Permission";
pub(in crate::plain) const ROLE: &str = "AWS::IAM::Role";
pub(super) const POLICY: &str = "AWS::IAM::Policy";
pub(in crate::plain) const MANAGED_POLICY: &str = "AWS::IAM::ManagedPolicy";
pub(super) const ROLE_POLICY: &str = "AWS::IAM::RolePolicy";
pub(in crate::plain) const STATE_MACHINE: &str = "AWS::StepFunctions::StateMachine";
pub(in crate::plain) const HTTP_API: &str = "AWS::ApiGatewayV2::Api";
pub(super) const API_ACCOUNT: &str = "AWS::ApiGateway::Account";
pub(super) const REST_API: &str = "AWS::ApiGateway::RestApi";

/// Types that deliver events to functions or make them reachable. `findings/deploy-design.md`, "The rule for stack changes".
const TRIGGERS: [&str; 26] = [
    "AWS::ApiGateway::BasePathMapping",
    "AWS::ApiGateway::BasePathMappingV2",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::UsagePlan",
    "AWS::ApiGateway::UsagePlanKey",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::Deployment",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Connect::IntegrationAssociation",
    "AWS::Events::Rule",
    "AWS::IoT::TopicRule",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Url",
    "AWS::Logs::SubscriptionFilter",
    "AWS::Pipes::Pipe",
    "AWS::S3::BucketNotification",
    "AWS::SES::ReceiptRule",
    "AWS::SNS::Subscription",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::StepFunctions::StateMachineAlias",
    "AWS::WAFRegional::WebACLAssociation",
    "AWS::WAFv2::WebACLAssociation",
];

/// Properties of other types that do.
const TRIGGER_PROPERTIES: [(&str, &str); 4] = [
    ("AWS::Cognito::UserPool", "LambdaConfig"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Targets"),
    ("AWS::S3::Bucket", "NotificationConfiguration"),
    ("AWS::SNS::Topic", "Subscription"),
];

/// Types that call functions when something calls them: a change of an existing one reaches old code.
const CALLERS: [&str; 3] =
    ["AWS::AppSync::FunctionConfiguration", "AWS::AppSync::Resolver", "AWS::StepFunctions::StateMachine"];

/// Whether a resource of the stack waits for WIRE. `calls` is whether it names a function that Sluice creates.
pub(super) fn held(resource: &Resource, calls: bool) -> Option<Held> {
    let kind = resource.kind.as_str();
    // A custom resource that is given a function's ARN may use it at once, as the CDK's bucket notifications do.
    if TRIGGERS.contains(&kind) || (resource.is_custom() && calls) {
        return Some(Held::Type);
    }
    let own = trigger_properties(kind).filter(|property| resource.properties.contains_key(*property));
    let properties: BTreeSet<String> = own.map(str::to_owned).collect();
    if !properties.is_empty() {
        return Some(Held::Properties(properties));
    }
    CALLERS.contains(&kind).then_some(Held::IfChanged)
}

/// Whether a type as a whole delivers events to functions or makes them reachable.
pub(in crate::plain) fn is_trigger(kind: &str) -> bool {
    TRIGGERS.contains(&kind)
}

/// The properties of a type that deliver events to functions, while the rest of it does not.
pub(in crate::plain) fn trigger_properties(kind: &str) -> impl Iterator<Item = &'static str> {
    TRIGGER_PROPERTIES.iter().filter(move |(of, _)| *of == kind).map(|(_, property)| *property)
}

/// Whether a type is a stage of an API, a deployment of one, or neither.
pub(super) fn api_part(kind: &str) -> Option<ApiPart> {
    match kind {
        "AWS::ApiGateway::Stage" | "AWS::ApiGatewayV2::Stage" => Some(ApiPart::Stage),
        "AWS::ApiGateway::Deployment" | "AWS::ApiGatewayV2::Deployment" => Some(ApiPart::Deployment),
        _ => None,
    }
}

/// A part of an API beside its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiPart {
    Stage,
    Deployment,
}

/// Types that are parts of an API's definition: beside a body they would be lost with the next import.
pub(super) const API_CHILDREN: [&str; 16] = [
    "AWS::ApiGateway::Authorizer",
    "AWS::ApiGateway::DocumentationPart",
    "AWS::ApiGateway::DocumentationVersion",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Model",
    "AWS::ApiGateway::RequestValidator",
    "AWS::ApiGateway::Resource",
    "AWS::ApiGatewayV2::ApiGatewayManagedOverrides",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::IntegrationResponse",
    "AWS::ApiGatewayV2::Model",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::RouteResponse",
    "AWS::ApiGatewayV2::RoutingRule",
];
