//! `sluice secret`: the state and Systems Manager, without Slack.

use sluice_commands::operation::EngineError;
use sluice_commands::secret::{SecretOutcome, SecretRequest, carry_out};
use sluice_model::Target;

use super::assembly;
use super::aws_backend::AwsBackend;
use crate::startup::StartupError;

impl AwsBackend {
    /// Carries a command about secrets out. The inner error is for the person who typed it.
    pub(crate) async fn secret(
        &self,
        target: Target,
        request: &SecretRequest,
    ) -> Result<Result<SecretOutcome, EngineError>, StartupError> {
        let environment = self.environment(target)?;
        Ok(carry_out(&assembly::world_for_secrets(&environment), request).await)
    }
}
