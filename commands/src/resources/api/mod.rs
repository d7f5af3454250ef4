//! A pipeline's HTTP API: integrations and routes, deployments, which freeze both, and the stages that serve them.

mod definition;
mod look;
mod recent;
mod stage;
mod steps;

use std::collections::BTreeMap;

use crate::names;
use crate::operation::effects::*;
use crate::operation::{EngineError, Node, StepId, World};
use crate::ports::{Api, TAG_PIPELINE};
use crate::records::{PinnedApi, VersionSet};
use crate::resources::describe::{Change, Line, compared, listed};
use crate::resources::messages;
use crate::resources::resource::{Move, Part, Preparation, Prepared, Resource, SurveyCall, ToPrepare};
use crate::resources::seen::{Seen, Surveyed};
use crate::resources::watch::Watch;
use crate::rules::{Drift, Recorded};
use sluice_template::{AppRoute, Application};

pub(crate) use look::ApiLook;
#[cfg(test)]
pub(crate) use steps::described;

use definition::Definition;
use look::LookAtApi;
use stage::ServeDeployment;

/// The id of the look.
const LOOK: &str = "look-api";

pub(crate) struct HttpApi;

impl Resource for HttpApi {
    fn name(&self) -> &'static str {
        "HTTP API and its stage"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[
            &CREATE_API,
            &CREATE_INTEGRATION,
            &CREATE_ROUTE,
            &UPDATE_ROUTE,
            &DELETE_ROUTE,
            &CREATE_DEPLOYMENT,
            &CREATE_STAGE,
            &UPDATE_STAGE,
            &DELETE_STAGE,
        ]
    }

    fn look(&self, of: &Preparation, part: Part, watch: &Watch) -> Option<Node> {
        let known = of.api.map(|api| Api {
            id: api.api.clone(),
            name: names::api(of.pipeline),
            endpoint: api.endpoint.clone(),
            tags: BTreeMap::from([(TAG_PIPELINE.to_owned(), of.pipeline.to_string())]),
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

    fn prepare(&self, ToPrepare { of, plan, part, .. }: ToPrepare) -> Result<Prepared, EngineError> {
        let look = of.op.shared_output::<ApiLook>(&StepId::new(LOOK))?;
        let Some(look) = look.filter(|_| part == Part::Shared) else { return Ok(Prepared::default()) };
        let seen = Seen::of_api(look.serves.clone());
        if plan.application.routes.is_empty() {
            return Ok(Prepared { seen, ..Prepared::default() });
        }
        let mut definition = Definition { of, application: &plan.application, look: &look, nodes: vec![] };
        let api = definition.frozen()?;
        let set = api.map(|api| VersionSet { api: Some(api), ..VersionSet::default() });
        Ok(Prepared { nodes: definition.nodes, set, seen })
    }

    fn moves(&self, to: &Move, part: Part) -> Option<Node> {
        let PinnedApi { api, deployment, .. } = to.set.api.as_ref().filter(|_| part == Part::Shared)?;
        let stage = to.before.stage.clone();
        let title = messages::serve_deployment(stage.as_str());
        let step = ServeDeployment {
            target: to.target.clone(),
            api: api.clone(),
            stage,
            deployment: deployment.clone(),
            before: to.seen.serves.clone(),
            ran: to.before.clone(),
        };
        let is_served = to.seen.serves.as_ref() == Some(deployment);
        (!is_served).then(|| Node::new(StepId::new("api-stage"), title, step))
    }

    /// One call for each stage.
    fn survey<'a>(&self, world: &'a World, stages: &'a [Surveyed]) -> Vec<SurveyCall<'a>> {
        let call = |Surveyed { stage, api, .. }: &'a Surveyed| -> Option<SurveyCall<'a>> {
            let api = api.as_ref()?;
            Some(Box::pin(async move {
                let found = world.ports.gateway.stage(&world.target, &api.api, stage.as_str()).await?;
                Ok(vec![(stage.clone(), Seen::of_api(found.and_then(|stage| stage.deployment)))])
            }))
        };
        stages.iter().filter_map(call).collect()
    }

    fn drift(&self, recorded: &Recorded, seen: &Seen) -> Drift {
        if seen.is_api_seen { recorded.of_api(seen.serves.clone()) } else { Drift::default() }
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
