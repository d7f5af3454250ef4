//! A pipeline's API: integrations, routes, and deployments, which freeze both. A change reaches nobody before a stage serves
//! a deployment with it; what a stage serves changes in one call, and goes back only if it is still what we put there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join4;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::operation::effects::*;
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step, Undone};
use crate::operations::names;
use crate::operations::steps::recent::recent;
use crate::operations::steps::{MOVED_OUTSIDE, RanBefore, Watch, foreign, ours, shell};
use crate::ports::{Api, ApiStage, Deployment, DeploymentState, Integration, Route, TAG_PIPELINE};
use sluice_model::{PipelineName, Refusal, StageName, Target, Text, partition, shown};
use sluice_template::function_arn;

/// How long to wait before what a list does not show yet is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The stage variable that says which alias an API stage calls.
const ALIAS_VARIABLE: &str = "alias";

/// The invocation URI of a function: the alias is the API stage's variable.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html>
pub(crate) fn integration_uri(target: &Target, function: &str) -> String {
    let function = function_arn(target, function);
    let (partition, region) = (partition(&target.region), &target.region);
    format!(
        "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/\
         {function}:${{stageVariables.{ALIAS_VARIABLE}}}/invocations"
    )
}

/// A pipeline's API as it was seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ApiLook {
    pub(crate) api: Option<Api>,
    pub(crate) integrations: Vec<Integration>,
    pub(crate) routes: Vec<Route>,
    pub(crate) deployments: Vec<Deployment>,
    /// The deployment that the stage serves; none if there is no such stage.
    pub(crate) serves: Option<String>,
}

/// Looks at a pipeline's API.
pub(crate) struct LookAtApi {
    pub(crate) target: Target,
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
    /// The API, if an earlier deploy made it: then it need not be looked for.
    pub(crate) known: Option<Api>,
    /// What its stage is held against.
    pub(crate) watch: Watch,
}

async fn find(cx: &Context, target: &Target, pipeline: &PipelineName) -> Result<Option<Api>, EngineError> {
    let name = names::api(pipeline);
    let apis = cx.world.gateway.apis(target).await?;
    // Organisations add tags of their own.
    let is_ours = |api: &Api| api.tags.get(TAG_PIPELINE).map(String::as_str) == Some(pipeline.as_str());
    Ok(apis.into_iter().find(|api| api.name == name && is_ours(api)))
}

#[async_trait]
impl Step for LookAtApi {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let begun = cx.world.clock.now();
        let api = match &self.known {
            Some(api) => Some(api.clone()),
            None => find(cx, &self.target, &self.pipeline).await?,
        };
        let (gateway, target) = (&cx.world.gateway, &self.target);
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
    /// What was seen, if it shows all that others made of it; else it is looked at again, until lists show what there is.
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

/// Creates a pipeline's API.
pub(crate) struct CreateApi {
    pub(crate) target: Target,
    pub(crate) pipeline: PipelineName,
}

#[async_trait]
impl Step for CreateApi {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_API)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let name = names::api(&self.pipeline);
        Progress::done(cx.world.gateway.create_api(&self.target, &name, &names::tags(&self.pipeline)).await?)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match find(cx, &self.target, &self.pipeline).await? {
            Some(api) => ours(api),
            None => Ok(Observed::Absent),
        }
    }
}

/// Creates the integration of a function.
pub(crate) struct CreateIntegration {
    pub(crate) target: Target,
    pub(crate) api: String,
    pub(crate) uri: String,
}

#[async_trait]
impl Step for CreateIntegration {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_INTEGRATION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        Progress::done(cx.world.gateway.create_integration(&self.target, &self.api, &self.uri).await?.id)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let found = cx.world.gateway.integrations(&self.target, &self.api).await?;
        match found.into_iter().find(|integration| integration.uri == self.uri) {
            Some(integration) => ours(integration.id),
            None => Ok(Observed::Absent),
        }
    }
}

/// What becomes of a route.
#[derive(Clone)]
pub(crate) enum RouteChange {
    /// It is made.
    Create,
    /// It leads elsewhere; its id.
    Update(String),
    /// It goes; its id.
    Delete(String),
}

/// Creates, changes or deletes a route.
pub(crate) struct ChangeRoute {
    pub(crate) target: Target,
    pub(crate) api: String,
    pub(crate) key: String,
    pub(crate) integration: String,
    pub(crate) change: RouteChange,
}

