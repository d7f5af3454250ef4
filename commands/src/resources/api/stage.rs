//! The API stage. One call changes the deployment that it serves and the versions that its variables select, and so moves all
//! routes and functions together. An undo changes both back only if the stage still serves ours.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use crate::application::Sluice;
use crate::names::API_STAGE;
use crate::operation::effects::{CREATE_STAGE, UPDATE_STAGE};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step, Undone};
use crate::ports::ApiStage;
use crate::records::Served;
use crate::resources::messages::{self, foreign};
use crate::resources::own::{ours, shell_line};
use crate::resources::watch::RanBefore;
use sluice_model::{PortResult, StageName, Target};

/// Makes an API stage serve a deployment with these variables, or creates it.
pub(super) struct ServeDeployment {
    pub(super) target: Target,
    pub(super) api: String,
    /// The stage whose API it is.
    pub(super) stage: StageName,
    pub(super) served: Served,
    /// What the API stage served at the look; `None` if it did not exist.
    pub(super) before: Option<Served>,
    pub(super) ran: RanBefore,
}

/// The variables that an update sends to get from one set to another: API Gateway merges them with those that the API stage has,
/// and removes one with an empty value.
fn change(from: &Served, to: &Served) -> BTreeMap<String, String> {
    let removed = from.variables.keys().map(|name| (name.clone(), String::new()));
    removed.chain(to.variables.clone()).collect()
}

impl ServeDeployment {
    /// What the API stage serves now; `None` if it does not exist.
    async fn now(&self, cx: &Context) -> PortResult<Option<Served>> {
        let found = cx.world.ports.gateway.stage(&self.target, &self.api, API_STAGE).await?;
        Ok(found.map(|stage| Served::of(stage).unwrap_or_default()))
    }

    async fn update(&self, cx: &Context, from: &Served, to: &Served) -> PortResult<()> {
        let gateway = &cx.world.ports.gateway;
        gateway.update_stage(&self.target, &self.api, API_STAGE, &to.deployment, &change(from, to)).await?;
        Ok(())
    }
}

#[async_trait]
impl Step<Sluice> for ServeDeployment {
    fn effect(&self) -> Effect {
        Effect::Mutate(if self.before.is_some() { &UPDATE_STAGE } else { &CREATE_STAGE })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let gateway = &cx.world.ports.gateway;
        let Some(before) = &self.before else {
            let made = ApiStage {
                name: API_STAGE.to_owned(),
                deployment: Some(self.served.deployment.clone()),
                variables: self.served.variables.clone(),
            };
            gateway.create_stage(&self.target, &self.api, &made).await?;
            return Progress::done(());
        };
        // The call has no precondition, so the stage is read once more right before it.
        let now = self.now(cx).await?;
        if now.as_ref() != Some(before) && now.as_ref() != Some(&self.served) {
            let now = now.map(|now| now.beside(Some(before)));
            return Err(EngineError::Refused(messages::api_moved_outside(&self.stage, now.as_deref())));
        }
        self.update(cx, before, &self.served).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match self.now(cx).await? {
            Some(now) if now == self.served => ours(()),
            // If there was no stage at the look, somebody else created this one.
            Some(_) if self.before.is_none() => Ok(foreign(messages::api_stage(&self.stage))),
            _ => Ok(Observed::Absent),
        }
    }
    fn by_hand(&self) -> Option<String> {
        let before = self.before.as_ref()?;
        let variables = change(&self.served, before);
        let variables: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let variables = variables.join(",");
        let mut words = vec!["aws", "apigatewayv2", "update-stage", "--api-id", &self.api, "--stage-name"];
        words.extend([API_STAGE, "--deployment-id", &before.deployment]);
        if !variables.is_empty() {
            words.extend(["--stage-variables", &variables]);
        }
        words.extend(["--region", &self.target.region]);
        Some(shell_line(&words))
    }
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, EngineError> {
        if let Some(left) = self.ran.left_if_moved(cx).await? {
            return Ok(left);
        }
        let gateway = &cx.world.ports.gateway;
        match (&self.before, self.now(cx).await?) {
            (Some(before), Some(now)) if now == *before => {}
            (Some(before), Some(now)) if now == self.served => self.update(cx, &now, before).await?,
            (None, Some(now)) if now == self.served => {
                gateway.delete_stage(&self.target, &self.api, API_STAGE).await?;
            }
            // Reads may lag. Deleting a stage that does not exist is not an error.
            (None, None) => gateway.delete_stage(&self.target, &self.api, API_STAGE).await?,
            (before, now) => {
                let now = now.map(|now| now.beside(before.as_ref()));
                return Ok(messages::left_api(now.as_deref()));
            }
        }
        Ok(Undone::Yes)
    }
}
