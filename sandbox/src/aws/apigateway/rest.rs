//! REST APIs' control plane: the local AWS keeps APIs, deployments and stages; the definitions that were imported, and a
//! snapshot of one for each deployment, are kept here.

mod patches;
mod resources;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::openapi::RestDefinition;
use super::super::request::{AwsRequest, decode, query};
use super::super::strict::stage_key;
use super::super::upstream::Answer;
use super::stages::check;
use super::{ApiGateway, Refusable, RestSnapshot, bad_request, refuse};

impl ApiGateway {
    /// Answers one call to `/restapis`.
    pub(super) async fn answer_rest(&self, method: &str, request: AwsRequest) -> Refusable<Response> {
        let path = decode(request.parts.uri.path());
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).skip(1);
        let (api, name) = (segments.next().unwrap_or_default(), segments.nth(1).unwrap_or_default());
        match method {
            "CreateRestApi" => self.create_rest(request).await,
            "ImportRestApi" | "PutRestApi" => self.import_rest(api, &request).await,
            "UpdateRestApi" => self.update_rest(api, &request).await,
            "GetResources" => self.show_resources(api, request).await,
            "CreateDeployment" => self.deploy_rest(api, &request).await,
            "DeleteDeployment" => self.delete_rest_deployment(api, name, request).await,
            "CreateStage" | "UpdateStage" => self.put_rest_stage(api, name, method, &request).await,
            "DeleteStage" => {
                self.0.strict.deleted(&stage_key(api, name));
                Ok(self.0.upstream.forward(request).await)
            }
            _ => Ok(self.0.upstream.forward(request).await),
        }
    }

    /// The definition that a deployment froze; `None` if it was not imported.
    pub fn rest_snapshot(&self, api: &str, deployment: &str) -> Option<Arc<RestSnapshot>> {
        self.0.rest.snapshots.lock().get(&(api.to_owned(), deployment.to_owned())).cloned()
    }

    /// All items of a list of REST APIs or of parts of one.
    pub async fn rest_items(&self, path: &str) -> Refusable<Vec<Value>> {
        let listed = self.change(Method::GET, &format!("{path}?limit=500"), &Value::Null).await?;
        Ok(listed["item"].as_array().cloned().unwrap_or_default())
    }

    /// Without an endpoint type, a new API is edge-optimized.
    async fn create_rest(&self, mut request: AwsRequest) -> Refusable<Response> {
        let mut body = request.json();
        if body["endpointConfiguration"]["types"].is_null() {
            body["endpointConfiguration"]["types"] = json!(["EDGE"]);
        }
        request.body = body.to_string().into();
        Ok(self.0.upstream.exchange(&request).await?.into_response())
    }

    async fn import_rest(&self, api: &str, request: &AwsRequest) -> Refusable<Response> {
        let parameter = |name: &str| query(&request.parts, name);
        if !api.is_empty() && parameter("mode").as_deref() != Some("overwrite") {
            return Err(bad_request("The sandbox supports only the mode `overwrite`."));
        }
        if parameter("basepath").is_some_and(|base| base != "ignore") {
            return Err(bad_request("The sandbox supports only the basepath `ignore`."));
        }
        let before = match api.is_empty() {
            true => Value::Null,
            false => self.change(Method::GET, &format!("/restapis/{api}"), &Value::Null).await?,
        };
        let definition = RestDefinition::of(&request.body).map_err(|error| bad_request(&error))?;
        if parameter("failonwarnings").is_some_and(|fails| fails == "true") && !definition.warnings.is_empty()
        {
            let warnings = definition.warnings.join("\n\t");
            return Err(bad_request(&format!("Warnings found during import:\n\t{warnings}")));
        }
        let (api, before) = if api.is_empty() {
            let name = definition.api.get("name").cloned().unwrap_or_default();
            let fields = json!({ "name": name, "endpointConfiguration": { "types": ["EDGE"] } });
            let created = self.change(Method::POST, "/restapis", &fields).await?;
            (created["id"].as_str().unwrap_or_default().to_owned(), created)
        } else {
            (api.to_owned(), before)
        };
        let mut fields = definition.reset(&before);
        if let Some(kind) = parameter("endpointConfigurationTypes") {
            patches::check_endpoint_type(&kind).map_err(|error| bad_request(&error))?;
            fields["endpointConfiguration"]["types"] = json!([kind]);
        }
        let mut shown = self.set_rest(&api, &Value::Object(fields)).await?;
        shown["warnings"] = definition.warnings.clone().into();
        self.0.rest.definitions.lock().insert(api, Arc::new(definition));
        Ok((StatusCode::OK, axum::Json(shown)).into_response())
    }

    async fn update_rest(&self, api: &str, request: &AwsRequest) -> Refusable<Response> {
        let mut shown = self.change(Method::GET, &format!("/restapis/{api}"), &Value::Null).await?;
        for patch in request.json()["patchOperations"].as_array().into_iter().flatten() {
            patches::apply(&mut shown, patch).map_err(|error| bad_request(&error))?;
        }
        let binary = shown["binaryMediaTypes"].clone();
        let shown = self.set_rest(api, &shown).await?;
        if let Some(definition) = self.0.rest.definitions.lock().get_mut(api) {
            // A deployment freezes them together with the methods.
            let mut changed = RestDefinition::clone(definition);
            changed.api.insert("binaryMediaTypes".into(), binary);
            *definition = Arc::new(changed);
        }
        Ok(axum::Json(shown).into_response())
    }

    /// Sets properties of an API in the local AWS, which knows only top-level ones.
    async fn set_rest(&self, api: &str, fields: &Value) -> Refusable<Value> {
        let fixed = ["id", "createdDate", "tags", "rootResourceId", "warnings"];
        let fields = fields.as_object().into_iter().flatten();
        let fields = fields.filter(|(name, _)| !fixed.contains(&name.as_str()));
        let patch = |(name, value)| json!({ "op": "replace", "path": format!("/{name}"), "value": value });
        let patches: Vec<Value> = fields.map(patch).collect();
        self.change(Method::PATCH, &format!("/restapis/{api}"), &json!({ "patchOperations": patches })).await
    }

    async fn deploy_rest(&self, api: &str, request: &AwsRequest) -> Refusable<Response> {
        let definition = self.0.rest.definitions.lock().get(api).cloned();
        if let Some(definition) = &definition {
            if definition.methods.is_empty() {
                return Err(bad_request("The REST API doesn't contain any methods"));
            }
            if definition.methods.iter().any(|method| method.integration.is_null()) {
                return Err(bad_request("No integration defined for method"));
            }
        }
        let answer = self.0.upstream.exchange(request).await?;
        let created = answer.json();
        if let (true, Some(id), Some(definition)) =
            (answer.status.is_success(), created["id"].as_str(), definition)
        {
            let key = (api.to_owned(), id.to_owned());
            self.0.rest.snapshots.lock().insert(key, Arc::new(RestSnapshot::of(&definition)));
        }
        Ok(answer.into_response())
    }

    async fn delete_rest_deployment(
        &self,
        api: &str,
        deployment: &str,
        request: AwsRequest,
    ) -> Refusable<Response> {
        let stages = self.rest_items(&format!("/restapis/{api}/stages")).await?;
        if stages.iter().any(|stage| stage["deploymentId"] == deployment) {
            return Err(bad_request("Active stages pointing to this deployment must be moved or deleted"));
        }
        self.0.rest.snapshots.lock().remove(&(api.to_owned(), deployment.to_owned()));
        Ok(self.0.upstream.forward(request).await)
    }

    /// Whether the account has a role with which API Gateway writes logs of REST APIs.
    async fn may_log(&self) -> Refusable<bool> {
        let answer = self.0.upstream.call("apigateway", Method::GET, "/account", &[], "").await?;
        Ok(answer.json()["cloudwatchRoleArn"].as_str().is_some_and(|role| !role.is_empty()))
    }

    async fn put_rest_stage(
        &self,
        api: &str,
        name: &str,
        method: &str,
        request: &AwsRequest,
    ) -> Refusable<Response> {
        let body = request.json();
        let created = body["stageName"].as_str().unwrap_or_default();
        let name = if method == "CreateStage" { created } else { name };
        let stages = self.rest_items(&format!("/restapis/{api}/stages")).await?;
        let before = stages.iter().find(|stage| stage["stageName"] == name).cloned();
        let (deployment, variables) = match (method, &before) {
            ("CreateStage", Some(_)) => {
                return Err(refuse(StatusCode::CONFLICT, "ConflictException", "Stage already exists"));
            }
            ("CreateStage", None) => {
                self.0.strict.quota(|quotas| quotas.stage(stages.len())).map_err(super::refused)?;
                (body["deploymentId"].as_str(), body["variables"].as_object().cloned().unwrap_or_default())
            }
            (_, None) => {
                let message = "Invalid stage identifier specified";
                return Err(refuse(StatusCode::NOT_FOUND, "NotFoundException", message));
            }
            (_, Some(before)) => patches::of_stage(before, &body).map_err(|error| bad_request(&error))?,
        };
        if patches::logs(&body).map_err(|error| bad_request(&error))? && !self.may_log().await? {
            return Err(bad_request(
                "CloudWatch Logs role ARN must be set in account settings to enable logging",
            ));
        }
        for (name, value) in &variables {
            check(name, value.as_str().unwrap_or_default()).map_err(|error| bad_request(&error))?;
        }
        if variables.len() > super::stages::MAX_VARIABLES {
            return Err(bad_request("A stage has at most 100 stage variables."));
        }
        if let Some(deployment) = deployment {
            let known = self.rest_items(&format!("/restapis/{api}/deployments")).await?;
            if !known.iter().any(|known| known["id"] == deployment) {
                return Err(bad_request("Deployment id does not exist"));
            }
        }
        let answer: Answer = self.0.upstream.exchange(request).await?;
        if answer.status.is_success() {
            self.0.strict.moved(&stage_key(api, name), before.unwrap_or_default(), answer.json());
        }
        Ok(answer.into_response())
    }
}
