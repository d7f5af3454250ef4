//! API Gateway's data plane: HTTP APIs answer at `/{API's name without "sluice-", or its id}/{stage}/{path}`, and their
//! stage `$default` at `/{name}/{path}`.
//!
//! It implements what the local AWS only imitates: it serves the snapshot of the stage's deployment, resolves stage
//! variables, requires the right to invoke the function's version or alias, and chooses the alias's version by weight. The
//! caller gets 500 for any error in the integration, as on AWS; the sandbox's log has the reason.

mod event;
mod function;
mod integration;
mod permission;
mod response;
mod routes;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::access::Access;
use super::account::{ACCOUNT, REGION};
use super::apigateway::{ApiGateway, Snapshot};
use super::strict::{Strict, stage_key};
use super::upstream::Upstream;
use event::MatchedRequest;
use function::Function;

/// API Gateway's limit for a payload, in bytes.
const MAX_PAYLOAD: usize = 10 * 1024 * 1024;

/// The data plane; clones share the snapshots.
#[derive(Clone)]
pub struct Runtime {
    upstream: Upstream,
    apis: ApiGateway,
    access: Access,
    strict: Strict,
}

/// Why a request does not reach a function.
enum RuntimeError {
    /// The API, stage or route does not exist.
    NotFound,
    /// The integration is wrong; the text goes to the log.
    BadIntegration(String),
}

/// Serves all stages.
pub fn router(runtime: Runtime) -> Router {
    Router::new().fallback(answer).with_state(runtime)
}

async fn answer(State(runtime): State<Runtime>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_PAYLOAD).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let path = parts.uri.path().to_owned();
    match runtime.serve(&parts, &body).await {
        Ok(response) => response,
        Err(RuntimeError::NotFound) => message(StatusCode::NOT_FOUND, "Not Found"),
        Err(RuntimeError::BadIntegration(why)) => {
            tracing::warn!(%path, %why, "a stage's integration is wrong");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({"message": text}))).into_response()
}

impl Runtime {
    pub fn new(upstream: Upstream, apis: ApiGateway, access: Access, strict: Strict) -> Self {
        Self { upstream, apis, access, strict }
    }

    async fn serve(
        &self,
        parts: &axum::http::request::Parts,
        body: &Bytes,
    ) -> Result<Response, RuntimeError> {
        let path = parts.uri.path().trim_start_matches('/');
        let (name, path) = path.split_once('/').unwrap_or((path, ""));
        let api = self.api(name).await?;
        let (stage, path) = self.stage(&api, path).await?;
        let snapshot = self.snapshot(&api, &stage).await?;
        let route =
            routes::find(&snapshot.routes, parts.method.as_str(), &path).ok_or(RuntimeError::NotFound)?;
        let uri = function::resolve_variables(&route.found.uri, &stage["stageVariables"])
            .map_err(RuntimeError::BadIntegration)?;
        let function = Function::of(&uri)
            .ok_or_else(|| RuntimeError::BadIntegration(format!("no function in {uri}")))?;
        let stage_name = stage["stageName"].as_str().unwrap_or_default();
        let source = format!(
            "arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage_name}/{}",
            routes::arn_suffix(&route.found.key, parts.method.as_str())
        );
        match &route.found.credentials {
            Some(role) => self.permitted_to_role(role, &function, &source).await?,
            None => self.permitted_by_function(&function, &source).await?,
        }
        let version = self.version(&function).await?;
        let hit = MatchedRequest { api: &api, stage: &stage, path: &path, route: &route, parts, body };
        self.invoke(&function.name, &version, &event::of(&hit)).await
    }

    async fn api(&self, name: &str) -> Result<String, RuntimeError> {
        let apis = self.apis.items("/v2/apis").await.map_err(|_| RuntimeError::NotFound)?;
        let ours = format!("sluice-{name}");
        let found = apis.iter().find(|api| api["apiId"] == name || api["name"] == ours.as_str());
        found.and_then(|api| api["apiId"].as_str()).map(str::to_owned).ok_or(RuntimeError::NotFound)
    }

    /// The stage that a path begins with, or `$default`, and the path without the stage.
    async fn stage(&self, api: &str, path: &str) -> Result<(Value, String), RuntimeError> {
        let stages =
            self.apis.items(&format!("/v2/apis/{api}/stages")).await.map_err(|_| RuntimeError::NotFound)?;
        let named = |name: &str| match self.strict.seen(&stage_key(api, name)) {
            Some(earlier) => Some(earlier).filter(|earlier| !earlier.is_null()),
            None => stages.iter().find(|known| known["stageName"] == name).cloned(),
        };
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        // The stage `$default` has no segment of its own.
        if first != "$default"
            && let Some(stage) = named(first)
        {
            return Ok((stage, format!("/{rest}")));
        }
        Ok((named("$default").ok_or(RuntimeError::NotFound)?, format!("/{path}")))
    }

    async fn snapshot(&self, api: &str, stage: &Value) -> Result<Arc<Snapshot>, RuntimeError> {
        if stage["autoDeploy"] == true {
            let live = self.apis.live(api).await;
            return live
                .map(Arc::new)
                .map_err(|_| RuntimeError::BadIntegration("the definition cannot be read".into()));
        }
        // A stage without a deployment has no routes.
        let deployment = stage["deploymentId"].as_str().ok_or(RuntimeError::NotFound)?;
        self.apis.snapshot(api, deployment).ok_or(RuntimeError::NotFound)
    }
}
