//! The service role of a stage's stack, and the permissions boundary of all service roles.
//!
//! CloudFormation keeps the role for all operations of the stack and uses it for everything that the template says, and everybody who
//! can push chooses the template. So the role reaches resources of its own stage only: by the names that CloudFormation makes of the
//! stack's, by the names that the template fixes, and by the tags of the stack, which CloudFormation puts on its resources.
//!
//! Roles that the stack creates have the boundary of functions, so they never have more rights than a function.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::boundary::{NOT_SLUICE, OwnResources, not_others};
use super::immutable_role::{INLINE_LIMIT, ImmutableRole};
use crate::names;
use crate::ports::TAG_PIPELINE;
use sluice_model::{PipelineName, StageName, Target};
use sluice_template::{function_arn, function_stem, plain::stack_name};

mod actions;
mod fixed;

use actions::{
    ANYWHERE, BOUNDED, BUCKETS, CREATING, NESTED, NETWORK, READ_OBJECTS, READS_OF_LAMBDA, ROLES, SERVICES,
    TAGGED,
};
pub use fixed::FixedNames;

/// The beginning of all names of service roles. No name of a pipeline has a capital letter, so no other role has it.
const STEM: &str = "sluice-Stack-";

/// What differs between the boundary and a role.
struct Scope<'a> {
    target: &'a Target,
    /// The path of the stage's roles in ARNs, without the leading slash.
    path: String,
    /// The names of roles and policies that may be changed.
    roles: Vec<String>,
    /// Where the pipeline's artifacts are, in the bucket.
    artifacts: String,
    /// The names of nested stacks.
    stacks: String,
}

impl Scope<'_> {
    /// The statements that both have: IAM, artifacts and nested stacks.
    fn statements(&self) -> Vec<Value> {
        let Self { target, path, roles, artifacts, stacks } = self;
        let account = |what: &str| target.arn_of_account("iam", what);
        let named = |kind: &str| {
            roles.iter().map(|name| account(&format!("{kind}/{path}{name}"))).collect::<Vec<_>>()
        };
        let both: Vec<String> = named("role").into_iter().chain(named("policy")).collect();
        let transforms = Target { account: "aws".to_owned(), region: target.region.clone() };
        vec![
            json!({
                "Sid": "BoundedRoles", "Effect": "Allow", "Action": BOUNDED, "Resource": named("role"),
                "Condition": { "StringEquals": { "iam:PermissionsBoundary": names::boundary_arn(target) } },
            }),
            json!({ "Sid": "Roles", "Effect": "Allow", "Action": ROLES, "Resource": both }),
            // Their policies are AWS's, and only the service can use them.
            json!({
                "Sid": "RolesOfServices", "Effect": "Allow", "Action": "iam:CreateServiceLinkedRole",
                "Resource": account("role/aws-service-role/*"),
            }),
            json!({
                "Sid": "Artifacts", "Effect": "Allow", "Action": READ_OBJECTS,
                "Resource": target.arn_of_bucket(&format!("{}/{artifacts}/*", names::bucket(target))),
            }),
            json!({
                "Sid": "NestedStacks", "Effect": "Allow", "Action": NESTED,
                "Resource": target.arn("cloudformation", &format!("stack/{stacks}/*")),
            }),
            // AWS's own transforms in nested templates. Macros of the account would have its number.
            json!({
                "Sid": "Transforms", "Effect": "Allow", "Action": "cloudformation:CreateChangeSet",
                "Resource": transforms.arn("cloudformation", "transform/*"),
            }),
        ]
    }
}

/// A variable of IAM: the value of a tag of the role.
fn own_tag(tag: &str) -> String {
    format!("${{aws:PrincipalTag/{tag}}}")
}

