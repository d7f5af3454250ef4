//! HTTP APIs: the route of a request, its authorizer, its function.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::Value;

use super::super::account::{ACCOUNT, REGION};
use super::super::apigateway::Snapshot;
use super::super::strict::stage_key;
use super::event::{self, MatchedRequest};
use super::event_v1::{self, StageRequest};
use super::function::{self, Function};
use super::{Runtime, RuntimeError, cors, log, message, response, routes};

impl Runtime {
    /// Answers a request to an HTTP API; the path is without the API.
    pub(super) async fn answer_http(&self, api: &Value, path: &str, parts: &Parts, body: &Bytes) -> Response {
        let id = api["apiId"].as_str().unwrap_or_default();
        let rules = &api["corsConfiguration"];
        let mut answer = match self.serve_http(id, rules, path, parts, body).await {
            Ok(response) => response,
            Err(RuntimeError::NotFound) => message(StatusCode::NOT_FOUND, "Not Found"),
            Err(
                RuntimeError::BadIntegration(why)
                | RuntimeError::FunctionFailed(why)
                | RuntimeError::BadAnswer(why),
            ) => {
                log(parts, &why);
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        };
        cors::allow(rules, parts, answer.headers_mut());
        answer
    }

    async fn serve_http(
        &self,
        api: &str,
        cors_rules: &Value,
        path: &str,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Response, RuntimeError> {
        let (stage, path) = self.stage(api, path).await?;
        let snapshot = self.snapshot(api, &stage).await?;
        let route = routes::find(&snapshot.routes, parts.method.as_str(), &path);
        let has_own = route.as_ref().is_some_and(|route| route.found.key.starts_with("OPTIONS "));
        if !has_own && let Some(preflight) = cors::preflight(cors_rules, parts) {
            return Ok(preflight);
        }
        let route = route.ok_or(RuntimeError::NotFound)?;
        let stage_name = stage["stageName"].as_str().unwrap_or_default();
        let full_path = if stage_name == "$default" { path.clone() } else { format!("/{stage_name}{path}") };
        let hit = MatchedRequest { api, stage: &stage, path: &path, route: &route, parts, body };
        let key = &route.found.key;
        let mut request = StageRequest {
            api,
            stage: stage_name,
            deployment: stage["deploymentId"].as_str().unwrap_or_default(),
            variables: &stage["stageVariables"],
            resource: key.split_once(' ').map_or(key.as_str(), |(_, resource)| resource),
            path: &path,
            full_path: &full_path,
            parameters: &route.parameters,
            parts,
            body,
            is_binary: std::str::from_utf8(body).is_err(),
            authorizer: Value::Null,
        };
        let scheme = &route.found.scheme;
        let asks_in_1 = scheme["x-amazon-apigateway-authorizer"]["authorizerPayloadFormatVersion"] == "1.0";
        let asked = if asks_in_1 { event_v1::of_http_api(&request) } else { event::of(&hit) };
        let context = match self.authorize_http(scheme, &request, &asked).await? {
            Ok(context) => context,
            Err(refusal) => return Ok(refusal),
        };
        let source = format!(
            "arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage_name}/{}",
            routes::arn_suffix(key, parts.method.as_str())
        );
        let role = route.found.credentials.as_deref();
        if !route.found.service.is_null() {
            return self.call_service(&route.found.service, role, &request, &source).await;
        }
        let uri = function::resolve_variables(&route.found.uri, &stage["stageVariables"])
            .map_err(RuntimeError::BadIntegration)?;
        let function = Function::of(&uri)
            .ok_or_else(|| RuntimeError::BadIntegration(format!("no function in {uri}")))?;
        match role {
            Some(role) => self.permitted_to_role(role, function.invocation(), &source).await?,
            None => self.permitted_by_function(&function, &source).await?,
        }
        let version = self.version(&function).await?;
        let event = if route.found.is_format_1 {
            // In format 1.0, the context stands without the kind of the authorizer.
            request.authorizer = context.get("lambda").cloned().unwrap_or(context);
            event_v1::of_http_api(&request)
        } else {
            let mut event = event::of(&hit);
            if !context.is_null() {
                event["requestContext"]["authorizer"] = context;
            }
            event
        };
        let answer = self.invoke(&function, &version, &event).await?;
        let bad = || RuntimeError::BadAnswer(format!("{function} did not return a response"));
        response::response(&answer).ok_or_else(bad)
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
