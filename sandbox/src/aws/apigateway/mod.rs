//! API Gateway's control plane: forwarded. Each deployment keeps a snapshot of the API's definition.
//!
//! Added: imports, the roles of integrations, and the merge of stage variables. Fixed: a second route or stage with the same
//! name (409), a stage with a deployment that does not exist (404), and `ApiEndpoint`, which names the address where
//! [`super::apigateway_runtime`] serves the stages.

mod credentials;
mod import;
mod integrations;
mod rest;
mod snapshot;
mod stages;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::RwLock;

use super::account::REGION;
use super::openapi::check_route_key;
use super::request::{AwsRequest, decode};
use super::strict::{Refusal, Strict, stage_key};
use super::upstream::{Answer, Upstream};
use crate::calls::Protocol;
use credentials::Credentials;
use snapshot::RestApis;
pub use snapshot::{RestSnapshot, Route, Snapshot};

type Refusable<T> = Result<T, Box<Response>>;

/// The control plane; clones share the snapshots.
#[derive(Clone)]
pub struct ApiGateway(Arc<Inner>);

struct Inner {
    upstream: Upstream,
    stages: String,
    strict: Strict,
    snapshots: Mutex<HashMap<(String, String), Arc<Snapshot>>>,
    credentials: Credentials,
    /// Held while an import replaces a definition: no stage serves half of it.
    importing: RwLock<()>,
    /// The APIs with imported tags, which the local AWS lists only in `GetTags`.
    tagged: Mutex<HashSet<String>>,
    /// The scheme of each route, by API and key, which the local AWS does not import.
    schemes: Mutex<HashMap<(String, String), Value>>,
    rest: RestApis,
}

impl ApiGateway {
    /// `stages` is the base URL of the stages.
    pub fn new(upstream: Upstream, stages: String, strict: Strict) -> Self {
        Self(Arc::new(Inner {
            upstream,
            stages,
            strict,
            snapshots: Mutex::default(),
            credentials: Credentials::default(),
            importing: RwLock::default(),
            tagged: Mutex::default(),
            schemes: Mutex::default(),
            rest: RestApis::default(),
        }))
    }

