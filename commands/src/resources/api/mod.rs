//! The APIs of a stage: each with its definition, which is imported as a whole, deployments, which freeze it, and the API stage,
//! which serves one of them with the versions that its variables select.

mod body;
mod definition;
mod identity;
mod look;
mod recent;
mod stage;
mod steps;
mod stop;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::operation::effects::*;
use crate::operation::{EngineError, Node, OperationState, StepId, World};
use crate::ports::{Api, SettingsChange};
use crate::records::{PinnedApi, PinnedApis, Served, VersionSet};
use crate::resources::describe::{Change, Line, compared, listed};
use crate::resources::messages;
use crate::resources::resource::{
    ApiPart, Move, Part, Preparation, Prepared, Resource, SurveyCall, ToPrepare,
};
use crate::resources::seen::{ApiPlace, Seen, Surveyed};
use crate::resources::watch::Watch;
use crate::rules::{Drift, Recorded};
use sluice_model::ApiKind;
use sluice_template::plain::DirectValues;
use sluice_template::{AppApi, Application};

pub(crate) use look::ApiLook;
#[cfg(test)]
pub(crate) use look::described;
pub(crate) use stop::left_serving;

use definition::Definition;
use identity::{CREATE, Identity};
use look::LookAtApi;
use stage::ServeDeployment;

/// The first part of the id of the look.
const LOOK: &str = "look-api";

/// The output of the look at an API, once it is known.
pub(crate) fn looked(op: &OperationState, logical: &str) -> Result<Option<Arc<ApiLook>>, EngineError> {
    op.shared_output(&StepId::of(LOOK, logical))
}

/// The outputs of the looks at APIs that are known.
pub(crate) fn all_looked(op: &OperationState) -> Vec<Arc<ApiLook>> {
    let looks = op.steps().filter_map(|(id, _)| id.0.strip_prefix(LOOK)?.strip_prefix(':'));
    looks.filter_map(|logical| looked(op, logical).ok().flatten()).collect()
}

/// The APIs whose stages an operation moved or was going to move.
pub(crate) fn moved_apis(op: &OperationState) -> BTreeMap<String, ApiPlace> {
    let logical = op.steps().filter_map(|(id, _)| id.0.strip_prefix(LOOK)?.strip_prefix(':'));
    let place = |logical: &str| {
        let look = looked(op, logical).ok().flatten()?;
        let made = || op.output::<Api>(&StepId::of(CREATE, logical)).ok().flatten();
        let api = look.api.clone().or_else(made)?;
        Some((logical.to_owned(), ApiPlace { kind: look.kind, api: api.id, stage: look.stage.clone() }))
    };
    logical.filter_map(place).collect()
}

/// APIs that exist: their ids by logical id, and the endpoints of HTTP APIs.
pub(crate) type ApiValues = BTreeMap<String, (String, Option<String>)>;

/// The values of these APIs.
pub(crate) fn direct_values(apis: &ApiValues) -> DirectValues {
    let mut values = DirectValues::default();
    for (logical, (id, endpoint)) in apis {
        values.insert_api(logical, id, endpoint.as_deref());
    }
    values
}

/// The values of the APIs that a record names.
pub(crate) fn pinned_values(apis: &PinnedApis) -> DirectValues {
    let api = |(logical, api): (&String, &PinnedApi)| {
        let endpoint = (api.kind == ApiKind::Http).then(|| api.endpoint.clone());
        (logical.clone(), (api.api.clone(), endpoint))
    };
    direct_values(&apis.iter().map(api).collect())
}

/// The steps that create the APIs of an application that do not exist, and the values of all of them once they do.
pub(crate) fn created_apis(
    of: &Preparation,
    application: &Application,
) -> Result<(Vec<Node>, Option<ApiValues>), EngineError> {
    let (mut nodes, mut values) = (vec![], Some(ApiValues::new()));
    for (logical, app) in application.all_apis() {
        let Part::Api(part) = Part::of_app((logical, app)) else { continue };
        let Some(look) = looked(of.op, logical)? else { continue };
        let identity = Identity::of(of, part);
        let (node, api) = definition::created(of, &identity, app, &look)?;
        nodes.extend(node);
        values = values.zip(api).map(|(mut values, api)| {
            let endpoint = (part.kind == ApiKind::Http).then_some(api.endpoint);
            values.insert(logical.clone(), (api.id, endpoint));
            values
        });
    }
    Ok((nodes, values))
}

/// That callers of an API will not reach it any more at its present URL.
fn ends(logical: &str, then: &AppApi, now: &Application) -> Option<String> {
    let name = messages::api_name(logical, then.kind);
    match now.apis.get(logical) {
        None => Some(messages::stops_answering(&name)),
        Some(now) if (now.kind, &now.stage) != (then.kind, &then.stage) => {
            Some(messages::gets_another_url(&name))
        }
        Some(_) => None,
    }
}

pub(crate) struct StageApi;

