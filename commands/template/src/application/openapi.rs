//! What can be read from an API's definition: its routes, and the functions that it calls.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

const INTEGRATION: &str = "x-amazon-apigateway-integration";
const ANY: &str = "x-amazon-apigateway-any-method";
/// The path of the default route in an OpenAPI document. API Gateway exports it with a slash, and SAM writes it without one.
const DEFAULT: [&str; 2] = ["/$default", "$default"];
/// The operations of a path. Its other keys are no routes.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", ANY];

/// A route of an API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AppRoute {
    /// `GET /items/{id}`, or `$default`.
    pub key: String,
    /// What handles it: the logical id of a function, or the type of another integration.
    pub target: String,
}

/// The stage variable that selects a function's version.
pub fn version_variable(logical_id: &str) -> String {
    format!("${{stageVariables.{logical_id}}}")
}

/// The operations of a document: path, method, and the operation.
fn operations(body: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = body.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        let operations = operations.filter(|(method, _)| METHODS.contains(&method.as_str()));
        operations.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The key of a route.
fn key_of(path: &str, method: &str) -> String {
    match (method, path) {
        (ANY, path) if DEFAULT.contains(&path) => "$default".to_owned(),
        (ANY, path) => format!("ANY {path}"),
        (method, path) => format!("{} {path}", method.to_ascii_uppercase()),
    }
}

/// The operations of a document by the keys of their routes: everything about a route, its authorizer too.
pub(super) fn by_key(body: &Value) -> BTreeMap<String, &Value> {
    operations(body).map(|(path, method, operation)| (key_of(path, method), operation)).collect()
}

/// A document without its operations.
pub(super) fn without_operations(body: &Value) -> Value {
    let mut rest = body.clone();
    if let Some(paths) = rest.get_mut("paths").and_then(Value::as_object_mut) {
        for item in paths.values_mut().filter_map(Value::as_object_mut) {
            item.retain(|key, _| !METHODS.contains(&key.as_str()));
        }
        paths.retain(|_, item| item.as_object().is_none_or(|item| !item.is_empty()));
    }
    rest
}

/// The routes of a document. Integrations that it shares between routes are followed.
pub(super) fn routes(body: &Value) -> Vec<AppRoute> {
    let route = |(path, method, operation): (&str, &str, &Value)| {
        let key = key_of(path, method);
        let integration = operation.get(INTEGRATION);
        let shared = integration.and_then(|integration| integration.get("$ref")).and_then(Value::as_str);
        let shared = shared.and_then(|pointer| body.pointer(pointer.strip_prefix('#')?));
        let integration = shared.or(integration);
        let text = |key| integration.and_then(|integration| integration.get(key)).and_then(Value::as_str);
        let function = text("uri").and_then(|uri| called(uri).map(str::to_owned));
        let target = function.or_else(|| text("type").map(str::to_owned)).unwrap_or_default();
        AppRoute { key, target }
    };
    let mut routes: Vec<AppRoute> = operations(body).map(route).collect();
    routes.sort();
    routes
}

/// The function whose version a stage variable in a text selects.
fn called(text: &str) -> Option<&str> {
    let (before, rest) = text.split_once("${stageVariables.")?;
    let (name, _) = rest.split_once('}')?;
    before.contains(":function:").then_some(name)
}

/// The functions that any part of a document calls.
pub(super) fn functions(body: &Value) -> BTreeSet<String> {
    match body {
        Value::String(text) => called(text).map(str::to_owned).into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(functions).collect(),
        Value::Object(map) => map.values().flat_map(functions).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HELLO: &str = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:\
                         123456789012:function:sluice-orders-dev-Hello:${stageVariables.Hello}/invocations";

    #[test]
    fn routes_name_their_functions_and_follow_shared_integrations() {
        let body = json!({
            "openapi": "3.0.1",
            "paths": {
                "/items/{id}": {
                    "parameters": [],
                    "get": { INTEGRATION: { "type": "aws_proxy", "uri": HELLO } },
                    ANY: { INTEGRATION: { "$ref": "#/components/x-amazon-apigateway-integrations/other" } },
                },
                "/$default": { ANY: { INTEGRATION: { "type": "http_proxy", "uri": "https://example.com" } } },
            },
            "components": { "x-amazon-apigateway-integrations": { "other": { "type": "aws_proxy", "uri": HELLO } } },
        });
        let route = |key: &str, target: &str| AppRoute { key: key.into(), target: target.into() };
        let expected = [
            route("$default", "http_proxy"),
            route("ANY /items/{id}", "Hello"),
            route("GET /items/{id}", "Hello"),
        ];
        assert_eq!(routes(&body), expected);
        assert_eq!(functions(&body), BTreeSet::from(["Hello".to_owned()]));
    }

    #[test]
    fn a_variable_of_the_team_is_no_function() {
        assert_eq!(called("https://${stageVariables.host}/x"), None);
        assert_eq!(called(HELLO), Some("Hello"));
    }
}
