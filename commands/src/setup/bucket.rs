//! The artifact bucket of an account and region, which all its pipelines share. `sluice init` creates and
//! configures it, `sluice check` compares it, and everything else only reads it.
//!
//! It keeps versions, because a release names its artifacts by version. It is closed to the public and
//! accepts only TLS. It has two lifecycle rules, and neither deletes what a release needs: code and artifacts
//! stay, including versions other than the newest. Settings, statements and rules that somebody else added
//! stay as they are.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use futures::future;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::names;
use crate::ports::{BucketState, LifecycleRule, Objects, TAG_PIPELINE, Versioning};
use crate::setup::messages;
use sluice_model::{Class, PortError, PortResult, Refusal, Target};

/// The object that is written to check whether it gets a version. No pipeline's name begins with this prefix.
pub const PROBE: &str = "_sluice/probe";
/// S3's version of objects written while a bucket keeps no versions.
pub(crate) const NULL_VERSION: &str = "null";
/// The Sid of the bucket policy's statement.
const TLS_ONLY: &str = "TlsOnly";
/// How long a new bucket may be unknown, or another change of it in progress.
const SETTLES: Duration = Duration::from_secs(60);
/// How long after versioning was first enabled a write may get no version:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html>.
pub const VERSIONS_AFTER: Duration = Duration::from_secs(15 * 60);
/// How many probes in a row must get a version. S3 is distributed, and a change does not reach all its hosts at
/// once.
const PROBES: u32 = 3;
/// The longest pause between two probes.
const PAUSE: Duration = Duration::from_secs(10);

/// A setting of the bucket that Sluice manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// It keeps versions.
    Versioning,
    /// It is closed to the public.
    Privacy,
    /// It accepts only TLS.
    Policy,
    /// Incomplete uploads and leftovers of probes are removed.
    Lifecycle,
}

impl Setting {
    /// All settings, in the order in which they are applied.
    const ALL: [Self; 4] = [Self::Versioning, Self::Privacy, Self::Policy, Self::Lifecycle];

    /// The setting's name for people.
    pub fn title(self) -> &'static str {
        match self {
            Setting::Versioning => "versioning",
            Setting::Privacy => "block of public access",
            Setting::Policy => "policy (TLS only)",
            Setting::Lifecycle => "lifecycle rules",
        }
    }

    fn is_set(self, state: &BucketState, target: &Target) -> bool {
        match self {
            Setting::Versioning => state.versioning == Versioning::Enabled,
            Setting::Privacy => state.private,
            Setting::Policy => {
                statements(state.policy.as_deref()).iter().any(|statement| *statement == tls_only(target))
            }
            Setting::Lifecycle => lifecycle().iter().all(|rule| state.lifecycle.contains(rule)),
        }
    }
}

/// The result of setting the bucket up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The bucket did not exist.
    pub made: bool,
    /// The settings that were wrong and were applied.
    pub set: Vec<Setting>,
    /// Versioning was enabled for the first time: S3 may need up to 15 minutes for it.
    pub versioning_began: bool,
}

/// The settings that differ from the wanted ones.
pub fn differs(state: &BucketState, target: &Target) -> Vec<Setting> {
    Setting::ALL.into_iter().filter(|setting| !setting.is_set(state, target)).collect()
}

/// The ids of rules that Sluice did not create, and that delete objects or versions which a release may need.
/// `backups` is a prefix for which such a rule is allowed.
pub fn deleting_rules<'a>(state: &'a BucketState, backups: Option<&str>) -> Vec<&'a str> {
    let is_ours = |rule: &LifecycleRule| lifecycle().iter().any(|ours| ours.id == rule.id);
    let is_of_backups = |rule: &LifecycleRule| backups.is_some_and(|prefix| rule.prefix.starts_with(prefix));
    let deletes = |rule: &&LifecycleRule| rule.expires_objects || rule.expire_versions_after.is_some();
    let rules = state.lifecycle.iter().filter(|rule| rule.enabled && !is_ours(rule) && !is_of_backups(rule));
    rules.filter(deletes).map(|rule| rule.id.as_str()).collect()
}

