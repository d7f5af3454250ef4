//! The steps that define an API and freeze its definition. A change takes effect only when a stage serves a deployment with it.

use std::time::Duration;

use async_trait::async_trait;

use super::identity::Identity;
use super::look::{LOOK_AGAIN, frozen};
use crate::application::Sluice;
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::ports::{ApiSettings, DeploymentState, EndpointType};
use crate::resources::messages;
use crate::resources::own::ours;

/// Creates an API of a stage.
pub(super) struct CreateApi {
    pub(super) identity: Identity,
    /// Where it is reachable, as the template says.
    pub(super) endpoint: Option<String>,
}

#[async_trait]
impl Step<Sluice> for CreateApi {
    fn effect(&self) -> Effect {
        Effect::Mutate(self.identity.mutations().create)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { identity, endpoint } = self;
        let endpoint_type = endpoint.as_deref().and_then(EndpointType::parse);
        let settings = ApiSettings { endpoint_type, ..ApiSettings::default() };
        let gateway = identity.gateway(cx);
        let (name, tags) = (identity.name(), identity.tags());
        Progress::done(gateway.create_api(&identity.target, &name, &tags, &settings).await?)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match self.identity.find(cx).await? {
            Some(api) => ours(api),
            None => Ok(Observed::Absent),
        }
    }
}

/// Imports the definition of an API, in place of the one that it has.
///
/// An import cannot be observed, so it is repeated: the same document gives the same definition.
pub(super) struct ImportDefinition {
    pub(super) identity: Identity,
    pub(super) api: String,
    /// The OpenAPI document.
    pub(super) body: String,
    /// Where it is reachable, as the template says.
    pub(super) endpoint: Option<String>,
}

#[async_trait]
impl Step<Sluice> for ImportDefinition {
    fn effect(&self) -> Effect {
        Effect::Mutate(self.identity.mutations().import)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { identity, api, body, endpoint } = self;
        let endpoint =
            endpoint.iter().map(|endpoint| ("endpointConfigurationTypes".to_owned(), endpoint.clone()));
        let parameters = endpoint.collect();
        let warnings = identity.gateway(cx).import_api(&identity.target, api, body, &parameters).await?;
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
    pub(super) identity: Identity,
    pub(super) api: String,
    /// It identifies the definition.
    pub(super) description: String,
}

#[async_trait]
impl Step<Sluice> for CreateDeployment {
    fn effect(&self) -> Effect {
        Effect::Mutate(self.identity.mutations().create_deployment)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { identity, api, description } = self;
        Progress::done(identity.gateway(cx).create_deployment(&identity.target, api, description).await?)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let found = self.identity.gateway(cx).deployments(&self.identity.target, &self.api).await?;
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
    pub(super) identity: Identity,
    pub(super) api: String,
    pub(super) deployment: String,
}

#[async_trait]
impl Step<Sluice> for AwaitDeployment {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let found = self.identity.gateway(cx).deployments(&self.identity.target, &self.api).await?;
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
