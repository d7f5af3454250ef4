//! The names of resources in AWS, in one place: `sluice-{pipeline}-{…}`, or `sluice-{pipeline}-{stage}-{…}` where a resource
//! belongs to a stage; roles on IAM path `/sluice/{pipeline}/{stage}/`; tagged with the pipeline and the stage. Only the repository has the pipeline's own name: it belongs to the team, and people type its
//! name.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::ports::{TAG_PIPELINE, Tags};
use sluice_model::{BuildNumber, PipelineName, StageName, Target, partition};
use sluice_template::{cut_with_hash, plain::stack_name};

/// The path of all our policies, and the beginning of the paths of all our roles.
pub const IAM_PATH: &str = "/sluice/";
/// The tag that names the stage of a resource.
pub const TAG_STAGE: &str = "sluice:stage";
/// The tag of everything in a stack, with the stack's name.
pub const TAG_STACK: &str = "sluice:stack";
/// Where large templates of stacks are, in the artifact bucket: outside of every pipeline's prefix.
pub const STACK_TEMPLATES: &str = "_sluice/stacks";
/// The image of builds.
pub const BUILD_IMAGE: &str = "aws/codebuild/amazonlinux-x86_64-standard:5.0";
/// The API stage of every HTTP API. With a stage of another name, the name would be a part of the path that functions see.
pub const API_STAGE: &str = "$default";
/// The branch of a repository that Sluice creates.
pub const BRANCH: &str = "main";
/// The pipeline tag of resources that all pipelines share.
pub const SHARED: &str = "shared";

/// The tags of a pipeline's resources.
pub fn tags(pipeline: &PipelineName) -> Tags {
    BTreeMap::from([(TAG_PIPELINE.to_owned(), pipeline.to_string())])
}

/// The tags of a stage's resources.
pub fn stage_tags(pipeline: &PipelineName, stage: &StageName) -> Tags {
    let mut tags = tags(pipeline);
    tags.insert(TAG_STAGE.to_owned(), stage.to_string());
    tags
}

/// The tags of a stage's stack. CloudFormation puts them on the resources of the stack.
pub fn stack_tags(pipeline: &PipelineName, stage: &StageName) -> Tags {
    let mut tags = stage_tags(pipeline, stage);
    tags.insert(TAG_STACK.to_owned(), stack_name(pipeline, stage));
    tags
}

/// The tags of resources that all pipelines share.
pub fn shared_tags() -> Tags {
    BTreeMap::from([(TAG_PIPELINE.to_owned(), SHARED.to_owned())])
}

/// The bucket for all artifacts in an account and region. Each pipeline has its prefix.
pub fn bucket(target: &Target) -> String {
    format!("sluice-{}-{}", target.account, target.region)
}

/// The prefix of a pipeline in the bucket, without a slash.
pub fn prefix(pipeline: &PipelineName) -> String {
    pipeline.to_string()
}

/// The prefix of a build's artifact. Its nonce keeps other builds of the pipeline from writing there before
/// the artifact is pinned.
pub fn build_prefix(pipeline: &PipelineName, number: BuildNumber, nonce: &str) -> String {
    format!("{pipeline}/builds/{}-{nonce}", number.0)
}

/// The CodeBuild project of a pipeline.
pub fn project(pipeline: &PipelineName) -> String {
    format!("sluice-{pipeline}")
}

/// The retention in days of log groups that have none: one of the values that CloudWatch accepts.
pub const LOG_DAYS: u32 = 90;

