//! Resources that Sluice refuses, because they give or edit rights beyond the stage's own. The lists are those of
//! `findings/deploy-design.md`, "Security: types".

use serde_json::Value;

use super::dropped::{function_of, target_property};
use super::graph::{Graph, place_of};
use super::kinds::{ALIAS, FUNCTION, ROLE, VERSION};
use super::split::{Part, Split};
use crate::error::{Findings, TemplateCode, Violation};

/// Types, or families of types that end with `::`, and why they are refused.
const REFUSED: [(&str, &str); 46] = [
    ("AWS::AutoScaling::", SERVERS),
    ("AWS::CloudFormation::GuardHook", EXTENDS),
    ("AWS::CloudFormation::HookDefaultVersion", EXTENDS),
    ("AWS::CloudFormation::HookTypeConfig", EXTENDS),
    ("AWS::CloudFormation::HookVersion", EXTENDS),
    ("AWS::CloudFormation::LambdaHook", EXTENDS),
    ("AWS::CloudFormation::Macro", EXTENDS),
    ("AWS::CloudFormation::ModuleDefaultVersion", EXTENDS),
    ("AWS::CloudFormation::ModuleVersion", EXTENDS),
    ("AWS::CloudFormation::PublicTypeVersion", EXTENDS),
    ("AWS::CloudFormation::Publisher", EXTENDS),
    ("AWS::CloudFormation::ResourceDefaultVersion", EXTENDS),
    ("AWS::CloudFormation::ResourceVersion", EXTENDS),
    ("AWS::CloudFormation::StackSet", "it creates stacks with rights of its own, also in other accounts"),
    ("AWS::CloudFormation::TypeActivation", EXTENDS),
    ("AWS::CloudTrail::", ACCOUNT),
    ("AWS::CodeBuild::", "it runs commands with rights of its own"),
    ("AWS::CodePipeline::", "it runs commands with rights of its own"),
    ("AWS::Config::", ACCOUNT),
    ("AWS::EC2::EC2Fleet", SERVERS),
    ("AWS::EC2::Instance", SERVERS),
    ("AWS::EC2::LaunchTemplate", SERVERS),
    ("AWS::EC2::SpotFleet", SERVERS),
    ("AWS::IAM::AccessKey", IDENTITY),
    ("AWS::IAM::Group", IDENTITY),
    ("AWS::IAM::GroupPolicy", IDENTITY),
    ("AWS::IAM::InstanceProfile", SERVERS),
    ("AWS::IAM::OIDCProvider", IDENTITY),
    ("AWS::IAM::SAMLProvider", IDENTITY),
    ("AWS::IAM::ServerCertificate", IDENTITY),
    ("AWS::IAM::User", IDENTITY),
    ("AWS::IAM::UserPolicy", IDENTITY),
    ("AWS::IAM::UserToGroupAddition", IDENTITY),
    ("AWS::IAM::VirtualMFADevice", IDENTITY),
    ("AWS::Organizations::", ACCOUNT),
    ("AWS::RAM::", "it shares resources with other accounts"),
    ("AWS::SSM::Association", "it runs commands with rights of its own"),
    ("AWS::SSM::Document", "it runs commands with rights of its own"),
    ("AWS::SSM::MaintenanceWindow", "it runs commands with rights of its own"),
    ("AWS::SSM::MaintenanceWindowTarget", "it runs commands with rights of its own"),
    ("AWS::SSM::MaintenanceWindowTask", "it runs commands with rights of its own"),
    ("AWS::SSO::", IDENTITY),
    ("AWS::Serverless::", "the template was not expanded: package it with sluice-package"),
    ("AWS::ServiceCatalog::", "it creates stacks with rights of its own"),
    ("AWS::ServiceCatalogAppRegistry::", ACCOUNT),
    ("AWS::Signer::", ACCOUNT),
];
const EXTENDS: &str = "it changes CloudFormation for the whole account";
const ACCOUNT: &str = "it changes settings of the whole account";
const SERVERS: &str = "it starts servers with rights of their own";
const IDENTITY: &str = "it creates identities or credentials outside of Sluice's boundaries";

