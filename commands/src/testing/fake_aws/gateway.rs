//! API Gateway, HTTP APIs: a deployment is a snapshot of the definition, and a stage serves one.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{FaultProxy, Made, State, id, refuse};
use crate::operation::effects::{
    CREATE_API, CREATE_DEPLOYMENT, CREATE_STAGE, DELETE_STAGE, IMPORT_API, UPDATE_STAGE,
};
use crate::ports::{Api, ApiStage, Deployment, DeploymentState, Gateway, Tags};
use serde_json::Value;
use sluice_model::{Class, PortResult, Target};

const GONE: &str = "NotFoundException";
const TAKEN: &str = "ConflictException";

/// The integration URI and the role of each route, by its key.
pub(super) type Routes = BTreeMap<String, (String, String)>;

/// The routes of an OpenAPI document.
fn routes(body: &str) -> Routes {
    let document: Value = serde_json::from_str(body).unwrap_or_default();
    let mut routes = Routes::new();
    for (path, operations) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let key = match (path.as_str(), method.as_str()) {
                ("/$default", _) => "$default".to_owned(),
                (path, "x-amazon-apigateway-any-method") => format!("ANY {path}"),
                (path, method) => format!("{} {path}", method.to_ascii_uppercase()),
            };
            let integration = &operation["x-amazon-apigateway-integration"];
            let text = |field: &str| integration[field].as_str().unwrap_or_default().to_owned();
            routes.insert(key, (text("uri"), text("credentials")));
        }
    }
    routes
}

/// An API.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub(super) api: Api,
    made: Instant,
    /// The definition.
    routes: Routes,
    pub(super) deployments: Vec<(Deployment, Instant)>,
    /// The definition that each deployment froze.
    pub(super) frozen: BTreeMap<String, Routes>,
    pub(super) stages: BTreeMap<String, ApiStage>,
    /// What the stage served before, and when it moved from that.
    moved: Option<(ApiStage, Instant)>,
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
    pub(super) fn bare(id: &str, name: &str, stages: BTreeMap<String, ApiStage>, now: Instant) -> Self {
        let (name, endpoint, tags) = (name.to_owned(), String::new(), Tags::new());
        Self {
            api: Api { id: id.to_owned(), name, endpoint, tags },
            made: now,
            routes: Routes::new(),
            deployments: vec![],
            frozen: BTreeMap::new(),
            stages,
            moved: None,
        }
    }
    /// What the stage serves, as the data plane knows it.
    pub(super) fn answering(&self, name: &str, now: Instant, late: Duration) -> Option<&ApiStage> {
        let before = self.moved.as_ref().filter(|(_, when)| now.duration_since(*when) < late);
        before.map(|(before, _)| before).or_else(|| self.stages.get(name))
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
                routes: Routes::new(),
                deployments: vec![],
                frozen: BTreeMap::new(),
                stages: BTreeMap::new(),
                moved: None,
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

    async fn import_api(&self, _: &Target, api: &str, body: &str) -> PortResult<Vec<String>> {
        let call = IMPORT_API.call;
        let (digest, routes) = (crate::names::short_digest(&[body]), routes(body));
        self.change(call, &format!("{api} {digest}"), |state| {
            let warns = state.climate.import_warns;
            let found = state.api_mut(call, api)?;
            let before = std::mem::replace(&mut found.routes, routes.clone());
            let warnings = if warns { vec!["Ignoring the route <!channel>".to_owned()] } else { vec![] };
            Ok(if before == routes { Made::Same(warnings) } else { Made::New(warnings) })
        })
        .await
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
            found.frozen.insert(made.id.clone(), found.routes.clone());
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
        variables: &BTreeMap<String, String>,
    ) -> PortResult<ApiStage> {
        let call = UPDATE_STAGE.call;
        self.change(call, &format!("{api}/{stage} -> {deployment} {variables:?}"), |state| {
            let now = state.now;
            let found = state.api_mut(call, api)?;
            if !found.has_deployment(Some(deployment)) {
                return refuse(call, Class::Absent, GONE);
            }
            let Some(stage) = found.stages.get_mut(stage) else { return refuse(call, Class::Absent, GONE) };
            let before = stage.clone();
            stage.deployment = Some(deployment.to_owned());
            stage.variables.extend(variables.clone());
            stage.variables.retain(|_, value| !value.is_empty());
            found.moved = Some((before.clone(), now));
            Ok(if *stage == before { Made::Same(stage.clone()) } else { Made::New(stage.clone()) })
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
