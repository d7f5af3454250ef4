//! What the roles that Sluice makes may do: their policies, who assumes them, and the two permissions boundaries that
//! limit all of them.
//!
//! The author of a template chooses what a function's role says. So the boundary of functions is a list of what is
//! allowed: reading and writing data. Whatever edits rights, starts code with other rights, or belongs to Sluice itself is
//! denied besides, so that a boundary of the organisation's own cannot open it. A build runs what somebody pushed; its
//! boundary holds what [`build_policy`] needs and nothing else.

use serde_json::{Value, json};

use crate::operations::names;
use crate::ports::{TAG_PIPELINE, Tags};
use sluice_model::{PipelineName, StageName, Target, partition};
use sluice_template::cut_with_hash;

/// IAM's limit for a managed policy, in characters without white space.
pub const MANAGED_LIMIT: usize = 6_144;
/// IAM's limit for all inline policies of a role together, counted likewise.
pub const INLINE_LIMIT: usize = 10_240;
/// What a role's name, of 64 characters, has room for beside a hyphen and 26 characters of a hash.
const STEM: usize = 64 - 1 - 26;

/// What a function may do with data, if its template says so. Not in it, on purpose: what changes who may do what
/// (`…Policy`, `…Acl`, `…Permission`, grants of keys), what makes, configures or deletes resources, and what runs code or
/// sessions elsewhere. `states:StartExecution` is in it: a state machine is called by its name, as a function by its alias.
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

/// What edits rights, starts code with other rights, or hides what was done: denied whatever else is allowed.
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

/// What belongs to Sluice itself, by the names that the configuration gives: no function reaches it.
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
        // A table's indexes, streams and backups are below its name.
        let tables = self.tables.iter().flat_map(|table| {
            let arn = target.arn("dynamodb", &format!("table/{table}"));
            [format!("{arn}/*"), arn]
        });
        let queues = self.queues.iter().map(|queue| target.arn("sqs", queue));
        let buckets = self
            .buckets
            .iter()
            .flat_map(|bucket| [target.arn_of_bucket(bucket), target.arn_of_bucket(&format!("{bucket}/*"))]);
        // Where an installation may keep what only the bot reads: Slack's token and signing secret.
        let secrets =
            [target.arn("secretsmanager", "secret:sluice/*"), target.arn("ssm", "parameter/sluice/*")];
        tables.chain(queues).chain(buckets).chain(secrets).collect()
    }
}

/// The statements that allow data, where the organisation brings none of its own.
pub fn data_statements() -> Vec<Value> {
    vec![json!({ "Sid": "Data", "Effect": "Allow", "Action": DATA, "Resource": "*" })]
}

/// The Sid of the denial of what belongs to Sluice.
pub(crate) const NOT_SLUICE: &str = "NotSluice";

/// The statements of the functions' boundary that nothing opens.
fn denials(target: &Target, own: &OwnResources) -> Vec<Value> {
    let partition = partition(&target.region);
    // A stage's name begins with a letter. A version's number, `$LATEST` and a name without a qualifier do not match, so
    // that what is prepared for a stage cannot be called before its alias points to it.
    let aliases: Vec<String> =
        ('a'..='z').map(|letter| format!("arn:{partition}:lambda:*:*:function:*:{letter}*")).collect();
    let others = |sid: &str, tag: &str| {
        json!({
            "Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {
                "Null": { format!("aws:ResourceTag/{tag}"): "false" },
                "StringNotEquals": { format!("aws:ResourceTag/{tag}"): format!("${{aws:PrincipalTag/{tag}}}") },
            },
        })
    };
    vec![
        json!({ "Sid": "NoRights", "Effect": "Deny", "Action": NEVER, "Resource": "*" }),
        json!({ "Sid": NOT_SLUICE, "Effect": "Deny", "Action": "*", "Resource": own.arns(target) }),
        json!({ "Sid": "OnlyAliases", "Effect": "Deny", "Action": "lambda:Invoke*", "NotResource": aliases }),
        others("NotOtherPipelines", TAG_PIPELINE),
        others("NotOtherStages", names::TAG_STAGE),
    ]
}

/// Whether a statement of that name is one that Sluice adds to a boundary.
pub fn is_denial(sid: &str) -> bool {
    ["NoRights", NOT_SLUICE, "OnlyAliases", "NotOtherPipelines", "NotOtherStages"].contains(&sid)
}

/// The boundary of functions' roles: the most that any of them may do. `allowed` are the statements of the organisation's
/// own boundary, or [`data_statements`].
pub fn boundary(target: &Target, own: &OwnResources, allowed: Vec<Value>) -> String {
    names::policy(allowed.into_iter().chain(denials(target, own)).collect())
}

/// The boundary of builds' roles: what [`build_policy`] says, of all pipelines.
pub fn build_boundary(target: &Target) -> String {
    names::policy(build_statements(target, "*", "*", "sluice-*"))
}

