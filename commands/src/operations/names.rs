//! What things are called in AWS, in one place: `sluice-{pipeline}-{…}`, on IAM path `/sluice/`, tagged with the
//! pipeline. The repository alone is named as the pipeline is: it is the team's, and people type its name.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::ids::{BuildNumber, PipelineName, StageName, Target};
use crate::ports::{TAG_PIPELINE, Tags};
use crate::template::cut_with_hash;

/// The path of every role and policy of ours.
pub const IAM_PATH: &str = "/sluice/";
/// The permissions boundary of every role, made by `sluice init`.
pub const BOUNDARY: &str = "sluice-boundary";
/// What builds run in.
pub const BUILD_IMAGE: &str = "aws/codebuild/amazonlinux-x86_64-standard:5.0";
/// The branch of a repository that Sluice makes.
pub const BRANCH: &str = "main";
/// The tag of what all pipelines share.
pub const SHARED: &str = "shared";

/// The tags of what belongs to a pipeline.
pub fn tags(pipeline: &PipelineName) -> Tags {
    BTreeMap::from([(TAG_PIPELINE.to_owned(), pipeline.to_string())])
}

/// The tags of what all pipelines share.
pub fn shared_tags() -> Tags {
    BTreeMap::from([(TAG_PIPELINE.to_owned(), SHARED.to_owned())])
}

/// The bucket of all artifacts in an account and region; each pipeline has its prefix.
pub fn bucket(target: &Target) -> String {
    format!("sluice-{}-{}", target.account, target.region)
}

/// The prefix of a pipeline in the bucket, without a slash.
pub fn prefix(pipeline: &PipelineName) -> String {
    pipeline.to_string()
}

/// The prefix of a build's artifact. Its nonce keeps other builds of the pipeline from writing there before it is pinned.
pub fn build_prefix(pipeline: &PipelineName, number: BuildNumber, nonce: &str) -> String {
    format!("{pipeline}/builds/{}-{nonce}", number.0)
}

/// What the packaging script of every build reads.
pub fn build_environment(bucket: &str, pipeline: &PipelineName) -> BTreeMap<String, String> {
    let variables = [("SLUICE_BUCKET", bucket.to_owned()), ("SLUICE_PREFIX", prefix(pipeline))];
    variables.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The CodeBuild project of a pipeline.
pub fn project(pipeline: &PipelineName) -> String {
    format!("sluice-{pipeline}")
}

/// The HTTP API of a pipeline.
pub fn api(pipeline: &PipelineName) -> String {
    format!("sluice-{pipeline}")
}

/// The ARN of the permissions boundary.
pub fn boundary_arn(target: &Target) -> String {
    format!("arn:aws:iam::{}:policy{IAM_PATH}{BOUNDARY}", target.account)
}

/// The ARN of a role of ours.
pub fn role_arn(target: &Target, role: &str) -> String {
    format!("arn:aws:iam::{}:role{IAM_PATH}{role}", target.account)
}

/// The name of a role, from its ARN.
pub fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A policy document of these statements.
pub fn policy(statements: Vec<Value>) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Who may assume a role.
pub fn trust(service: &str) -> String {
    policy(vec![json!({
        "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole",
    })])
}

/// The most that any role of ours may ever do, whatever its own policy says: no IAM, no Organizations, no account.
pub fn boundary_document() -> String {
    policy(vec![
        json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }),
        json!({
            "Effect": "Deny",
            "Action": ["iam:*", "organizations:*", "account:*", "sts:AssumeRole"],
            "Resource": "*",
        }),
    ])
}