/// The log group to which Lambda writes a function's output.
pub fn function_log_group(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

/// An API of a stage. API Gateway accepts at most 128 characters.
pub fn api(pipeline: &PipelineName, stage: &StageName, logical_id: &str) -> String {
    cut_with_hash(&format!("sluice-{pipeline}-{stage}-{logical_id}"), 128)
}

/// The permissions boundary of functions' roles, created by `sluice init`. IAM is global, but a boundary's
/// document is about one region, so its name contains the region.
pub fn boundary(target: &Target) -> String {
    format!("sluice-boundary-{}", target.region)
}

/// The permissions boundary of builds' roles, created by `sluice init`.
pub fn build_boundary(target: &Target) -> String {
    format!("sluice-boundary-build-{}", target.region)
}

/// The permissions boundary of APIs' roles, created by `sluice init`.
pub fn api_boundary(target: &Target) -> String {
    format!("sluice-boundary-api-{}", target.region)
}

/// The permissions boundary of stacks' service roles, created by `sluice init`.
pub fn stack_boundary(target: &Target) -> String {
    format!("sluice-boundary-stack-{}", target.region)
}

/// The ARN of the boundary of functions' roles.
pub fn boundary_arn(target: &Target) -> String {
    target.arn_of_account("iam", &format!("policy{IAM_PATH}{}", boundary(target)))
}

/// The ARN of the boundary of builds' roles.
pub fn build_boundary_arn(target: &Target) -> String {
    target.arn_of_account("iam", &format!("policy{IAM_PATH}{}", build_boundary(target)))
}

/// The ARN of the boundary of APIs' roles.
pub fn api_boundary_arn(target: &Target) -> String {
    target.arn_of_account("iam", &format!("policy{IAM_PATH}{}", api_boundary(target)))
}

/// The ARN of the boundary of stacks' service roles.
pub fn stack_boundary_arn(target: &Target) -> String {
    target.arn_of_account("iam", &format!("policy{IAM_PATH}{}", stack_boundary(target)))
}

/// The path of a pipeline's roles, or of those of one of its stages. Unlike their names, paths of different stages differ.
pub fn role_path(pipeline: &PipelineName, stage: Option<&StageName>) -> String {
    match stage {
        Some(stage) => format!("{IAM_PATH}{pipeline}/{stage}/"),
        None => format!("{IAM_PATH}{pipeline}/"),
    }
}

/// The path of the secrets of a stage in Systems Manager: `/sluice/orders/prod/`.
pub fn secrets_path(pipeline: &PipelineName, stage: &StageName) -> String {
    format!("/sluice/{pipeline}/{stage}/")
}

/// The ARN of a role on this path. With an empty name: the beginning of the ARNs of all roles there.
pub fn role_arn(target: &Target, path: &str, role: &str) -> String {
    target.arn_of_account("iam", &format!("role{path}{role}"))
}

/// The name in the ARN of a role.
pub fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A policy document with these statements.
pub fn policy(statements: Vec<Value>) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn hash(texts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}

/// A page of the AWS console in a region.
pub fn console(region: &str, page: &str) -> String {
    let domain = match partition(region) {
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    format!("https://{region}.{domain}/{page}")
}

/// The SHA-256 of these texts as 64 hex digits. Moving characters from one text to the next changes it.
pub fn digest(texts: &[&str]) -> String {
    hex::encode(hash(texts))
}

/// The first 128 bits of [`digest`] as 26 letters and digits, for names with a short limit. The author of a
/// template chooses the hashed texts, so with fewer bits they could find two texts with one name.
pub fn short_digest(texts: &[&str]) -> String {
    let bits = hash(texts).first_chunk().copied().unwrap_or_default();
    // A ULID is 128 bits in base 32.
    Ulid::from_bytes(bits).to_string().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn console_links_lead_to_the_partition_of_the_region() {
        assert_eq!(console("eu-central-1", "x"), "https://eu-central-1.console.aws.amazon.com/x");
        assert_eq!(console("cn-north-1", "x"), "https://cn-north-1.console.amazonaws.cn/x");
        assert_eq!(console("us-gov-west-1", "x"), "https://us-gov-west-1.console.amazonaws-us-gov.com/x");
    }

    #[test]
    fn a_digest_is_complete_and_distinguishes_texts() {
        assert_eq!(digest(&["a", "b"]).len(), 64);
        assert_ne!(digest(&["a", "b"]), digest(&["ab", ""]));
        assert_ne!(short_digest(&["a", "b"]), short_digest(&["ab", ""]));
    }
}
