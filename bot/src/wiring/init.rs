//! `sluice init`: creates what is missing, in an order in which a failed run can be repeated.

use std::time::Duration;

use sluice_commands::operation::Keys;
use sluice_commands::ports::{Clock as _, Guards, Precondition, StoreError, Write};
use sluice_commands::records::to_item;
use sluice_commands::setup::init;
use sluice_model::{PortError, Target, UserId};

use super::aws_backend::AwsBackend;
use super::errors::aws_error;
use super::{boundaries, bucket, packager};
use crate::backend::Progress;
use crate::startup::StartupError;
use crate::system_clock::SystemClock;

/// How often, and with which pauses, a new queue is looked up: for a minute in total.
const QUEUE_LOOKUPS: usize = 120;
const QUEUE_PAUSE: Duration = Duration::from_millis(500);

/// The lines that it prints. Those of the bucket, the packager and the boundaries are in their files.
mod messages {
    use sluice_commands::setup::init::AdminOutcome;
    use sluice_model::{Target, UserId};

    pub(super) fn target(target: &Target) -> String {
        format!("account and region: {target}")
    }
    pub(super) fn recorded(state: &str) -> String {
        format!("{state} is set up for this account and region")
    }
    pub(super) fn queue_exists(name: &str) -> String {
        format!("queue: `{name}` exists")
    }
    pub(super) fn queue_created(name: &str) -> String {
        format!("queue: created `{name}`")
    }
    pub(super) fn queue_not_visible(name: &str) -> String {
        format!("SQS created the queue `{name}`, but does not show it yet")
    }
    pub(super) fn admin(user: &UserId, outcome: AdminOutcome) -> String {
        match outcome {
            AdminOutcome::Added => {
                format!("admin: {user} is now an admin of all pipelines, and can use `/pipeline grant`")
            }
            AdminOutcome::Existing => format!("admin: {user} was already made an admin"),
            AdminOutcome::Pinned => format!("admin: {user} is already an admin, pinned in sluice.toml"),
        }
    }
}

impl AwsBackend {
    pub(super) async fn set_up(
        &self,
        admins: &[UserId],
        login: &str,
        progress: Progress<'_>,
    ) -> Result<(), StartupError> {
        let (target, objects, identity) = (self.whoami().await?, &*self.aws.objects, &*self.aws.identity);
        progress(&messages::target(&target));
        boundaries::refuse_second_installation(identity, &self.base, &target).await?;
        progress(&self.state.create(&self.aws).await?);
        self.record(&target).await?;
        progress(&messages::recorded(&self.state.description()));
        for line in boundaries::update(identity, &self.base, &target).await? {
            progress(&line);
        }
        let versioning_is_new = bucket::set_up(objects, &target, progress).await?;
        progress(&packager::publish(objects, &target).await?);
        if let Some(line) = self.create_queue(&target).await? {
            progress(&line);
        }
        for line in self.name_admins(&target, admins, login).await? {
            progress(&line);
        }
        // This is last: it may take minutes, and nothing else needs it.
        bucket::await_versions(objects, &target, versioning_is_new, progress).await
    }

    async fn create_queue(&self, target: &Target) -> Result<Option<String>, StartupError> {
        let Some(queue) = &self.queue else { return Ok(None) };
        let name = queue.name();
        let failed = |error: PortError| aws_error(&error);
        if queue.exists(target).await.map_err(failed)? {
            return Ok(Some(messages::queue_exists(name)));
        }
        queue.create(target).await.map_err(failed)?;
        // SQS shows a new queue after about a second. Whatever starts the bot next has to find it.
        for _ in 0..QUEUE_LOOKUPS {
            if queue.exists(target).await.map_err(failed)? {
                return Ok(Some(messages::queue_created(name)));
            }
            tokio::time::sleep(QUEUE_PAUSE).await;
        }
        Err(StartupError::Temporary(messages::queue_not_visible(name)))
    }

    /// The first admins, who can grant roles in Slack from then on.
    async fn name_admins(
        &self,
        target: &Target,
        users: &[UserId],
        login: &str,
    ) -> Result<Vec<String>, StartupError> {
        if users.is_empty() {
            return Ok(vec![]);
        }
        let (store, keys) = (self.state.store()?, Keys::new(target));
        let (pinned, now) = (self.pinned.get(), SystemClock.now());
        let named = init::admins(&*store, &keys, &pinned, (users, login), now).await;
        let named = named.map_err(|error| self.state.error(&error))?;
        Ok(named.into_iter().map(|(user, named)| messages::admin(&user, named)).collect())
    }

    /// Records the account and region. An earlier record is not overwritten: it has to be the same.
    async fn record(&self, target: &Target) -> Result<(), StartupError> {
        let failed = |error: StoreError| self.state.error(&error);
        let item = to_item(Keys::installation(), Guards::new(), target).map_err(failed)?;
        match self.state.store()?.write(Write::Put { item, when: Precondition::Absent }).await {
            Ok(()) | Err(StoreError::Lost(_)) => self.same_target(target).await,
            Err(error) => Err(failed(error)),
        }
    }
}