/// What a pipeline's builds may do: pull the source, write code and artifacts below the pipeline's prefix, read code, write
/// their log. They may not list the bucket: where another build's artifact will be is what they must not learn.
pub fn build_policy(target: &Target, pipeline: &PipelineName) -> String {
    let (repository, prefix, project) =
        (pipeline.as_str(), names::prefix(pipeline), names::project(pipeline));
    names::policy(build_statements(target, repository, &prefix, &project))
}

fn build_statements(target: &Target, repository: &str, prefix: &str, project: &str) -> Vec<Value> {
    let bucket = names::bucket(target);
    let below = |folder: &str| target.arn_of_bucket(&format!("{bucket}/{prefix}/{folder}/*"));
    // Names of buckets are known and unique among all accounts: should the bucket be deleted, another account could make
    // one of its name, and have the code of builds sent there.
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
            "Sid": "ArtifactBucket", "Effect": "Allow",
            "Action": ["s3:GetBucketAcl", "s3:GetBucketLocation"], "Resource": target.arn_of_bucket(&bucket),
        }),
        log_statement(target, &format!("/aws/codebuild/{project}")),
    ]
}

/// Writing one log group, and no group whose name only begins alike.
fn log_statement(target: &Target, group: &str) -> Value {
    let group = target.arn("logs", &format!("log-group:{group}"));
    json!({
        "Sid": "Log", "Effect": "Allow",
        "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [group, format!("{group}:*")],
    })
}

/// What a function may do on a stage: what its template says, write its own log, and call functions by the alias of its
/// own stage alone.
pub fn function_policy(target: &Target, function: &str, stage: &StageName, statements: &[Value]) -> String {
    let partition = partition(&target.region);
    let mut all = vec![
        log_statement(target, &format!("/aws/lambda/{function}")),
        json!({
            "Sid": "OnlyOwnStage", "Effect": "Deny", "Action": "lambda:Invoke*",
            "NotResource": format!("arn:{partition}:lambda:*:*:function:*:{stage}"),
        }),
    ];
    all.extend(statements.iter().cloned());
    names::policy(all)
}

/// Lambda assumes the role of a function. A role cannot be passed to a service of another account, and Lambda's
/// documentation does not say that it sends `aws:SourceAccount` when it assumes one: a condition that is never met would
/// let no function start.
fn trust_functions() -> String {
    names::policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole",
    })])
}

/// CodeBuild assumes the role of builds, for that project alone.
fn trust_builds(target: &Target, pipeline: &PipelineName) -> String {
    let project = target.arn("codebuild", &format!("project/{}", names::project(pipeline)));
    names::policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": "codebuild.amazonaws.com" }, "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "aws:SourceAccount": target.account, "aws:SourceArn": project } },
    })])
}

/// A role that is never edited: its name holds a hash of everything that decides what it may do and who may assume it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImmutableRole {
    /// Its name.
    pub name: String,
    /// Its inline policy.
    pub policy: String,
    /// Its trust policy: who assumes it.
    pub trust: String,
    /// The ARN of its permissions boundary.
    pub boundary: String,
    /// The stage that it works for, if it works for one.
    pub stage: Option<StageName>,
}

impl ImmutableRole {
    /// The role of a pipeline's builds.
    pub fn of_builds(target: &Target, pipeline: &PipelineName) -> Self {
        Self {
            policy: build_policy(target, pipeline),
            trust: trust_builds(target, pipeline),
            boundary: names::build_boundary_arn(target),
            stage: None,
            name: String::new(),
        }
        .named(&format!("sluice-{pipeline}-build"))
    }

    /// The role of a function on a stage.
    pub fn of_function(target: &Target, function: &str, stage: &StageName, statements: &[Value]) -> Self {
        Self {
            policy: function_policy(target, function, stage, statements),
            trust: trust_functions(),
            boundary: names::boundary_arn(target),
            stage: Some(stage.clone()),
            name: String::new(),
        }
        .named(&format!("{function}-{stage}"))
    }

    /// How the names of the roles of a pipeline's builds begin.
    pub fn builds_stem(pipeline: &PipelineName) -> String {
        format!("{}-", cut_with_hash(&format!("sluice-{pipeline}-build"), STEM))
    }

    /// How the names of all roles of a pipeline begin; those of others may begin so too.
    pub fn stem(pipeline: &PipelineName) -> String {
        // What is cut keeps so much of its beginning.
        format!("sluice-{pipeline}-").chars().take(STEM - 9).collect()
    }

    /// Its tags.
    pub fn tags(&self, pipeline: &PipelineName) -> Tags {
        let stage = self.stage.iter().map(|stage| (names::TAG_STAGE.to_owned(), stage.to_string()));
        names::tags(pipeline).into_iter().chain(stage).collect()
    }

    fn named(self, stem: &str) -> Self {
        let hash = names::short_digest(&[stem, &self.trust, &self.boundary, &self.policy]);
        Self { name: format!("{}-{hash}", cut_with_hash(stem, STEM)), ..self }
    }
}

#[cfg(test)]
mod tests;
