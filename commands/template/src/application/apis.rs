//! APIs with a body: the definition as it is imported, and what can be read from it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::read::Reading;
use super::{AppApi, AppRoute};
use crate::error::{Findings, Place, TemplateCode, Violation};
use crate::plain::{Evaluator, Part};
use crate::shape;
use sluice_model::ApiKind;

const HTTP_API: &str = "AWS::ApiGatewayV2::Api";
const INTEGRATION: &str = "x-amazon-apigateway-integration";
const ANY: &str = "x-amazon-apigateway-any-method";
/// The path of the default route in an OpenAPI document. API Gateway exports it with a slash, and SAM writes it without one.
const DEFAULT: [&str; 2] = ["/$default", "$default"];
/// The operations of a path. Its other keys are no routes.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", ANY];

/// Properties of both kinds of API that add nothing to the body. Sluice names and tags APIs itself, and judges all warnings.
const OF_API: [&str; 5] = ["Body", "Description", "FailOnWarnings", "Name", "Tags"];

/// Properties that an extension of the document sets as well
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html>).
const EXTENSIONS: [(ApiKind, &str, &str); 5] = [
    (ApiKind::Http, "CorsConfiguration", "x-amazon-apigateway-cors"),
    (ApiKind::Rest, "ApiKeySourceType", "x-amazon-apigateway-api-key-source"),
    (ApiKind::Rest, "BinaryMediaTypes", "x-amazon-apigateway-binary-media-types"),
    (ApiKind::Rest, "MinimumCompressionSize", "x-amazon-apigateway-minimum-compression-size"),
    (ApiKind::Rest, "Policy", "x-amazon-apigateway-policy"),
];
const ENDPOINT: &str = "x-amazon-apigateway-endpoint-configuration";

/// The names of a kind's properties.
struct Names {
    api: &'static [&'static str],
    stage: &'static [&'static str],
    variables: &'static str,
}

const HTTP: Names = Names {
    api: &["BasePath", "CorsConfiguration", "DisableExecuteApiEndpoint", "ProtocolType", "Version"],
    stage: &["ApiId", "AutoDeploy", "DeploymentId", "Description", "StageName", "StageVariables", "Tags"],
    variables: "StageVariables",
};
const REST: Names = Names {
    api: &[
        "ApiKeySourceType",
        "BinaryMediaTypes",
        "DisableExecuteApiEndpoint",
        "EndpointConfiguration",
        "MinimumCompressionSize",
        "Mode",
        "Parameters",
        "Policy",
    ],
    stage: &["DeploymentId", "Description", "RestApiId", "StageName", "Tags", "Variables"],
    variables: "Variables",
};

