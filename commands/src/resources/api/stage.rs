//! The API stage. One call changes what it serves, and an undo changes it back only if it still serves our deployment.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use crate::application::Sluice;
use crate::operation::effects::{CREATE_STAGE, UPDATE_STAGE};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step, Undone};
use crate::ports::ApiStage;
use crate::resources::messages::{self, foreign};
use crate::resources::own::{ours, shell_line};
use crate::resources::watch::RanBefore;
use sluice_model::{StageName, Target, partition};
use sluice_template::function_arn;

/// The stage variable with the name of the alias that the API stage calls.
const ALIAS_VARIABLE: &str = "alias";

/// The invocation URI of a function: the alias is the API stage's variable.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html>
pub(super) fn integration_uri(target: &Target, function: &str) -> String {
    let function = function_arn(target, function);
    let (partition, region) = (partition(&target.region), &target.region);
    format!(
        "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/\
         {function}:${{stageVariables.{ALIAS_VARIABLE}}}/invocations"
    )
}

/// Makes an API stage serve a deployment, or creates it.
pub(super) struct ServeDeployment {
    pub(super) target: Target,
    pub(super) api: String,
    pub(super) stage: StageName,
    pub(super) deployment: String,
    /// The deployment that the stage served at the look; `None` if the stage did not exist.
    pub(super) before: Option<String>,
    pub(super) ran: RanBefore,
}

#[async_trait]
impl Step<Sluice> for ServeDeployment {
    fn effect(&self) -> Effect {
        Effect::Mutate(if self.before.is_some() { &UPDATE_STAGE } else { &CREATE_STAGE })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (gateway, stage) = (&cx.world.ports.gateway, self.stage.as_str());
        if let Some(before) = &self.before {
            // The call has no precondition, so the stage is read once more right before it.
            let found = gateway.stage(&self.target, &self.api, stage).await?;
            let now = found.and_then(|stage| stage.deployment);
            if now.as_ref() != Some(before) && now.as_ref() != Some(&self.deployment) {
                let refusal = messages::api_stage_moved_outside(stage, now.as_deref());
                return Err(EngineError::Refused(refusal));
            }
            gateway.update_stage(&self.target, &self.api, stage, &self.deployment).await?;
        } else {
            let made = ApiStage {
                name: stage.to_owned(),
                deployment: Some(self.deployment.clone()),
                variables: BTreeMap::from([(ALIAS_VARIABLE.to_owned(), stage.to_owned())]),
            };
            gateway.create_stage(&self.target, &self.api, &made).await?;
        }
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let found = cx.world.ports.gateway.stage(&self.target, &self.api, self.stage.as_str()).await?;
        match found.map(|stage| stage.deployment.unwrap_or_default()) {
            Some(deployment) if deployment == self.deployment => ours(()),
            // If there was no stage at the look, somebody else created this one.
            Some(_) if self.before.is_none() => Ok(foreign(messages::api_stage(&self.stage))),
            _ => Ok(Observed::Absent),
        }
    }
    fn by_hand(&self) -> Option<String> {
        let before = self.before.as_ref()?;
        let mut words = vec!["aws", "apigatewayv2", "update-stage", "--api-id", &self.api, "--stage-name"];
        words.extend([self.stage.as_str(), "--deployment-id", before, "--region", &self.target.region]);
        Some(shell_line(&words))
    }
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, EngineError> {
        let (gateway, target, api) = (&cx.world.ports.gateway, &self.target, &self.api);
        if let Some(left) = self.ran.left_if_moved(cx).await? {
            return Ok(left);
        }
        let found = gateway.stage(target, api, self.stage.as_str()).await?.map(|stage| stage.deployment);
        match (&self.before, found) {
            (before, Some(now)) if now == *before => {}
            (Some(before), Some(now)) if now.as_ref() == Some(&self.deployment) => {
                drop(gateway.update_stage(target, api, self.stage.as_str(), before).await?);
            }
            (None, Some(now)) if now.as_ref() == Some(&self.deployment) => {
                gateway.delete_stage(target, api, self.stage.as_str()).await?;
            }
            // Reads may lag. Deleting a stage that does not exist is not an error.
            (None, None) => gateway.delete_stage(target, api, self.stage.as_str()).await?,
            (_, now) => return Ok(messages::left_api_stage(now.flatten().as_deref())),
        }
        Ok(Undone::Yes)
    }
}
