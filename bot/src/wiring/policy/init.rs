//! What `sluice init` does, which the bot itself may not.

use sluice_commands::packager;

use super::names::Names;
use super::statement::Allowed;

/// Reading the settings of the bucket, and the actions that changing them needs besides.
const SET_UP_BUCKET: &[&str] = &[
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetLifecycleConfiguration",
    "s3:ListBucket",
    "s3:PutBucketTagging",
    "s3:TagResource",
];

pub(super) fn allowed(of: &Names<'_>) -> Vec<Allowed> {
    let bucket = of.bucket();
    let (backup, backups) = of.backups();
    vec![
        Allowed::new(
            "Boundaries",
            &[
                "iam:CreatePolicy",
                "iam:CreatePolicyVersion",
                "iam:DeletePolicyVersion",
                "iam:ListPolicyVersions",
            ],
            of.boundaries(),
        )
        .also(&["iam:GetPolicy", "iam:GetPolicyVersion"]),
        Allowed::new(
            "ArtifactBucket",
            &[
                "s3:CreateBucket",
                "s3:PutBucketLifecycleConfiguration",
                "s3:PutBucketPolicy",
                "s3:PutBucketVersioning",
                "s3:PutPublicAccessBlock",
            ],
            vec![bucket.clone()],
        )
        .also(SET_UP_BUCKET),
        of.probe(),
        Allowed::new("Packager", &[], vec![format!("{bucket}/{}/*", packager::PREFIX)])
            .also(&["s3:GetObject", "s3:PutObject"]),
        // A missing SQLite file is restored before an empty one is created.
        Allowed::new("BackupBucket", &[], backup).also(&["s3:ListBucket"]),
        Allowed::new("Backups", &[], backups).also(&["s3:GetObject"]),
        Allowed::new("Queue", &["sqs:CreateQueue"], of.queue()).also(&["sqs:GetQueueUrl"]),
        Allowed::new("Whoami", &[], vec!["*".into()]).also(&["sts:GetCallerIdentity"]),
    ]
}
