//! The queue of wake-ups and the backups of the state. Its tables are in `tables.rs`.

use super::names::Names;
use super::statement::Allowed;

pub(super) fn allowed(of: &Names<'_>) -> Vec<Allowed> {
    let (backup, backups) = of.backups();
    let queue = of.queue();
    vec![
        Allowed::new(
            "WakeUps",
            &["sqs:DeleteMessageBatch", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage"],
            queue,
        ),
        Allowed::new("BackupBucket", &["s3:ListObjectsV2"], backup),
        Allowed::new("Backups", &["s3:DeleteObject", "s3:PutObject"], backups).also(&["s3:GetObject"]),
    ]
}
