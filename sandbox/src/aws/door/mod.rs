//! The stages' door: where the stages of HTTP APIs answer, `/{pipeline or API id}/{stage}/{path}`.
//!
//! It does what the local AWS only pretends: serves the snapshot of the stage's deployment, resolves stage variables,
//! insists on the invoke permission of the very alias that a stage names, and resolves the alias to its version by
//! weight. Whatever is wrong with the integration is 500 to the caller, as on AWS; why is in the sandbox's log.

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

use super::apis::{Apis, Snapshot};
use super::{ACCOUNT, REGION, Strict, Upstream};
use event::Hit;

/// API Gateway's limit of a payload.
const LARGEST_PAYLOAD: usize = 10 * 1024 * 1024;

/// The data plane of API Gateway.
#[derive(Clone)]
pub struct Door {
    upstream: Upstream,
    apis: Apis,
    strict: Strict,
}

/// Why a request does not reach a function.
enum Closed {
    /// No such API, stage or route.
    NotFound,
    /// The integration is not right; the text is for the log.
    Broken(String),
}

/// The door's routes.
pub fn router(door: Door) -> Router {
    Router::new().fallback(answer).with_state(door)
}

async fn answer(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_PAYLOAD).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let path = parts.uri.path().to_owned();
    match door.serve(&parts, &body).await {
        Ok(response) => response,
        Err(Closed::NotFound) => message(StatusCode::NOT_FOUND, "Not Found"),
        Err(Closed::Broken(why)) => {
            tracing::warn!(%path, %why, "a stage's integration is not right");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({"message": text}))).into_response()
}

impl Door {
    pub fn new(upstream: Upstream, apis: Apis, strict: Strict) -> Self {
        Self { upstream, apis, strict }
    }

    async fn serve(&self, parts: &axum::http::request::Parts, body: &Bytes) -> Result<Response, Closed> {
        let path = parts.uri.path();
        let mut segments = path.trim_start_matches('/').splitn(3, '/');
        let (name, stage) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let rest = format!("/{}", segments.next().unwrap_or_default());
        let api = self.api(name).await?;
        let stage = self.stage(&api, stage).await?;
        let snapshot = self.snapshot(&api, &stage).await?;
        let route = routes::find(&snapshot.routes, parts.method.as_str(), &rest).ok_or(Closed::NotFound)?;
        let uri = resolve_variables(route.target, &stage["stageVariables"])?;
        let function = Function::of(&uri).ok_or_else(|| Closed::Broken(format!("no function in {uri}")))?;
        let stage_name = stage["stageName"].as_str().unwrap_or_default();
        let source = format!(
            "arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage_name}/{}",
            routes::arn_suffix(route.key, parts.method.as_str())
        );
        self.permitted(&function, &source).await?;
        let version = self.version(&function).await?;
        let hit = Hit { api: &api, stage: &stage, path: &rest, route: &route, parts, body };
        self.invoke(&function.name, &version, &event::of(&hit)).await
    }

    async fn api(&self, name: &str) -> Result<String, Closed> {
        let apis = self.apis.items("/v2/apis").await.map_err(|_| Closed::NotFound)?;
        let ours = format!("sluice-{name}");
        let found = apis.iter().find(|api| api["apiId"] == name || api["name"] == ours.as_str());
        found.and_then(|api| api["apiId"].as_str()).map(str::to_owned).ok_or(Closed::NotFound)
    }

    async fn stage(&self, api: &str, stage: &str) -> Result<Value, Closed> {
        match self.strict.seen(&super::stage_key(api, stage)) {
            Some(Value::Null) => return Err(Closed::NotFound),
            Some(earlier) => return Ok(earlier),
            None => {}
        }
        let stages =
            self.apis.items(&format!("/v2/apis/{api}/stages")).await.map_err(|_| Closed::NotFound)?;
        stages.into_iter().find(|known| known["stageName"] == stage).ok_or(Closed::NotFound)
    }

    async fn snapshot(&self, api: &str, stage: &Value) -> Result<Arc<Snapshot>, Closed> {
        if stage["autoDeploy"] == true {
            let live = self.apis.live(api).await;
            return live.map(Arc::new).map_err(|_| Closed::Broken("the definition cannot be read".into()));
        }
        // A stage without a deployment has no routes.
        let deployment = stage["deploymentId"].as_str().ok_or(Closed::NotFound)?;
        self.apis.snapshot(api, deployment).ok_or(Closed::NotFound)
    }

