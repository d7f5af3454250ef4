//! API Gateway, HTTP APIs: a deployment is a snapshot of routes and integrations, and a stage serves one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{FaultProxy, Made, State, id, refuse};
use crate::operation::effects::{
    CREATE_API, CREATE_DEPLOYMENT, CREATE_INTEGRATION, CREATE_ROUTE, CREATE_STAGE, DELETE_ROUTE,
    DELETE_STAGE, UPDATE_ROUTE, UPDATE_STAGE,
};
use crate::ports::{Api, ApiStage, Deployment, DeploymentState, Gateway, Integration, Route, Tags};
use sluice_model::{Class, PortResult, Target};

const GONE: &str = "NotFoundException";
const TAKEN: &str = "ConflictException";

/// An API.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub(super) api: Api,
    made: Instant,
    pub(super) integrations: Vec<(Integration, Instant)>,
    routes: Vec<Route>,
    pub(super) deployments: Vec<(Deployment, Instant)>,
    /// The routes of each deployment: integration URI by route key.
    pub(super) frozen: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) stages: BTreeMap<String, ApiStage>,
}

impl State {
    fn api(&self, call: &'static str, id: &str) -> PortResult<&ApiState> {
        match self.apis.iter().find(|found| found.api.id == id) {
            Some(found) => Ok(found),
            None => refuse(call, Class::Absent, GONE),
        }
    }

    fn api_mut(&mut self, call: &'static str, id: &str) -> PortResult<&mut ApiState> {
        match self.apis.iter_mut().find(|found| found.api.id == id) {
            Some(found) => Ok(found),
            None => refuse(call, Class::Absent, GONE),
        }
    }
}

impl ApiState {
    /// An API of which only the stages matter.
    pub(super) fn bare(id: &str, stages: BTreeMap<String, ApiStage>, now: Instant) -> Self {
        let (name, endpoint, tags) = (id.to_owned(), String::new(), Tags::new());
        Self {
            api: Api { id: id.to_owned(), name, endpoint, tags },
            made: now,
            integrations: vec![],
            routes: vec![],
            deployments: vec![],
            frozen: BTreeMap::new(),
            stages,
        }
    }
    fn has_integration(&self, id: &str) -> bool {
        self.integrations.iter().any(|(known, _)| known.id == id)
    }
    fn has_deployment(&self, id: Option<&str>) -> bool {
        id.is_none_or(|id| self.deployments.iter().any(|(known, _)| known.id == id))
    }
}

#[async_trait]
impl Gateway for FaultProxy {
    async fn create_api(&self, target: &Target, name: &str, tags: &Tags) -> PortResult<Api> {
        self.change(CREATE_API.call, name, |state| {
            let id = id("api", name, state.apis.iter().filter(|found| found.api.name == name).count());
            let api = Api {
                endpoint: format!("https://{id}.execute-api.{}.amazonaws.com", target.region),
                id,
                name: name.to_owned(),
                tags: tags.clone(),
            };
            let made = state.now;
            state.apis.push(ApiState {
                api: api.clone(),
                made,
                integrations: vec![],
                routes: vec![],
                deployments: vec![],
                frozen: BTreeMap::new(),
                stages: BTreeMap::new(),
            });
            Ok(Made::New(api))
        })
        .await
    }

    async fn apis(&self, _: &Target) -> PortResult<Vec<Api>> {
        self.look("apigatewayv2:GetApis", "", |state| {
            let shown = state.apis.iter().filter(|found| state.shows(found.made));
            Ok(shown.map(|found| found.api.clone()).collect())
        })
        .await
    }

    async fn create_integration(&self, _: &Target, api: &str, uri: &str) -> PortResult<Integration> {
        let call = CREATE_INTEGRATION.call;
        self.change(call, &format!("{api} {uri}"), |state| {
            let now = state.now;
            let known = &mut state.api_mut(call, api)?.integrations;
            let nth = known.iter().filter(|(known, _)| known.uri == uri).count();
            let made = Integration { id: id("int", uri, nth), uri: uri.to_owned() };
            known.push((made.clone(), now));
            Ok(Made::New(made))
        })
        .await
    }

    async fn integrations(&self, _: &Target, api: &str) -> PortResult<Vec<Integration>> {
        let call = "apigatewayv2:GetIntegrations";
        self.look(call, api, |state| {
            let shown = state.api(call, api)?.integrations.iter().filter(|(_, made)| state.shows(*made));
            Ok(shown.map(|(found, _)| found.clone()).collect())
        })
        .await
    }

    async fn create_route(&self, _: &Target, api: &str, key: &str, integration: &str) -> PortResult<Route> {
        let call = CREATE_ROUTE.call;
        self.change(call, &format!("{api} {key} -> {integration}"), |state| {
            let id = id("route", key, 0);
            let found = state.api_mut(call, api)?;
            if found.routes.iter().any(|route| route.key == key) {
                return refuse(call, Class::Conflict, TAKEN);
            }
            if !found.has_integration(integration) {
                return refuse(call, Class::Absent, GONE);
            }
            let made = Route { id, key: key.to_owned(), integration: Some(integration.to_owned()) };
            found.routes.push(made.clone());
            Ok(Made::New(made))
        })
        .await
    }

