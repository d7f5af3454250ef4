//! The steps that define an API and freeze its definition. A change takes effect only when a stage serves a deployment with it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::look::{LOOK_AGAIN, find, frozen};
use crate::application::Sluice;
use crate::names;
use crate::operation::effects::*;
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::ports::{ApiSettings, DeploymentState};
use crate::resources::messages;
use crate::resources::own::ours;
use sluice_model::{PipelineName, StageName, Target};

/// The id of the step that creates the API.
pub(super) const CREATE: &str = "api";

/// Creates a stage's API.
pub(super) struct CreateApi {
    pub(super) target: Target,
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
}

#[async_trait]
impl Step<Sluice> for CreateApi {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_API)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (name, tags) =
            (names::api(&self.pipeline, &self.stage), names::stage_tags(&self.pipeline, &self.stage));
        Progress::done(
            cx.world.ports.gateway.create_api(&self.target, &name, &tags, &ApiSettings::default()).await?,
        )
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match find(cx, &self.target, (&self.pipeline, &self.stage)).await? {
            Some(api) => ours(api),
            None => Ok(Observed::Absent),
        }
    }
}

/// Imports the definition of an API, in place of the one that it has.
///
/// An import cannot be observed, so it is repeated: the same document gives the same definition.
pub(super) struct ImportDefinition {
    pub(super) target: Target,
    pub(super) api: String,
    /// The OpenAPI document.
    pub(super) body: String,
}

#[async_trait]
impl Step<Sluice> for ImportDefinition {
    fn effect(&self) -> Effect {
        Effect::Mutate(&IMPORT_API)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let warnings =
            cx.world.ports.gateway.import_api(&self.target, &self.api, &self.body, &BTreeMap::new()).await?;
        // A warning names a part of the document that was left out.
        if warnings.is_empty() {
            return Progress::done(());
        }
        Err(EngineError::Refused(messages::import_incomplete(&warnings)))
    }
    async fn observe(&self, _: &Context) -> Result<Observed, EngineError> {
        Ok(Observed::Absent)
    }
}

/// Freezes the API's definition.
pub(super) struct CreateDeployment {
    pub(super) target: Target,
    pub(super) api: String,
    /// It identifies the definition.
    pub(super) description: String,
}

#[async_trait]
impl Step<Sluice> for CreateDeployment {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_DEPLOYMENT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let gateway = &cx.world.ports.gateway;
        Progress::done(gateway.create_deployment(&self.target, &self.api, &self.description).await?)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let found = cx.world.ports.gateway.deployments(&self.target, &self.api).await?;
        match frozen(&found, &self.description) {
            Some(deployment) => ours(deployment),
            None => Ok(Observed::Absent),
        }
    }
}

/// How long API Gateway may take to deploy.
const DEPLOYS: Duration = Duration::from_secs(2 * 60);

/// Waits until a deployment can be served.
pub(super) struct AwaitDeployment {
    pub(super) target: Target,
    pub(super) api: String,
    pub(super) deployment: String,
}

#[async_trait]
impl Step<Sluice> for AwaitDeployment {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let found = cx.world.ports.gateway.deployments(&self.target, &self.api).await?;
        let found = found.into_iter().find(|deployment| deployment.id == self.deployment);
        match found.map(|deployment| deployment.state) {
            Some(DeploymentState::Deployed) => Progress::done(()),
            Some(DeploymentState::Failed(why)) => {
                Err(EngineError::Refused(messages::deployment_failed(&why)))
            }
            // A list may lag.
            Some(DeploymentState::Pending) | None if cx.begun.elapsed() < DEPLOYS => {
                Ok(Progress::NotYet { after: LOOK_AGAIN, note: Some(messages::WAITS_FOR_API_GATEWAY.into()) })
            }
            Some(DeploymentState::Pending) | None => {
                let minutes = DEPLOYS.as_secs() / 60;
                Err(EngineError::Refused(messages::deployment_too_slow(&self.deployment, minutes)))
            }
        }
    }
}
