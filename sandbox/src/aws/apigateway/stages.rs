//! Stages: their names, deployments and variables.

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::super::request::AwsRequest;
use super::super::strict::stage_key;
use super::{ApiGateway, Refusable, bad_request, refuse, refused};

/// Quotas of a stage: its variables, and the lengths of their names and values in characters.
pub(super) const MAX_VARIABLES: usize = 100;
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 512;

impl ApiGateway {
    pub(super) async fn put_stage(
        &self,
        api: &str,
        name: &str,
        method: &str,
        mut request: AwsRequest,
    ) -> Refusable<Response> {
        let mut body = request.json();
        if let Some(deployment) = body["deploymentId"].as_str() {
            let deployments = self.items(&format!("/v2/apis/{api}/deployments")).await?;
            if !deployments.iter().any(|known| known["deploymentId"] == deployment) {
                let message = format!("Unable to find Deployment by ID {deployment} within Api {api}");
                return Err(refuse(StatusCode::NOT_FOUND, "NotFoundException", &message));
            }
        }
        let stages = self.items(&format!("/v2/apis/{api}/stages")).await?;
        let created = body["stageName"].as_str().unwrap_or_default().to_owned();
        let name = if method == "CreateStage" { created.as_str() } else { name };
        let known = stages.iter().find(|stage| stage["stageName"] == name).cloned();
        match (method, known.is_some()) {
            ("CreateStage", true) => {
                return Err(refuse(StatusCode::CONFLICT, "ConflictException", "Stage already exists"));
            }
            ("UpdateStage", false) => {
                let message = "Invalid stage identifier specified";
                return Err(refuse(StatusCode::NOT_FOUND, "NotFoundException", message));
            }
            (_, true) => {}
            (_, false) => self.0.strict.quota(|quotas| quotas.stage(stages.len())).map_err(refused)?,
        }
        let before = known.unwrap_or_default();
        let deploys = body["autoDeploy"].as_bool().or(before["autoDeploy"].as_bool()) == Some(true);
        if deploys && body["deploymentId"].is_string() {
            return Err(bad_request("Deployment ID can't be updated if autoDeploy is enabled"));
        }
        if let Some(changes) = body["stageVariables"].as_object() {
            let merged = merged(&before["stageVariables"], changes, method == "UpdateStage");
            body["stageVariables"] = Value::Object(merged.map_err(|error| bad_request(&error))?);
            request.body = body.to_string().into();
        }
        check_destination(body["accessLogSettings"]["destinationArn"].as_str())
            .map_err(|error| bad_request(&error))?;
        // The local AWS replaces them; API Gateway merges them by route.
        if let (Some(own), Some(had)) =
            (body["routeSettings"].as_object(), before["routeSettings"].as_object())
        {
            let merged: Map<String, Value> = had.clone().into_iter().chain(own.clone()).collect();
            body["routeSettings"] = merged.into();
            request.body = body.to_string().into();
        }
        let answer = self.0.upstream.exchange(&request).await?;
        if answer.status.is_success() {
            self.0.strict.moved(&stage_key(api, name), before, answer.json());
        }
        Ok(answer.into_response())
    }

    /// Deletes the access log of a stage, or the settings of a route. The local AWS does not have these calls.
    pub(super) async fn delete_settings(&self, api: &str, name: &str, path: &str) -> Refusable<Response> {
        let stages = self.items(&format!("/v2/apis/{api}/stages")).await?;
        let Some(stage) = stages.iter().find(|stage| stage["stageName"] == name) else {
            let message = "Invalid stage identifier specified";
            return Err(refuse(StatusCode::NOT_FOUND, "NotFoundException", message));
        };
        let body = match path.split_once("/routesettings/") {
            Some((_, route)) => {
                let mut settings = stage["routeSettings"].as_object().cloned().unwrap_or_default();
                if settings.remove(route).is_none() {
                    let message = format!("Unable to find Route Settings by Route Key {route}");
                    return Err(refuse(StatusCode::NOT_FOUND, "NotFoundException", &message));
                }
                json!({ "routeSettings": settings })
            }
            None => json!({ "accessLogSettings": {} }),
        };
        let path = format!("/v2/apis/{api}/stages/{name}");
        let answer = self.0.upstream.call("apigateway", Method::PATCH, &path, &[], body.to_string()).await?;
        match answer.status.is_success() {
            true => Ok(StatusCode::NO_CONTENT.into_response()),
            false => Err(Box::new(answer.into_response())),
        }
    }
}

/// Refuses the ARN of a log group as `Fn::GetAtt` gives it.
pub(super) fn check_destination(arn: Option<&str>) -> Result<(), String> {
    match arn {
        Some(arn) if arn.ends_with(":*") => Err("Invalid ARN specified in the request.".to_owned()),
        _ => Ok(()),
    }
}

/// The stage's variables after a change. An update keeps the variables that it does not name, and removes those with an
/// empty value.
fn merged(
    before: &Value,
    changes: &Map<String, Value>,
    is_update: bool,
) -> Result<Map<String, Value>, String> {
    let mut variables = before.as_object().cloned().unwrap_or_default();
    for (name, value) in changes {
        let value = value.as_str().ok_or_else(|| format!("The stage variable {name} is no text."))?;
        if is_update && value.is_empty() {
            variables.remove(name);
            continue;
        }
        check(name, value)?;
        variables.insert(name.clone(), value.into());
    }
    if variables.len() > MAX_VARIABLES {
        return Err(format!("A stage has at most {MAX_VARIABLES} stage variables."));
    }
    Ok(variables)
}

/// Refuses characters and lengths that AWS does not allow.
pub(super) fn check(name: &str, value: &str) -> Result<(), String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_value = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_name) {
        return Err(format!("Invalid stage variable name: {name}. It must match [A-Za-z0-9_]+."));
    }
    if value.is_empty() || value.len() > MAX_VALUE || !value.chars().all(is_value) {
        return Err(format!("Invalid stage variable value: {value}. It must match [A-Za-z0-9-._~:/?#&=,]+."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(before: &Value, changes: &Value) -> Result<Value, String> {
        merged(before, changes.as_object().unwrap(), true).map(Value::Object)
    }

    #[test]
    fn an_update_merges_variables_and_an_empty_value_removes_one() {
        let before = json!({ "a": "1", "b": "2" });
        assert_eq!(update(&before, &json!({ "b": "", "c": "x/y:3" })), Ok(json!({ "a": "1", "c": "x/y:3" })));
        assert_eq!(update(&Value::Null, &json!({ "a": "" })), Ok(json!({})));
        let create = |changes: Value| merged(&Value::Null, changes.as_object().unwrap(), false);
        assert!(create(json!({ "a": "" })).is_err());
    }

    #[test]
    fn variables_have_awss_alphabet_and_number() {
        assert!(update(&Value::Null, &json!({ "a-b": "1" })).unwrap_err().contains("name: a-b"));
        assert!(update(&Value::Null, &json!({ "a": "1 2" })).unwrap_err().contains("value: 1 2"));
        let many: Map<String, Value> = (0..100).map(|n| (format!("v{n}"), "1".into())).collect();
        let many = Value::Object(many);
        assert!(update(&Value::Null, &many).is_ok());
        assert!(update(&many, &json!({ "more": "1" })).unwrap_err().contains("at most 100"));
        assert!(update(&many, &json!({ "more": "1", "v0": "" })).is_ok());
    }
}