    async fn update_route(&self, _: &Target, api: &str, route: &str, integration: &str) -> PortResult<Route> {
        let call = UPDATE_ROUTE.call;
        self.change(call, &format!("{api} {route} -> {integration}"), |state| {
            let found = state.api_mut(call, api)?;
            if !found.has_integration(integration) {
                return refuse(call, Class::Absent, GONE);
            }
            let Some(route) = found.routes.iter_mut().find(|known| known.id == route) else {
                return refuse(call, Class::Absent, GONE);
            };
            let before = route.integration.replace(integration.to_owned());
            let same = before.as_deref() == Some(integration);
            Ok(if same { Made::Same(route.clone()) } else { Made::New(route.clone()) })
        })
        .await
    }

    async fn delete_route(&self, _: &Target, api: &str, route: &str) -> PortResult<()> {
        let call = DELETE_ROUTE.call;
        self.change(call, &format!("{api} {route}"), |state| {
            let found = state.api_mut(call, api)?;
            let before = found.routes.len();
            found.routes.retain(|known| known.id != route);
            Ok(if found.routes.len() == before { Made::Same(()) } else { Made::New(()) })
        })
        .await
    }

    async fn routes(&self, _: &Target, api: &str) -> PortResult<Vec<Route>> {
        let call = "apigatewayv2:GetRoutes";
        self.look(call, api, |state| Ok(state.api(call, api)?.routes.clone())).await
    }

    async fn create_deployment(&self, _: &Target, api: &str, description: &str) -> PortResult<Deployment> {
        let call = CREATE_DEPLOYMENT.call;
        self.change(call, &format!("{api} {description}"), |state| {
            let (now, deploys) = (state.now, state.climate.deploys);
            let found = state.api_mut(call, api)?;
            let nth = found.deployments.iter().filter(|(known, _)| known.description == description).count();
            let made = Deployment {
                id: id("dep", description, nth),
                description: description.to_owned(),
                state: if deploys.is_zero() { DeploymentState::Deployed } else { DeploymentState::Pending },
            };
            if found.routes.is_empty() {
                return refuse(call, Class::Invalid, "BadRequestException");
            }
            let uri = |id: &str| found.integrations.iter().find(|(known, _)| known.id == id);
            let snapshot = found.routes.iter().filter_map(|route| {
                Some((route.key.clone(), uri(route.integration.as_deref()?)?.0.uri.clone()))
            });
            let snapshot = snapshot.collect();
            found.frozen.insert(made.id.clone(), snapshot);
            found.deployments.push((made.clone(), now));
            Ok(Made::New(made))
        })
        .await
    }

    async fn deployments(&self, _: &Target, api: &str) -> PortResult<Vec<Deployment>> {
        let call = "apigatewayv2:GetDeployments";
        self.look(call, api, |state| {
            let shown = state.api(call, api)?.deployments.iter().filter(|(_, made)| state.shows(*made));
            let settled = |(found, made): &(Deployment, Instant)| {
                let is_done = state.now.duration_since(*made) >= state.climate.deploys;
                let state = if is_done { DeploymentState::Deployed } else { found.state.clone() };
                Deployment { state, ..found.clone() }
            };
            Ok(shown.map(settled).collect())
        })
        .await
    }

    async fn create_stage(&self, _: &Target, api: &str, stage: &ApiStage) -> PortResult<ApiStage> {
        let call = CREATE_STAGE.call;
        let deployment = stage.deployment.as_deref();
        self.change(call, &format!("{api}/{} -> {}", stage.name, deployment.unwrap_or_default()), |state| {
            let found = state.api_mut(call, api)?;
            if found.stages.contains_key(&stage.name) {
                return refuse(call, Class::Conflict, TAKEN);
            }
            if !found.has_deployment(deployment) {
                return refuse(call, Class::Absent, GONE);
            }
            found.stages.insert(stage.name.clone(), stage.clone());
            Ok(Made::New(stage.clone()))
        })
        .await
    }

    async fn update_stage(
        &self,
        _: &Target,
        api: &str,
        stage: &str,
        deployment: &str,
    ) -> PortResult<ApiStage> {
        let call = UPDATE_STAGE.call;
        self.change(call, &format!("{api}/{stage} -> {deployment}"), |state| {
            let found = state.api_mut(call, api)?;
            if !found.has_deployment(Some(deployment)) {
                return refuse(call, Class::Absent, GONE);
            }
            let Some(stage) = found.stages.get_mut(stage) else { return refuse(call, Class::Absent, GONE) };
            let before = stage.deployment.replace(deployment.to_owned());
            let same = before.as_deref() == Some(deployment);
            Ok(if same { Made::Same(stage.clone()) } else { Made::New(stage.clone()) })
        })
        .await
    }

    async fn stage(&self, _: &Target, api: &str, stage: &str) -> PortResult<Option<ApiStage>> {
        let call = "apigatewayv2:GetStage";
        self.look(call, &format!("{api}/{stage}"), |state| {
            Ok(state.api(call, api)?.stages.get(stage).cloned())
        })
        .await
    }

    async fn delete_stage(&self, _: &Target, api: &str, stage: &str) -> PortResult<()> {
        self.change(DELETE_STAGE.call, &format!("{api}/{stage}"), |state| {
            let found = state.apis.iter_mut().find(|found| found.api.id == api);
            match found.and_then(|found| found.stages.remove(stage)) {
                Some(_) => Ok(Made::New(())),
                None => Ok(Made::Same(())),
            }
        })
        .await
    }
}
