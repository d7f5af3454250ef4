//! API Gateway, both kinds of API: a deployment is a snapshot of the definition, and a stage serves one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{FaultProxy, Made, State, id, refuse};
use crate::operation::effects::{ApiMutations, of_api};
use crate::ports::{
    Api, ApiKind, ApiSettings, ApiStage, Deployment, DeploymentState, Gateway, StageChange, Tags,
};
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
    pub(super) kind: ApiKind,
    pub(super) settings: ApiSettings,
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
    fn api(&self, call: &'static str, kind: ApiKind, id: &str) -> PortResult<&ApiState> {
        match self.apis.iter().find(|found| found.kind == kind && found.api.id == id) {
            Some(found) => Ok(found),
            None => refuse(call, Class::Absent, GONE),
        }
    }

    fn api_mut(&mut self, call: &'static str, kind: ApiKind, id: &str) -> PortResult<&mut ApiState> {
        match self.apis.iter_mut().find(|found| found.kind == kind && found.api.id == id) {
            Some(found) => Ok(found),
            None => refuse(call, Class::Absent, GONE),
        }
    }
}

impl ApiState {
    /// An HTTP API of which only the stages matter.
    pub(super) fn bare(id: &str, name: &str, stages: BTreeMap<String, ApiStage>, now: Instant) -> Self {
        let (name, endpoint, tags) = (name.to_owned(), String::new(), Tags::new());
        let api = Api { id: id.to_owned(), name, endpoint, tags };
        Self { stages, ..Self::new(ApiKind::Http, api, ApiSettings::default(), now) }
    }

