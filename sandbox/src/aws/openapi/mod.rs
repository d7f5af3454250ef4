//! An OpenAPI document as API Gateway imports it into an HTTP API.
//!
//! The warnings about the document itself are those of swagger-parser, in its words:
//! <https://github.com/aws/serverless-application-model/issues/2297>.

mod rest;

pub use rest::{RestDefinition, RestMethod};

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The methods of routes, as OpenAPI writes them.
const METHODS: [&str; 7] = ["delete", "get", "head", "options", "patch", "post", "put"];
/// The fields of a path that are no methods.
const OTHER_FIELDS: [&str; 5] = ["$ref", "description", "parameters", "servers", "summary"];
const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
const INTEGRATION: &str = "x-amazon-apigateway-integration";

/// What an import makes of a document.
#[derive(Debug, Default)]
pub struct Definition {
    /// The fields of `UpdateApi` that `info` gives: `name`, `description` and `version`.
    pub api: Map<String, Value>,
    /// `None` if the document has no tags with a value.
    pub tags: Option<Map<String, Value>>,
    /// The field `corsConfiguration` of the API.
    pub cors: Option<Value>,
    pub routes: Vec<ImportedRoute>,
    pub warnings: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct ImportedRoute {
    pub key: String,
    /// The body of `CreateIntegration`.
    pub integration: Option<Value>,
    /// The scheme that authorizes a request; null for none.
    pub scheme: Value,
}

impl Definition {
    /// Reads the field `body` of `ImportApi` and `ReimportApi`. The error is the message of a `BadRequestException`.
    pub fn of(body: &Value) -> Result<Self, String> {
        let text = body.as_str().ok_or("The request has no OpenAPI document in its body.")?;
        let document: Value = serde_json::from_str(text)
            .map_err(|error| format!("Unable to parse the API definition as JSON: {error}"))?;
        if !document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")) {
            return Err("HTTP APIs support only OpenAPI 3.0 definitions.".into());
        }
        let paths = document["paths"].as_object().ok_or("The API definition has no paths.")?;
        let mut definition = Self::default();
        definition.read_info(&document["info"]);
        definition.tags = tags(&document);
        definition.cors = document.get("x-amazon-apigateway-cors").cloned();
        for (path, item) in paths {
            definition.read_path(&document, path, item)?;
        }
        Ok(definition)
    }

    /// The roles that the document gives to API Gateway.
    pub fn roles(&self) -> BTreeSet<&str> {
        let integrations = self.routes.iter().filter_map(|route| route.integration.as_ref());
        integrations.filter_map(|integration| integration["credentialsArn"].as_str()).collect()
    }

    fn read_info(&mut self, info: &Value) {
        for (from, to) in [("title", "name"), ("description", "description"), ("version", "version")] {
            if let Some(text) = info[from].as_str() {
                self.api.insert(to.into(), text.into());
            } else if from != "description" {
                self.warnings.push(format!("Parse issue: attribute info.{from} is missing"));
            }
        }
    }

    fn read_path(&mut self, document: &Value, path: &str, item: &Value) -> Result<(), String> {
        let is_path = path.starts_with('/');
        if !is_path {
            self.warnings.push(format!("Parse issue: attribute paths. Resource {path} should start with /"));
        }
        for (field, operation) in item.as_object().into_iter().flatten() {
            let key = match field.as_str() {
                ANY_METHOD if path.trim_start_matches('/') == "$default" => "$default".to_owned(),
                ANY_METHOD => format!("ANY {path}"),
                method if METHODS.contains(&method) => {
                    self.check_operation(path, item, method, operation);
                    format!("{} {path}", method.to_uppercase())
                }
                other if other.starts_with("x-") || OTHER_FIELDS.contains(&other) => continue,
                other => return Err(format!("{BAD_ROUTE_KEY}: {other} {path}")),
            };
            if is_path || key == "$default" {
                let integration = self.integration(document, &key, operation);
                self.routes.push(ImportedRoute { key, integration, scheme: scheme(document, operation) });
            }
        }
        Ok(())
    }

    /// Warns of what OpenAPI requires from an operation.
    fn check_operation(&mut self, path: &str, item: &Value, method: &str, operation: &Value) {
        if !operation["responses"].is_object() {
            self.warnings
                .push(format!("Parse issue: attribute paths.'{path}'({method}).responses is missing"));
        }
        let declared = [&item["parameters"], &operation["parameters"]];
        let declared: Vec<&str> = (declared.into_iter().filter_map(Value::as_array).flatten())
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let parameters = path.split('{').skip(1).filter_map(|part| part.split('}').next());
        for parameter in parameters {
            if !declared.contains(&parameter) && !declared.contains(&parameter.trim_end_matches('+')) {
                self.warnings.push(format!(
                    "Parse issue: attribute paths.'{path}'. Declared path parameter {parameter} needs to be \
                     defined as a path parameter in path or operation level"
                ));
            }
        }
    }

