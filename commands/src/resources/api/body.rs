//! The definition of an API as an OpenAPI document, which API Gateway imports as a whole.
//!
//! An integration names its function's version by a stage variable: a release with the same definition needs no new deployment,
//! and one call moves the routes and the versions together. Authorizers name versions literally, because the stage variables of HTTP
//! APIs do not reach them. The `credentials` of both are a role that API Gateway assumes for each call: no version needs a
//! permission of its own.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::identity::Identity;
use crate::names;
use crate::operation::EngineError;
use crate::resources::plan::Deployable;
use sluice_model::ApiKind;
use sluice_template::{AppApi, version_variable};

/// How many variables an API stage can have
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MOST_VARIABLES: usize = 100;

const INTEGRATION: &str = "x-amazon-apigateway-integration";
const INTEGRATIONS: &str = "x-amazon-apigateway-integrations";
const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";

/// The versions of functions by their names in AWS.
type Versions = BTreeMap<String, String>;

/// An API's definition.
pub(super) struct Body {
    pub(super) text: String,
    /// The functions, by logical id, whose versions are stage variables. There are none if the document names the versions.
    variables: BTreeSet<String>,
    /// The endpoint type, which an import sets beside the document.
    endpoint: Option<String>,
}

impl Body {
    /// The definition. `None` if it names versions that are not known yet: an API with more functions than variables does, and
    /// one with authorizers.
    pub(super) fn of(
        identity: &Identity,
        app: &AppApi,
        plan: &Deployable,
        versions: Option<&Versions>,
    ) -> Result<Option<Self>, EngineError> {
        let called = app.functions();
        let own = MOST_VARIABLES.saturating_sub(app.variables.len());
        let mut writer = Writer {
            by_variable: called.len() <= own,
            credentials: plan.api_role.arn(&identity.target),
            literals: literals(plan, &called, versions)?,
            is_waiting: false,
        };
        let mut document = app.body.clone();
        writer.write(&mut document);
        if writer.is_waiting {
            return Ok(None);
        }
        if let Value::Object(document) = &mut document {
            entitle(document, identity);
            if identity.kind == ApiKind::Http {
                complete_paths(document);
            }
        }
        let variables = if writer.by_variable { called } else { BTreeSet::new() };
        Ok(Some(Self { text: document.to_string(), variables, endpoint: app.endpoint.clone() }))
    }

    /// The digest by which a deployment of this definition is recognised.
    pub(super) fn digest(&self) -> String {
        let parts: Vec<&str> = [&self.text].into_iter().chain(&self.endpoint).map(String::as_str).collect();
        names::digest(&parts)
    }

    /// The stage variables that select these versions.
    pub(super) fn variables(
        &self,
        plan: &Deployable,
        versions: &Versions,
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let variable =
            |logical: &String| Ok((logical.clone(), version_of(versions, &plan.planned(logical)?.name)?));
        self.variables.iter().map(variable).collect()
    }
}

fn version_of(versions: &Versions, function: &str) -> Result<String, EngineError> {
    let version = versions.get(function).cloned();
    version.ok_or_else(|| EngineError::Corrupt(format!("no version of {function}")))
}

/// The variable and the version of each function; `None` until the versions are known.
fn literals(
    plan: &Deployable,
    called: &BTreeSet<String>,
    versions: Option<&Versions>,
) -> Result<Option<Vec<(String, String)>>, EngineError> {
    let literal = |logical: &String, versions: &Versions| {
        Ok((version_variable(logical), version_of(versions, &plan.planned(logical)?.name)?))
    };
    versions.map(|versions| called.iter().map(|logical| literal(logical, versions)).collect()).transpose()
}

/// Writes credentials, and versions where they have to be literal.
struct Writer {
    /// Whether integrations keep the variables.
    by_variable: bool,
    credentials: String,
    literals: Option<Vec<(String, String)>>,
    /// Whether a version is missing.
    is_waiting: bool,
}