    fn new(kind: ApiKind, api: Api, settings: ApiSettings, now: Instant) -> Self {
        Self {
            api,
            kind,
            settings,
            made: now,
            routes: Routes::new(),
            deployments: vec![],
            frozen: BTreeMap::new(),
            stages: BTreeMap::new(),
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

/// API Gateway as one process reaches it, for one kind of API.
struct GatewayProxy {
    proxy: FaultProxy,
    kind: ApiKind,
}

impl FaultProxy {
    /// API Gateway for that kind of API.
    pub fn gateway(&self, kind: ApiKind) -> Arc<dyn Gateway> {
        Arc::new(GatewayProxy { proxy: self.clone(), kind })
    }
}

impl GatewayProxy {
    fn calls(&self) -> &'static ApiMutations {
        of_api(self.kind)
    }

    /// One of the two names, by the kind of API.
    fn pick<'a>(&self, http: &'a str, rest: &'a str) -> &'a str {
        match self.kind {
            ApiKind::Http => http,
            ApiKind::Rest => rest,
        }
    }
}

#[async_trait]
impl Gateway for GatewayProxy {
    async fn create_api(
        &self,
        target: &Target,
        name: &str,
        tags: &Tags,
        settings: &ApiSettings,
    ) -> PortResult<Api> {
        let stem = self.pick("api", "rest");
        self.proxy
            .change(self.calls().create.call, name, |state| {
                let same =
                    state.apis.iter().filter(|found| found.kind == self.kind && found.api.name == name);
                let id = id(stem, name, same.count());
                let api = Api {
                    endpoint: format!("https://{id}.execute-api.{}.amazonaws.com", target.region),
                    id,
                    name: name.to_owned(),
                    tags: tags.clone(),
                };
                let made = ApiState::new(self.kind, api.clone(), settings.clone(), state.now);
                state.apis.push(made);
                Ok(Made::New(api))
            })
            .await
    }

    async fn apis(&self, _: &Target) -> PortResult<Vec<Api>> {
        let call = self.pick("apigatewayv2:GetApis", "apigateway:GetRestApis");
        self.proxy
            .look(call, "", |state| {
                let ours = state.apis.iter().filter(|found| found.kind == self.kind);
                let shown = ours.filter(|found| state.shows(found.made));
                Ok(shown.map(|found| found.api.clone()).collect())
            })
            .await
    }

    async fn import_api(
        &self,
        _: &Target,
        api: &str,
        body: &str,
        _: &BTreeMap<String, String>,
    ) -> PortResult<Vec<String>> {
        let call = self.calls().import.call;
        let (digest, routes) = (crate::names::short_digest(&[body]), routes(body));
        self.proxy
            .change(call, &format!("{api} {digest}"), |state| {
                let warns = state.climate.import_warns;
                let found = state.api_mut(call, self.kind, api)?;
                let endpoint_type = found.settings.endpoint_type;
                found.settings = ApiSettings { endpoint_type, ..ApiSettings::default() };
                let before = std::mem::replace(&mut found.routes, routes.clone());
                let warnings = if warns { vec!["Ignoring the route <!channel>".to_owned()] } else { vec![] };
                Ok(if before == routes { Made::Same(warnings) } else { Made::New(warnings) })
            })
            .await
    }

    async fn set_api(&self, _: &Target, api: &str, settings: &ApiSettings) -> PortResult<()> {
        let call = self.calls().set.call;
        self.proxy
            .change(call, &format!("{api} {settings:?}"), |state| {
                let found = state.api_mut(call, self.kind, api)?;
                let before = found.settings.clone();
                let ApiSettings {
                    description,
                    disable_execute_api_endpoint,
                    ip_address_type,
                    cors,
                    endpoint_type,
                    vpc_endpoints,
                    binary_media_types,
                    minimum_compression_size,
                    api_key_source,
                    policy,
                } = settings.clone();
                found.settings = ApiSettings {
                    description: description.or(before.description.clone()),
                    disable_execute_api_endpoint: disable_execute_api_endpoint
                        .or(before.disable_execute_api_endpoint),
                    ip_address_type: ip_address_type.or(before.ip_address_type.clone()),
                    cors: cors.or(before.cors.clone()),
                    endpoint_type: endpoint_type.or(before.endpoint_type),
                    vpc_endpoints: vpc_endpoints.or(before.vpc_endpoints.clone()),
                    binary_media_types: binary_media_types.or(before.binary_media_types.clone()),
                    minimum_compression_size: minimum_compression_size.or(before.minimum_compression_size),
                    api_key_source: api_key_source.or(before.api_key_source.clone()),
                    policy: policy.or(before.policy.clone()),
                };
                Ok(if found.settings == before { Made::Same(()) } else { Made::New(()) })
            })
            .await
    }

    async fn create_deployment(&self, _: &Target, api: &str, description: &str) -> PortResult<Deployment> {
        let call = self.calls().create_deployment.call;
        self.proxy
            .change(call, &format!("{api} {description}"), |state| {
                let (now, deploys) = (state.now, state.climate.deploys);
                let found = state.api_mut(call, self.kind, api)?;
                let nth =
                    found.deployments.iter().filter(|(known, _)| known.description == description).count();
                let made = Deployment {
                    id: id("dep", description, nth),
                    description: description.to_owned(),
                    state: match self.kind {
                        ApiKind::Http if !deploys.is_zero() => DeploymentState::Pending,
                        _ => DeploymentState::Deployed,
                    },
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
        let call = self.pick("apigatewayv2:GetDeployments", "apigateway:GetDeployments");
        self.proxy
            .look(call, api, |state| {
                let shown = state
                    .api(call, self.kind, api)?
                    .deployments
                    .iter()
                    .filter(|(_, made)| state.shows(*made));
                let settled = |(found, made): &(Deployment, Instant)| {
                    let is_done = state.now.duration_since(*made) >= state.climate.deploys;
                    let state = if is_done { DeploymentState::Deployed } else { found.state.clone() };
                    Deployment { state, ..found.clone() }
                };
                Ok(shown.map(settled).collect())
            })
            .await
    }

    async fn delete_deployment(&self, _: &Target, api: &str, deployment: &str) -> PortResult<()> {
        let call = self.calls().delete_deployment.call;
        self.proxy
            .change(call, &format!("{api}/{deployment}"), |state| {
                let found = state.api_mut(call, self.kind, api)?;
                if found.stages.values().any(|stage| stage.deployment.as_deref() == Some(deployment)) {
                    return refuse(call, Class::Conflict, TAKEN);
                }
                let before = found.deployments.len();
                found.deployments.retain(|(known, _)| known.id != deployment);
                found.frozen.remove(deployment);
                Ok(if found.deployments.len() == before { Made::Same(()) } else { Made::New(()) })
            })
            .await
    }

    async fn create_stage(&self, _: &Target, api: &str, stage: &ApiStage) -> PortResult<ApiStage> {
        let call = self.calls().create_stage.call;
        let deployment = stage.deployment.as_deref();
        self.proxy
            .change(call, &format!("{api}/{} -> {}", stage.name, deployment.unwrap_or_default()), |state| {
                let found = state.api_mut(call, self.kind, api)?;
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
        change: &StageChange,
    ) -> PortResult<ApiStage> {
        let call = self.calls().update_stage.call;
        let StageChange { deployment, variables, settings } = change;
        let subject = match settings.is_none() {
            true => format!("{api}/{stage} -> {deployment} {variables:?}"),
            false => format!("{api}/{stage} -> {deployment} {variables:?} {:?}", settings.to),
        };
        self.proxy
            .change(call, &subject, |state| {
                let now = state.now;
                let found = state.api_mut(call, self.kind, api)?;
                if !found.has_deployment(Some(deployment)) {
                    return refuse(call, Class::Absent, GONE);
                }
                let Some(stage) = found.stages.get_mut(stage) else {
                    return refuse(call, Class::Absent, GONE);
                };
                let before = stage.clone();
                stage.deployment = Some(deployment.to_owned());
                stage.variables.extend(variables.clone());
                stage.variables.retain(|_, value| !value.is_empty());
                if !settings.is_none() {
                    stage.settings = settings.to.clone();
                }
                found.moved = Some((before.clone(), now));
                Ok(if *stage == before { Made::Same(stage.clone()) } else { Made::New(stage.clone()) })
            })
            .await
    }

    async fn stage(&self, _: &Target, api: &str, stage: &str) -> PortResult<Option<ApiStage>> {
        let call = self.pick("apigatewayv2:GetStage", "apigateway:GetStage");
        self.proxy
            .look(call, &format!("{api}/{stage}"), |state| {
                Ok(state.api(call, self.kind, api)?.stages.get(stage).cloned())
            })
            .await
    }

    async fn delete_stage(&self, _: &Target, api: &str, stage: &str) -> PortResult<()> {
        let call = self.calls().delete_stage.call;
        self.proxy
            .change(call, &format!("{api}/{stage}"), |state| {
                if state.climate.stages_in_use {
                    return refuse(call, Class::Invalid, "BadRequestException");
                }
                let found = state.api_mut(call, self.kind, api).ok();
                match found.and_then(|found| found.stages.remove(stage)) {
                    Some(_) => Ok(Made::New(())),
                    None => Ok(Made::Same(())),
                }
            })
            .await
    }
}

#[cfg(test)]
mod tests;
