//! APIs with a body: the definition as it is imported, and what can be read from it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::read::{Reading, known};
use super::{AppApi, AppRoute};
use crate::error::{Findings, Place, TemplateCode, Violation};
use crate::plain::{Evaluator, Part};
use crate::shape;

const HTTP_API: &str = "AWS::ApiGatewayV2::Api";
const INTEGRATION: &str = "x-amazon-apigateway-integration";
const ANY: &str = "x-amazon-apigateway-any-method";
/// The path of the default route in an OpenAPI document.
const DEFAULT: &str = "/$default";
/// The operations of a path. Its other keys are no routes.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", ANY];

/// Properties that add nothing to the body. Sluice names and tags APIs itself, and judges all warnings.
const OF_API: [&str; 6] = ["Body", "BasePath", "Description", "FailOnWarnings", "Name", "Tags"];
/// Properties of a stage that Sluice sets itself.
const OF_STAGE: [&str; 6] = ["ApiId", "AutoDeploy", "DeploymentId", "Description", "StageName", "Tags"];

/// Reads one API; `None` if something is wrong with it.
pub(super) fn read(
    reading: &Reading<'_>,
    logical_id: &str,
    evaluator: &Evaluator<'_>,
    findings: &mut Findings,
) -> Option<AppApi> {
    let resource = reading.template.resources.get(logical_id)?;
    let place = Place::of(&["Resources", logical_id, "Properties"]);
    if resource.kind != HTTP_API {
        let problem = format!("resources of type `{}` are not deployed yet", resource.kind);
        let hint = "use an HTTP API: events of type HttpApi";
        findings.add(&place, Violation::new(TemplateCode::Unsupported, problem, hint));
        return None;
    }
    refuse_others(&resource.properties, &OF_API, &place, findings);
    let body = resource.properties.get("Body").map(|body| {
        let body = evaluator.evaluate(body)?.ok_or_else(Violation::consequence)?;
        let body = known(body)?;
        shape::map(&body).cloned()
    });
    let body = findings.take(&place.key("Body"), body?)?;
    let stages = reading.split.placements.iter().filter_map(|(id, placed)| match &placed.part {
        Part::ApiStage(api) if api == logical_id => Some((id, reading.template.resources.get(id)?)),
        _ => None,
    });
    let mut variables = BTreeMap::new();
    for (id, stage) in stages {
        let place = Place::of(&["Resources", id, "Properties"]);
        let known_keys = [OF_STAGE.as_slice(), &["StageVariables"]].concat();
        refuse_others(&stage.properties, &known_keys, &place, findings);
        let Some(own) = stage.properties.get("StageVariables") else { continue };
        let place = place.key("StageVariables");
        let own = evaluator.evaluate(own).and_then(|own| own.map(known).transpose());
        let Some(Some(Value::Object(own))) = findings.take(&place, own) else { continue };
        for (name, value) in own {
            let taken = reading.split.part(&name) == Some(&Part::Function);
            let value = if taken { Err(taken_variable(&name)) } else { shape::scalar(&value) };
            let value = findings.take(&place.key(&name), value);
            variables.extend(value.map(|value| (name, value)));
        }
    }
    Some(AppApi { body: Value::Object(body), variables })
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
            (ANY, DEFAULT) => "$default".to_owned(),
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
