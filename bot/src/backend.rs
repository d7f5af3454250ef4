//! AWS and the state, as a trait, so starting, refusing to start and waiting for an outage can be tested without
//! either. [`crate::wiring`] has the implementation.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_model::{Target, UserId};

use crate::notify::CliOutput;
use crate::slack::{CommandHandler, ResponseUrls, WebApi};
use crate::startup::{CheckResult, StartupError};
use crate::tasks::Tasks;

/// Receives the progress of `sluice init`, one line at a time.
pub(crate) type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Needed by the command handler of `serve`, besides AWS and the state.
pub(crate) struct Parts {
    pub(crate) slack: Arc<dyn WebApi>,
    pub(crate) response_urls: Arc<ResponseUrls>,
    pub(crate) tasks: Tasks,
    /// `serve --accept-only`: record operations, but drive none.
    pub(crate) accept_only: bool,
}

/// AWS and the state.
#[async_trait]
pub(crate) trait Backend: Send + Sync + 'static {
    /// Checks that AWS accepts the credentials and that the state exists, is Sluice's, and was made for this account and
    /// region, which it returns. From then on this process serves the state, if it is a file.
    async fn preflight(&self) -> Result<Target, StartupError>;
    /// One cheap read of the state.
    async fn ping(&self) -> Result<(), StartupError>;
    /// Assembles the command handler of `serve` and starts driving operations, unless `accept_only` is set.
    fn assemble(&self, target: Target, parts: Parts) -> Result<Arc<dyn CommandHandler>, StartupError>;
    /// Assembles the command handler of `sluice run`. It drives only operations that begin with its command, and reports to
    /// `output` alone.
    fn assemble_for_cli(
        &self,
        target: Target,
        output: CliOutput,
        tasks: Tasks,
    ) -> Result<Arc<dyn CommandHandler>, StartupError>;
    /// Creates what is missing and makes `admins` admins; `login` is the operating system's user who runs it.
    async fn init(&self, admins: &[UserId], login: &str, progress: Progress<'_>) -> Result<(), StartupError>;
    /// Leaves the state in order. Called when no task runs any more.
    async fn close(&self) {}
    /// Checks everything that `init` makes and `serve` needs.
    async fn check(&self) -> Vec<CheckResult>;
    /// Checks the account: services, quotas, and probes of the state, the audit records and the bucket.
    async fn check_account(&self) -> Vec<CheckResult>;
}
