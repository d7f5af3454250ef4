//! The artifact bucket. `sluice init` sets it up and waits until it keeps versions; `sluice check` checks it.

use std::time::Duration;

use sluice_commands::names;
use sluice_commands::ports::{BucketState, Objects};
use sluice_commands::setup::bucket::{self, Applied, Setting};
use sluice_model::{PortResult, Refusal, Target};

use super::errors::aws_error;
use crate::backend::Progress;
use crate::config::{BackupLocation, Base};
use crate::startup::{CheckResult, StartupError};

const NAME: &str = "Bucket";
const MINUTE: Duration = Duration::from_secs(60);

/// For `sluice init`: creates the bucket or updates its settings. Whether this turned versioning on.
pub(super) async fn set_up(
    objects: &dyn Objects,
    target: &Target,
    progress: Progress<'_>,
) -> Result<bool, StartupError> {
    let name = names::bucket(target);
    let applied = bucket::set_up(objects, target).await.map_err(|error| aws_error(&error))?;
    let Applied { made, set, versioning_began } = applied.map_err(|refusal| refused(&refusal))?;
    progress(&match (made, set.as_slice()) {
        (true, _) => format!("created the bucket {name}"),
        (false, []) => format!("the bucket {name} is up to date"),
        (false, set) => format!("updated the bucket {name}: {}", titles(set)),
    });
    Ok(versioning_began)
}

/// For `sluice init`, at its end: waits until the bucket keeps versions.
pub(super) async fn await_versions(
    objects: &dyn Objects,
    target: &Target,
    versioning_is_new: bool,
    progress: Progress<'_>,
) -> Result<(), StartupError> {
    let name = names::bucket(target);
    let mut next = Duration::ZERO;
    let keeps = bucket::await_versions(objects, target, |passed| {
        if passed < next {
            return;
        }
        progress(&match next {
            Duration::ZERO => format!(
                "waiting until the bucket {name} keeps versions, which may take up to 15 minutes. You can stop this and \
                 run `sluice init` again later"
            ),
            _ => format!("still waiting, after {} min", passed.as_secs() / 60),
        });
        next = passed + MINUTE;
    });
    if !keeps.await.map_err(|error| aws_error(&error))? {
        return Err(StartupError::Temporary(format!(
            "the bucket {name} does not keep versions of new objects, 15 minutes after versioning was turned on"
        )));
    }
    progress(&format!("the bucket {name} keeps versions"));
    if versioning_is_new {
        progress(
            "versioning is new: for 15 minutes, S3 may not keep a version of every object. An affected build fails with \
             `not-versioned` and can be run again",
        );
    }
    Ok(())
}

/// For `sluice check`: whether the bucket exists, is Sluice's, and is set up.
pub(super) async fn check(objects: &dyn Objects, base: &Base, target: &Target) -> CheckResult {
    judge(bucket::look(objects, target).await, base, target)
}

fn judge(
    found: PortResult<Result<Option<BucketState>, Refusal>>,
    base: &Base,
    target: &Target,
) -> CheckResult {
    let name = names::bucket(target);
    let state = match found {
        Ok(Ok(Some(state))) => state,
        Ok(Ok(None)) => {
            return CheckResult::failed(
                NAME,
                format!("the bucket `{name}` does not exist: run `sluice init`"),
            );
        }
        Ok(Err(refusal)) => return CheckResult::failed(NAME, refused(&refusal).message().to_owned()),
        Err(error) => return CheckResult::failed(NAME, aws_error(&error).message().to_owned()),
    };
    let differs = bucket::differs(&state, target);
    if !differs.is_empty() {
        let differs = titles(&differs);
        return CheckResult::failed(
            NAME,
            format!(
                "`{name}` is not up to date with this version ({differs}): run `sluice init` to update it"
            ),
        );
    }
    match bucket::deleting_rules(&state, backups(base, &name)).as_slice() {
        [] => CheckResult::ok(NAME, format!("`{name}` has versioning turned on, and public access blocked")),
        rules => CheckResult::warning(
            NAME,
            format!(
                "`{name}` has lifecycle rules that delete objects or versions ({}). Releases whose artifacts are deleted \
                 can be rolled back to, but not deployed or promoted again. Limit each rule to a prefix that is not a pipeline",
                rules.join(", ")
            ),
        ),
    }
}

/// The prefix of backups, if they are in the same bucket.
fn backups<'a>(base: &'a Base, bucket: &str) -> Option<&'a str> {
    match base.backup.as_ref().map(|plan| &plan.location) {
        Some(BackupLocation::Bucket { bucket: place, prefix }) if place == bucket && !prefix.is_empty() => {
            Some(prefix)
        }
        _ => None,
    }
}

