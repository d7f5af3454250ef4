//! The rights of the roles that Sluice creates: their policies, their trust policies, and the permissions
//! boundaries that limit all of them.
//!
//! The author of a template chooses the policy of a function's role. So the boundary of functions is a list
//! of allowed actions: reading and writing data. Actions that edit rights, start code with other rights, or
//! touch Sluice itself are denied in addition, so a boundary of the organisation cannot allow them. A build
//! runs code that somebody pushed; its boundary contains what [`build_policy`] needs and nothing else.

mod stack;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::names;
use crate::packager;
use crate::ports::{TAG_PIPELINE, Tags};
use sluice_model::{PipelineName, StageName, Target, partition};
use sluice_template::{AppRights, cut_with_hash, function_arn, function_stem};

pub use stack::{FixedNames, TooManyNames, stack_boundary};

/// IAM's limit for a managed policy, in characters without white space.
pub const MANAGED_LIMIT: usize = 6_144;
/// IAM's limit for all inline policies of a role together, counted in the same way.
pub const INLINE_LIMIT: usize = 10_240;
/// The part of a role's name, of 64 characters, that remains beside a hyphen and 26 characters of a hash.
const STEM: usize = 64 - 1 - 26;

/// The actions on data that a template may allow a function. Excluded on purpose: actions that change rights
/// (`…Policy`, `…Acl`, `…Permission`, grants of keys), that create, configure or delete resources, and that
/// run code or sessions elsewhere. `states:StartExecution` is included: a state machine is called by its
/// name, as a function by its alias.
const DATA: &[&str] = &[
    "bedrock:InvokeModel*",
    "cloudwatch:PutMetricData",
    "cognito-idp:Admin*",
    "cognito-idp:ListUsers*",
    "comprehend:Detect*",
    "dynamodb:*Item",
    "dynamodb:DescribeStream",
    "dynamodb:DescribeTable",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "dynamodb:PartiQL*",
    "dynamodb:Query",
    "dynamodb:Scan",
    "events:PutEvents",
    "execute-api:Invoke",
    "execute-api:ManageConnections",
    "firehose:PutRecord*",
    "kinesis:DescribeStream*",
    "kinesis:Get*",
    "kinesis:ListShards",
    "kinesis:PutRecord*",
    "kinesis:SubscribeToShard",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:Generate*",
    "kms:GetPublicKey",
    "kms:ReEncrypt*",
    "kms:Sign",
    "kms:Verify*",
    "lambda:InvokeFunction",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "polly:SynthesizeSpeech",
    "rekognition:Detect*",
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetBucketLocation",
    "s3:GetObject*",
    "s3:ListBucket*",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
    "s3:PutObjectTagging",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "ses:Send*",
    "sns:Publish",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueue*",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "ssm:GetParameter*",
    "states:DescribeExecution",
    "states:SendTask*",
    "states:StartExecution",
    "states:StartSyncExecution",
    "states:StopExecution",
    "textract:Analyze*",
    "textract:Detect*",
    "translate:TranslateText",
    "xray:GetSampling*",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// Actions that edit rights, start code with other rights, or hide actions. They are denied whatever else is
/// allowed.
const NEVER: &[&str] = &[
    "account:*",
    "apigateway:*",
    "apprunner:*",
    "autoscaling:*",
    "batch:*",
    "cloudformation:*",
    "cloudtrail:*",
    "codebuild:*",
    "codecommit:*",
    "codedeploy:*",
    "codepipeline:*",
    "config:*",
    "dynamodb:PutResourcePolicy",
    "ec2-instance-connect:*",
    "ec2:CreateLaunchTemplate*",
    "ec2:ModifyInstance*",
    "ec2:Request*",
    "ec2:RunInstances",
    "ecs:*",
    "eks:*",
    "elasticbeanstalk:*",
    "events:PutPermission",
    "events:PutRule",
    "events:PutTargets",
    "glue:*",
    "iam:*",
    "identitystore:*",
    "kms:CreateGrant",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "lambda:Add*",
    "lambda:Create*",
    "lambda:Delete*",
    "lambda:Get*",
    "lambda:Publish*",
    "lambda:Put*",
    "lambda:Remove*",
    "lambda:Update*",
    "organizations:*",
    "s3:PutBucket*",
    "sagemaker:*",
    "secretsmanager:PutResourcePolicy",
    "sns:AddPermission",
    "sqs:AddPermission",
    "sqs:SetQueueAttributes",
    "ssm:Create*",
    "ssm:Modify*",
    "ssm:Put*",
    "ssm:Send*",
    "ssm:Start*",
    "ssm:Update*",
    "sso:*",
    "states:Create*",
    "states:Update*",
    "sts:AssumeRole",
];

/// Sluice's own resources, by their configured names. No function reaches them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnResources {
    /// The tables of the state and of the audit records.
    pub tables: Vec<String>,
    /// The queue of wake-ups.
    pub queues: Vec<String>,
    /// The buckets of artifacts and backups.
    pub buckets: Vec<String>,
}