/// Types that run code with a role, and the properties that name the role. The role has to be one of the template, which has
/// Sluice's boundary.
const ROLE_OF_CODE: [(&str, &[&str]); 8] = [
    ("AWS::Batch::JobDefinition", &["ContainerProperties", "NodeProperties", "EksProperties"]),
    ("AWS::ECS::Service", &["Role"]),
    ("AWS::ECS::TaskDefinition", &["TaskRoleArn", "ExecutionRoleArn"]),
    ("AWS::Glue::DevEndpoint", &["RoleArn"]),
    ("AWS::Glue::Job", &["Role"]),
    ("AWS::SageMaker::Model", &["ExecutionRoleArn"]),
    ("AWS::SageMaker::NotebookInstance", &["RoleArn"]),
    ("AWS::SageMaker::Pipeline", &["RoleArn"]),
];

/// What may stand behind a service token. A nested stack or a topic is in the template, and so is what it leads to.
const PROVIDERS: [&str; 5] = [FUNCTION, VERSION, ALIAS, "AWS::SNS::Topic", "AWS::CloudFormation::Stack"];

/// Refuses what the lists name.
pub(super) fn check(graph: &Graph<'_>, split: &Split, findings: &mut Findings) {
    for (logical_id, resource) in graph.resources() {
        if matches!(split.part(logical_id), Some(Part::Dropped(_))) {
            continue;
        }
        let place = place_of(logical_id);
        let mut refuse = |key: &str, problem: String, hint: &str| {
            let place = if key.is_empty() { place.clone() } else { place.key(key) };
            findings.add(&place, Violation::new(TemplateCode::Unsupported, problem, hint));
        };
        let kind = resource.kind.as_str();
        let listed = |(refused, _): &&(&str, &str)| {
            if refused.ends_with("::") { kind.starts_with(refused) } else { kind == *refused }
        };
        if let Some((_, reason)) = REFUSED.iter().find(listed) {
            refuse(
                "Type",
                format!("resources of type `{kind}` are refused: {reason}"),
                "remove it, or create it outside of the pipeline",
            );
        }
        let is_provider = |id: &str| PROVIDERS.iter().any(|kind| graph.is(id, kind));
        if resource.is_custom() && !graph.named_by(logical_id, "ServiceToken").any(is_provider) {
            refuse(
                "Properties",
                "the ServiceToken is not a function or topic of this template".to_owned(),
                "CloudFormation would invoke it with the stack's rights: move the function into the template",
            );
        }
        if target_property(kind).is_some_and(|property| {
            function_of(graph, logical_id).is_none() && graph.named_by(logical_id, property).next().is_none()
        }) {
            refuse(
                "Properties",
                "it is for a function outside of this template".to_owned(),
                "name a function of the template; functions of others are theirs to change",
            );
        }
        if kind == "AWS::CloudFormation::Stack" && !is_pinned(graph.property(logical_id, "TemplateURL")) {
            refuse(
                "Properties",
                "the TemplateURL is not pinned to a content".to_owned(),
                "package it with sluice-package, which uploads the nested template under its SHA-256",
            );
        }
        for property in
            ROLE_OF_CODE.iter().filter(|(of, _)| *of == kind).flat_map(|(_, properties)| *properties)
        {
            let outside = resource.properties.get(*property).is_some_and(|value| {
                let names_a_role = graph.named_by(logical_id, property).any(|id| graph.is(id, ROLE));
                let has_role =
                    !value.is_object() || value.to_string().contains("Role") || value.get("Ref").is_some();
                has_role && !names_a_role
            });
            if outside {
                refuse(
                    "Properties",
                    format!("{property} names a role outside of this template"),
                    "declare the role in the template: it then gets Sluice's boundary",
                );
            }
        }
    }
}

/// Whether a URL names its content: by a SHA-256 or MD5 in hex, or by the version of an object.
fn is_pinned(url: Option<&Value>) -> bool {
    let text = url.map(Value::to_string).unwrap_or_default();
    let longest = text.split(|sign: char| !sign.is_ascii_hexdigit()).map(str::len).max().unwrap_or_default();
    longest >= 32 || text.contains("versionId=")
}
