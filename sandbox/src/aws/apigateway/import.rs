//! Imports: an OpenAPI document replaces all routes and integrations of an API, or creates an API.
//!
//! The document is checked before anything changes, and a refused import has no effect. Tags and, except for CORS, fields
//! of the API that the document does not have stay as they are: Terraform relies on it
//! (`reimportOpenAPIDefinition` in `internal/service/apigatewayv2/api.go`).

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::super::openapi::Definition;
use super::super::request::{AwsRequest, query};
use super::snapshot::Imported;
use super::{ApiGateway, Refusable, bad_request, refused, tags_path};

impl ApiGateway {
    /// `ReimportApi`, or `ImportApi` without an `api`.
    pub(super) async fn import(&self, api: &str, request: &AwsRequest) -> Refusable<Response> {
        let path = format!("/v2/apis/{api}");
        if !api.is_empty() {
            self.change(Method::GET, &path, &Value::Null).await?;
        }
        let definition = Definition::of(&request.json()["body"]).map_err(|error| bad_request(&error))?;
        self.check_import(api, request, &definition)?;
        let fields = Value::Object(definition.api.clone());
        let api = if api.is_empty() {
            let mut fields = fields;
            fields["protocolType"] = "HTTP".into();
            let created = self.change(Method::POST, "/v2/apis", &fields).await?;
            created["apiId"].as_str().unwrap_or_default().to_owned()
        } else {
            self.change(Method::PATCH, &path, &fields).await?;
            api.to_owned()
        };
        self.import_cors(&api, definition.cors.as_ref()).await?;
        if let Some(tags) = &definition.tags {
            self.import_tags(&api, tags).await?;
        }
        self.replace_routes(&api, &definition).await?;
        let mut shown = self.change(Method::GET, &format!("/v2/apis/{api}"), &Value::Null).await?;
        self.show(&mut shown).await?;
        shown["importInfo"] = json!([]);
        shown["warnings"] = definition.warnings.into();
        Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
    }

    fn check_import(&self, api: &str, request: &AwsRequest, definition: &Definition) -> Refusable<()> {
        if api.is_empty() && !definition.api.contains_key("name") {
            return Err(bad_request("The API definition has no info.title, so the API would have no name."));
        }
        if query(&request.parts, "basepath").is_some_and(|base| base != "ignore") {
            return Err(bad_request("The sandbox supports only the basepath `ignore`."));
        }
        let fails = query(&request.parts, "failOnWarnings").is_some_and(|fails| fails == "true");
        if fails && !definition.warnings.is_empty() {
            let warnings = definition.warnings.join("\n\t");
            return Err(bad_request(&format!("Warnings found during import:\n\t{warnings}")));
        }
        let others = definition.routes.len().checked_sub(1);
        let quota = others.map(|others| self.0.strict.quota(|quotas| quotas.route(others)));
        quota.unwrap_or(Ok(())).map_err(refused)
    }

    async fn import_cors(&self, api: &str, cors: Option<&Value>) -> Refusable<()> {
        let path = format!("/v2/apis/{api}");
        match cors {
            Some(cors) => self.change(Method::PATCH, &path, &json!({ "corsConfiguration": cors })).await,
            None => self.change(Method::DELETE, &format!("{path}/cors"), &Value::Null).await,
        }?;
        Ok(())
    }

    async fn import_tags(&self, api: &str, tags: &Map<String, Value>) -> Refusable<()> {
        let path = tags_path(api);
        let held = self.change(Method::GET, &path, &Value::Null).await?;
        let held = held["tags"].as_object().into_iter().flat_map(Map::keys);
        let others = held.filter(|key| !tags.contains_key(*key)).map(|key| ("tagKeys", key));
        let others = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish();
        if !others.is_empty() {
            self.change(Method::DELETE, &format!("{path}?{others}"), &Value::Null).await?;
        }
        self.change(Method::POST, &path, &json!({ "tags": tags })).await?;
        self.0.tagged.lock().insert(api.to_owned());
        Ok(())
    }

    async fn replace_routes(&self, api: &str, definition: &Definition) -> Refusable<()> {
        let (routes, integrations) =
            (format!("/v2/apis/{api}/routes"), format!("/v2/apis/{api}/integrations"));
        let _whole = self.0.importing.write().await;
        for (path, id) in [(&routes, "routeId"), (&integrations, "integrationId")] {
            for item in self.items(path).await? {
                let id = item[id].as_str().unwrap_or_default();
                self.change(Method::DELETE, &format!("{path}/{id}"), &Value::Null).await?;
                self.0.credentials.forget(id);
            }
        }
        self.0.imported.lock().retain(|(of, _), _| of != api);
        for route in &definition.routes {
            let service = route.integration.as_ref().filter(|it| it["integrationSubtype"].is_string());
            let kept =
                Imported { scheme: route.scheme.clone(), service: service.cloned().unwrap_or_default() };
            self.0.imported.lock().insert((api.to_owned(), route.key.clone()), kept);
            let mut body = json!({ "routeKey": route.key });
            if let Some(integration) = &route.integration {
                let created = self.change(Method::POST, &integrations, integration).await?;
                let id = created["integrationId"].as_str().unwrap_or_default();
                self.0.credentials.remember(id, &integration["credentialsArn"]);
                body["target"] = format!("integrations/{id}").into();
            }
            self.change(Method::POST, &routes, &body).await?;
        }
        Ok(())
    }

    /// A call to the local AWS; its error is the caller's.
    pub(super) async fn change(&self, method: Method, path: &str, body: &Value) -> Refusable<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.0.upstream.call("apigateway", method, path, &[], body).await?;
        if answer.status.is_success() { Ok(answer.json()) } else { Err(Box::new(answer.into_response())) }
    }
}
