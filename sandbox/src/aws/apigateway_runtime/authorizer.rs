//! Lambda authorizers: the event that they get, and what their answer allows.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>.
//!
//! Answers are not cached, and claims of a JWT are checked without its signature, because a sandbox reaches no issuer.

mod policy;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::super::account::{ACCOUNT, REGION};
use super::event_v1::{self, StageRequest};
use super::function::{self, Function};
use super::{Runtime, RuntimeError, message};
use crate::aws::request::query;

const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";

impl Runtime {
    /// What the authorizer of a method of a REST API gives to the function, or the refusal.
    pub(super) async fn authorize_rest(
        &self,
        scheme: &Value,
        request: &StageRequest<'_>,
    ) -> Result<Result<Value, Response>, RuntimeError> {
        let authorizer = &scheme[AUTHORIZER];
        if scheme.is_null() {
            return Ok(Ok(Value::Null));
        }
        let unauthorized = || Ok(Err(message(StatusCode::UNAUTHORIZED, "Unauthorized")));
        let arn = method_arn(request);
        let event = match authorizer["type"].as_str() {
            Some("token") => {
                let source = authorizer["identitySource"].as_str();
                let header = source.and_then(|source| source.strip_prefix("method.request.header."));
                let header = header.or(scheme["name"].as_str()).unwrap_or("Authorization");
                let token = request.parts.headers.get(header).and_then(|value| value.to_str().ok());
                let Some(token) = token.filter(|token| !token.is_empty()) else { return unauthorized() };
                json!({ "type": "TOKEN", "methodArn": arn, "authorizationToken": token })
            }
            Some("request") => {
                let sources = authorizer["identitySource"].as_str().unwrap_or_default().split(',');
                let mut sources = sources.map(str::trim).filter(|source| !source.is_empty());
                if !sources.all(|source| identity(request, source).is_some()) {
                    return unauthorized();
                }
                let mut event = event_v1::of(request);
                event["type"] = "REQUEST".into();
                event["methodArn"] = arn.clone().into();
                event
            }
            // Signatures and Cognito's user pools are not checked here, so they admit nobody.
            _ => return Ok(Err(message(StatusCode::FORBIDDEN, "Missing Authentication Token"))),
        };
        let answer = match self.ask(authorizer, request, &event).await {
            Ok(answer) => answer,
            Err(RuntimeError::FunctionFailed(error)) if error.contains("\"Unauthorized\"") => {
                return unauthorized();
            }
            Err(other) => return Err(other),
        };
        Ok(allowed(&answer, &arn).map_err(|refusal| match refusal {
            "" => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
            text => (StatusCode::FORBIDDEN, axum::Json(json!({ "Message": text }))).into_response(),
        }))
    }

    /// The same for a route of an HTTP API.
    pub(super) async fn authorize_http(
        &self,
        scheme: &Value,
        request: &StageRequest<'_>,
        event: &Value,
    ) -> Result<Result<Value, Response>, RuntimeError> {
        let authorizer = &scheme[AUTHORIZER];
        if scheme.is_null() {
            return Ok(Ok(Value::Null));
        }
        let unauthorized = || Ok(Err(message(StatusCode::UNAUTHORIZED, "Unauthorized")));
        let forbidden = || Ok(Err(message(StatusCode::FORBIDDEN, "Forbidden")));
        let sources = match &authorizer["identitySource"] {
            Value::Array(sources) => sources.iter().filter_map(Value::as_str).collect(),
            source => source.as_str().into_iter().collect::<Vec<_>>(),
        };
        let identities: Option<Vec<String>> =
            sources.iter().map(|source| identity(request, source)).collect();
        let Some(identities) = identities else { return unauthorized() };
        if authorizer["type"] == "jwt" {
            let claims = identities.first().and_then(|token| claims(token, &authorizer["jwtConfiguration"]));
            return match claims {
                Some(claims) => Ok(Ok(json!({ "jwt": { "claims": claims, "scopes": null } }))),
                None => unauthorized(),
            };
        }
        let arn = method_arn(request);
        let is_format_1 = authorizer["authorizerPayloadFormatVersion"] == "1.0";
        let mut asked = event.clone();
        asked["type"] = "REQUEST".into();
        if is_format_1 {
            asked["methodArn"] = arn.clone().into();
            asked["identitySource"] = identities.join(",").into();
        } else {
            asked["routeArn"] = arn.clone().into();
            asked["identitySource"] = identities.into();
        }
        let answer = self.ask(authorizer, request, &asked).await?;
        if authorizer["enableSimpleResponses"] == true && !is_format_1 {
            return match answer["isAuthorized"].as_bool() {
                Some(true) => Ok(Ok(json!({ "lambda": answer["context"] }))),
                Some(false) => forbidden(),
                None => Err(RuntimeError::BadIntegration("the authorizer gave no isAuthorized".into())),
            };
        }
        match allowed(&answer, &arn) {
            Ok(context) if is_format_1 => Ok(Ok(context)),
            Ok(_) => Ok(Ok(json!({ "lambda": answer["context"] }))),
            Err("") => Err(RuntimeError::BadIntegration("the authorizer gave no policy".into())),
            Err(_) => forbidden(),
        }
    }

