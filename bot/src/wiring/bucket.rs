//! The artifact bucket at a terminal: set up by `sluice init`, which waits until it keeps versions, and compared by
//! `sluice check`.

use std::time::Duration;

use sluice_commands::operations::bucket::{self, Applied, Setting};
use sluice_commands::operations::names;
use sluice_commands::ports::{BucketState, Objects};
use sluice_model::{PortResult, Refusal, Target};

use super::aws_obstacle;
use crate::backend::{Finding, Obstacle, Tell};
use crate::config::{Base, Place};

const NAME: &str = "Bucket";
const MINUTE: Duration = Duration::from_secs(60);

/// `sluice init`: makes the bucket or sets what differs, and says what it did. Whether versioning began with it.
pub(super) async fn set_up(
    objects: &dyn Objects,
    target: &Target,
    notify: Tell<'_>,
) -> Result<bool, Obstacle> {
    let name = names::bucket(target);
    let applied = bucket::set_up(objects, target).await.map_err(|error| aws_obstacle(&error))?;
    let Applied { made, set, versioning_began } = applied.map_err(|refusal| refused(&refusal))?;
    notify(&match (made, set.as_slice()) {
        (true, _) => format!("made the bucket {name}"),
        (false, []) => format!("the bucket {name} is up to date"),
        (false, set) => format!("updated the bucket {name}: {}", titles(set)),
    });
    Ok(versioning_began)
}

/// `sluice init`, at its end: waits until the bucket keeps versions.
pub(super) async fn await_versions(
    objects: &dyn Objects,
    target: &Target,
    began: bool,
    notify: Tell<'_>,
) -> Result<(), Obstacle> {
    let name = names::bucket(target);
    let mut next = Duration::ZERO;
    let keeps = bucket::await_versions(objects, target, |passed| {
        if passed < next {
            return;
        }
        notify(&match next {
            Duration::ZERO => format!(
                "waiting until the bucket {name} keeps versions, which takes S3 up to 15 minutes. You may stop this \
                 and run `sluice init` again later"
            ),
            _ => format!("still waiting, after {} min", passed.as_secs() / 60),
        });
        next = passed + MINUTE;
    });
    if !keeps.await.map_err(|error| aws_obstacle(&error))? {
        return Err(Obstacle::Passing(format!(
            "the bucket {name} gives no versions to what is written, 15 minutes after versioning was turned on"
        )));
    }
    notify(&format!("the bucket {name} keeps versions"));
    if began {
        notify(
            "versioning is new: S3 may miss single versions for 15 minutes. A build that meets this fails with \
             `not-versioned` and can be run again",
        );
    }
    Ok(())
}

/// `sluice check`: whether the bucket is there, ours, and set up as it has to be.
pub(super) async fn examine(objects: &dyn Objects, base: &Base, target: &Target) -> Finding {
    judge(bucket::look(objects, target).await, base, target)
}

fn judge(found: PortResult<Result<Option<BucketState>, Refusal>>, base: &Base, target: &Target) -> Finding {
    let name = names::bucket(target);
    let state = match found {
        Ok(Ok(Some(state))) => state,
        Ok(Ok(None)) => {
            return Finding::missing(NAME, format!("there is no bucket `{name}`: run `sluice init`"));
        }
        Ok(Err(refusal)) => return Finding::missing(NAME, refused(&refusal).words().to_owned()),
        Err(error) => return Finding::missing(NAME, aws_obstacle(&error).words().to_owned()),
    };
    let differs = bucket::differs(&state, target);
    if !differs.is_empty() {
        let differs = titles(&differs);
        return Finding::missing(
            NAME,
            format!(
                "`{name}` is not set up as this version needs it ({differs}): run `sluice init` to update it"
            ),
        );
    }
    match bucket::deleting_rules(&state, backups(base, &name)).as_slice() {
        [] => Finding::good(NAME, format!("`{name}` has versioning on and is closed to the public")),
        rules => Finding::warning(
            NAME,
            format!(
                "`{name}` has lifecycle rules that delete objects or versions ({}): releases whose artifacts they delete \
                 can be rolled back to, but not deployed or promoted again. Limit each rule to a prefix that is no pipeline",
                rules.join(", ")
            ),
        ),
    }
}

/// The prefix of backups, if they are in the same bucket.
fn backups<'a>(base: &'a Base, bucket: &str) -> Option<&'a str> {
    match base.backup.as_ref().map(|plan| &plan.place) {
        Some(Place::Bucket { bucket: place, prefix }) if place == bucket && !prefix.is_empty() => {
            Some(prefix)
        }
        _ => None,
    }
}