impl OwnResources {
    fn arns(&self, target: &Target) -> Vec<String> {
        // A table's indexes, streams and backups have ARNs below its own.
        let tables = self.tables.iter().flat_map(|table| {
            let arn = target.arn("dynamodb", &format!("table/{table}"));
            [format!("{arn}/*"), arn]
        });
        let queues = self.queues.iter().map(|queue| target.arn("sqs", queue));
        let buckets = self
            .buckets
            .iter()
            .flat_map(|bucket| [target.arn_of_bucket(bucket), target.arn_of_bucket(&format!("{bucket}/*"))]);
        // Where an installation may keep secrets that only the bot reads: Slack's token and signing secret.
        let secrets = [target.arn("secretsmanager", "secret:sluice/*")];
        tables.chain(queues).chain(buckets).chain(secrets).collect()
    }

    /// The parameters of Systems Manager below `/sluice/`: those of the installation, and the secrets of stages.
    fn parameters(target: &Target) -> String {
        target.arn("ssm", "parameter/sluice/*")
    }
}

/// The statements that allow access to data, if the organisation provides none of its own.
pub fn data_statements() -> Vec<Value> {
    vec![json!({ "Sid": "Data", "Effect": "Allow", "Action": DATA, "Resource": "*" })]
}

/// The Sid of the denial of Sluice's own resources.
pub(crate) const NOT_SLUICE: &str = "NotSluice";

/// The Sid of the denial of parameters that belong to no stage.
const NOT_PARAMETERS: &str = "NotSluiceParameters";

/// The denials of the functions' boundary. No other statement overrides them.
fn denials(target: &Target, own: &OwnResources) -> Vec<Value> {
    let partition = partition(&target.region);
    // A stage's name begins with a letter. Version numbers, `$LATEST` and names without a qualifier do not
    // match, so a version that is prepared for a stage cannot be called before its alias points to it.
    let aliases: Vec<String> =
        ('a'..='z').map(|letter| format!("arn:{partition}:lambda:*:*:function:*:{letter}*")).collect();
    let first = [
        json!({ "Sid": "NoRights", "Effect": "Deny", "Action": NEVER, "Resource": "*" }),
        json!({ "Sid": NOT_SLUICE, "Effect": "Deny", "Action": "*", "Resource": own.arns(target) }),
        // Secrets of stages have the tags of their stage; `not_others` is about those. The ones of the installation have none.
        json!({
            "Sid": NOT_PARAMETERS, "Effect": "Deny", "Action": "*", "Resource": OwnResources::parameters(target),
            "Condition": { "Null": { format!("aws:ResourceTag/{}", names::TAG_STAGE): "true" } },
        }),
        json!({ "Sid": "OnlyAliases", "Effect": "Deny", "Action": "lambda:Invoke*", "NotResource": aliases }),
    ];
    first.into_iter().chain(not_others()).collect()
}

/// The denials of what is tagged for another pipeline or another stage than the role.
fn not_others() -> [Value; 2] {
    [("NotOtherPipelines", TAG_PIPELINE), ("NotOtherStages", names::TAG_STAGE)].map(|(sid, tag)| {
        json!({
            "Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {
                "Null": { format!("aws:ResourceTag/{tag}"): "false" },
                "StringNotEquals": { format!("aws:ResourceTag/{tag}"): format!("${{aws:PrincipalTag/{tag}}}") },
            },
        })
    })
}