#[async_trait]
impl Step for ChangeRoute {
    fn effect(&self) -> Effect {
        Effect::Mutate(match self.change {
            RouteChange::Create => &CREATE_ROUTE,
            RouteChange::Update(_) => &UPDATE_ROUTE,
            RouteChange::Delete(_) => &DELETE_ROUTE,
        })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (gateway, target, api) = (&cx.world.gateway, &self.target, &self.api);
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
        let routes = cx.world.gateway.routes(&self.target, &self.api).await?;
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

/// What is written on a deployment, so that it is recognised by its content.
pub(crate) fn described(digest: &str) -> String {
    format!("sluice {digest}")
}

/// Freezes the API's definition.
pub(crate) struct CreateDeployment {
    pub(crate) target: Target,
    pub(crate) api: String,
    pub(crate) digest: String,
}

#[async_trait]
impl Step for CreateDeployment {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_DEPLOYMENT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let description = described(&self.digest);
        Progress::done(cx.world.gateway.create_deployment(&self.target, &self.api, &description).await?)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let found = cx.world.gateway.deployments(&self.target, &self.api).await?;
        match frozen(&found, &self.digest) {
            Some(deployment) => ours(deployment),
            None => Ok(Observed::Absent),
        }
    }
}

/// The deployment with that definition that is, or may become, one that can be served.
pub(crate) fn frozen<'a>(deployments: &'a [Deployment], digest: &str) -> Option<&'a Deployment> {
    let failed = |deployment: &Deployment| matches!(deployment.state, DeploymentState::Failed(_));
    deployments.iter().find(|found| found.description == described(digest) && !failed(found))
}

/// How long API Gateway is given to deploy what it took.
const DEPLOYS: Duration = Duration::from_secs(2 * 60);

/// Waits until a deployment can be served.
pub(crate) struct AwaitDeployment {
    pub(crate) target: Target,
    pub(crate) api: String,
    pub(crate) deployment: String,
}

#[async_trait]
impl Step for AwaitDeployment {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let found = cx.world.gateway.deployments(&self.target, &self.api).await?;
        let found = found.into_iter().find(|deployment| deployment.id == self.deployment);
        let failed = |code: &str, problem: String| {
            let hint =
                "Look at the API's deployments in the API Gateway console, then type the command again.";
            Err(EngineError::Refused(Refusal::new(code, problem, hint)))
        };
        match found.map(|deployment| deployment.state) {
            Some(DeploymentState::Deployed) => Progress::done(()),
            Some(DeploymentState::Failed(why)) => {
                let why = if why.is_empty() { "it does not say why".into() } else { shown(&why) };
                failed("deployment-failed", format!("API Gateway could not deploy the API: {why}."))
            }
            // A list may be late.
            Some(DeploymentState::Pending) | None if cx.begun.elapsed() < DEPLOYS => {
                Ok(Progress::NotYet { after: LOOK_AGAIN, note: Some(Text::plain("waits for API Gateway")) })
            }
            Some(DeploymentState::Pending) | None => {
                let minutes = DEPLOYS.as_secs() / 60;
                failed(
                    "deployment-too-slow",
                    format!(
                        "API Gateway did not finish deployment `{}` within {minutes} minutes.",
                        self.deployment
                    ),
                )
            }
        }
    }
}

/// Makes an API stage serve a deployment, or creates it.
pub(crate) struct ServeDeployment {
    pub(crate) target: Target,
    pub(crate) api: String,
    pub(crate) stage: StageName,
    pub(crate) deployment: String,
    /// What the stage served when it was looked at; none if there was no such stage.
    pub(crate) before: Option<String>,
    /// What it ran.
    pub(crate) ran: RanBefore,
}

#[async_trait]
impl Step for ServeDeployment {
    fn effect(&self) -> Effect {
        Effect::Mutate(if self.before.is_some() { &UPDATE_STAGE } else { &CREATE_STAGE })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (gateway, stage) = (&cx.world.gateway, self.stage.as_str());
        if let Some(before) = &self.before {
            // The call has no precondition: it is looked at once more, right before.
            let found = gateway.stage(&self.target, &self.api, stage).await?;
            let now = found.and_then(|stage| stage.deployment);
            if now.as_ref() != Some(before) && now.as_ref() != Some(&self.deployment) {
                let now = now.map_or("is gone".to_owned(), |now| format!("serves deployment `{now}` now"));
                return Err(EngineError::Refused(Refusal::new(
                    MOVED_OUTSIDE,
                    format!("API stage `{stage}` {now}: it was moved outside Sluice."),
                    "Look who moved it and why, then type the command again.",
                )));
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
        let found = cx.world.gateway.stage(&self.target, &self.api, self.stage.as_str()).await?;
        match found.map(|stage| stage.deployment.unwrap_or_default()) {
            Some(deployment) if deployment == self.deployment => ours(()),
            // Where there was no such stage, any other is somebody else's.
            Some(_) if self.before.is_none() => Ok(foreign(format!("API stage `{}`", self.stage))),
            _ => Ok(Observed::Absent),
        }
    }
    fn by_hand(&self) -> Option<String> {
        let before = self.before.as_ref()?;
        let mut words = vec!["aws", "apigatewayv2", "update-stage", "--api-id", &self.api, "--stage-name"];
        words.extend([self.stage.as_str(), "--deployment-id", before, "--region", &self.target.region]);
        Some(shell(&words))
    }
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, EngineError> {
        let (gateway, target, api) = (&cx.world.gateway, &self.target, &self.api);
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
            // A look may be late: deleting what is gone is no error.
            (None, None) => gateway.delete_stage(target, api, self.stage.as_str()).await?,
            (_, now) => {
                let now = now.flatten().map_or("it is gone".to_owned(), |now| format!("it serves {now}"));
                return Ok(Undone::Left(now));
            }
        }
        Ok(Undone::Yes)
    }
}