    /// Answers one call.
    pub async fn answer(&self, method: &str, request: AwsRequest) -> Response {
        let path = decode(request.parts.uri.path());
        if path.starts_with("/restapis") {
            return self.answer_rest(method, request).await.unwrap_or_else(|refusal| *refusal);
        }
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).skip(2);
        let (api, name) = (segments.next().unwrap_or_default(), segments.nth(1).unwrap_or_default());
        let answer = match method {
            "CreateApi" | "UpdateApi" | "GetApi" | "GetApis" => self.endpoints(&request).await,
            "ImportApi" | "ReimportApi" => self.import(api, &request).await,
            "CreateRoute" => self.create_route(api, &request).await,
            "CreateIntegration" | "UpdateIntegration" | "GetIntegration" | "GetIntegrations" => {
                self.integrations(&request).await
            }
            "DeleteIntegration" => {
                self.0.credentials.forget(name);
                return self.0.upstream.forward(request).await;
            }
            "CreateDeployment" => self.deploy(api, &request).await,
            "DeleteDeployment" => self.delete_deployment(api, name, request).await,
            "CreateStage" | "UpdateStage" => self.put_stage(api, name, method, request).await,
            "DeleteStage" => {
                self.0.strict.deleted(&stage_key(api, name));
                return self.0.upstream.forward(request).await;
            }
            "DeleteRouteSettings" | "DeleteAccessLogSettings" => self.delete_settings(api, name, &path).await,
            "GetDeployment" | "GetDeployments" => self.deployments(&request).await,
            _ => return self.0.upstream.forward(request).await,
        };
        answer.unwrap_or_else(|refusal| *refusal)
    }

    /// The definition that a deployment froze.
    pub fn snapshot(&self, api: &str, deployment: &str) -> Option<Arc<Snapshot>> {
        let snapshots = self.0.snapshots.lock();
        snapshots.get(&(api.to_owned(), deployment.to_owned())).cloned()
    }

    /// The current definition.
    pub async fn live(&self, api: &str) -> Refusable<Snapshot> {
        let _whole = self.0.importing.read().await;
        let integrations = self.items(&format!("/v2/apis/{api}/integrations")).await?;
        let routes = self.items(&format!("/v2/apis/{api}/routes")).await?;
        let routes = routes.iter().filter_map(|route| {
            let key = route["routeKey"].as_str()?.to_owned();
            let target = route["target"].as_str().and_then(|target| target.strip_prefix("integrations/"));
            let Some(id) = target else { return Some(Route { key, ..Route::default() }) };
            let integration = integrations.iter().find(|integration| integration["integrationId"] == id);
            let text = |field: &str| integration.and_then(|integration| integration[field].as_str());
            let scheme = self.0.schemes.lock().get(&(api.to_owned(), key.clone())).cloned();
            Some(Route {
                key,
                uri: text("integrationUri").unwrap_or_default().to_owned(),
                credentials: self.0.credentials.of(id),
                is_format_1: text("payloadFormatVersion") == Some("1.0"),
                scheme: scheme.unwrap_or_default(),
            })
        });
        Ok(Snapshot { routes: routes.collect() })
    }

    /// All items of a list in the control plane.
    pub async fn items(&self, path: &str) -> Refusable<Vec<Value>> {
        let answer = self.0.upstream.call("apigateway", Method::GET, path, &[], "").await?;
        if !answer.status.is_success() {
            return Err(Box::new(answer.into_response()));
        }
        Ok(answer.json()["items"].as_array().cloned().unwrap_or_default())
    }

    async fn endpoints(&self, request: &AwsRequest) -> Refusable<Response> {
        let answer = self.0.upstream.exchange(request).await?;
        let mut body = answer.json();
        match body["items"].as_array_mut() {
            Some(apis) => {
                for api in apis {
                    self.show(api).await?;
                }
            }
            None => self.show(&mut body).await?,
        }
        Ok(if body.is_null() { answer } else { answer.with_json(&body) }.into_response())
    }

    /// Corrects an API in an answer: its endpoint and its imported tags.
    async fn show(&self, api: &mut Value) -> Refusable<()> {
        let Some(id) = api["apiId"].as_str().map(str::to_owned) else { return Ok(()) };
        if api["apiEndpoint"].is_string() {
            let name = api["name"].as_str().and_then(|name| name.strip_prefix("sluice-"));
            api["apiEndpoint"] = format!("{}/{}", self.0.stages, name.unwrap_or(&id)).into();
        }
        let is_tagged = self.0.tagged.lock().contains(&id);
        if is_tagged {
            api["tags"] = self.change(Method::GET, &tags_path(&id), &Value::Null).await?["tags"].take();
        }
        Ok(())
    }

    async fn create_route(&self, api: &str, request: &AwsRequest) -> Refusable<Response> {
        let key = request.json()["routeKey"].clone();
        check_route_key(key.as_str().unwrap_or_default()).map_err(|error| bad_request(&error))?;
        let routes = self.items(&format!("/v2/apis/{api}/routes")).await?;
        if routes.iter().any(|route| route["routeKey"] == key) {
            let message =
                format!("Route with key {} already exists for this API", key.as_str().unwrap_or_default());
            return Err(refuse(StatusCode::CONFLICT, "ConflictException", &message));
        }
        self.0.strict.quota(|quotas| quotas.route(routes.len())).map_err(refused)?;
        Ok(self.0.upstream.exchange(request).await?.into_response())
    }

    async fn deploy(&self, api: &str, request: &AwsRequest) -> Refusable<Response> {
        let snapshot = self.live(api).await?;
        let answer = self.0.upstream.exchange(request).await?;
        let created = answer.json();
        if let (true, Some(id)) = (answer.status.is_success(), created["deploymentId"].as_str()) {
            let mut snapshots = self.0.snapshots.lock();
            snapshots.insert((api.to_owned(), id.to_owned()), Arc::new(snapshot));
            self.0.strict.deployed(id);
        }
        Ok(self.as_pending(answer).into_response())
    }

    async fn delete_deployment(&self, api: &str, id: &str, request: AwsRequest) -> Refusable<Response> {
        let stages = self.items(&format!("/v2/apis/{api}/stages")).await?;
        if stages.iter().any(|stage| stage["deploymentId"] == id) {
            return Err(bad_request("Active stages pointing to this deployment must be moved or deleted"));
        }
        Ok(self.0.upstream.forward(request).await)
    }

    async fn deployments(&self, request: &AwsRequest) -> Refusable<Response> {
        Ok(self.as_pending(self.0.upstream.exchange(request).await?).into_response())
    }

    /// The same answer, with new deployments PENDING.
    fn as_pending(&self, answer: Answer) -> Answer {
        let mut body = answer.json();
        let mark = |deployment: &mut Value| {
            if deployment["deploymentId"].as_str().is_some_and(|id| self.0.strict.is_pending(id)) {
                deployment["deploymentStatus"] = "PENDING".into();
            }
        };
        match body["items"].as_array_mut() {
            Some(items) => items.iter_mut().for_each(mark),
            None => mark(&mut body),
        }
        if body.is_object() { answer.with_json(&body) } else { answer }
    }
}

/// The path of an API's tags.
fn tags_path(api: &str) -> String {
    format!("/v2/tags/arn:aws:apigateway:{REGION}::/apis/{api}")
}

fn refused(refusal: Refusal) -> Box<Response> {
    Box::new(refusal.response(Protocol::RestJson))
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Box<Response> {
    Box::new(Protocol::RestJson.error(status, code, message))
}

fn bad_request(message: &str) -> Box<Response> {
    refuse(StatusCode::BAD_REQUEST, "BadRequestException", message)
}

#[cfg(test)]
mod tests;
