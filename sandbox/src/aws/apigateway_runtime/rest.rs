//! REST APIs: the method of a request, its API key and authorizer, and its integration.
//!
//! What does not exist is refused with 403, an error of the integration with 500, and a function's error or malformed answer
//! with 502: <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::super::account::{ACCOUNT, REGION};
use super::super::apigateway::RestSnapshot;
use super::super::openapi::RestMethod;
use super::super::request::AwsRequest;
use super::super::strict::stage_key;
use super::event_v1::{self, StageRequest};
use super::function::{self, Function};
use super::{FRONT, Runtime, RuntimeError, log, message, mock, response_v1, routes};

impl Runtime {
    /// Answers a request to a REST API; the path is without the API.
    pub(super) async fn answer_rest(&self, api: &str, path: &str, parts: &Parts, body: &Bytes) -> Response {
        match self.serve_rest(api, path, parts, body).await {
            Ok(response) => response,
            Err(RuntimeError::NotFound) => message(StatusCode::FORBIDDEN, "Missing Authentication Token"),
            Err(RuntimeError::BadIntegration(why)) => {
                log(parts, &why);
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
            }
            Err(RuntimeError::FunctionFailed(why) | RuntimeError::BadAnswer(why)) => {
                log(parts, &why);
                message(StatusCode::BAD_GATEWAY, "Internal server error")
            }
        }
    }

    async fn serve_rest(
        &self,
        api: &str,
        path: &str,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Response, RuntimeError> {
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        let forbidden = || Ok(message(StatusCode::FORBIDDEN, "Forbidden"));
        let Some(stage) = self.rest_stage(api, name).await else { return forbidden() };
        let deployment = stage["deploymentId"].as_str().unwrap_or_default();
        let Some(snapshot) = self.apis.rest_snapshot(api, deployment) else {
            return Ok(self.not_imported(api, path, parts, body).await);
        };
        let (path, full_path) = (format!("/{rest}"), format!("/{path}"));
        let route =
            routes::find(&snapshot.routes, parts.method.as_str(), &path).ok_or(RuntimeError::NotFound)?;
        let key = &route.found.key;
        let method = snapshot.methods.get(key).ok_or(RuntimeError::NotFound)?;
        if method.needs_key && !self.has_key(&parts.headers).await {
            return forbidden();
        }
        let mut request = StageRequest {
            api,
            stage: name,
            deployment,
            variables: &stage["variables"],
            resource: key.split_once(' ').map_or("/", |(_, resource)| resource),
            path: &path,
            full_path: &full_path,
            parameters: &route.parameters,
            parts,
            body,
            is_binary: is_binary(&snapshot, parts.headers.get(header::CONTENT_TYPE)),
            authorizer: Value::Null,
        };
        request.authorizer = match self.authorize_rest(&method.scheme, &request).await? {
            Ok(context) => context,
            Err(refusal) => return Ok(refusal),
        };
        self.integrate(&snapshot, method, &route.found.uri, &request).await
    }

    async fn integrate(
        &self,
        snapshot: &RestSnapshot,
        method: &RestMethod,
        uri: &str,
        request: &StageRequest<'_>,
    ) -> Result<Response, RuntimeError> {
        match method.integration["type"].as_str().unwrap_or_default().to_uppercase().as_str() {
            "MOCK" => return mock::response(&method.integration).map_err(RuntimeError::BadIntegration),
            "AWS_PROXY" => {}
            other => {
                return Err(RuntimeError::BadIntegration(format!(
                    "the sandbox has no integrations of the type {other}"
                )));
            }
        }
        let uri =
            function::resolve_variables(uri, request.variables).map_err(RuntimeError::BadIntegration)?;
        let function = Function::of(&uri)
            .ok_or_else(|| RuntimeError::BadIntegration(format!("no function in {uri}")))?;
        let source = format!(
            "arn:aws:execute-api:{REGION}:{ACCOUNT}:{}/{}/{}",
            request.api,
            request.stage,
            routes::arn_suffix(&method.key, request.parts.method.as_str())
        );
        match method.integration["credentials"].as_str() {
            Some(role) => self.permitted_to_role(role, function.invocation(), &source).await?,
            None => self.permitted_by_function(&function, &source).await?,
        }
        let version = self.version(&function).await?;
        let answer = self.invoke(&function, &version, &event_v1::of(request)).await?;
        let accepts = request.parts.headers.get(header::ACCEPT);
        response_v1::response(&answer, is_binary(snapshot, accepts)).ok_or_else(|| {
            RuntimeError::BadAnswer(format!("{function} returned a malformed answer: {answer}"))
        })
    }

    /// The stage as the data plane sees it.
    async fn rest_stage(&self, api: &str, name: &str) -> Option<Value> {
        if let Some(earlier) = self.strict.seen(&stage_key(api, name)) {
            return Some(earlier).filter(|earlier| !earlier.is_null());
        }
        let stages = self.apis.rest_items(&format!("/restapis/{api}/stages")).await.ok()?;
        stages.into_iter().find(|stage| stage["stageName"] == name)
    }

    /// Whether a request has a known API key. Usage plans are not kept here.
    async fn has_key(&self, headers: &HeaderMap) -> bool {
        let Some(key) = headers.get("x-api-key").and_then(|key| key.to_str().ok()) else { return false };
        let path = "/apikeys?includeValues=true&limit=500";
        let known = self.upstream.call("apigateway", Method::GET, path, &[], "").await;
        let known = known.map(|answer| answer.json()).unwrap_or_default();
        let mut known = known["item"].as_array().into_iter().flatten();
        known.any(|known| known["value"] == key && known["enabled"] != false)
    }

    /// An API that a stack made of single resources: the local AWS serves it.
    async fn not_imported(&self, api: &str, path: &str, parts: &Parts, body: &Bytes) -> Response {
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut parts = parts.clone();
        let Ok(uri) = format!("{FRONT}{api}/{path}{query}").parse() else {
            return message(StatusCode::FORBIDDEN, "Missing Authentication Token");
        };
        parts.uri = uri;
        self.upstream.forward(AwsRequest { parts, body: body.clone() }).await.into_response()
    }
}

/// Whether a content type, the first one of a header, is among the API's binary ones.
fn is_binary(snapshot: &RestSnapshot, value: Option<&axum::http::HeaderValue>) -> bool {
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split([',', ';']).next().unwrap_or_default().trim();
    snapshot.binary.iter().any(|binary| binary == "*/*" || (!kind.is_empty() && binary == kind))
}