    fn integration(&mut self, document: &Value, key: &str, operation: &Value) -> Option<Value> {
        let Some(found) = operation.get(INTEGRATION).and_then(|found| referenced(document, found)) else {
            self.warnings.push(format!("No integration found for route {key}."));
            return None;
        };
        let kind = found["type"].as_str().unwrap_or_default().to_uppercase();
        let subtype = found["integrationSubtype"].as_str();
        if kind == "AWS_PROXY"
            && let Some(subtype) = subtype
        {
            return self.service_integration(key, subtype, found);
        }
        if !["AWS_PROXY", "HTTP_PROXY"].contains(&kind.as_str()) || !found["uri"].is_string() {
            self.warnings.push(format!(
                "Unable to create an integration for route {key}: HTTP APIs support only AWS_PROXY and HTTP_PROXY \
                 integrations with a uri."
            ));
            return None;
        }
        let mut integration = json!({ "integrationType": kind });
        let fields = [
            ("httpMethod", "integrationMethod"),
            ("uri", "integrationUri"),
            ("payloadFormatVersion", "payloadFormatVersion"),
            ("timeoutInMillis", "timeoutInMillis"),
            ("credentials", "credentialsArn"),
        ];
        for (from, to) in fields {
            if let Some(value) = found.get(from) {
                integration[to] = value.clone();
            }
        }
        Some(integration)
    }

    /// An integration that calls a service.
    fn service_integration(&mut self, key: &str, subtype: &str, found: &Value) -> Option<Value> {
        let required = SERVICES.iter().find(|(known, _)| *known == subtype).map(|(_, required)| *required);
        let lacks = |name: &&&str| !found["requestParameters"][**name].is_string();
        let why = match required {
            None => Some(format!("the sandbox does not serve the integration subtype {subtype}")),
            Some(_) if !found["credentials"].is_string() => Some("Credentials is required".to_owned()),
            Some(required) => {
                let missing = required.iter().find(lacks);
                missing.map(|name| format!("Parameter {name} is required for {subtype}"))
            }
        };
        if let Some(why) = why {
            self.warnings.push(format!("Unable to create an integration for route {key}: {why}."));
            return None;
        }
        Some(json!({
            "integrationType": "AWS_PROXY",
            "integrationSubtype": subtype,
            "credentialsArn": found["credentials"],
            "requestParameters": found["requestParameters"],
            "payloadFormatVersion": "1.0",
        }))
    }
}

/// The services that an integration may call here, with the parameters that are required
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html>).
const SERVICES: [(&str, &[&str]); 4] = [
    ("EventBridge-PutEvents", &["Detail", "DetailType", "Source"]),
    ("Kinesis-PutRecord", &["StreamName", "Data", "PartitionKey"]),
    ("SQS-SendMessage", &["QueueUrl", "MessageBody"]),
    ("StepFunctions-StartExecution", &["StateMachineArn"]),
];

const BAD_ROUTE_KEY: &str = "The provided route key is not formatted properly for HTTP protocol. Format should be \
                             \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\"";

/// Refuses a route key with another form than `GET /path`, `ANY /path` or `$default`.
pub fn check_route_key(key: &str) -> Result<(), String> {
    let is_fit = key.split_once(' ').is_some_and(|(method, path)| {
        let known = METHODS.iter().any(|known| known.to_uppercase() == method);
        (known || method == "ANY") && path.starts_with('/')
    });
    if is_fit || key == "$default" { Ok(()) } else { Err(BAD_ROUTE_KEY.into()) }
}

/// The first security scheme of an operation that has an authorizer. SAM writes a scheme `NONE` that does not exist.
fn scheme(document: &Value, operation: &Value) -> Value {
    let required = operation.get("security").unwrap_or(&document["security"]).as_array();
    let mut names = required.into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys);
    let found = names.find_map(|name| {
        let scheme = document["components"]["securitySchemes"].get(name)?;
        scheme.get("x-amazon-apigateway-authorizer").map(|_| scheme.clone())
    });
    found.unwrap_or_default()
}

/// The tags at the root of a document that have a value.
pub fn tags(document: &Value) -> Option<Map<String, Value>> {
    let tags = document["tags"].as_array()?.iter().filter_map(|tag| {
        let value = tag["x-amazon-apigateway-tag-value"].as_str()?;
        Some((tag["name"].as_str()?.to_owned(), value.into()))
    });
    let tags: Map<String, Value> = tags.collect();
    (!tags.is_empty()).then_some(tags)
}

/// The value itself, or the one that its `$ref` names: `#/components/x-amazon-apigateway-integrations/NAME`.
fn referenced<'a>(document: &'a Value, value: &'a Value) -> Option<&'a Value> {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#')?),
        None => Some(value),
    }
}

#[cfg(test)]
mod tests;
