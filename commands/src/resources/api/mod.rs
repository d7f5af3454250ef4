//! The HTTP API of a stage: its definition, which is imported as a whole, deployments, which freeze it, and the API stage, which
//! serves one of them with the versions that its variables select.

mod body;
mod definition;
mod look;
mod recent;
mod stage;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::names::{self, API_STAGE};
use crate::operation::effects::*;
use crate::operation::{EngineError, Node, OperationState, StepId, World};
use crate::ports::Api;
use crate::records::{PinnedApi, Served, VersionSet};
use crate::resources::describe::{Change, Line, compared, listed};
use crate::resources::messages;
use crate::resources::resource::{Move, Part, Preparation, Prepared, Resource, SurveyCall, ToPrepare};
use crate::resources::seen::{Seen, Surveyed};
use crate::resources::watch::Watch;
use crate::rules::{Drift, Recorded};
use sluice_template::{AppRoute, Application};

pub(crate) use look::ApiLook;
#[cfg(test)]
pub(crate) use look::described;

use definition::Definition;
use look::LookAtApi;
use stage::ServeDeployment;
use steps::CREATE;

/// The id of the look.
const LOOK: &str = "look-api";

/// The output of the look at the API, once it is known.
pub(crate) fn looked(op: &OperationState) -> Result<Option<Arc<ApiLook>>, EngineError> {
    op.shared_output(&StepId::new(LOOK))
}

/// The id of the API whose stage an operation moved or was going to move.
pub(crate) fn moved_api(op: &OperationState) -> Option<String> {
    let look = looked(op).ok().flatten().and_then(|look| look.api.clone());
    let made = || op.output::<Api>(&StepId::new(CREATE)).ok().flatten();
    look.or_else(made).map(|api| api.id)
}

pub(crate) struct HttpApi;

impl Resource for HttpApi {
    fn name(&self) -> &'static str {
        "HTTP API and its stage"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[&CREATE_API, &IMPORT_API, &CREATE_DEPLOYMENT, &CREATE_STAGE, &UPDATE_STAGE, &DELETE_STAGE]
    }

    fn look(&self, of: &Preparation, part: Part, watch: &Watch) -> Option<Node> {
        let known = of.api.map(|api| Api {
            id: api.api.clone(),
            name: names::api(of.pipeline, of.stage),
            endpoint: api.endpoint.clone(),
            tags: names::stage_tags(of.pipeline, of.stage),
        });
        let step = LookAtApi {
            target: of.target.clone(),
            pipeline: of.pipeline.clone(),
            stage: of.stage.clone(),
            known,
            watch: watch.clone(),
        };
        (part == Part::Shared).then(|| Node::new(StepId::new(LOOK), "", step))
    }

    fn prepare(&self, to: ToPrepare) -> Result<Prepared, EngineError> {
        let look = looked(to.of.op)?.filter(|_| to.part == Part::Shared);
        let Some(look) = look else { return Ok(Prepared::default()) };
        let seen = Seen::of_api(look.serves.clone());
        if !to.plan.has_api() {
            return Ok(Prepared { seen, ..Prepared::default() });
        }
        let mut definition = Definition { to: &to, look: &look, nodes: vec![] };
        let api = definition.frozen()?;
        let set = api.map(|api| VersionSet { api: Some(api), ..VersionSet::default() });
        Ok(Prepared { nodes: definition.nodes, set, seen })
    }

    fn moves(&self, to: &Move, part: Part) -> Option<Node> {
        let PinnedApi { api, served, .. } = to.set.api.as_ref().filter(|_| part == Part::Shared)?;
        let stage = to.before.stage.clone();
        let title = messages::serve_deployment(stage.as_str());
        let step = ServeDeployment {
            target: to.target.clone(),
            api: api.clone(),
            stage,
            served: served.clone(),
            before: to.seen.serves.clone(),
            ran: to.before.clone(),
        };
        let is_served = to.seen.serves.as_ref() == Some(served);
        (!is_served).then(|| Node::new(StepId::new("api-stage"), title, step))
    }

    /// One call for each stage.
    fn survey<'a>(&self, world: &'a World, stages: &'a [Surveyed]) -> Vec<SurveyCall<'a>> {
        let call = |Surveyed { stage, api, .. }: &'a Surveyed| -> Option<SurveyCall<'a>> {
            let api = api.as_ref()?;
            Some(Box::pin(async move {
                let found = world.ports.gateway.stage(&world.target, api, API_STAGE).await?;
                Ok(vec![(stage.clone(), Seen::of_api(found.and_then(Served::of)))])
            }))
        };
        stages.iter().filter_map(call).collect()
    }

    fn drift(&self, recorded: &Recorded, seen: &Seen) -> Drift {
        if seen.is_api_seen { recorded.of_api(seen.serves.as_ref()) } else { Drift::default() }
    }

    fn describe(&self, change: &Change) -> Vec<Line> {
        let Some(before) = change.before else { return vec![] };
        fn routes(application: &Application) -> BTreeMap<&str, &String> {
            application.routes.iter().map(|AppRoute { key, function }| (key.as_str(), function)).collect()
        }
        let differ = compared(&routes(before), &routes(change.now), "changed");
        listed("Routes:", &differ).into_iter().map(|what| Line::plain(what, false)).collect()
    }
}
