//! The look at a pipeline's API.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join4;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::recent::recent;
use crate::application::Sluice;
use crate::names;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::ports::{Api, Deployment, Integration, Route, TAG_PIPELINE};
use crate::resources::watch::Watch;
use sluice_model::{PipelineName, StageName, Target};

/// How long to wait before a list is read again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A pipeline's API and one of its stages.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ApiLook {
    pub(crate) api: Option<Api>,
    pub(crate) integrations: Vec<Integration>,
    pub(crate) routes: Vec<Route>,
    pub(crate) deployments: Vec<Deployment>,
    /// The deployment that the stage serves; `None` if the stage does not exist.
    pub(crate) serves: Option<String>,
}

/// Looks at a pipeline's API.
pub(super) struct LookAtApi {
    pub(super) target: Target,
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
    /// The API, if a record names it. Otherwise the look searches for it.
    pub(super) known: Option<Api>,
    /// The comparison of the stage with its record.
    pub(super) watch: Watch,
}

pub(super) async fn find(
    cx: &Context,
    target: &Target,
    pipeline: &PipelineName,
) -> Result<Option<Api>, EngineError> {
    let name = names::api(pipeline);
    let apis = cx.world.ports.gateway.apis(target).await?;
    // Organisations may add other tags.
    let is_ours = |api: &Api| api.tags.get(TAG_PIPELINE).map(String::as_str) == Some(pipeline.as_str());
    Ok(apis.into_iter().find(|api| api.name == name && is_ours(api)))
}

#[async_trait]
impl Step<Sluice> for LookAtApi {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let begun = cx.world.clock.now();
        let api = match &self.known {
            Some(api) => Some(api.clone()),
            None => find(cx, &self.target, &self.pipeline).await?,
        };
        let (gateway, target) = (&cx.world.ports.gateway, &self.target);
        let Some(api) = api else { return self.seen(cx, begun, ApiLook::default()).await };
        let (integrations, routes, deployments, stage) = try_join4(
            gateway.integrations(target, &api.id),
            gateway.routes(target, &api.id),
            gateway.deployments(target, &api.id),
            gateway.stage(target, &api.id, self.stage.as_str()),
        )
        .await?;
        let serves = stage.and_then(|stage| stage.deployment);
        self.seen(cx, begun, ApiLook { api: Some(api), integrations, routes, deployments, serves }).await
    }
}

impl LookAtApi {
    /// Ends the look if it saw everything that other operations made. Otherwise the lists lag, and it looks again.
    async fn seen(&self, cx: &Context, begun: Timestamp, look: ApiLook) -> Result<Progress, EngineError> {
        let api = look.api.iter().map(|api| &api.id);
        let integrations = look.integrations.iter().map(|integration| &integration.id);
        let deployments = look.deployments.iter().map(|deployment| &deployment.id);
        let ids: BTreeSet<&String> = api.chain(integrations).chain(deployments).collect();
        let made = recent(cx, &self.pipeline, begun).await?;
        if !made.iter().all(|id| id.as_ref().is_some_and(|id| ids.contains(id))) {
            return Ok(Progress::NotYet { after: LOOK_AGAIN, note: None });
        }
        let recorded = self.watch.recorded(cx).await?;
        let drift = recorded.map(|recorded| recorded.of_api(look.serves.clone()));
        match self.watch.judge(cx, drift.unwrap_or_default()).await? {
            Some(progress) => Ok(progress),
            None => Progress::done(look),
        }
    }
}
