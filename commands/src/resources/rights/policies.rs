//! The policies of the roles of builds, functions and APIs, and who may assume them.

use serde_json::{Value, json};

use crate::names;
use crate::packager;
use sluice_model::{PipelineName, StageName, Target, partition};
use sluice_template::{function_arn, function_stem};

/// The boundary of builds' roles: [`build_policy`] for all pipelines.
pub fn build_boundary(target: &Target) -> String {
    names::policy(build_statements(target, "*", "*", "sluice-*"))
}

/// The policy of a pipeline's builds: pull the source, read the packager, write code and artifacts below the
/// pipeline's prefix, read code, look up digests of images in ECR, write their log. They may not list the bucket, because they must not learn the key of another
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
        // The packager reads the manifest of an image, to pin its digest. It names the layers and does not have them; no build may
        // read those, nor push: a tag that a build of another pipeline moved would be what the next build pins.
        json!({
            "Sid": "PinImages", "Effect": "Allow", "Action": "ecr:BatchGetImage",
            "Resource": target.arn("ecr", "repository/*"),
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
pub(super) fn trust_functions() -> String {
    names::policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole",
    })])
}

/// The trust policy of APIs' roles, for API Gateway. Only a principal of this account can pass the role to an API.
pub(super) fn trust_apis() -> String {
    names::policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": "apigateway.amazonaws.com" }, "Action": "sts:AssumeRole",
    })])
}

/// The policy of an API on a stage: calling every version of the stage's functions. API Gateway assumes the role for each call,
/// so a new version needs no permission of its own.
pub(super) fn api_policy(target: &Target, pipeline: &PipelineName, stage: &StageName) -> String {
    let versions = function_arn(target, &format!("{}*:*", function_stem(pipeline, stage)));
    names::policy(vec![json!({ "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": versions })])
}

/// The trust policy of builds' roles, for CodeBuild and one project.
pub(super) fn trust_builds(target: &Target, pipeline: &PipelineName) -> String {
    let project = target.arn("codebuild", &format!("project/{}", names::project(pipeline)));
    names::policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": "codebuild.amazonaws.com" }, "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "aws:SourceAccount": target.account, "aws:SourceArn": project } },
    })])
}
