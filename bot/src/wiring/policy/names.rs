//! The ARNs that several documents name.

use serde_json::{Value, json};
use sluice_commands::names;
use sluice_commands::setup::bucket;
use sluice_model::{Target, partition};

use super::statement::Allowed;
use crate::config::{BackupLocation, Base};

/// An account and region with the state, queue and backups of a configuration.
pub(super) struct Names<'a> {
    pub(super) base: &'a Base,
    pub(super) target: &'a Target,
}

impl Names<'_> {
    /// An ARN of the account and region.
    pub(super) fn here(&self, service: &str, what: &str) -> String {
        self.target.arn(service, what)
    }

    /// The artifact bucket.
    pub(super) fn bucket(&self) -> String {
        self.target.arn_of_bucket(&names::bucket(self.target))
    }

    /// One empty object, which `init` and `check --account` write to see whether it gets a version.
    pub(super) fn probe(&self) -> Allowed {
        Allowed::new("Probe", &[], vec![format!("{}/{}", self.bucket(), bucket::PROBE)])
            .also(&["s3:DeleteObjectVersion", "s3:PutObject"])
    }

    /// The queue of wake-ups, if there is one.
    pub(super) fn queue(&self) -> Vec<String> {
        self.base.queue.iter().map(|name| self.here("sqs", name)).collect()
    }

    /// The bucket of the backups and the objects in it, if there is one.
    pub(super) fn backups(&self) -> (Vec<String>, Vec<String>) {
        let target = self.target;
        match self.base.backup.as_ref().map(|plan| &plan.location) {
            Some(BackupLocation::Bucket { bucket, prefix }) => {
                let within = if prefix.is_empty() { "*".to_owned() } else { format!("{prefix}/*") };
                (
                    vec![target.arn_of_bucket(bucket)],
                    vec![target.arn_of_bucket(&format!("{bucket}/{within}"))],
                )
            }
            _ => (vec![], vec![]),
        }
    }

    /// The permissions boundaries.
    pub(super) fn boundaries(&self) -> Vec<String> {
        let target = self.target;
        vec![
            names::boundary_arn(target),
            names::build_boundary_arn(target),
            names::api_boundary_arn(target),
            names::stack_boundary_arn(target),
        ]
    }

    /// The roles that Sluice creates.
    pub(super) fn roles(&self) -> String {
        self.target.arn_of_account("iam", &format!("role{}*", names::IAM_PATH))
    }

    /// A condition, limited to managed policies of AWS.
    pub(super) fn of_aws(&self, mut condition: Value) -> Value {
        let policies = format!("arn:{}:iam::aws:policy/*", partition(&self.target.region));
        condition["ArnLike"] = json!({ "iam:PolicyARN": policies });
        condition
    }
}
