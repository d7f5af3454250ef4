//! The refusals about the artifact bucket and the packager in it.

use crate::names;
use crate::ports::TAG_PIPELINE;
use sluice_model::Refusal;

pub(super) fn no_bucket(name: &str) -> Refusal {
    Refusal::new(
        "no-bucket",
        format!("The artifact bucket `{name}` does not exist."),
        "An admin must run `sluice init` in a terminal to create it. Then run the command again.",
    )
}

pub(super) fn not_versioned(name: &str, is_suspended: bool) -> Refusal {
    let why = if is_suspended { "was suspended" } else { "was never turned on" };
    Refusal::new(
        "not-versioned",
        format!("Versioning of the bucket `{name}` {why}, so artifacts could be replaced."),
        "An admin must run `sluice init` in a terminal to turn it on. Then run the command again.",
    )
}

pub(super) fn foreign_bucket(name: &str) -> Refusal {
    Refusal::new(
        "not-ours",
        format!("The bucket `{name}` already exists, and Sluice did not create it."),
        format!(
            "Sluice changes only what it created. If the bucket is meant for Sluice, tag it `{TAG_PIPELINE}={}` and try again.",
            names::SHARED
        ),
    )
}

/// S3 gives no reason for a denied read. Every call names the account that must own the bucket.
pub(super) fn denied(name: &str) -> Refusal {
    Refusal::new(
        "bucket-denied",
        format!("The bucket `{name}` belongs to another AWS account, or Sluice's role cannot read it."),
        "Run `sluice init` as an admin to find out which. If the bucket is yours, compare the role with `sluice policy`.",
    )
}

pub(super) fn taken(name: &str) -> Refusal {
    Refusal::new(
        "bucket-taken",
        format!(
            "Another AWS account has a bucket named `{name}`, and bucket names are unique among all accounts. Nothing \
             was written to it."
        ),
        "Use another region or account for Sluice, or ask AWS Support to release the name.",
    )
}

pub(super) fn packager_differs(place: &str) -> Refusal {
    Refusal::new(
        "packager-differs",
        format!(
            "{place} is not what its name says: its name is the SHA-256 of the packager, and its content is another one."
        ),
        "Builds reject it. Find out who changed it, delete it, and run `sluice init` again.",
    )
}
