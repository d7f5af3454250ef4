//! API Gateway's data plane: an API answers at `/{its name without "sluice-", or its id}/{stage}/{path}`, the stage `$default` of
//! an HTTP API at `/{name}/{path}`, and both kinds of API at `/_aws/execute-api/{id}/…` of the front's address.
//!
//! It implements what the local AWS only imitates: it serves the snapshot of the stage's deployment, resolves stage
//! variables, requires the right to invoke the function's version or alias, and chooses the alias's version by weight. The
//! caller gets 500 for any error in the integration, as on AWS; the sandbox's log has the reason.

mod authorizer;
mod cors;
mod event;
mod event_v1;
mod function;
mod http;
mod integration;
mod mock;
mod permission;
mod response;
mod response_v1;
mod rest;
mod routes;
mod service;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::access::Access;
use super::apigateway::ApiGateway;
use super::cloudwatch::Invocations;
use super::strict::Strict;
use super::upstream::Upstream;

/// API Gateway's limit for a payload, in bytes.
const MAX_PAYLOAD: usize = 10 * 1024 * 1024;
/// Where the front serves the stages.
pub const FRONT: &str = "/_aws/execute-api/";

/// The data plane; clones share the snapshots.
#[derive(Clone)]
pub struct Runtime {
    upstream: Upstream,
    apis: ApiGateway,
    access: Access,
    strict: Strict,
    invocations: Invocations,
}

/// Why a request does not reach a function.
enum RuntimeError {
    /// The API, stage or route does not exist.
    NotFound,
    /// The integration is wrong; the text goes to the log.
    BadIntegration(String),
    /// The function ended with an error; the text is its answer.
    FunctionFailed(String),
    /// The function did not return a response; the text goes to the log.
    BadAnswer(String),
}

/// The two kinds of API, each with its id.
enum FoundApi {
    Http(Value),
    Rest(String),
}

/// Serves all stages.
pub fn router(runtime: Runtime) -> Router {
    Router::new().fallback(answer).with_state(runtime)
}

/// Answers a request to a stage.
pub async fn answer(State(runtime): State<Runtime>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_PAYLOAD).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let path = parts.uri.path().trim_start_matches('/');
    let path = path.strip_prefix(FRONT.trim_start_matches('/')).unwrap_or(path);
    let (name, path) = path.split_once('/').unwrap_or((path, ""));
    match runtime.api(name).await {
        Some(FoundApi::Http(api)) => runtime.answer_http(&api, path, &parts, &body).await,
        Some(FoundApi::Rest(api)) => runtime.answer_rest(&api, path, &parts, &body).await,
        None => message(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({"message": text}))).into_response()
}

fn log(parts: &Parts, why: &str) {
    tracing::warn!(path = parts.uri.path(), %why, "a stage's integration is wrong");
}

impl Runtime {
    pub fn new(upstream: Upstream, apis: ApiGateway, access: Access, strict: Strict) -> Self {
        Self { upstream, apis, access, strict, invocations: Invocations::default() }
    }

    /// The calls of functions so far, which others may add to.
    pub fn invocations(&self) -> Invocations {
        self.invocations.clone()
    }

    async fn api(&self, name: &str) -> Option<FoundApi> {
        let http = self.apis.items("/v2/apis").await.ok()?;
        // By its id or its name, or as people look for it: `orders-prod`, the first API of that stage.
        let ours = format!("sluice-{name}");
        let of_stage = |tags: &Value| match (tags["sluice:pipeline"].as_str(), tags["sluice:stage"].as_str())
        {
            (Some(pipeline), Some(stage)) => {
                name.strip_prefix(pipeline).and_then(|rest| rest.strip_prefix('-')) == Some(stage)
            }
            _ => false,
        };
        let is =
            |api: &Value, id: &str| api[id] == name || api["name"] == ours.as_str() || of_stage(&api["tags"]);
        if let Some(found) = http.iter().find(|api| is(api, "apiId")) {
            return Some(FoundApi::Http(found.clone()));
        }
        let rest = self.apis.rest_items("/restapis").await.ok()?;
        let found = rest.iter().find(|api| is(api, "id"))?;
        found["id"].as_str().map(|id| FoundApi::Rest(id.to_owned()))
    }
}
