//! AWS and the state of one configuration: the implementation of [`Backend`].

use std::sync::Arc;

use async_trait::async_trait;
use sluice_aws_adapter::{Aws, SdkConfig, config};
use sluice_commands::operation::{Keys, Pinned};
use sluice_commands::ports::{Queue, StoreError};
use sluice_commands::records::from_item;
use sluice_model::{Target, UserId};

use super::assembly::{self, Environment};
use super::errors::aws_error;
use super::priority_store::PriorityStore;
use super::state::State;
use crate::backend::{Backend, Parts, Progress};
use crate::config::{Base, Problem};
use crate::notify::CliOutput;
use crate::slack::CommandHandler;
use crate::startup::{CheckResult, StartupError};
use crate::tasks::{Kind, Tasks};

/// The AWS configuration of the environment, read as every AWS SDK reads it.
pub(crate) struct Account {
    sdk: SdkConfig,
    pub(super) aws: Aws,
}

impl Account {
    /// Reads `AWS_*` and the profile, without a request to AWS.
    pub(crate) async fn load() -> Result<Self, Vec<Problem>> {
        let sdk = config::load().await;
        let aws = Aws::new(&sdk).map_err(|error| vec![Problem::new("AWS_REGION", error.to_string())])?;
        Ok(Self { sdk, aws })
    }

    /// With the state and the queue of the configuration.
    pub(crate) fn with_state(self, base: &Base) -> AwsBackend {
        self.aws.set_lambda_calls(base.lambda_calls);
        let queue = base.queue.as_deref().map(|name| self.aws.queue(name));
        let pinned = Pinned::new(base.access.clone());
        AwsBackend { base: base.clone(), pinned, state: State::new(base, &self.sdk), aws: self.aws, queue }
    }
}

pub(crate) struct AwsBackend {
    pub(super) base: Base,
    pub(super) pinned: Pinned,
    pub(super) aws: Aws,
    pub(super) state: State,
    pub(super) queue: Option<Arc<dyn Queue>>,
}

impl AwsBackend {
    /// The roles that the file pins. A reload changes them.
    pub(crate) fn pinned(&self) -> Pinned {
        self.pinned.clone()
    }

    pub(super) async fn whoami(&self) -> Result<Target, StartupError> {
        self.aws.identity.whoami().await.map_err(|error| aws_error(&error))
    }

    /// The account and region that `init` recorded.
    pub(super) async fn recorded(&self) -> Result<Option<Target>, StartupError> {
        let failed = |error: StoreError| self.state.error(&error);
        let item = self.state.store()?.get(&Keys::installation()).await.map_err(failed)?;
        item.map(|item| from_item(&item)).transpose().map_err(failed)
    }

    /// Checks that the state was made for this account and region.
    pub(super) async fn same_target(&self, here: &Target) -> Result<(), StartupError> {
        match self.recorded().await? {
            Some(there) if there == *here => Ok(()),
            Some(there) => Err(StartupError::Permanent(format!(
                "{} belongs to account and region {there}, but the credentials and AWS_REGION say {here}",
                self.state.description()
            ))),
            None => Err(self.not_set_up()),
        }
    }

    pub(super) fn not_set_up(&self) -> StartupError {
        StartupError::Permanent(format!("{} is not set up: run `sluice init`", self.state.description()))
    }

    /// The name of the configured queue, which has to exist.
    pub(super) async fn find_queue(&self, target: &Target) -> Result<Option<&str>, StartupError> {
        let Some(queue) = &self.queue else { return Ok(None) };
        match queue.exists(target).await.map_err(|error| aws_error(&error))? {
            true => Ok(Some(queue.name())),
            false => Err(StartupError::Permanent(format!(
                "the queue `{}` does not exist: run `sluice init`",
                queue.name()
            ))),
        }
    }

    pub(super) fn environment(&self, target: Target) -> Result<Environment<'_>, StartupError> {
        let store = Arc::new(PriorityStore::new(self.state.store()?));
        let (base, aws, pinned, queue) = (&self.base, &self.aws, self.pinned(), self.queue.clone());
        Ok(Environment { base, aws, pinned, store, queue, target })
    }
}

#[async_trait]
impl Backend for AwsBackend {
    async fn preflight(&self) -> Result<Target, StartupError> {
        // A file is checked first: a damaged or locked one shows without AWS.
        if let State::File(_) = self.state {
            self.state.serve(&self.aws).await?;
        }
        let target = self.whoami().await?;
        self.state.serve(&self.aws).await?;
        self.same_target(&target).await?;
        match self.find_queue(&target).await {
            // Nothing depends on hints, so an outage of the queue does not delay the start.
            Ok(_) | Err(StartupError::Temporary(_)) => Ok(target),
            Err(missing) => Err(missing),
        }
    }

    async fn ping(&self) -> Result<(), StartupError> {
        self.recorded().await.map(drop)
    }

    fn assemble(&self, target: Target, parts: Parts) -> Result<Arc<dyn CommandHandler>, StartupError> {
        let environment = self.environment(target.clone())?;
        if let State::File(file) = &self.state
            && let Some(plan) = file.plan.clone()
        {
            let backups = file.backups(&plan, &self.aws, target);
            parts.tasks.spawn(Kind::Backup, backups.run(plan));
        }
        Ok(assembly::assemble(environment, parts))
    }

    fn assemble_for_cli(
        &self,
        target: Target,
        output: CliOutput,
        tasks: Tasks,
    ) -> Result<Arc<dyn CommandHandler>, StartupError> {
        Ok(assembly::assemble_for_cli(self.environment(target)?, output, tasks))
    }

    async fn init(&self, admins: &[UserId], login: &str, progress: Progress<'_>) -> Result<(), StartupError> {
        self.set_up(admins, login, progress).await
    }

    async fn close(&self) {
        self.state.close().await;
    }

    async fn check(&self) -> Vec<CheckResult> {
        self.check_setup().await
    }

    async fn check_account(&self) -> Vec<CheckResult> {
        self.check_services().await
    }
}
