//! APIs with a body: the definition as it is imported, and what can be read from it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::model::AppApi;
use super::properties::{Properties, refuse_others};
use super::reading::Reading;
use super::stage_settings;
use crate::error::{Findings, Place, TemplateCode, Violation};
use crate::plain::{Evaluator, Part};
use crate::shape;
use sluice_model::{ApiKind, ApiStageSettings};

const HTTP_API: &str = "AWS::ApiGatewayV2::Api";

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

/// The names of a kind's properties.
struct Names {
    api: &'static [&'static str],
    stage: &'static [&'static str],
    settings: &'static [&'static str],
    variables: &'static str,
}

const HTTP: Names = Names {
    api: &["CorsConfiguration", "ProtocolType", "Version"],
    stage: &["ApiId", "AutoDeploy", "DeploymentId", "Description", "StageName", "StageVariables", "Tags"],
    settings: &stage_settings::HTTP,
    variables: "StageVariables",
};
const REST: Names = Names {
    api: &[
        "ApiKeySourceType",
        "BinaryMediaTypes",
        "EndpointConfiguration",
        "MinimumCompressionSize",
        "Mode",
        "Parameters",
        "Policy",
    ],
    stage: &["DeploymentId", "Description", "RestApiId", "StageName", "Tags", "Variables"],
    settings: &stage_settings::REST,
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
    let body_waits = body.is_none();
    let body = match body {
        Some(body) => properties.findings.take(&properties.place.key("Body"), shape::map(&body).cloned()),
        // The rest is known before it.
        None => properties.findings.is_waiting().then(Map::new),
    };
    let mut api = AppApi {
        kind,
        stage: None,
        endpoint: None,
        body: Value::Null,
        variables: BTreeMap::new(),
        settings: ApiStageSettings::default(),
    };
    let mut body = body?;
    // YAML reads `swagger: 2.0` as a number; the specifications want a text.
    for key in ["swagger", "openapi"] {
        if let Some(Value::Number(number)) = body.get(key) {
            let text = number.to_string();
            body.insert(key.to_owned(), text.into());
        }
    }
    for (_, property, extension) in EXTENSIONS.iter().filter(|(of, ..)| *of == kind) {
        if let Some(value) = properties.value(&resource.properties, property) {
            let value = if *property == "CorsConfiguration" { in_camel_case(value) } else { value };
            body.insert((*extension).to_owned(), value);
        }
    }
    if let Some(Value::String(description)) = properties.value(&resource.properties, "Description") {
        let info = body.entry("info").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(info) = info {
            info.insert("description".to_owned(), description.into());
        }
    }
    if let Some(endpoint) = properties.only(&resource.properties, "EndpointConfiguration", "Types") {
        let types = endpoint.as_array().map_or(std::slice::from_ref(&endpoint), Vec::as_slice);
        api.endpoint = types.first().and_then(Value::as_str).map(str::to_owned);
    }
    if let Some(endpoint) = properties.only(&resource.properties, "Parameters", "endpointConfigurationTypes")
    {
        api.endpoint = api.endpoint.or_else(|| endpoint.as_str().map(str::to_owned));
    }
    let place = properties.place.key("Body");
    api.body = Value::Object(body);
    // A body that waits for the stack is judged as it is written: the stack should not grow for what is refused after it.
    let written = resource.properties.get("Body").filter(|_| body_waits);
    let foreign = |body| foreign_role(body, reading);
    if let Some(problem) = foreign(&api.body).or_else(|| written.and_then(foreign)) {
        let hint = "refer to a role of this template with Fn::GetAtt; functions need none, because Sluice calls them with a role of the stage";
        properties.findings.add(&place, Violation::new(TemplateCode::Unsupported, problem, hint));
    }
    let is_function = |name: &String| reading.split.part(name) == Some(&Part::Function);
    for name in api.functions().iter().filter(|name| !is_function(name)) {
        let problem = format!("the stage variable `{name}` selects a function or a version of one");
        let hint = "refer to the function with Fn::GetAtt or Fn::Sub: Sluice selects its version";
        properties.findings.add(&place, Violation::new(TemplateCode::Reference, problem, hint));
    }
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
        let known = [names.stage, names.settings].concat();
        refuse_others(&stage.properties, &known, &properties.place, properties.findings);
        api.settings = stage_settings::read(&mut properties, kind, &stage.properties);
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

/// A role that a document gives to API Gateway, and that is not of this stage's stack. The bot may pass the roles of all stages, so a
/// template could name another stage's, and call its functions. `arn:aws:iam::*:user/*` is no role: it stands for the caller's own rights.
fn foreign_role(value: &Value, reading: &Reading<'_>) -> Option<String> {
    match value {
        Value::Array(items) => items.iter().find_map(|item| foreign_role(item, reading)),
        Value::Object(map) => map.iter().find_map(|(key, value)| match value {
            Value::String(arn) if is_credentials(key) && !arn.ends_with(":user/*") => {
                (!reading.is_own_role(arn)).then(|| format!("`{key}` gives API Gateway the role {arn}"))
            }
            value => foreign_role(value, reading),
        }),
        _ => None,
    }
}

fn is_credentials(key: &str) -> bool {
    ["credentials", "authorizerCredentials"].iter().any(|name| name.eq_ignore_ascii_case(key))
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