/// The boundary of all service roles. Names of stacks are cut, so it knows stages by tags and by the path of roles.
pub fn stack_boundary(target: &Target, own: &OwnResources) -> String {
    let (pipeline, stage) = (own_tag(TAG_PIPELINE), own_tag(names::TAG_STAGE));
    let scope = Scope {
        target,
        path: format!("sluice/{pipeline}/{stage}/"),
        roles: vec!["*".to_owned()],
        artifacts: pipeline,
        stacks: "sluice-*".to_owned(),
    };
    let bucket = names::bucket(target);
    let (arn, objects) = (target.arn_of_bucket(&bucket), target.arn_of_bucket(&format!("{bucket}/*")));
    let mut others = own.arns(target);
    // A stack makes no secrets: only people do.
    others.push(OwnResources::parameters(target));
    others.retain(|resource| *resource != arn && *resource != objects);
    let functions = function_arn(target, "sluice-*");
    let services = [SERVICES, NETWORK, BUCKETS, READS_OF_LAMBDA].concat();
    let mut statements = vec![
        json!({ "Sid": "Services", "Effect": "Allow", "Action": services, "Resource": "*" }),
        json!({
            "Sid": "Functions", "Effect": "Allow", "Action": "lambda:*",
            "Resource": [functions, target.arn("lambda", "layer:sluice-*")],
        }),
        mappings(&[functions.as_str()]),
    ];
    statements.extend(scope.statements());
    statements.extend([
        json!({ "Sid": NOT_SLUICE, "Effect": "Deny", "Action": "*", "Resource": others }),
        json!({ "Sid": "OnlyReadArtifacts", "Effect": "Deny", "NotAction": READ_OBJECTS, "Resource": [arn, objects] }),
        // With a role that it could edit, the stack would have no limits.
        json!({
            "Sid": "NoServiceRoles", "Effect": "Deny", "Action": "iam:*",
            "Resource": target.arn_of_account("iam", &format!("role/sluice/*/{STEM}*")),
        }),
        // A role without these tags would not be held to its stage.
        json!({
            "Sid": "TagsStay", "Effect": "Deny", "Action": "iam:UntagRole", "Resource": "*",
            "Condition": { "ForAnyValue:StringLike": { "aws:TagKeys": "sluice:*" } },
        }),
        // Services of AWS ask for such grants, for what uses the key. Others would outlive the stack.
        json!({
            "Sid": "NoGrants", "Effect": "Deny", "Action": "kms:CreateGrant", "Resource": "*",
            "Condition": { "BoolIfExists": { "kms:GrantIsForAWSResource": "false" } },
        }),
    ]);
    statements.extend(not_others());
    statements.extend(not_as_others());
    names::policy(statements)
}

/// The denials of tags with which something would pass for another pipeline's or stage's.
fn not_as_others() -> [Value; 2] {
    [("NotAsOtherPipelines", TAG_PIPELINE), ("NotAsOtherStages", names::TAG_STAGE)].map(|(sid, tag)| {
        json!({
            "Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {
                "Null": { format!("aws:RequestTag/{tag}"): "false" },
                "StringNotEquals": { format!("aws:RequestTag/{tag}"): own_tag(tag) },
            },
        })
    })
}

/// Event source mappings have ids, and the request names their function.
fn mappings(functions: &[&str]) -> Value {
    json!({
        "Sid": "Mappings", "Effect": "Allow", "Action": "lambda:*EventSourceMapping", "Resource": "*",
        "Condition": { "ArnLike": { "lambda:FunctionArn": functions } },
    })
}

