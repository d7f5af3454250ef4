//! Repositories, builds and their artifacts.

use sluice_commands::names;

use super::names::Names;
use super::statement::Allowed;

pub(super) fn allowed(of: &Names<'_>) -> Vec<Allowed> {
    let bucket = of.bucket();
    let probe = of.probe();
    vec![
        Allowed::new(
            "Repositories",
            &[
                "codecommit:CreateCommit",
                "codecommit:CreateRepository",
                "codecommit:GetBranch",
                "codecommit:GetCommit",
                "codecommit:GetRepository",
                "codecommit:ListTagsForResource",
            ],
            vec![of.here("codecommit", "*")],
        )
        .also(&["codecommit:TagResource"]),
        Allowed::new(
            "Builds",
            &[
                "codebuild:BatchGetBuilds",
                "codebuild:BatchGetProjects",
                "codebuild:CreateProject",
                "codebuild:ListBuildsForProject",
                "codebuild:StartBuild",
                "codebuild:StopBuild",
            ],
            vec![of.here("codebuild", "project/sluice-*")],
        ),
        Allowed::new(
            "BuildLogs",
            &["logs:GetLogEvents"],
            vec![of.here("logs", "log-group:/aws/codebuild/sluice-*:log-stream:*")],
        ),
        // IAM cannot restrict this list to a prefix.
        Allowed::new("LogGroups", &["logs:DescribeLogGroups"], vec![of.here("logs", "log-group:*")]),
        Allowed::new(
            "LogRetention",
            &["logs:CreateLogGroup", "logs:FilterLogEvents", "logs:PutRetentionPolicy"],
            ["lambda", "codebuild"]
                .map(|what| of.here("logs", &format!("log-group:/aws/{what}/sluice-*")))
                .into(),
        ),
        Allowed::new(
            "ArtifactBucket",
            &[
                "s3:GetBucketLifecycleConfiguration",
                "s3:GetBucketPolicy",
                "s3:GetBucketTagging",
                "s3:GetBucketVersioning",
                "s3:GetPublicAccessBlock",
                "s3:HeadBucket",
            ],
            vec![bucket.clone()],
        ),
        probe,
        // Lambda reads a function's code with the permissions of its caller.
        Allowed::new("Artifacts", &["s3:GetObject"], vec![format!("{bucket}/*")])
            .also(&["s3:GetObjectVersion"]),
        // Templates that are too large for a request.
        Allowed::new("StackTemplates", &[], vec![format!("{bucket}/{}/*", names::STACK_TEMPLATES)])
            .also(&["s3:PutObject"]),
    ]
}
