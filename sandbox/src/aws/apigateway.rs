//! API Gateway's control plane: forwarded. Each deployment keeps a snapshot of the API's definition.
//!
//! Also fixed: a second route or stage with the same name (409), a stage with a deployment that does not exist (404), and
//! `ApiEndpoint`, which names the address where [`super::apigateway_runtime`] serves the stages.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;

use super::request::AwsRequest;
use super::strict::{Refusal, Strict, stage_key};
use super::upstream::{Answer, Upstream};
use crate::calls::Protocol;

type Refusable<T> = Result<T, Box<Response>>;

/// An API's definition at one moment: what each route calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Pairs of a route key (`GET /items/{id}`) and an integration URI.
    pub routes: Vec<(String, String)>,
}

/// The control plane; clones share the snapshots.
#[derive(Clone)]
pub struct ApiGateway(Arc<Inner>);

struct Inner {
    upstream: Upstream,
    stages: String,
    strict: Strict,
    snapshots: Mutex<HashMap<(String, String), Arc<Snapshot>>>,
}

impl ApiGateway {
    /// `stages` is the base URL of the stages.
    pub fn new(upstream: Upstream, stages: String, strict: Strict) -> Self {
        Self(Arc::new(Inner { upstream, stages, strict, snapshots: Mutex::default() }))
    }

    /// Answers one call.
    pub async fn answer(&self, method: &str, request: AwsRequest) -> Response {
        let path = request.parts.uri.path().to_owned();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).skip(2);
        let (api, name) = (segments.next().unwrap_or_default(), segments.nth(1).unwrap_or_default());
        let answer = match method {
            "CreateApi" | "UpdateApi" | "GetApi" | "GetApis" => self.endpoints(&request).await,
            "CreateRoute" => self.create_route(api, &request).await,
            "CreateDeployment" => self.deploy(api, &request).await,
            "CreateStage" | "UpdateStage" => self.put_stage(api, name, method, &request).await,
            "DeleteStage" => {
                self.0.strict.deleted(&stage_key(api, name));
                return self.0.upstream.forward(request).await;
            }
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
        let integrations = self.items(&format!("/v2/apis/{api}/integrations")).await?;
        let routes = self.items(&format!("/v2/apis/{api}/routes")).await?;
        let uri = |target: &str| {
            let id = target.strip_prefix("integrations/")?;
            let integration = integrations.iter().find(|integration| integration["integrationId"] == id)?;
            integration["integrationUri"].as_str().map(str::to_owned)
        };
        let routes = routes.iter().filter_map(|route| {
            let key = route["routeKey"].as_str()?.to_owned();
            Some((key, route["target"].as_str().and_then(uri).unwrap_or_default()))
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
        let rewrite = |api: &mut Value| {
            if let (Some(id), Some(_)) = (api["apiId"].as_str(), api["apiEndpoint"].as_str()) {
                let name = api["name"].as_str().and_then(|name| name.strip_prefix("sluice-"));
                api["apiEndpoint"] = format!("{}/{}", self.0.stages, name.unwrap_or(id)).into();
            }
        };
        match body["items"].as_array_mut() {
            Some(apis) => apis.iter_mut().for_each(rewrite),
            None => rewrite(&mut body),
        }
        Ok(if body.is_null() { answer } else { answer.with_json(&body) }.into_response())
    }

    async fn create_route(&self, api: &str, request: &AwsRequest) -> Refusable<Response> {
        let key = request.json()["routeKey"].clone();
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

    async fn put_stage(
        &self,
        api: &str,
        name: &str,
        method: &str,
        request: &AwsRequest,
    ) -> Refusable<Response> {
        let body = request.json();
        if let Some(deployment) = body["deploymentId"].as_str() {
            let deployments = self.items(&format!("/v2/apis/{api}/deployments")).await?;
            if !deployments.iter().any(|known| known["deploymentId"] == deployment) {
                let message = format!("Unable to find Deployment by ID {deployment} within Api {api}");
                return Err(refuse(StatusCode::NOT_FOUND, "NotFoundException", &message));
            }
        }
        let stages = self.items(&format!("/v2/apis/{api}/stages")).await?;
        let name =
            if method == "CreateStage" { body["stageName"].as_str().unwrap_or_default() } else { name };
        let known = stages.iter().find(|stage| stage["stageName"] == name).cloned();
        match (method, known.is_some()) {
            ("CreateStage", true) => {
                Err(refuse(StatusCode::CONFLICT, "ConflictException", "Stage already exists"))
            }
            ("UpdateStage", false) => {
                Err(refuse(StatusCode::NOT_FOUND, "NotFoundException", "Invalid stage identifier specified"))
            }
            _ => {
                if known.is_none() {
                    self.0.strict.quota(|quotas| quotas.stage(stages.len())).map_err(refused)?;
                }
                let answer = self.0.upstream.exchange(request).await?;
                if answer.status.is_success() {
                    self.0.strict.moved(&stage_key(api, name), known.unwrap_or_default(), answer.json());
                }
                Ok(answer.into_response())
            }
        }
    }
}

fn refused(refusal: Refusal) -> Box<Response> {
    Box::new(refusal.response(Protocol::RestJson))
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Box<Response> {
    Box::new(Protocol::RestJson.error(status, code, message))
}