/// The policy of a stage's service role.
fn stack_policy(
    target: &Target,
    (pipeline, stage): (&PipelineName, &StageName),
    names: &FixedNames,
) -> String {
    let stack = stack_name(pipeline, stage);
    let path = names::role_path(pipeline, Some(stage));
    let path = path.trim_start_matches('/');
    let mut roles = vec![format!("{stack}-*")];
    roles.extend(names.roles());
    let scope = Scope {
        target,
        path: path.to_owned(),
        roles,
        artifacts: names::prefix(pipeline),
        stacks: format!("{stack}-*"),
    };
    // Functions that Sluice made have its names, those of the stack have CloudFormation's.
    let functions: BTreeSet<String> = [function_stem(pipeline, stage), format!("{stack}-")].into();
    let functions: Vec<String> =
        functions.iter().map(|stem| function_arn(target, &format!("{stem}*"))).collect();
    let of_functions: Vec<&str> = functions.iter().map(String::as_str).collect();
    let mut lambda = functions.clone();
    lambda.push(target.arn("lambda", &format!("layer:{stack}-*")));
    let tags = |of: &str| {
        json!({ "StringEquals": {
            format!("aws:{of}/{TAG_PIPELINE}"): pipeline,
            format!("aws:{of}/{}", names::TAG_STAGE): stage,
        } })
    };
    let gateway = |path: &str| target.arn_of_region("apigateway", path);
    let apis = ["/apis", "/apikeys", "/domainnames", "/restapis", "/tags/*", "/usageplans", "/vpclinks"];
    let apis = apis.map(gateway);
    let (named, anywhere) = ([SERVICES, BUCKETS].concat(), [ANYWHERE, READS_OF_LAMBDA].concat());
    let mut statements = vec![
        json!({
            "Sid": "Named", "Effect": "Allow", "Action": named,
            "Resource": fixed::resources(target, (pipeline, stage), names),
        }),
        json!({ "Sid": "Tagged", "Effect": "Allow", "Action": TAGGED, "Resource": "*", "Condition": tags("ResourceTag") }),
        json!({ "Sid": "Creating", "Effect": "Allow", "Action": CREATING, "Resource": "*", "Condition": tags("RequestTag") }),
        json!({ "Sid": "Anywhere", "Effect": "Allow", "Action": anywhere, "Resource": "*" }),
        // A network that exists, which the template names by its id.
        json!({
            "Sid": "Networks", "Effect": "Allow", "Action": "ec2:CreateSecurityGroup", "Resource": target.arn("ec2", "vpc/*"),
        }),
        json!({ "Sid": "Functions", "Effect": "Allow", "Action": "lambda:*", "Resource": lambda }),
        mappings(&of_functions),
        json!({
            "Sid": "SharedLayers", "Effect": "Allow", "Action": ["lambda:*LayerVersionPermission", "lambda:GetLayerVersionPolicy"],
            "Resource": target.arn("lambda", &format!("layer:sluice-{pipeline}-*")),
        }),
        // The parts of a REST API inherit its tags, those of an HTTP or WebSocket API do not:
        // <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-supported-resources.html>
        json!({ "Sid": "ApiParts", "Effect": "Allow", "Action": "apigateway:*", "Resource": gateway("/apis/*/*") }),
        json!({
            "Sid": "Apis", "Effect": "Allow", "Action": ["apigateway:POST", "apigateway:PUT"],
            "Resource": apis,
        }),
        json!({ "Sid": "ReadApis", "Effect": "Allow", "Action": "apigateway:GET", "Resource": gateway("/*") }),
    ];
    statements.extend(names.others(target));
    statements.extend(scope.statements());
    names::policy(statements)
}

/// The trust policy of service roles. CloudFormation's documentation describes `aws:SourceAccount` and `aws:SourceArn` for the roles
/// of its extensions, not for those of stacks, and a condition that is never met would let no stack change. Only a principal of this
/// account can pass the role: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html>.
fn trust_stacks() -> String {
    names::policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": "cloudformation.amazonaws.com" }, "Action": "sts:AssumeRole",
    })])
}

/// A template fixes more names than the policy of a role can list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the stack's role would have {size} characters with the {names} names that the template fixes; IAM takes {INLINE_LIMIT}"
)]
pub struct TooManyNames {
    /// How many names.
    pub names: usize,
    /// The size of the policy, in characters without white space.
    pub size: usize,
}

impl ImmutableRole {
    /// The service role of a stage's stack. A stack keeps the role that it was last given, so with other names there is another role,
    /// which the next change set passes. Whether the names belong to somebody else must have been compared before.
    pub fn of_stack(
        target: &Target,
        (pipeline, stage): (&PipelineName, &StageName),
        names: &FixedNames,
    ) -> Result<Self, TooManyNames> {
        let policy = stack_policy(target, (pipeline, stage), names);
        let size = policy.chars().filter(|sign| !sign.is_whitespace()).count();
        if size > INLINE_LIMIT {
            return Err(TooManyNames { names: names.len(), size });
        }
        Ok(Self {
            policy,
            managed: BTreeSet::new(),
            trust: trust_stacks(),
            boundary: names::stack_boundary_arn(target),
            stage: Some(stage.clone()),
            path: names::role_path(pipeline, Some(stage)),
            name: String::new(),
        }
        .named(&format!("{STEM}{pipeline}-{stage}")))
    }
}

#[cfg(test)]
mod tests;