/// The boundary of APIs' roles: calling versions of functions that Sluice made, of the role's own pipeline and stage.
pub fn api_boundary(target: &Target) -> String {
    let invoke = json!({
        "Sid": "Invoke", "Effect": "Allow", "Action": "lambda:InvokeFunction",
        "Resource": function_arn(target, "sluice-*:*"),
    });
    names::policy([invoke].into_iter().chain(not_others()).collect())
}

/// Whether Sluice adds a statement with that Sid to a boundary.
pub fn is_denial(sid: &str) -> bool {
    ["NoRights", NOT_SLUICE, NOT_PARAMETERS, "OnlyAliases", "NotOtherPipelines", "NotOtherStages"]
        .contains(&sid)
}

/// The boundary of functions' roles: the upper limit for each of them. `allowed` are the statements of the
/// organisation's own boundary, or [`data_statements`].
pub fn boundary(target: &Target, own: &OwnResources, allowed: Vec<Value>) -> String {
    names::policy(allowed.into_iter().chain(denials(target, own)).collect())
}

/// The boundary of builds' roles: [`build_policy`] for all pipelines.
pub fn build_boundary(target: &Target) -> String {
    names::policy(build_statements(target, "*", "*", "sluice-*"))
}

/// The policy of a pipeline's builds: pull the source, read the packager, write code and artifacts below the
/// pipeline's prefix, read code, write their log. They may not list the bucket, because they must not learn the key of another
/// build's artifact.
pub fn build_policy(target: &Target, pipeline: &PipelineName) -> String {
    let (repository, prefix, project) =
        (pipeline.as_str(), names::prefix(pipeline), names::project(pipeline));
    names::policy(build_statements(target, repository, &prefix, &project))
}

fn build_statements(target: &Target, repository: &str, prefix: &str, project: &str) -> Vec<Value> {
    let bucket = names::bucket(target);
    let below = |folder: &str| target.arn_of_bucket(&format!("{bucket}/{prefix}/{folder}/*"));
    // Bucket names are known and globally unique. If the bucket were deleted, another account could create
    // one with its name and receive the code of builds.
    let own = json!({ "StringEquals": { "aws:ResourceAccount": target.account } });
    vec![
        json!({
            "Sid": "Source", "Effect": "Allow", "Action": "codecommit:GitPull",
            "Resource": target.arn("codecommit", repository),
        }),
        json!({
            "Sid": "WriteArtifacts", "Effect": "Allow", "Action": "s3:PutObject",
            "Resource": [below("code"), below("builds")], "Condition": own,
        }),
        json!({
            "Sid": "ReadCode", "Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": below("code"), "Condition": own,
        }),
        json!({
            "Sid": "ReadPackager", "Effect": "Allow", "Action": "s3:GetObject",
            "Resource": target.arn_of_bucket(&format!("{bucket}/{}/*", packager::PREFIX)), "Condition": own,
        }),
        json!({
            "Sid": "ArtifactBucket", "Effect": "Allow",
            "Action": ["s3:GetBucketAcl", "s3:GetBucketLocation"], "Resource": target.arn_of_bucket(&bucket),
        }),
        log_statement(target, &format!("/aws/codebuild/{project}")),
    ]
}

/// The statement for writing one log group, without groups whose names only begin the same way.
fn log_statement(target: &Target, group: &str) -> Value {
    let group = target.arn("logs", &format!("log-group:{group}"));
    json!({
        "Sid": "Log", "Effect": "Allow",
        "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [group, format!("{group}:*")],
    })
}

/// The policy of a function on a stage: the statements of its template, writing its own log, and calling
/// functions only by the alias of its own stage.
pub fn function_policy(target: &Target, function: &str, stage: &StageName, statements: &[Value]) -> String {
    let partition = partition(&target.region);
    let mut all = vec![
        log_statement(target, &names::function_log_group(function)),
        json!({
            "Sid": "OnlyOwnStage", "Effect": "Deny", "Action": "lambda:Invoke*",
            "NotResource": format!("arn:{partition}:lambda:*:*:function:*:{stage}"),
        }),
    ];
    all.extend(statements.iter().cloned());
    names::policy(all)
}