    async fn permitted(&self, function: &Function, source: &str) -> Result<(), Closed> {
        let qualifier = function.qualifier.as_ref().map(|q| format!("?Qualifier={q}")).unwrap_or_default();
        let path = format!("/2015-03-31/functions/{}/policy{qualifier}", function.name);
        let answer = self.lambda(Method::GET, &path, "").await?;
        let policy = answer["Policy"].as_str().unwrap_or_default();
        if permission::allows(policy, source) {
            return Ok(());
        }
        Err(Closed::Broken(format!("{function} has no permission for API Gateway from {source}")))
    }

    /// The version behind the alias: by weight, if it has weights.
    async fn version(&self, function: &Function) -> Result<String, Closed> {
        let name = &function.name;
        let Some(qualifier) = &function.qualifier else { return Ok("$LATEST".into()) };
        let version = if qualifier.bytes().all(|byte| byte.is_ascii_digit()) {
            qualifier.clone()
        } else {
            let path = format!("/2015-03-31/functions/{name}/aliases/{qualifier}");
            let alias = match self.strict.seen(&super::alias_key(name, qualifier)) {
                Some(earlier) => earlier,
                None => self.lambda(Method::GET, &path, "").await?,
            };
            pick(&alias, rand::random::<f64>())
                .ok_or_else(|| Closed::Broken(format!("no alias {function}")))?
        };
        let path = format!("/2015-03-31/functions/{name}/configuration?Qualifier={version}");
        match self.lambda(Method::GET, &path, "").await?["Version"].as_str() {
            Some(found) if found == version => Ok(version),
            _ => Err(Closed::Broken(format!("{function} points to version {version}, which does not exist"))),
        }
    }

    async fn invoke(&self, name: &str, version: &str, event: &Value) -> Result<Response, Closed> {
        let path = format!("/2015-03-31/functions/{name}/invocations?Qualifier={version}");
        let answer = self
            .upstream
            .call("lambda", Method::POST, &path, &[], event.to_string())
            .await
            .map_err(|_| Closed::Broken("the function cannot be invoked".into()))?;
        if !answer.status.is_success() || answer.headers.contains_key("x-amz-function-error") {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(Closed::Broken(format!("{name}:{version} failed: {said}")));
        }
        response::response(&answer.json())
            .ok_or_else(|| Closed::Broken(format!("{name}:{version} answered no response")))
    }

    async fn lambda(&self, method: Method, path: &str, body: &'static str) -> Result<Value, Closed> {
        let answer = self.upstream.call("lambda", method, path, &[], body).await;
        answer.map(|answer| answer.json()).map_err(|_| Closed::Broken("Lambda does not answer".into()))
    }
}

/// The function that an integration names, with its alias or version.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    qualifier: Option<String>,
}

impl Function {
    /// From the invocation URI or the plain ARN.
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

/// Puts stage variables in place of `${stageVariables.name}`; one that the stage does not have breaks the integration.
fn resolve_variables(uri: &str, variables: &Value) -> Result<String, Closed> {
    const START: &str = "${stageVariables.";
    let (mut resolved, mut rest) = (String::new(), uri);
    while let Some((before, after)) = rest.split_once(START) {
        let (name, after) =
            after.split_once('}').ok_or_else(|| Closed::Broken(format!("an open variable in {uri}")))?;
        let value = variables[name].as_str();
        let value = value.ok_or_else(|| Closed::Broken(format!("the stage has no variable {name}")))?;
        resolved.push_str(before);
        resolved.push_str(value);
        rest = after;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// The version that an alias gives for a throw of the dice between 0 and 1.
pub(super) fn pick(alias: &Value, dice: f64) -> Option<String> {
    let mut left = dice;
    let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].as_object();
    for (version, weight) in weights.into_iter().flatten() {
        let weight = weight.as_f64().unwrap_or(0.0);
        if left < weight {
            return Some(version.clone());
        }
        left -= weight;
    }
    alias["FunctionVersion"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:0:function:f:${stageVariables.alias}/invocations";

    #[test]
    fn stage_variables_are_resolved_or_the_integration_is_broken() {
        let uri = resolve_variables(URI, &json!({"alias": "prod"})).ok().unwrap();
        let function = Function::of(&uri).unwrap();
        assert_eq!(function, Function { name: "f".into(), qualifier: Some("prod".into()) });
        assert!(resolve_variables(URI, &json!({"other": "prod"})).is_err());
        assert!(resolve_variables(URI, &Value::Null).is_err());
    }

    #[test]
    fn weights_split_the_traffic() {
        let alias =
            json!({"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.25}}});
        assert_eq!(pick(&alias, 0.1).unwrap(), "2");
        assert_eq!(pick(&alias, 0.25).unwrap(), "1");
        assert_eq!(pick(&json!({"FunctionVersion": "7"}), 0.0).unwrap(), "7");
        assert_eq!(pick(&json!({"message": "no such alias"}), 0.5), None);
    }
}
