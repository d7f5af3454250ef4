//! One API of one stage.

use crate::names;
use crate::operation::effects::{ApiMutations, of_api};
use crate::operation::{Context, EngineError, StepId};
use crate::ports::{Api, Gateway, Tags};
use crate::resources::resource::{ApiPart, Preparation};
use sluice_model::{ApiKind, PipelineName, StageName, Target};

/// The first part of the ids of the steps that create something that only a list shows.
pub(super) const CREATE: &str = "api";
pub(super) const DEPLOY: &str = "deployment";

/// An API: whose it is, and how it is found.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) target: Target,
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
    pub(super) logical: String,
    pub(super) kind: ApiKind,
    /// The name of its API stage.
    pub(super) api_stage: String,
}

impl Identity {
    pub(super) fn of(of: &Preparation, part: ApiPart) -> Self {
        Self {
            target: of.target.clone(),
            pipeline: of.pipeline.clone(),
            stage: of.stage.clone(),
            logical: part.logical.to_owned(),
            kind: part.kind,
            api_stage: part.stage.to_owned(),
        }
    }

    /// The name in API Gateway.
    pub(super) fn name(&self) -> String {
        names::api(&self.pipeline, &self.stage, &self.logical)
    }

    pub(super) fn tags(&self) -> Tags {
        names::stage_tags(&self.pipeline, &self.stage)
    }

    pub(super) fn mutations(&self) -> &'static ApiMutations {
        of_api(self.kind)
    }

    pub(super) fn gateway<'a>(&self, cx: &'a Context) -> &'a dyn Gateway {
        cx.world.ports.gateway_of(self.kind)
    }

    /// The id of a step about this API.
    pub(super) fn step(&self, name: &str) -> StepId {
        StepId::of(name, &self.logical)
    }

    /// The API, by name and tags.
    pub(super) async fn find(&self, cx: &Context) -> Result<Option<Api>, EngineError> {
        let (name, tags) = (self.name(), self.tags());
        let apis = self.gateway(cx).apis(&self.target).await?;
        // Organisations may add other tags.
        let is_ours = |api: &Api| tags.iter().all(|(key, value)| api.tags.get(key) == Some(value));
        Ok(apis.into_iter().find(|api| api.name == name && is_ours(api)))
    }
}