/// The trust policy of functions' roles, for Lambda. A role cannot be passed to a service of another account,
/// and Lambda's documentation does not say that it sends `aws:SourceAccount` when it assumes one: a condition
/// that is never met would let no function start.
fn trust_functions() -> String {
    names::policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole",
    })])
}

/// The trust policy of APIs' roles, for API Gateway. Only a principal of this account can pass the role to an API.
fn trust_apis() -> String {
    names::policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": "apigateway.amazonaws.com" }, "Action": "sts:AssumeRole",
    })])
}

/// The policy of an API on a stage: calling every version of the stage's functions. API Gateway assumes the role for each call,
/// so a new version needs no permission of its own.
fn api_policy(target: &Target, pipeline: &PipelineName, stage: &StageName) -> String {
    let versions = function_arn(target, &format!("{}*:*", function_stem(pipeline, stage)));
    names::policy(vec![json!({ "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": versions })])
}

/// The trust policy of builds' roles, for CodeBuild and one project.
fn trust_builds(target: &Target, pipeline: &PipelineName) -> String {
    let project = target.arn("codebuild", &format!("project/{}", names::project(pipeline)));
    names::policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": "codebuild.amazonaws.com" }, "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "aws:SourceAccount": target.account, "aws:SourceArn": project } },
    })])
}

/// A role that is never edited: its name contains a hash of everything that decides its rights and who may
/// assume it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImmutableRole {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its inline policy.
    pub policy: String,
    /// The ARNs of the managed policies of AWS that are attached to it.
    pub managed: BTreeSet<String>,
    /// Its trust policy.
    pub trust: String,
    /// The ARN of its permissions boundary.
    pub boundary: String,
    /// The stage it is for, if it is for one.
    pub stage: Option<StageName>,
}

impl ImmutableRole {
    /// The role of a pipeline's builds.
    pub fn of_builds(target: &Target, pipeline: &PipelineName) -> Self {
        Self {
            policy: build_policy(target, pipeline),
            managed: BTreeSet::new(),
            trust: trust_builds(target, pipeline),
            boundary: names::build_boundary_arn(target),
            stage: None,
            path: names::role_path(pipeline, None),
            name: String::new(),
        }
        .named(&format!("sluice-{pipeline}-build"))
    }

    /// The role of a function on a stage.
    pub fn of_function(
        target: &Target,
        (pipeline, stage): (&PipelineName, &StageName),
        function: &str,
        AppRights { statements, managed }: &AppRights,
    ) -> Self {
        Self {
            policy: function_policy(target, function, stage, statements),
            managed: managed.clone(),
            trust: trust_functions(),
            boundary: names::boundary_arn(target),
            stage: Some(stage.clone()),
            path: names::role_path(pipeline, Some(stage)),
            name: String::new(),
        }
        .named(function)
    }

    /// The role with which the API of a stage calls its functions.
    pub fn of_api(target: &Target, pipeline: &PipelineName, stage: &StageName) -> Self {
        Self {
            policy: api_policy(target, pipeline, stage),
            managed: BTreeSet::new(),
            trust: trust_apis(),
            boundary: names::api_boundary_arn(target),
            stage: Some(stage.clone()),
            path: names::role_path(pipeline, Some(stage)),
            name: String::new(),
        }
        .named(&format!("sluice-{pipeline}-{stage}-api"))
    }

    /// Its ARN.
    pub fn arn(&self, target: &Target) -> String {
        names::role_arn(target, &self.path, &self.name)
    }

    /// Its tags.
    pub fn tags(&self, pipeline: &PipelineName) -> Tags {
        match &self.stage {
            Some(stage) => names::stage_tags(pipeline, stage),
            None => names::tags(pipeline),
        }
    }

    fn named(self, stem: &str) -> Self {
        let mut texts = vec![stem, &self.trust, &self.boundary, &self.policy];
        texts.extend(self.managed.iter().map(String::as_str));
        let hash = names::short_digest(&texts);
        Self { name: format!("{}-{hash}", cut_with_hash(stem, STEM)), ..self }
    }
}

#[cfg(test)]
mod tests;