/// The state of the bucket; `None` if it does not exist, and a refusal if it is not ours.
pub async fn look(
    objects: &dyn Objects,
    target: &Target,
) -> PortResult<Result<Option<BucketState>, Refusal>> {
    let name = names::bucket(target);
    let state = match objects.bucket(target, &name).await {
        Ok(None) => return Ok(Ok(None)),
        Ok(Some(state)) => state,
        Err(error) if error.class == Class::Denied => return Ok(Err(messages::denied(&name))),
        Err(error) => return Err(error),
    };
    Ok(if is_ours(objects, target, &name).await? {
        Ok(Some(state))
    } else {
        Err(messages::foreign_bucket(&name))
    })
}

/// Checks that pipelines can build and deploy with the bucket: it exists, is ours and keeps versions. Two
/// reads.
pub async fn ready(objects: &dyn Objects, target: &Target) -> PortResult<Result<(), Refusal>> {
    let name = names::bucket(target);
    let (versioning, ours) =
        future::join(objects.versioning(target, &name), is_ours(objects, target, &name)).await;
    let versioning = match versioning {
        Err(error) if error.class == Class::Denied => return Ok(Err(messages::denied(&name))),
        other => other?,
    };
    let Some(versioning) = versioning else {
        return Ok(Err(messages::no_bucket(&name)));
    };
    if !ours? {
        return Ok(Err(messages::foreign_bucket(&name)));
    }
    Ok(match versioning {
        Versioning::Enabled => Ok(()),
        other => Err(messages::not_versioned(&name, other == Versioning::Suspended)),
    })
}

/// Creates the bucket if it does not exist, and applies the settings that differ. Safe to repeat, also after
/// an interruption.
pub async fn set_up(objects: &dyn Objects, target: &Target) -> PortResult<Result<Applied, Refusal>> {
    let name = names::bucket(target);
    let found = match look(objects, target).await? {
        // The attempt to create it shows whether another account owns it, or whether these credentials cannot read it.
        Err(refusal) if refusal.code != "bucket-denied" => return Ok(Err(refusal)),
        found => found,
    };
    let (made, state) = match found {
        Ok(Some(state)) => (false, state),
        Ok(None) | Err(_) => {
            match objects.create_bucket(target, &name, &names::shared_tags()).await {
                Ok(()) => (true, BucketState::default()),
                Err(error) if error.code == "BucketAlreadyExists" => return Ok(Err(messages::taken(&name))),
                // Another `init` was faster, or the bucket is ours and these credentials cannot read it.
                Err(error) if error.code == "BucketAlreadyOwnedByYou" => match look(objects, target).await? {
                    Ok(state) => (false, state.unwrap_or_default()),
                    Err(refusal) => return Ok(Err(refusal)),
                },
                Err(error) => return Err(error),
            }
        }
    };
    let set = differs(&state, target);
    for setting in &set {
        set_settled(objects, target, *setting, &state).await?;
    }
    let versioning_began = state.versioning == Versioning::Off;
    Ok(Ok(Applied { made, set, versioning_began }))
}

/// Writes an empty object and returns whether the bucket gave it a version. The object is deleted again; if
/// that fails, the lifecycle rule removes it.
pub async fn probe(objects: &dyn Objects, target: &Target) -> PortResult<bool> {
    let name = names::bucket(target);
    let version = objects.put_empty(target, &name, PROBE).await?;
    let version = version.unwrap_or_else(|| NULL_VERSION.to_owned());
    // A failed deletion does not change the answer.
    let _ = objects.delete_version(target, &name, PROBE, &version).await;
    Ok(version != NULL_VERSION)
}

