//! API Gateway's data plane: HTTP APIs answer at `/{pipeline or API id}/{stage}/{path}`.
//!
//! It implements what the local AWS only imitates: it serves the snapshot of the stage's deployment, resolves stage
//! variables, requires the invoke permission on the alias that the stage names, and chooses the alias's version by
//! weight. The caller gets 500 for any error in the integration, as on AWS; the sandbox's log has the reason.

mod event;
mod permission;
mod response;
mod routes;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::account::{ACCOUNT, REGION};
use super::apigateway::{ApiGateway, Snapshot};
use super::lambda::weighted_version;
use super::strict::{Strict, alias_key, stage_key};
use super::upstream::Upstream;
use event::MatchedRequest;

/// API Gateway's limit for a payload, in bytes.
const MAX_PAYLOAD: usize = 10 * 1024 * 1024;

/// The data plane; clones share the snapshots.
#[derive(Clone)]
pub struct Runtime {
    upstream: Upstream,
    apis: ApiGateway,
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
    pub fn new(upstream: Upstream, apis: ApiGateway, strict: Strict) -> Self {
        Self { upstream, apis, strict }
    }

    async fn serve(
        &self,
        parts: &axum::http::request::Parts,
        body: &Bytes,
    ) -> Result<Response, RuntimeError> {
        let path = parts.uri.path();
        let mut segments = path.trim_start_matches('/').splitn(3, '/');
        let (name, stage) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let rest = format!("/{}", segments.next().unwrap_or_default());
        let api = self.api(name).await?;
        let stage = self.stage(&api, stage).await?;
        let snapshot = self.snapshot(&api, &stage).await?;
        let route =
            routes::find(&snapshot.routes, parts.method.as_str(), &rest).ok_or(RuntimeError::NotFound)?;
        let uri = resolve_variables(route.target, &stage["stageVariables"])?;
        let function = Function::of(&uri)
            .ok_or_else(|| RuntimeError::BadIntegration(format!("no function in {uri}")))?;
        let stage_name = stage["stageName"].as_str().unwrap_or_default();
        let source = format!(
            "arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage_name}/{}",
            routes::arn_suffix(route.key, parts.method.as_str())
        );
        self.permitted(&function, &source).await?;
        let version = self.version(&function).await?;
        let hit = MatchedRequest { api: &api, stage: &stage, path: &rest, route: &route, parts, body };
        self.invoke(&function.name, &version, &event::of(&hit)).await
    }

    async fn api(&self, name: &str) -> Result<String, RuntimeError> {
        let apis = self.apis.items("/v2/apis").await.map_err(|_| RuntimeError::NotFound)?;
        let ours = format!("sluice-{name}");
        let found = apis.iter().find(|api| api["apiId"] == name || api["name"] == ours.as_str());
        found.and_then(|api| api["apiId"].as_str()).map(str::to_owned).ok_or(RuntimeError::NotFound)
    }