/// What a pipeline's builds may do: pull the source, write code and artifacts below the pipeline's prefix, read code, write
/// their log. They may not list the bucket: where another build's artifact will be is what they must not learn.
pub fn build_policy(target: &Target, pipeline: &PipelineName) -> String {
    let Target { account, region } = target;
    let bucket = bucket(target);
    let prefix = prefix(pipeline);
    let project = project(pipeline);
    policy(vec![
        json!({
            "Effect": "Allow", "Action": "codecommit:GitPull",
            "Resource": format!("arn:aws:codecommit:{region}:{account}:{pipeline}"),
        }),
        json!({
            "Effect": "Allow", "Action": "s3:PutObject",
            "Resource": [
                format!("arn:aws:s3:::{bucket}/{prefix}/code/*"), format!("arn:aws:s3:::{bucket}/{prefix}/builds/*"),
            ],
        }),
        json!({
            "Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": format!("arn:aws:s3:::{bucket}/{prefix}/code/*"),
        }),
        json!({
            "Effect": "Allow", "Action": ["s3:GetBucketAcl", "s3:GetBucketLocation"],
            "Resource": format!("arn:aws:s3:::{bucket}"),
        }),
        json!({
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": format!("arn:aws:logs:{region}:{account}:log-group:/aws/codebuild/{project}*"),
        }),
    ])
}

/// What every function may do besides its template's statements: write its own log.
pub fn log_statement(target: &Target, function: &str) -> Value {
    let Target { account, region } = target;
    json!({
        "Effect": "Allow",
        "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": format!("arn:aws:logs:{region}:{account}:log-group:/aws/lambda/{function}*"),
    })
}

/// A role that is never edited: its name holds a hash of all that it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImmutableRole {
    /// Its name.
    pub name: String,
    /// Its inline policy.
    pub policy: String,
    /// Who assumes it.
    pub service: &'static str,
}

impl ImmutableRole {
    /// The role of a pipeline's builds.
    pub fn of_builds(target: &Target, pipeline: &PipelineName) -> Self {
        Self::new(
            &format!("sluice-{pipeline}-build"),
            build_policy(target, pipeline),
            "codebuild.amazonaws.com",
        )
    }

    /// The role of a function on a stage.
    pub fn of_function(target: &Target, function: &str, stage: &StageName, statements: &[Value]) -> Self {
        let mut all = vec![log_statement(target, function)];
        all.extend(statements.iter().cloned());
        Self::new(&format!("{function}-{stage}"), policy(all), "lambda.amazonaws.com")
    }

    /// How the names of the roles of a pipeline's builds begin.
    pub fn builds_stem(pipeline: &PipelineName) -> String {
        format!("sluice-{pipeline}-build-")
    }

    fn new(stem: &str, policy: String, service: &'static str) -> Self {
        let hash = short_hash(&[stem, service, &policy]);
        Self { name: format!("{}-{hash}", cut_with_hash(stem, 64 - 1 - hash.len())), policy, service }
    }
}

/// Ten hex digits over these texts, each told apart from its neighbour.
pub fn short_hash(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    let mut digits = hex::encode(hash.finalize());
    digits.truncate(10);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where another build's artifact will be must not be learnt: that is all that keeps a build from replacing it.
    #[test]
    fn a_build_can_neither_list_the_bucket_nor_read_artifacts() {
        let target = Target { account: "123456789012".into(), region: "eu-central-1".into() };
        let policy = build_policy(&target, &PipelineName::new("orders").unwrap());
        assert!(!policy.contains("s3:List") && !policy.contains("s3:*"), "{policy}");
        let policy: Value = serde_json::from_str(&policy).unwrap();
        for statement in policy["Statement"].as_array().unwrap() {
            if statement["Action"].to_string().contains("s3:GetObject") {
                let place = "arn:aws:s3:::sluice-123456789012-eu-central-1/orders/code/*";
                assert_eq!(statement["Resource"], place);
            }
        }
    }

    #[test]
    fn a_roles_name_changes_with_what_it_may_do_and_fits() {
        let target = Target { account: "123456789012".into(), region: "eu-central-1".into() };
        let stage = StageName::new("prod").unwrap();
        let function = format!("sluice-{}", "x".repeat(57));
        let plain = ImmutableRole::of_function(&target, &function, &stage, &[]);
        let more = ImmutableRole::of_function(&target, &function, &stage, &[json!({ "Effect": "Allow" })]);
        let dev = ImmutableRole::of_function(&target, &function, &StageName::new("dev").unwrap(), &[]);
        assert!(plain.name.len() <= 64 && more.name.len() <= 64);
        assert!(plain.name != more.name && plain.name != dev.name);
        assert_eq!(plain, ImmutableRole::of_function(&target, &function, &stage, &[]));
    }
}