impl Writer {
    fn write(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.write(item)),
            Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        (INTEGRATION, Value::Object(one)) => self.call(one, "uri", "credentials"),
                        (INTEGRATIONS, Value::Object(all)) => {
                            let all = all.values_mut().filter_map(Value::as_object_mut);
                            all.for_each(|one| self.call(one, "uri", "credentials"));
                        }
                        (AUTHORIZER, Value::Object(one)) => {
                            self.call(one, "authorizerUri", "authorizerCredentials");
                        }
                        (_, value) => self.write(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// A call of a function, if it is one.
    fn call(&mut self, map: &mut Map<String, Value>, uri: &str, credentials: &str) {
        let Some(Value::String(text)) = map.get_mut(uri) else { return };
        if !text.contains(":function:") || !text.contains("${stageVariables.") {
            return;
        }
        if uri == "authorizerUri" || !self.by_variable {
            match &self.literals {
                Some(literals) => {
                    for (variable, version) in literals {
                        *text = text.replace(variable, version);
                    }
                }
                None => self.is_waiting = true,
            }
        }
        map.insert(credentials.to_owned(), self.credentials.clone().into());
    }
}

/// The title is the API's name, and an import sets the tags of HTTP APIs.
fn entitle(document: &mut Map<String, Value>, identity: &Identity) {
    let info = document.entry("info").or_insert_with(|| json!({}));
    if !info.is_object() {
        *info = json!({});
    }
    info["title"] = identity.name().into();
    let version = info.get("version").filter(|version| version.is_string()).cloned();
    info["version"] = version.unwrap_or_else(|| "1".into());
    if identity.kind == ApiKind::Rest {
        return;
    }
    let is_own = |tag: &Value| {
        tag.get("name").and_then(Value::as_str).is_some_and(|name| identity.tags().contains_key(name))
    };
    let mut tags: Vec<Value> = document.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    tags.retain(|tag| !is_own(tag));
    let own = identity.tags().into_iter();
    tags.extend(own.map(|(name, value)| json!({ "name": name, "x-amazon-apigateway-tag-value": value })));
    document.insert("tags".to_owned(), tags.into());
}

/// Writes paths in the form about which API Gateway does not warn: SAM writes the default route without a slash, and declares no
/// parameters.
fn complete_paths(document: &mut Map<String, Value>) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    if let Some(all) = paths.remove("$default") {
        paths.insert("/$default".to_owned(), all);
    }
    for (path, item) in paths.iter_mut() {
        let Some(item) = item.as_object_mut() else { continue };
        let declared = item.values().filter_map(|operation| operation.get("parameters"));
        if item.contains_key("parameters") || declared.count() > 0 {
            continue;
        }
        let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        let parameter =
            |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
        let parameters: Vec<Value> = names.map(parameter).collect();
        if !parameters.is_empty() {
            item.insert("parameters".to_owned(), parameters.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{samples, target};

    fn identity(kind: ApiKind) -> Identity {
        Identity {
            target: target(),
            pipeline: "orders".parse().unwrap(),
            stage: "prod".parse().unwrap(),
            logical: samples::API.to_owned(),
            kind,
            api_stage: "$default".to_owned(),
        }
    }

    /// The plan of an application with these routes.
    fn plan(routes: &[(&str, &str)]) -> Deployable {
        let identity = identity(ApiKind::Http);
        let functions: BTreeSet<&str> = routes.iter().map(|(_, function)| *function).collect();
        let functions: Vec<&str> = functions.into_iter().collect();
        let mut application = samples::application(&identity.pipeline, &identity.stage, &functions);
        let api = samples::app_api(&identity.pipeline, &identity.stage, routes);
        application.apis = [(samples::API.to_owned(), api)].into();
        Deployable::new(&target(), &identity.pipeline, &identity.stage, application).unwrap()
    }

    fn body(plan: &Deployable, versions: Option<&Versions>) -> Option<Body> {
        let app = &plan.application.apis[samples::API];
        Body::of(&identity(ApiKind::Http), app, plan, versions).unwrap()
    }

    fn document(body: &Body) -> Value {
        serde_json::from_str(&body.text).unwrap()
    }

    #[test]
    fn integrations_have_a_role_and_a_version_by_variable() {
        let plan = plan(&[("GET /items/{id}", "Hello"), ("ANY /{rest+}", "World"), ("$default", "Hello")]);
        let made = body(&plan, None).unwrap();
        let document = document(&made);
        let paths = &document["paths"];
        let integration = &paths["/items/{id}"]["get"][INTEGRATION];
        assert!(
            integration["uri"]
                .as_str()
                .unwrap()
                .contains(":sluice-orders-prod-Hello:${stageVariables.Hello}/")
        );
        assert_eq!(integration["credentials"], plan.api_role.arn(&target()));
        assert_eq!(paths["/items/{id}"]["parameters"][0]["name"], "id");
        assert_eq!(paths["/{rest+}"]["parameters"][0]["name"], "rest+");
        assert!(paths["/$default"]["parameters"].is_null());
        assert_eq!(document["info"]["title"], format!("sluice-orders-prod-{}", samples::API));
        assert_eq!(document["tags"].as_array().unwrap().len(), 2);
        let versions = ["Hello", "World"].map(|id| (format!("sluice-orders-prod-{id}"), format!("7{id}")));
        let variables = made.variables(&plan, &versions.into()).unwrap();
        assert_eq!(variables, [("Hello".into(), "7Hello".into()), ("World".into(), "7World".into())].into());
    }

    #[test]
    fn a_definition_depends_on_the_routes_and_not_on_the_code() {
        let routes = [("GET /a", "Hello"), ("GET /b", "World")];
        let digest = |routes: &[(&str, &str)]| body(&plan(routes), None).unwrap().digest();
        assert_eq!(digest(&routes), digest(&routes));
        assert_ne!(digest(&routes), digest(&[("GET /a", "World"), ("GET /b", "World")]));
    }

    #[test]
    fn another_endpoint_type_needs_another_import() {
        let mut plan = plan(&[("GET /a", "Hello")]);
        let before = body(&plan, None).unwrap().digest();
        plan.application.apis.get_mut(samples::API).unwrap().endpoint = Some("REGIONAL".into());
        assert_ne!(body(&plan, None).unwrap().digest(), before);
    }

    #[test]
    fn an_api_with_more_functions_than_variables_names_their_versions() {
        let names: Vec<(String, String)> =
            (0..=MOST_VARIABLES).map(|nth| (format!("GET /f{nth}"), format!("F{nth}"))).collect();
        let routes: Vec<_> = names.iter().map(|(key, function)| (key.as_str(), function.as_str())).collect();
        let hundred = plan(&routes[..MOST_VARIABLES]);
        assert!(body(&hundred, None).is_some_and(|body| body.variables.len() == MOST_VARIABLES));
        let more = plan(&routes);
        assert!(body(&more, None).is_none(), "its versions are not known yet");
        let versions: Versions =
            names.iter().map(|(_, id)| (format!("sluice-orders-prod-{id}"), "7".to_owned())).collect();
        let made = body(&more, Some(&versions)).unwrap();
        assert!(made.text.contains("function:sluice-orders-prod-F0:7/invocations"), "{}", made.text);
        assert!(made.variables(&more, &versions).unwrap().is_empty());
    }

    #[test]
    fn authorizers_name_a_version() {
        let mut plan = plan(&[("GET /a", "Hello")]);
        let api = plan.application.apis.get_mut(samples::API).unwrap();
        let uri = api.body["paths"]["/a"]["get"][INTEGRATION]["uri"].clone();
        let authorizer = json!({ "type": "request", "authorizerUri": uri });
        api.body["components"] =
            json!({ "securitySchemes": { "Own": { "type": "apiKey", AUTHORIZER: authorizer } } });
        assert!(body(&plan, None).is_none(), "its version is not known yet");
        let made =
            body(&plan, Some(&[("sluice-orders-prod-Hello".to_owned(), "7".to_owned())].into())).unwrap();
        let document = document(&made);
        let authorizer = &document["components"]["securitySchemes"]["Own"][AUTHORIZER];
        assert!(
            authorizer["authorizerUri"].as_str().unwrap().contains("sluice-orders-prod-Hello:7/invocations")
        );
        assert_eq!(authorizer["authorizerCredentials"], plan.api_role.arn(&target()));
        assert!(made.text.contains("${stageVariables.Hello}"), "routes keep the variable: {}", made.text);
    }

    #[test]
    fn a_rest_api_keeps_its_tags_out_of_the_document() {
        let plan = plan(&[("GET /items/{id}", "Hello")]);
        let app = &plan.application.apis[samples::API];
        let made = Body::of(&identity(ApiKind::Rest), app, &plan, None).unwrap().unwrap();
        let document = document(&made);
        assert!(document["tags"].is_null() && document["paths"]["/items/{id}"]["parameters"].is_null());
    }
}