/// Probes until the bucket gives versions, at most for the time that S3 documents. `waits` is called before
/// each pause with the elapsed time. Returns whether the bucket gives versions.
pub async fn await_versions(
    objects: &dyn Objects,
    target: &Target,
    mut waits: impl FnMut(Duration) + Send,
) -> PortResult<bool> {
    let began = Instant::now();
    let (mut in_a_row, mut pause) = (0, Duration::from_secs(1));
    loop {
        let passed = began.elapsed();
        match probe(objects, target).await {
            Ok(true) => in_a_row += 1,
            Ok(false) => in_a_row = 0,
            Err(error) if passed < SETTLES && is_temporary(&error) => in_a_row = 0,
            Err(error) => return Err(error),
        }
        match in_a_row {
            PROBES => return Ok(true),
            0 if passed >= VERSIONS_AFTER => return Ok(false),
            0 => {
                waits(passed);
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(PAUSE);
            }
            _ => {}
        }
    }
}

/// Applies a setting, and retries while S3 does not know the bucket yet or another change of it is in
/// progress.
async fn set_settled(
    objects: &dyn Objects,
    target: &Target,
    setting: Setting,
    before: &BucketState,
) -> PortResult<()> {
    let name = names::bucket(target);
    settled(|| async {
        match setting {
            Setting::Versioning => objects.set_versioning(target, &name).await,
            Setting::Privacy => objects.block_public_access(target, &name).await,
            Setting::Policy => objects.set_policy(target, &name, &policy(before, target)).await,
            Setting::Lifecycle => objects.set_lifecycle_rules(target, &name, &lifecycle()).await,
        }
    })
    .await
}

/// Retries a call while the bucket may be too new for it.
pub(super) async fn settled<T, F: Future<Output = PortResult<T>> + Send>(
    call: impl FnMut() -> F + Send,
) -> PortResult<T> {
    let began = Instant::now();
    let each_second = ConstantBuilder::new().without_max_times();
    call.retry(each_second).when(|error| began.elapsed() < SETTLES && is_temporary(error)).await
}

/// Whether an error may be temporary. A new bucket is not known everywhere at once.
fn is_temporary(error: &PortError) -> bool {
    error.class.can_retry() || error.class == Class::Absent
}

async fn is_ours(objects: &dyn Objects, target: &Target, name: &str) -> PortResult<bool> {
    let tags = objects.bucket_tags(target, name).await?;
    Ok(tags.get(TAG_PIPELINE).map(String::as_str) == Some(names::SHARED))
}

fn tls_only(target: &Target) -> Value {
    let bucket = names::bucket(target);
    json!({
        "Sid": TLS_ONLY, "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [target.arn_of_bucket(&bucket), target.arn_of_bucket(&format!("{bucket}/*"))],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    })
}

/// The statements of a policy; empty if it cannot be read.
fn statements(policy: Option<&str>) -> Vec<Value> {
    let policy: Value = policy.and_then(|policy| serde_json::from_str(policy).ok()).unwrap_or_default();
    match &policy["Statement"] {
        Value::Array(list) => list.clone(),
        one @ Value::Object(_) => vec![one.clone()],
        _ => vec![],
    }
}

/// The bucket's policy with our statement and the unchanged statements of others.
fn policy(state: &BucketState, target: &Target) -> String {
    let mut all = statements(state.policy.as_deref());
    all.retain(|statement| statement["Sid"] != TLS_ONLY);
    all.push(tls_only(target));
    names::policy(all)
}

/// Our lifecycle rules. Neither deletes an object of a pipeline: a release names code and artifacts by
/// version, including versions other than the newest.
fn lifecycle() -> [LifecycleRule; 2] {
    let rule = |id: &str| LifecycleRule { id: id.to_owned(), enabled: true, ..LifecycleRule::default() };
    [
        LifecycleRule { abort_uploads_after: Some(7), ..rule("sluice-uploads") },
        LifecycleRule { prefix: PROBE.to_owned(), expire_versions_after: Some(1), ..rule("sluice-probes") },
    ]
}

#[cfg(test)]
mod tests;