    /// Invokes an authorizer's function.
    async fn ask(
        &self,
        authorizer: &Value,
        request: &StageRequest<'_>,
        event: &Value,
    ) -> Result<Value, RuntimeError> {
        let uri = authorizer["authorizerUri"].as_str().unwrap_or_default();
        let uri =
            function::resolve_variables(uri, request.variables).map_err(RuntimeError::BadIntegration)?;
        let function = Function::of(&uri)
            .ok_or_else(|| RuntimeError::BadIntegration(format!("no function in {uri}")))?;
        let source = format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{}/authorizers/a", request.api);
        match authorizer["authorizerCredentials"].as_str() {
            Some(role) => self.permitted_to_role(role, function.invocation(), &source).await?,
            None => self.permitted_by_function(&function, &source).await?,
        }
        let version = self.version(&function).await?;
        self.invoke(&function, &version, event).await
    }
}

/// `arn:aws:execute-api:us-east-1:000000000000:r1/Prod/GET/items/7`.
fn method_arn(request: &StageRequest<'_>) -> String {
    let (api, stage, method) = (request.api, request.stage, request.parts.method.as_str());
    format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage}/{method}{}", request.path)
}

/// The value of an identity source: `method.request.header.X`, `$request.querystring.X` and so on.
fn identity(request: &StageRequest<'_>, source: &str) -> Option<String> {
    let source = source.trim_start_matches("method.").trim_start_matches('$');
    let source = source.strip_prefix("request.").unwrap_or(source);
    let (place, name) = source.split_once('.')?;
    let value = match place {
        "header" => request.parts.headers.get(name)?.to_str().ok().map(str::to_owned),
        "querystring" => query(request.parts, name),
        "stageVariables" => request.variables[name].as_str().map(str::to_owned),
        _ => None,
    };
    value.filter(|value| !value.is_empty())
}

/// The context of an answer whose policy allows the method; the refusal's text otherwise, empty if the answer is malformed.
fn allowed(answer: &Value, arn: &str) -> Result<Value, &'static str> {
    let (Some(principal), Some(statements)) =
        (answer["principalId"].as_str(), policy::statements(&answer["policyDocument"]))
    else {
        return Err("");
    };
    match policy::decision(statements, arn) {
        Some(true) => {
            let mut context: Map<String, Value> = answer["context"].as_object().cloned().unwrap_or_default();
            for value in context.values_mut() {
                if !value.is_string() {
                    *value = value.to_string().into();
                }
            }
            context.insert("principalId".into(), principal.into());
            Ok(context.into())
        }
        Some(false) => Err("User is not authorized to access this resource with an explicit deny"),
        None => Err("User is not authorized to access this resource"),
    }
}

/// The claims of a token from that issuer for that audience, if it has not expired.
fn claims(token: &str, expected: &Value) -> Option<Value> {
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let audience = expected["audience"].as_array()?;
    let is_for = match claims.get("aud").or_else(|| claims.get("client_id"))? {
        Value::Array(named) => named.iter().any(|named| audience.contains(named)),
        named => audience.contains(named),
    };
    let lives = claims["exp"].as_i64()? > jiff::Timestamp::now().as_second();
    (claims["iss"] == expected["issuer"] && is_for && lives).then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:r1/Prod/GET/items/7";

    fn answer(effect: &str, resource: &str) -> Value {
        json!({ "principalId": "me", "context": { "a": 1 }, "policyDocument": { "Statement": [
            { "Effect": effect, "Action": "execute-api:Invoke", "Resource": resource },
        ] } })
    }

    #[test]
    fn the_policy_of_the_answer_decides() {
        let context = allowed(&answer("Allow", "arn:aws:execute-api:*:*:r1/Prod/GET/*"), ARN);
        assert_eq!(context, Ok(json!({ "a": "1", "principalId": "me" })));
        assert!(allowed(&answer("Deny", "*"), ARN).unwrap_err().ends_with("explicit deny"));
        let other = allowed(&answer("Allow", "arn:aws:execute-api:*:*:r1/Prod/POST/*"), ARN);
        assert_eq!(other, Err("User is not authorized to access this resource"));
        assert_eq!(allowed(&json!({ "isAuthorized": true }), ARN), Err(""));
    }

    #[test]
    fn claims_are_of_the_issuer_for_the_audience_and_not_expired() {
        let expected = json!({ "issuer": "https://issuer.example", "audience": ["shop"] });
        let token = |claims: Value| format!("Bearer x.{}.y", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let later = jiff::Timestamp::now().as_second() + 60;
        let good = json!({ "iss": "https://issuer.example", "aud": "shop", "exp": later });
        assert_eq!(claims(&token(good.clone()), &expected), Some(good.clone()));
        for (field, value) in [("iss", json!("x")), ("aud", json!(["x"])), ("exp", json!(later - 120))] {
            let mut bad = good.clone();
            bad[field] = value;
            assert_eq!(claims(&token(bad), &expected), None, "{field}");
        }
        assert_eq!(claims("nonsense", &expected), None);
    }
}
