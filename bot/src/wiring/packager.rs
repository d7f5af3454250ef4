//! The packager in the artifact bucket. `sluice init` publishes it; `sluice check` looks for it.

use sluice_commands::ports::Objects;
use sluice_commands::setup::packager::{self, PackagerState, Published};
use sluice_model::Target;

use super::errors::aws_error;
use crate::startup::{CheckResult, StartupError};

const NAME: &str = "Packager";

/// For `sluice init`, once the bucket exists: publishes the packager of this version. The line says so.
pub(super) async fn publish(objects: &dyn Objects, target: &Target) -> Result<String, StartupError> {
    let published = packager::publish(objects, target).await.map_err(|error| aws_error(&error))?;
    let place = packager::place(target);
    match published {
        Ok(Published::Now) => Ok(format!("published the packager of builds at {place}")),
        Ok(Published::Before) => Ok(format!("the packager of builds at {place} is up to date")),
        Err(refusal) => Err(StartupError::Permanent(format!("{} {}", refusal.problem, refusal.hint))),
    }
}

/// For `sluice check`: whether builds find the packager of this version.
pub(super) async fn check(objects: &dyn Objects, target: &Target) -> CheckResult {
    let place = packager::place(target);
    match packager::look(objects, target).await {
        Ok(PackagerState::Published) => CheckResult::ok(NAME, "published for builds".to_owned()),
        Ok(PackagerState::Missing) => CheckResult::failed(
            NAME,
            format!("{place} does not exist, so every build would fail: run `sluice init` with this version"),
        ),
        Ok(PackagerState::Differs) => CheckResult::failed(
            NAME,
            format!(
                "{place} is not what its name says, so every build would fail. Find out who changed it, delete it, and run \
                 `sluice init`"
            ),
        ),
        Err(error) => CheckResult::failed(NAME, aws_error(&error).message().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sluice_commands::packager::archive;
    use sluice_commands::setup::bucket;
    use sluice_commands::testing::{FakeAws, TestClock, target};

    use super::*;
    use crate::startup::CheckStatus;

    #[tokio::test(start_paused = true)]
    async fn init_publishes_what_check_misses() {
        let fake_aws = FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)));
        let aws = fake_aws.fault_proxy();
        bucket::set_up(&aws, &target()).await.unwrap().unwrap();
        let missing = check(&aws, &target()).await;
        assert_eq!(missing.status, CheckStatus::Failed);
        assert!(missing.message.contains("run `sluice init`"), "{}", missing.message);
        assert!(missing.message.contains(&archive().key()), "{}", missing.message);

        assert!(
            publish(&aws, &target()).await.unwrap().starts_with("published the packager of builds at s3://")
        );
        assert!(publish(&aws, &target()).await.unwrap().ends_with("is up to date"));
        assert_eq!(check(&aws, &target()).await.status, CheckStatus::Ok);
    }
}