impl Resource for StageApi {
    fn name(&self) -> &'static str {
        "API and its stage"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[
            &CREATE_API,
            &IMPORT_API,
            &CREATE_DEPLOYMENT,
            &CREATE_STAGE,
            &UPDATE_STAGE,
            &DELETE_ROUTE_SETTINGS,
            &DELETE_ACCESS_LOG,
            &DELETE_STAGE,
            &CREATE_REST_API,
            &IMPORT_REST_API,
            &CREATE_REST_DEPLOYMENT,
            &CREATE_REST_STAGE,
            &UPDATE_REST_STAGE,
            &DELETE_REST_STAGE,
        ]
    }

    fn look(&self, of: &Preparation, part: Part, watch: &Watch) -> Option<Node> {
        let Part::Api(api) = part else { return None };
        let (identity, logical) = (Identity::of(of, api), api.logical);
        let known = of.apis.get(logical).filter(|known| known.kind == identity.kind).map(|api| Api {
            id: api.api.clone(),
            name: identity.name(),
            endpoint: api.endpoint.clone(),
            tags: identity.tags(),
        });
        let step = LookAtApi { identity, known, watch: watch.clone() };
        Some(Node::new(StepId::of(LOOK, logical), "", step))
    }

    fn prepare(&self, to: ToPrepare) -> Result<Prepared, EngineError> {
        let Part::Api(api) = to.part else { return Ok(Prepared::default()) };
        let (identity, logical) = (Identity::of(to.of, api), api.logical);
        let Some(look) = looked(to.of.op, logical)? else { return Ok(Prepared::default()) };
        let Some(app) = to.plan.application.apis.get(logical) else { return Ok(Prepared::default()) };
        let seen = Seen::of_api(logical, look.serves.clone());
        let mut definition = Definition { to: &to, identity: &identity, app, look: &look, nodes: vec![] };
        let api = definition.frozen()?;
        let set =
            api.map(|api| VersionSet { apis: [(logical.to_owned(), api)].into(), ..VersionSet::default() });
        Ok(Prepared { nodes: definition.nodes, set, seen })
    }

    fn moves(&self, to: &Move, part: Part) -> Option<Node> {
        let Part::Api(ApiPart { logical, .. }) = part else { return None };
        let api = to.set.apis.get(logical)?;
        let stage = to.before.stage.clone();
        let title = messages::serve_deployment(logical, api.kind, stage.as_str());
        let before = to.seen.apis.get(logical).cloned().flatten();
        let place = ApiPlace::of(api);
        let recorded = to.recorded.get(logical).filter(|api| before.is_some() && ApiPlace::of(api) == place);
        let from = recorded.map(|api| api.settings.clone()).unwrap_or_default();
        let settings = SettingsChange { from, to: api.settings.clone() };
        let is_served = before.as_ref() == Some(&api.served) && settings.is_none();
        let step = ServeDeployment {
            target: to.target.clone(),
            place,
            stage,
            served: api.served.clone(),
            before,
            settings,
            ran: to.before.clone(),
        };
        (!is_served).then(|| Node::new(StepId::of("api-stage", logical), title, step))
    }

    fn stops(&self, to: &Move) -> Vec<Node> {
        stop::stops(to)
    }

    /// One call for each API.
    fn survey<'a>(&self, world: &'a World, stages: &'a [Surveyed]) -> Vec<SurveyCall<'a>> {
        fn call<'a>(
            world: &'a World,
            stage: &'a Surveyed,
            logical: &'a str,
            place: &'a ApiPlace,
        ) -> SurveyCall<'a> {
            Box::pin(async move {
                let gateway = world.ports.gateway_of(place.kind);
                let found = gateway.stage(&world.target, &place.api, &place.stage).await?;
                Ok(vec![(stage.stage.clone(), Seen::of_api(logical, found.and_then(Served::of)))])
            })
        }
        let stages = stages.iter();
        stages
            .flat_map(|stage| {
                stage.apis.iter().map(move |(logical, place)| call(world, stage, logical, place))
            })
            .collect()
    }

    fn drift(&self, recorded: &Recorded, seen: &Seen) -> Drift {
        let drifts = seen.apis.iter().map(|(logical, serves)| recorded.of_api(logical, serves.as_ref()));
        drifts.fold(Drift::default(), Drift::and)
    }

    fn describe(&self, change: &Change) -> Vec<Line> {
        let Some(before) = change.before else { return vec![] };
        /// By their keys, followed by the name of their API if there are several.
        fn operations(application: &Application, has_several: bool) -> BTreeMap<String, &Value> {
            let apis = application.apis.iter();
            apis.flat_map(|(logical, api)| {
                let name = has_several.then(|| format!(" of {}", messages::api_name(logical, api.kind)));
                let name = name.unwrap_or_default();
                api.operations().into_iter().map(move |(key, operation)| (key + &name, operation))
            })
            .collect()
        }
        fn by_key<'a>(operations: &'a BTreeMap<String, &'a Value>) -> BTreeMap<&'a str, &'a Value> {
            operations.iter().map(|(key, operation)| (key.as_str(), *operation)).collect()
        }
        // On both sides, also if one of them has a single API: its routes stay the same.
        let ids: BTreeSet<&String> = before.apis.keys().chain(change.now.apis.keys()).collect();
        let has_several = ids.len() > 1;
        let (then, now) = (operations(before, has_several), operations(change.now, has_several));
        let mut lines = listed("Routes:", &compared(&by_key(&then), &by_key(&now), "changed"));
        // Authorizers and models are outside of the operations.
        let differs = |(logical, then): &(&String, &AppApi)| {
            change.now.apis.get(*logical).is_some_and(|now| now.settings_differ(then))
        };
        let others = before.apis.iter().filter(differs);
        let names = others.map(|(logical, api)| messages::api_name(logical, api.kind));
        lines.extend(names.map(|name| format!("Settings of {name} changed")));
        let ends = before.apis.iter().filter_map(|(logical, api)| ends(logical, api, change.now));
        let ends = ends.map(|what| Line::plain(what, true));
        ends.chain(lines.into_iter().map(|what| Line::plain(what, false))).collect()
    }
}
