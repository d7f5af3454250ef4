//! The steps that define an API and freeze its definition. A change takes effect only when a stage serves a deployment with it.

use std::time::Duration;

use async_trait::async_trait;

use super::look::{LOOK_AGAIN, find};
use crate::application::Sluice;
use crate::names;
use crate::operation::effects::*;
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::ports::{Deployment, DeploymentState};
use crate::resources::messages;
use crate::resources::own::ours;
use sluice_model::{PipelineName, Target};

/// Creates a pipeline's API.
pub(super) struct CreateApi {
    pub(super) target: Target,
    pub(super) pipeline: PipelineName,
}

#[async_trait]
impl Step<Sluice> for CreateApi {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_API)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let name = names::api(&self.pipeline);
        Progress::done(
            cx.world.ports.gateway.create_api(&self.target, &name, &names::tags(&self.pipeline)).await?,
        )
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match find(cx, &self.target, &self.pipeline).await? {
            Some(api) => ours(api),
            None => Ok(Observed::Absent),
        }
    }
}

/// Creates the integration of a function.
pub(super) struct CreateIntegration {
    pub(super) target: Target,
    pub(super) api: String,
    pub(super) uri: String,
}

#[async_trait]
impl Step<Sluice> for CreateIntegration {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_INTEGRATION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        Progress::done(
            cx.world.ports.gateway.create_integration(&self.target, &self.api, &self.uri).await?.id,
        )
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let found = cx.world.ports.gateway.integrations(&self.target, &self.api).await?;
        match found.into_iter().find(|integration| integration.uri == self.uri) {
            Some(integration) => ours(integration.id),
            None => Ok(Observed::Absent),
        }
    }
}

/// A change of a route.
#[derive(Clone)]
pub(super) enum RouteChange {
    Create,
    /// The id of the route, which gets another integration.
    Update(String),
    /// The id of the route.
    Delete(String),
}

/// Creates, changes or deletes a route.
pub(super) struct ChangeRoute {
    pub(super) target: Target,
    pub(super) api: String,
    pub(super) key: String,
    pub(super) integration: String,
    pub(super) change: RouteChange,
}

#[async_trait]
impl Step<Sluice> for ChangeRoute {
    fn effect(&self) -> Effect {
        Effect::Mutate(match self.change {
            RouteChange::Create => &CREATE_ROUTE,
            RouteChange::Update(_) => &UPDATE_ROUTE,
            RouteChange::Delete(_) => &DELETE_ROUTE,
        })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (gateway, target, api) = (&cx.world.ports.gateway, &self.target, &self.api);
        match &self.change {
            RouteChange::Create => {
                drop(gateway.create_route(target, api, &self.key, &self.integration).await?)
            }
            RouteChange::Update(id) => drop(gateway.update_route(target, api, id, &self.integration).await?),
            RouteChange::Delete(id) => gateway.delete_route(target, api, id).await?,
        }
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let routes = cx.world.ports.gateway.routes(&self.target, &self.api).await?;
        let found = routes.iter().find(|route| route.key == self.key);
        let as_wanted = match (&self.change, found) {
            (RouteChange::Delete(_), None) => true,
            (RouteChange::Create | RouteChange::Update(_), Some(route)) => {
                route.integration.as_deref() == Some(&self.integration)
            }
            _ => false,
        };
        if as_wanted { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// The description of a deployment, which identifies its content.
pub(crate) fn described(digest: &str) -> String {
    format!("sluice {digest}")
}

/// Freezes the API's definition.
pub(super) struct CreateDeployment {
    pub(super) target: Target,
    pub(super) api: String,
    pub(super) digest: String,
}

#[async_trait]
impl Step<Sluice> for CreateDeployment {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_DEPLOYMENT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let description = described(&self.digest);
        Progress::done(cx.world.ports.gateway.create_deployment(&self.target, &self.api, &description).await?)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let found = cx.world.ports.gateway.deployments(&self.target, &self.api).await?;
        match frozen(&found, &self.digest) {
            Some(deployment) => ours(deployment),
            None => Ok(Observed::Absent),
        }
    }
}

/// The deployment of that definition, unless it failed.
pub(super) fn frozen<'a>(deployments: &'a [Deployment], digest: &str) -> Option<&'a Deployment> {
    let failed = |deployment: &Deployment| matches!(deployment.state, DeploymentState::Failed(_));
    deployments.iter().find(|found| found.description == described(digest) && !failed(found))
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
