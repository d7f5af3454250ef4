//! The end of an API that a release does not have: its API stage is deleted, so nobody reaches versions of another release through
//! it. The API and its deployments stay, and a release that has the API again creates the stage again.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stage::{by_hand, created, serves};
use crate::application::Sluice;
use crate::operation::effects::of_api;
use crate::operation::{
    Context, Effect, EngineError, Node, Observed, OperationState, Progress, Step, StepId, Undone,
};
use crate::ports::{ApiStageSettings, SettingsChange, StageChange, may_be_in_use};
use crate::records::{PinnedApi, Stage, from_item};
use crate::resources::messages;
use crate::resources::own::ours;
use crate::resources::resource::Move;
use crate::resources::seen::ApiPlace;
use crate::resources::watch::RanBefore;
use crate::rules::{Drift, Recorded};
use sluice_model::Target;

/// The steps that stop the recorded APIs that the release does not have, or has with another id or API stage.
pub(super) fn stops(to: &Move) -> Vec<Node> {
    let kept = ApiPlace::all(&to.set.apis);
    let gone = to.recorded.iter().filter(|(logical, api)| kept.get(*logical) != Some(&ApiPlace::of(api)));
    let node = |(logical, api): (&String, &PinnedApi)| {
        let title = messages::stop_serving(logical, api.kind, to.before.stage.as_str());
        let step = StopServing {
            target: to.target.clone(),
            logical: logical.clone(),
            api: api.clone(),
            ran: to.before.clone(),
            accepted: to.accepted.cloned(),
        };
        Node::new(StepId::of(STOP, logical), title, step)
    };
    gone.map(node).collect()
}

/// The first part of the ids of the steps.
const STOP: &str = "stop-api";

/// The output of a step.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Stopped {
    /// The API in words, if API Gateway did not delete its stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<String>,
}

/// The APIs, in words, that an operation could not take out of service.
pub(crate) fn left_serving(op: &OperationState) -> Vec<String> {
    let steps = op.steps().filter(|(id, _)| id.0.starts_with(STOP));
    steps.filter_map(|(id, _)| op.output::<Stopped>(id).ok().flatten()?.left).collect()
}

/// Deletes the stage of an API if it still serves what is recorded.
struct StopServing {
    target: Target,
    logical: String,
    /// The API, and what its stage serves.
    api: PinnedApi,
    ran: RanBefore,
    /// Drift that the requester saw and accepted.
    accepted: Option<Drift>,
}

impl StopServing {
    fn place(&self) -> ApiPlace {
        ApiPlace::of(&self.api)
    }

    /// What is recorded now. In a mixed state, that is nothing about APIs.
    async fn recorded(&self, cx: &Context) -> Result<Recorded, EngineError> {
        let item = cx.world.store.get(&cx.world.keys.stage(&self.ran.pipeline, &self.ran.stage)).await?;
        let stage: Option<Stage> = item.as_ref().map(from_item).transpose()?;
        Ok(stage.map(|stage| Recorded::of(&stage, None)).unwrap_or_default())
    }
}

#[async_trait]
impl Step<Sluice> for StopServing {
    fn effect(&self) -> Effect {
        Effect::Mutate(of_api(self.api.kind).delete_stage)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let place = self.place();
        let Some(now) = serves(cx, &self.target, &place).await? else {
            return Progress::done(Stopped::default());
        };
        let drift = self.recorded(cx).await?.of_api(&self.logical, Some(&now));
        if !drift.beyond(self.accepted.as_ref()).is_none() {
            let now = now.beside(Some(&self.api.served));
            return Err(EngineError::Refused(messages::api_moved_outside(&self.ran.stage, Some(&now))));
        }
        let gateway = cx.world.ports.gateway_of(place.kind);
        match gateway.delete_stage(&self.target, &place.api, &place.stage).await {
            Ok(()) => Progress::done(Stopped::default()),
            // The stage has moved, and nothing of the release depends on this: the message says so.
            Err(error) if may_be_in_use(&error) => {
                tracing::warn!(operation = %cx.operation, api = place.api, %error, "an API stage is left");
                let left = messages::api_name(&self.logical, self.api.kind);
                Progress::done(Stopped { left: Some(left) })
            }
            Err(error) => Err(error.into()),
        }
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match serves(cx, &self.target, &self.place()).await? {
            Some(_) => Ok(Observed::Absent),
            None => ours(Stopped::default()),
        }
    }
    fn by_hand(&self) -> Option<String> {
        Some(by_hand(
            &self.target,
            &self.place(),
            "create-stage",
            &self.api.served,
            &self.api.served.variables,
        ))
    }
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, EngineError> {
        if let Some(left) = self.ran.left_if_moved(cx).await? {
            return Ok(left);
        }
        let (ApiPlace { api, stage, .. }, PinnedApi { served, settings, .. }) = (self.place(), &self.api);
        let gateway = cx.world.ports.gateway_of(self.api.kind);
        match serves(cx, &self.target, &self.place()).await? {
            Some(now) if now == *served && settings.is_default() => {}
            // An attempt before may not have set all of its settings.
            Some(now) if now == *served => {
                let settings = SettingsChange { from: ApiStageSettings::default(), to: settings.clone() };
                let change = StageChange {
                    deployment: served.deployment.clone(),
                    variables: BTreeMap::new(),
                    settings,
                };
                gateway.update_stage(&self.target, &api, &stage, &change).await?;
            }
            Some(now) => return Ok(messages::left_api(Some(&now.beside(Some(served))))),
            None => {
                let stage = created(&stage, served, settings);
                gateway.create_stage(&self.target, &api, &stage).await?;
            }
        }
        Ok(Undone::Yes)
    }
}