fn titles(settings: &[Setting]) -> String {
    settings.iter().map(|setting| setting.title()).collect::<Vec<_>>().join(", ")
}

fn refused(refusal: &Refusal) -> Obstacle {
    Obstacle::Refused(format!("{} {}", refusal.problem, refusal.hint))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use sluice_commands::ports::{LifecycleRule, Versioning};
    use sluice_commands::testing::{FakeAws, TestClock, target};

    use super::*;
    use crate::backend::Mark;
    use crate::config::Sources;

    fn base(more: &[(&str, &str)]) -> Base {
        let env = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Base::load(Sources { env, ..Sources::default() }).unwrap()
    }

    /// What `init` says.
    async fn init(fake_aws: &Arc<FakeAws>) -> (Result<(), Obstacle>, Vec<String>) {
        let (reach, told) = (fake_aws.fault_proxy(), Mutex::new(vec![]));
        let notify = |line: &str| told.lock().unwrap().push(line.to_owned());
        let outcome = async {
            let began = set_up(&reach, &target(), &notify).await?;
            await_versions(&reach, &target(), began, &notify).await
        };
        let outcome = outcome.await;
        (outcome, told.into_inner().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn init_says_what_it_did_and_why_it_waits() {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        fake_aws.climate(|climate| climate.versions = 3 * MINUTE);
        let (outcome, told) = init(&fake_aws).await;
        assert_eq!(outcome, Ok(()));
        let told: Vec<_> = told.iter().map(|line| line.split(',').next().unwrap()).collect();
        let name = names::bucket(&target());
        let waits = format!("waiting until the bucket {name} keeps versions");
        let keeps = format!("the bucket {name} keeps versions");
        let (first, last) = (told.first().unwrap(), told.last().unwrap());
        assert_eq!(*first, format!("made the bucket {name}"));
        assert_eq!(told[1..4], [waits.as_str(), "still waiting", "still waiting"]);
        assert!(told.contains(&keeps.as_str()) && last.starts_with("versioning is new"), "{told:?}");

        let (outcome, told) = init(&fake_aws).await;
        assert_eq!(outcome, Ok(()));
        assert_eq!(told, [format!("the bucket {name} is up to date"), keeps]);

        fake_aws.sets_bucket(&name, |state, _| state.versioning = Versioning::Suspended);
        assert_eq!(init(&fake_aws).await.1[0], format!("updated the bucket {name}: versioning"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_never_keeps_versions_or_is_somebody_elses_ends_init() {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        fake_aws.climate(|climate| climate.versions = 60 * MINUTE);
        let (outcome, _) = init(&fake_aws).await;
        assert!(
            matches!(&outcome, Err(Obstacle::Passing(words)) if words.contains("gives no versions")),
            "{outcome:?}"
        );
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        fake_aws.takes_bucket(&names::bucket(&target()));
        let (outcome, _) = init(&fake_aws).await;
        assert!(
            matches!(&outcome, Err(Obstacle::Refused(words)) if words.contains("Another AWS account")),
            "{outcome:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn check_names_what_is_missing_and_what_endangers_releases() {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        let (reach, name) = (fake_aws.fault_proxy(), names::bucket(&target()));
        let look = async |base: &Base| {
            let Finding { mark, words, .. } = examine(&reach, base, &target()).await;
            (mark, words)
        };
        let plain = base(&[]);
        assert_eq!(look(&plain).await.1, format!("there is no bucket `{name}`: run `sluice init`"));
        init(&fake_aws).await.0.unwrap();
        assert_eq!(look(&plain).await.0, Mark::Good);
        let rule = LifecycleRule {
            id: "old".into(),
            enabled: true,
            prefix: "copies/".into(),
            expire_versions_after: Some(30),
            ..LifecycleRule::default()
        };
        fake_aws.sets_bucket(&name, |state, _| state.lifecycle.push(rule));
        let (mark, words) = look(&plain).await;
        assert!(mark == Mark::Warning && words.contains("(old)"), "{words}");
        let place = format!("s3://{name}/copies");
        let backed_up = [("SLUICE_STATE", "sqlite:/tmp/s"), ("SLUICE_BACKUP", place.as_str())];
        assert_eq!(look(&base(&backed_up)).await.0, Mark::Good, "old backups may go");
        fake_aws.sets_bucket(&name, |state, _| state.versioning = Versioning::Suspended);
        let (mark, words) = look(&plain).await;
        assert!(mark == Mark::Missing && words.contains("(versioning): run `sluice init`"), "{words}");
    }
}
