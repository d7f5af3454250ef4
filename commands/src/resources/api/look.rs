//! The look at an API of a stage.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::recent::recent;
use crate::application::Sluice;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::ports::{Api, ApiKind, Deployment, DeploymentState};
use crate::records::Served;
use crate::resources::rights::ImmutableRole;
use crate::resources::watch::Watch;

/// How long to wait before a list is read again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// An API of a stage.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ApiLook {
    #[serde(default, skip_serializing_if = "ApiKind::is_http")]
    pub(crate) kind: ApiKind,
    /// The name of its API stage.
    pub(crate) stage: String,
    pub(crate) api: Option<Api>,
    pub(crate) deployments: Vec<Deployment>,
    /// What the API stage serves; `None` if the API stage does not exist.
    pub(crate) serves: Option<Served>,
}

impl ApiLook {
    /// Whether a deployment names the role in its description: a definition is deployed only once its role exists.
    pub(crate) fn has_role(&self, role: &ImmutableRole) -> bool {
        let suffix = of_role(&role.name);
        self.deployments.iter().any(|deployment| deployment.description.ends_with(&suffix))
    }
}

fn of_role(role: &str) -> String {
    format!(" as {role}")
}

/// The description of a deployment: the digest of its definition, and the role that its integrations name.
pub(crate) fn described(digest: &str, role: &str) -> String {
    format!("sluice {digest}{}", of_role(role))
}

/// The deployment with that description, unless it failed.
pub(super) fn frozen<'a>(deployments: &'a [Deployment], description: &str) -> Option<&'a Deployment> {
    let failed = |deployment: &Deployment| matches!(deployment.state, DeploymentState::Failed(_));
    deployments.iter().find(|found| found.description == description && !failed(found))
}

/// Looks at an API of a stage.
pub(super) struct LookAtApi {
    pub(super) identity: Identity,
    /// The API, if the stage's record names it. Otherwise the look searches for it.
    pub(super) known: Option<Api>,
    /// The comparison of the stage with its record.
    pub(super) watch: Watch,
}

#[async_trait]
impl Step<Sluice> for LookAtApi {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let begun = cx.world.clock.now();
        let Identity { target, kind, api_stage, .. } = &self.identity;
        let api = match &self.known {
            Some(api) => Some(api.clone()),
            None => self.identity.find(cx).await?,
        };
        let mut look = ApiLook { kind: *kind, stage: api_stage.clone(), ..ApiLook::default() };
        let Some(api) = api else { return self.seen(cx, begun, look).await };
        let gateway = self.identity.gateway(cx);
        let (deployments, stage) =
            try_join(gateway.deployments(target, &api.id), gateway.stage(target, &api.id, api_stage)).await?;
        look.serves = stage.and_then(Served::of);
        (look.api, look.deployments) = (Some(api), deployments);
        self.seen(cx, begun, look).await
    }
}

impl LookAtApi {
    /// Ends the look if it saw everything that other operations made. Otherwise the lists lag, and it looks again.
    async fn seen(&self, cx: &Context, begun: Timestamp, look: ApiLook) -> Result<Progress, EngineError> {
        let api = look.api.iter().map(|api| &api.id);
        let deployments = look.deployments.iter().map(|deployment| &deployment.id);
        let ids: BTreeSet<&String> = api.chain(deployments).collect();
        let made = recent(cx, &self.identity, begun).await?;
        if !made.iter().all(|id| id.as_ref().is_some_and(|id| ids.contains(id))) {
            return Ok(Progress::NotYet { after: LOOK_AGAIN, note: None });
        }
        let recorded = self.watch.recorded(cx).await?;
        let logical = &self.identity.logical;
        // An API of another kind, or with another API stage, has another place: the record does not tell what serves there.
        let recorded = recorded.filter(|recorded| {
            let api = recorded.apis().get(logical);
            api.is_none_or(|api| (api.kind, api.stage_name()) == (look.kind, look.stage.as_str()))
        });
        let drift = recorded.map(|recorded| recorded.of_api(logical, look.serves.as_ref()));
        match self.watch.judge(cx, drift.unwrap_or_default()).await? {
            Some(progress) => Ok(progress),
            None => Progress::done(look),
        }
    }
}