    async fn stage(&self, api: &str, stage: &str) -> Result<Value, RuntimeError> {
        match self.strict.seen(&stage_key(api, stage)) {
            Some(Value::Null) => return Err(RuntimeError::NotFound),
            Some(earlier) => return Ok(earlier),
            None => {}
        }
        let stages =
            self.apis.items(&format!("/v2/apis/{api}/stages")).await.map_err(|_| RuntimeError::NotFound)?;
        stages.into_iter().find(|known| known["stageName"] == stage).ok_or(RuntimeError::NotFound)
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

    async fn permitted(&self, function: &Function, source: &str) -> Result<(), RuntimeError> {
        let qualifier = function.qualifier.as_ref().map(|q| format!("?Qualifier={q}")).unwrap_or_default();
        let path = format!("/2015-03-31/functions/{}/policy{qualifier}", function.name);
        let answer = self.lambda(Method::GET, &path, "").await?;
        let policy = answer["Policy"].as_str().unwrap_or_default();
        if permission::allows(policy, source) {
            return Ok(());
        }
        Err(RuntimeError::BadIntegration(format!(
            "{function} has no permission for API Gateway from {source}"
        )))
    }

    /// The version that the alias points to, chosen by weight if it has weights.
    async fn version(&self, function: &Function) -> Result<String, RuntimeError> {
        let name = &function.name;
        let Some(qualifier) = &function.qualifier else { return Ok("$LATEST".into()) };
        let version = if qualifier.bytes().all(|byte| byte.is_ascii_digit()) {
            qualifier.clone()
        } else {
            let path = format!("/2015-03-31/functions/{name}/aliases/{qualifier}");
            let alias = match self.strict.seen(&alias_key(name, qualifier)) {
                Some(earlier) => earlier,
                None => self.lambda(Method::GET, &path, "").await?,
            };
            weighted_version(&alias, rand::random::<f64>())
                .ok_or_else(|| RuntimeError::BadIntegration(format!("no alias {function}")))?
        };
        let path = format!("/2015-03-31/functions/{name}/configuration?Qualifier={version}");
        match self.lambda(Method::GET, &path, "").await?["Version"].as_str() {
            Some(found) if found == version => Ok(version),
            _ => Err(RuntimeError::BadIntegration(format!(
                "{function} points to version {version}, which does not exist"
            ))),
        }
    }

    async fn invoke(&self, name: &str, version: &str, event: &Value) -> Result<Response, RuntimeError> {
        let path = format!("/2015-03-31/functions/{name}/invocations?Qualifier={version}");
        let answer = self
            .upstream
            .call("lambda", Method::POST, &path, &[], event.to_string())
            .await
            .map_err(|_| RuntimeError::BadIntegration("the function cannot be invoked".into()))?;
        if !answer.status.is_success() || answer.headers.contains_key("x-amz-function-error") {
            let error = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(RuntimeError::BadIntegration(format!("{name}:{version} failed: {error}")));
        }
        response::response(&answer.json()).ok_or_else(|| {
            RuntimeError::BadIntegration(format!("{name}:{version} did not return a response"))
        })
    }

    async fn lambda(&self, method: Method, path: &str, body: &'static str) -> Result<Value, RuntimeError> {
        let answer = self.upstream.call("lambda", method, path, &[], body).await;
        answer
            .map(|answer| answer.json())
            .map_err(|_| RuntimeError::BadIntegration("Lambda did not answer".into()))
    }
}

/// The function that an integration names, with its alias or version.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    qualifier: Option<String>,
}

impl Function {
    /// Reads an invocation URI or a plain ARN.
    fn of(uri: &str) -> Option<Self> {
        let arn = match uri.split_once("/functions/") {
            Some((_, rest)) => rest.strip_suffix("/invocations")?,
            None => uri,
        };
        let mut fields = arn.strip_prefix("arn:aws:lambda:")?.split(':').skip(2);
        if fields.next() != Some("function") {
            return None;
        }
        Some(Self { name: fields.next()?.to_owned(), qualifier: fields.next().map(str::to_owned) })
    }
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, self.qualifier.as_deref().unwrap_or("$LATEST"))
    }
}

/// Replaces `${stageVariables.name}`. An undefined variable is an error of the integration.
fn resolve_variables(uri: &str, variables: &Value) -> Result<String, RuntimeError> {
    const START: &str = "${stageVariables.";
    let (mut resolved, mut rest) = (String::new(), uri);
    while let Some((before, after)) = rest.split_once(START) {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| RuntimeError::BadIntegration(format!("an unterminated variable in {uri}")))?;
        let value = variables[name].as_str();
        let value =
            value.ok_or_else(|| RuntimeError::BadIntegration(format!("the stage has no variable {name}")))?;
        resolved.push_str(before);
        resolved.push_str(value);
        rest = after;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:0:function:f:${stageVariables.alias}/invocations";

    #[test]
    fn undefined_stage_variables_are_errors() {
        let uri = resolve_variables(URI, &json!({"alias": "prod"})).ok().unwrap();
        let function = Function::of(&uri).unwrap();
        assert_eq!(function, Function { name: "f".into(), qualifier: Some("prod".into()) });
        assert!(resolve_variables(URI, &json!({"other": "prod"})).is_err());
        assert!(resolve_variables(URI, &Value::Null).is_err());
    }
}