fn titles(settings: &[Setting]) -> String {
    settings.iter().map(|setting| setting.title()).collect::<Vec<_>>().join(", ")
}

fn refused(refusal: &Refusal) -> StartupError {
    StartupError::Permanent(format!("{} {}", refusal.problem, refusal.hint))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use sluice_commands::ports::{LifecycleRule, Versioning};
    use sluice_commands::testing::{FakeAws, TestClock, target};

    use super::*;
    use crate::config::Sources;
    use crate::startup::CheckStatus;

    fn base(more: &[(&str, &str)]) -> Base {
        let env = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Base::load(Sources { env, ..Sources::default() }).unwrap()
    }

    /// The outcome of `init`, and its lines.
    async fn init(fake_aws: &Arc<FakeAws>) -> (Result<(), StartupError>, Vec<String>) {
        let (reach, told) = (fake_aws.fault_proxy(), Mutex::new(vec![]));
        let progress = |line: &str| told.lock().push(line.to_owned());
        let outcome = async {
            let began = set_up(&reach, &target(), &progress).await?;
            await_versions(&reach, &target(), began, &progress).await
        };
        let outcome = outcome.await;
        (outcome, told.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn init_prints_what_it_did_and_why_it_waits() {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        fake_aws.climate(|climate| climate.versions = 3 * MINUTE);
        let (outcome, told) = init(&fake_aws).await;
        assert_eq!(outcome, Ok(()));
        let told: Vec<_> = told.iter().map(|line| line.split(',').next().unwrap()).collect();
        let name = names::bucket(&target());
        let waits = format!("waiting until the bucket {name} keeps versions");
        let keeps = format!("the bucket {name} keeps versions");
        let (first, last) = (told.first().unwrap(), told.last().unwrap());
        assert_eq!(*first, format!("created the bucket {name}"));
        assert_eq!(told[1..4], [waits.as_str(), "still waiting", "still waiting"]);
        assert!(told.contains(&keeps.as_str()) && last.starts_with("versioning is new"), "{told:?}");

        let (outcome, told) = init(&fake_aws).await;
        assert_eq!(outcome, Ok(()));
        assert_eq!(told, [format!("the bucket {name} is up to date"), keeps]);

        fake_aws.sets_bucket(&name, |state, _| state.versioning = Versioning::Suspended);
        assert_eq!(init(&fake_aws).await.1[0], format!("updated the bucket {name}: versioning"));
    }

    #[tokio::test(start_paused = true)]
    async fn init_fails_if_the_bucket_keeps_no_versions_or_belongs_to_another_account() {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        fake_aws.climate(|climate| climate.versions = 60 * MINUTE);
        let (outcome, _) = init(&fake_aws).await;
        assert!(
            matches!(&outcome, Err(StartupError::Temporary(message)) if message.contains("does not keep versions")),
            "{outcome:?}"
        );
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        fake_aws.takes_bucket(&names::bucket(&target()));
        let (outcome, _) = init(&fake_aws).await;
        assert!(
            matches!(&outcome, Err(StartupError::Permanent(message)) if message.contains("Another AWS account")),
            "{outcome:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn check_reports_wrong_settings_and_dangerous_lifecycle_rules() {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        let (reach, name) = (fake_aws.fault_proxy(), names::bucket(&target()));
        let look = async |base: &Base| {
            let CheckResult { status, message, .. } = check(&reach, base, &target()).await;
            (status, message)
        };
        let plain = base(&[]);
        assert_eq!(look(&plain).await.1, format!("the bucket `{name}` does not exist: run `sluice init`"));
        init(&fake_aws).await.0.unwrap();
        assert_eq!(look(&plain).await.0, CheckStatus::Ok);
        let rule = LifecycleRule {
            id: "old".into(),
            enabled: true,
            prefix: "copies/".into(),
            expire_versions_after: Some(30),
            ..LifecycleRule::default()
        };
        fake_aws.sets_bucket(&name, |state, _| state.lifecycle.push(rule));
        let (status, message) = look(&plain).await;
        assert!(status == CheckStatus::Warning && message.contains("(old)"), "{message}");
        let place = format!("s3://{name}/copies");
        let backed_up = [("SLUICE_STATE", "sqlite:/tmp/s"), ("SLUICE_BACKUP", place.as_str())];
        assert_eq!(look(&base(&backed_up)).await.0, CheckStatus::Ok, "old backups may be deleted");
        fake_aws.sets_bucket(&name, |state, _| state.versioning = Versioning::Suspended);
        let (status, message) = look(&plain).await;
        assert!(
            status == CheckStatus::Failed && message.contains("(versioning): run `sluice init`"),
            "{message}"
        );
    }
}