/// Reads one API; `None` if something is wrong with it.
pub(super) fn read(
    reading: &Reading<'_>,
    logical_id: &str,
    evaluator: &Evaluator<'_>,
    findings: &mut Findings,
) -> Option<AppApi> {
    let resource = reading.template.resources.get(logical_id)?;
    let place = Place::of(&["Resources", logical_id, "Properties"]);
    let (kind, names) = if resource.kind == HTTP_API { (ApiKind::Http, HTTP) } else { (ApiKind::Rest, REST) };
    refuse_others(&resource.properties, &[&OF_API, names.api].concat(), &place, findings);
    let mut properties = Properties { place, reading, evaluator, findings };
    let body = properties.value(&resource.properties, "Body");
    let body = match body {
        Some(body) => properties.findings.take(&properties.place.key("Body"), shape::map(&body).cloned()),
        // The rest is known before it.
        None => properties.findings.is_waiting().then(Map::new),
    };
    let mut api = AppApi { kind, stage: None, endpoint: None, body: Value::Null, variables: BTreeMap::new() };
    let mut body = body?;
    for (_, property, extension) in EXTENSIONS.iter().filter(|(of, ..)| *of == kind) {
        if let Some(value) = properties.value(&resource.properties, property) {
            let value = if *property == "CorsConfiguration" { in_camel_case(value) } else { value };
            body.insert((*extension).to_owned(), value);
        }
    }
    if let Some(disabled) = properties.value(&resource.properties, "DisableExecuteApiEndpoint") {
        let disabled = disabled == Value::Bool(true) || disabled.as_str() == Some("true");
        endpoint_of(&mut body).insert("disableExecuteApiEndpoint".to_owned(), disabled.into());
    }
    if let Some(configuration) = properties.value(&resource.properties, "EndpointConfiguration") {
        api.endpoint = configuration["Types"][0].as_str().map(str::to_owned);
        if let Some(endpoints) = configuration.get("VpcEndpointIds") {
            endpoint_of(&mut body).insert("vpcEndpointIds".to_owned(), endpoints.clone());
        }
    }
    if let Some(parameters) = properties.value(&resource.properties, "Parameters") {
        let endpoint = parameters.get("endpointConfigurationTypes").and_then(Value::as_str);
        api.endpoint = api.endpoint.or_else(|| endpoint.map(str::to_owned));
    }
    api.body = Value::Object(body);
    let stages = reading.split.placements.iter().filter_map(|(id, placed)| match &placed.part {
        Part::ApiStage(api) if api == logical_id => Some((id, reading.template.resources.get(id)?)),
        _ => None,
    });
    for (nth, (id, stage)) in stages.enumerate() {
        properties.place = Place::of(&["Resources", id, "Properties"]);
        if nth > 0 {
            let problem = format!("`{logical_id}` has another stage");
            let hint = "leave one: each stage of the pipeline has its own API";
            let wrong = Violation::new(TemplateCode::Unsupported, problem, hint);
            properties.findings.add(&properties.place, wrong);
        }
        refuse_others(&stage.properties, names.stage, &properties.place, properties.findings);
        if kind == ApiKind::Rest {
            let name = properties.value(&stage.properties, "StageName");
            api.stage = name.as_ref().and_then(Value::as_str).map(str::to_owned);
        }
        let Some(Value::Object(own)) = properties.value(&stage.properties, names.variables) else { continue };
        let place = properties.place.key(names.variables);
        for (name, value) in own {
            let taken = reading.split.part(&name) == Some(&Part::Function);
            let value = if taken { Err(taken_variable(&name)) } else { shape::scalar(&value) };
            let value = properties.findings.take(&place.key(&name), value);
            api.variables.extend(value.map(|value| (name, value)));
        }
    }
    if kind == ApiKind::Rest && api.stage.is_none() {
        let hint = "add an AWS::ApiGateway::Stage with a StageName";
        let wrong = Violation::new(TemplateCode::Missing, "the API has no stage", hint);
        findings.add(&Place::of(&["Resources", logical_id]), wrong);
        return None;
    }
    Some(api)
}

/// Evaluates the properties of a resource.
struct Properties<'a> {
    place: Place,
    reading: &'a Reading<'a>,
    evaluator: &'a Evaluator<'a>,
    findings: &'a mut Findings,
}

impl Properties<'_> {
    /// The value of a property, if it has one and nothing is wrong with it.
    fn value(&mut self, properties: &Map<String, Value>, key: &str) -> Option<Value> {
        let value = self.evaluator.evaluate(properties.get(key)?);
        let settled = |value| self.reading.settled(value, self.evaluator);
        let value = value.and_then(|value| value.map(settled).transpose());
        self.findings.take(&self.place.key(key), value).flatten()
    }
}

/// The endpoint configuration of a document: in `servers` for HTTP APIs and at the top for REST APIs. Both kinds read it at the top.
fn endpoint_of(body: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let endpoint = body.entry(ENDPOINT).or_insert_with(|| Value::Object(Map::new()));
    if !endpoint.is_object() {
        *endpoint = Value::Object(Map::new());
    }
    match endpoint {
        Value::Object(map) => map,
        _ => unreachable!("it was made a mapping"),
    }
}

/// A mapping with its keys as the extension has them: `allowOrigins`.
fn in_camel_case(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let lower = |key: String| {
        let mut signs = key.chars();
        let first = signs.next().map(|first| first.to_ascii_lowercase());
        first.into_iter().chain(signs).collect::<String>()
    };
    Value::Object(map.into_iter().map(|(key, value)| (lower(key), value)).collect())
}

fn taken_variable(name: &str) -> Violation {
    let problem = format!("Sluice's own variable for the function {name} has this name");
    Violation::new(TemplateCode::Value, problem, "rename the variable or the function")
}

fn refuse_others(properties: &Map<String, Value>, known: &[&str], place: &Place, findings: &mut Findings) {
    shape::only(properties, known, place, findings, |_| "remove it; it is not supported yet".into());
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

/// The routes of a document. Integrations that it shares between routes are followed.
pub(super) fn routes(body: &Value) -> Vec<AppRoute> {
    let route = |(path, method, operation): (&str, &str, &Value)| {
        let key = match (method, path) {
            (ANY, path) if DEFAULT.contains(&path) => "$default".to_owned(),
            (ANY, path) => format!("ANY {path}"),
            (method, path) => format!("{} {path}", method.to_ascii_uppercase()),
        };
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
pub(super) fn called(text: &str) -> Option<&str> {
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
