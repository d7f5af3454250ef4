//! The definition of a stage's HTTP API as an OpenAPI document, which API Gateway imports as a whole.
//!
//! An integration names its function's version by a stage variable: a release with the same routes needs no new deployment, and
//! one call moves the routes and the versions together. The integration's `credentials` are a role that API Gateway assumes
//! for each call: no version needs a permission of its own.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::names;
use crate::operation::EngineError;
use crate::resources::plan::Deployable;
use sluice_model::{PipelineName, StageName, Target, partition};
use sluice_template::{AppRoute, function_arn};

/// How many variables an API stage can have
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MOST_VARIABLES: usize = 100;

/// The versions of functions by their names in AWS.
type Versions = BTreeMap<String, String>;

/// An API's definition.
pub(super) struct Body {
    pub(super) text: String,
    /// The functions, by logical id, whose versions are stage variables. There are none if the document names the versions.
    variables: BTreeSet<String>,
}

impl Body {
    /// The definition. `None` if it names versions that are not known yet: an API with more functions than variables does.
    pub(super) fn of(
        target: &Target,
        (pipeline, stage): (&PipelineName, &StageName),
        plan: &Deployable,
        versions: Option<&Versions>,
    ) -> Result<Option<Self>, EngineError> {
        let called: BTreeSet<_> =
            plan.application.routes.iter().map(|route| route.function.clone()).collect();
        let has_variables = called.len() <= MOST_VARIABLES;
        let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for AppRoute { key, function } in &plan.application.routes {
            let name = &plan.planned(function)?.name;
            let version = match versions {
                _ if has_variables => format!("${{stageVariables.{function}}}"),
                Some(versions) => version_of(versions, name)?,
                None => return Ok(None),
            };
            let integration = json!({
                "type": "aws_proxy",
                // How API Gateway calls Lambda, not how it is called.
                "httpMethod": "POST",
                "uri": integration_uri(target, name, &version),
                "payloadFormatVersion": "2.0",
                "connectionType": "INTERNET",
                "credentials": plan.api_role.arn(target),
            });
            let (method, path, is_default) = place(key);
            let parameters = path_parameters(&path);
            let mut operation = json!({ "x-amazon-apigateway-integration": integration, "responses": {} });
            if is_default {
                operation["isDefaultRoute"] = true.into();
            }
            let operations = paths.entry(path).or_default();
            operations.insert(method, operation);
            if !parameters.is_empty() {
                operations.insert("parameters".to_owned(), parameters.into());
            }
        }
        let tags = names::stage_tags(pipeline, stage).into_iter();
        let tags = tags.map(|(name, value)| json!({ "name": name, "x-amazon-apigateway-tag-value": value }));
        let document = json!({
            "openapi": "3.0.1",
            "info": { "title": names::api(pipeline, stage), "version": "1" },
            "tags": tags.collect::<Vec<_>>(),
            "paths": paths,
        });
        let variables = if has_variables { called } else { BTreeSet::new() };
        Ok(Some(Self { text: document.to_string(), variables }))
    }

    /// The digest by which a deployment of this definition is recognised.
    pub(super) fn digest(&self) -> String {
        names::digest(&[&self.text])
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

/// The method and the path of a route in the document, and whether it is the default route.
fn place(key: &str) -> (String, String, bool) {
    const ANY: &str = "x-amazon-apigateway-any-method";
    match key.split_once(' ') {
        Some(("ANY", path)) => (ANY.to_owned(), path.to_owned(), false),
        Some((method, path)) => (method.to_ascii_lowercase(), path.to_owned(), false),
        None => (ANY.to_owned(), format!("/{key}"), true),
    }
}

/// The declarations of a path's parameters: without them, API Gateway warns.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let declared =
        |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
    names.map(declared).collect()
}

fn integration_uri(target: &Target, function: &str, version: &str) -> String {
    let function = function_arn(target, function);
    let (partition, region) = (partition(&target.region), &target.region);
    format!(
        "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function}:{version}/invocations"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{samples, target};

    fn orders() -> (PipelineName, StageName) {
        ("orders".parse().unwrap(), "prod".parse().unwrap())
    }

    /// The plan of an application with these routes.
    fn plan(routes: &[(&str, &str)]) -> Deployable {
        let (pipeline, stage) = orders();
        let functions: BTreeSet<&str> = routes.iter().map(|(_, function)| *function).collect();
        let functions: Vec<&str> = functions.into_iter().collect();
        let mut application = samples::application(&pipeline, &stage, &functions);
        let route =
            |(key, function): &(&str, &str)| AppRoute { key: (*key).into(), function: (*function).into() };
        application.routes = routes.iter().map(route).collect();
        Deployable::new(&target(), &pipeline, &stage, application).unwrap()
    }

    fn body(plan: &Deployable, versions: Option<&Versions>) -> Option<Body> {
        let (pipeline, stage) = orders();
        Body::of(&target(), (&pipeline, &stage), plan, versions).unwrap()
    }

    #[test]
    fn routes_become_operations_with_a_role_and_a_version_by_variable() {
        let plan = plan(&[("GET /items/{id}", "Hello"), ("ANY /{rest+}", "World"), ("$default", "Hello")]);
        let made = body(&plan, None).unwrap();
        let document: Value = serde_json::from_str(&made.text).unwrap();
        let (paths, any) = (&document["paths"], "x-amazon-apigateway-any-method");
        let integration = &paths["/items/{id}"]["get"]["x-amazon-apigateway-integration"];
        assert_eq!(
            integration["uri"],
            "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:\
             function:sluice-orders-prod-Hello:${stageVariables.Hello}/invocations"
        );
        assert_eq!(integration["credentials"], plan.api_role.arn(&target()));
        assert_eq!(paths["/items/{id}"]["parameters"][0]["name"], "id");
        assert_eq!(paths["/{rest+}"]["parameters"][0]["name"], "rest+");
        assert_eq!(paths["/$default"][any]["isDefaultRoute"], true);
        assert!(paths["/{rest+}"][any].is_object() && paths["/$default"]["parameters"].is_null());
        assert_eq!(document["info"]["title"], "sluice-orders-prod");
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
}
