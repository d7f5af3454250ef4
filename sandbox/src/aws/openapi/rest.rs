//! A document as API Gateway imports it into a REST API: Swagger 2.0 or OpenAPI 3.0.
//!
//! What the service cannot create ends the import ("Errors found during import", in its words); what it leaves out is a
//! warning. <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html> lists what it does
//! not support, <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html> the extensions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{ANY_METHOD, INTEGRATION, METHODS, OTHER_FIELDS};

/// The extensions that a REST API knows.
const EXTENSIONS: &[&str] = &[
    ANY_METHOD,
    "x-amazon-apigateway-api-key-source",
    "x-amazon-apigateway-auth",
    "x-amazon-apigateway-authorizer",
    "x-amazon-apigateway-authtype",
    "x-amazon-apigateway-binary-media-types",
    "x-amazon-apigateway-documentation",
    "x-amazon-apigateway-endpoint-access-mode",
    "x-amazon-apigateway-endpoint-configuration",
    "x-amazon-apigateway-gateway-responses",
    INTEGRATION,
    "x-amazon-apigateway-minimum-compression-size",
    "x-amazon-apigateway-policy",
    "x-amazon-apigateway-request-validator",
    "x-amazon-apigateway-request-validators",
    "x-amazon-apigateway-security-policy",
];
const INTEGRATIONS: [&str; 5] = ["AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK"];

/// What an import makes of a document.
#[derive(Debug, Clone, Default)]
pub struct RestDefinition {
    /// The properties of the API that the document sets; an import resets the others that [`RestDefinition::reset`] names.
    pub api: Map<String, Value>,
    pub methods: Vec<RestMethod>,
    pub warnings: Vec<String>,
}

/// A method of a resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RestMethod {
    /// `GET /items/{id}`.
    pub key: String,
    /// The extension with the integration; null without one.
    pub integration: Value,
    /// The scheme that authorizes a request: its `name` and its extensions. Null for none.
    pub scheme: Value,
    pub needs_key: bool,
}

impl RestDefinition {
    /// Reads the body of `PutRestApi` and `ImportRestApi`. The error is the message of a `BadRequestException`.
    pub fn of(text: &[u8]) -> Result<Self, String> {
        let document: Value = serde_json::from_slice(text)
            .map_err(|error| format!("Invalid OpenAPI input: it is not JSON: {error}"))?;
        // A parser takes numbers for texts: authors of YAML write `swagger: 2.0`.
        let is_version = |field: &str, version: &str| match &document[field] {
            Value::String(found) => found.starts_with(version),
            Value::Number(found) => found.to_string() == version,
            _ => false,
        };
        if !is_version("swagger", "2.0") && !is_version("openapi", "3.0") {
            return Err("Invalid OpenAPI input.".into());
        }
        let mut definition = Self::default();
        definition.read_api(&document);
        let paths = document["paths"].as_object();
        if paths.is_none() {
            definition.warnings.push("Parse issue: attribute paths is missing".into());
        }
        let mut errors = vec![];
        for (path, item) in paths.into_iter().flatten() {
            errors.extend(
                path_error(path).map(|why| format!("Unable to create resource at path '{path}': {why}")),
            );
            definition.read_path(&document, path, item, &mut errors);
        }
        errors.extend(sibling_errors(paths.into_iter().flat_map(Map::keys)));
        for name in document["definitions"].as_object().into_iter().flat_map(Map::keys) {
            if !name.chars().all(|c| c.is_ascii_alphanumeric()) {
                errors.push(format!(
                    "Unable to create model for '{name}': Model name must be alphanumeric: {name}"
                ));
            }
        }
        definition.unknown_extensions(&document, "");
        if errors.is_empty() {
            Ok(definition)
        } else {
            Err(format!("Errors found during import:\n\t{}", errors.join("\n\t")))
        }
    }

    /// The roles that the document gives to API Gateway.
    pub fn roles(&self) -> BTreeSet<&str> {
        let integrations =
            self.methods.iter().filter_map(|method| method.integration["credentials"].as_str());
        let schemes = self.methods.iter().map(|method| &method.scheme["x-amazon-apigateway-authorizer"]);
        integrations.chain(schemes.filter_map(|scheme| scheme["authorizerCredentials"].as_str())).collect()
    }

    /// The properties of an API after the import. Overwriting resets what the document does not set, except for the endpoint type.
    pub fn reset(&self, before: &Value) -> Map<String, Value> {
        let mut endpoint = before["endpointConfiguration"].clone();
        if let Some(endpoint) = endpoint.as_object_mut() {
            endpoint.remove("vpcEndpointIds");
            if let Some(ids) = self.api.get("vpcEndpointIds") {
                endpoint.insert("vpcEndpointIds".into(), ids.clone());
            }
        }
        let defaults = json!({
            "description": null, "version": null, "binaryMediaTypes": [], "minimumCompressionSize": null,
            "apiKeySource": "HEADER", "policy": null, "disableExecuteApiEndpoint": false,
            "endpointConfiguration": endpoint,
        });
        let mut after = defaults.as_object().cloned().unwrap_or_default();
        after.extend(self.api.clone().into_iter().filter(|(name, _)| name != "vpcEndpointIds"));
        after
    }

    fn read_api(&mut self, document: &Value) {
        let info = &document["info"];
        for (from, to) in [("title", "name"), ("description", "description"), ("version", "version")] {
            if let Some(text) = info[from].as_str() {
                self.api.insert(to.into(), text.into());
            } else if from != "description" {
                self.warnings.push(format!("Parse issue: attribute info.{from} is missing"));
            }
        }
        let extensions = [
            ("binary-media-types", "binaryMediaTypes"),
            ("minimum-compression-size", "minimumCompressionSize"),
            ("api-key-source", "apiKeySource"),
            ("policy", "policy"),
        ];
        for (from, to) in extensions {
            if let Some(value) = document.get(format!("x-amazon-apigateway-{from}")) {
                let value = if to == "policy" { value.to_string().into() } else { value.clone() };
                self.api.insert(to.into(), value);
            }
        }
        // At the root in Swagger 2.0, at a server in OpenAPI 3.0.
        const ENDPOINT: &str = "x-amazon-apigateway-endpoint-configuration";
        let servers = document["servers"].as_array().into_iter().flatten();
        for endpoint in servers.chain([document]).filter_map(|place| place.get(ENDPOINT)) {
            for field in ["disableExecuteApiEndpoint", "vpcEndpointIds"] {
                if let Some(value) = endpoint.get(field) {
                    self.api.insert(field.into(), value.clone());
                }
            }
        }
    }

    fn read_path(&mut self, document: &Value, path: &str, item: &Value, errors: &mut Vec<String>) {
        for (field, operation) in item.as_object().into_iter().flatten() {
            let verb = match field.as_str() {
                ANY_METHOD => "ANY".to_owned(),
                method if METHODS.contains(&method) => method.to_uppercase(),
                other if other.starts_with("x-") || OTHER_FIELDS.contains(&other) => continue,
                other => {
                    self.warnings.push(format!("Ignoring unsupported method {other} of path '{path}'"));
                    continue;
                }
            };
            let place = format!("'{verb}' for resource at path '{path}'");
            let integration = operation.get(INTEGRATION).cloned().unwrap_or_default();
            errors.extend(
                integration_error(&integration, operation)
                    .map(|why| format!("Unable to put integration on {place}: {why}")),
            );
            let (mut scheme, mut needs_key) = (Value::Null, false);
            for (name, found) in self.schemes(document, operation, path) {
                match found
                    .get("x-amazon-apigateway-authorizer")
                    .or(found.get("x-amazon-apigateway-authtype"))
                {
                    Some(_) => scheme = found,
                    None if found["type"] == "apiKey" && name == "api_key" => needs_key = true,
                    None => {
                        self.warnings.push(format!("Ignoring the security scheme {name} of path '{path}'"))
                    }
                }
            }
            self.methods.push(RestMethod { key: format!("{verb} {path}"), integration, scheme, needs_key });
        }
    }

    /// The security schemes that an operation requires.
    fn schemes(&mut self, document: &Value, operation: &Value, path: &str) -> BTreeMap<String, Value> {
        let known = document.get("securityDefinitions").unwrap_or(&document["components"]["securitySchemes"]);
        let required = operation.get("security").unwrap_or(&document["security"]).as_array();
        let names = required.into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys);
        let mut found = BTreeMap::new();
        for name in names {
            match known.get(name) {
                Some(scheme) => {
                    found.insert(name.clone(), scheme.clone());
                }
                None => {
                    self.warnings.push(format!("The security scheme {name} of path '{path}' is not defined"));
                }
            }
        }
        found
    }

    /// Warns of extensions that a REST API does not have.
    fn unknown_extensions(&mut self, value: &Value, place: &str) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            let is_known = !name.starts_with("x-amazon-apigateway-") || EXTENSIONS.contains(&name.as_str());
            if !is_known {
                let place = if place.is_empty() { "the document" } else { place };
                self.warnings.push(format!("Ignoring unknown extension {name} of {place}"));
            }
            if !name.starts_with("x-") {
                self.unknown_extensions(inner, name);
            }
        }
    }
}

/// What is wrong with a path.
fn path_error(path: &str) -> Option<String> {
    let Some(rest) = path.strip_prefix('/') else { return Some("the path must start with /".into()) };
    let parts: Vec<&str> = if rest.is_empty() { vec![] } else { rest.split('/').collect() };
    for (at, part) in parts.iter().enumerate() {
        let inner = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        let name = inner.map_or(*part, |inner| inner.strip_suffix('+').unwrap_or(inner));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c)) {
            return Some(
                "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the \
                 beginning and the end."
                    .into(),
            );
        }
        if inner.is_some_and(|inner| inner.ends_with('+')) && at + 1 < parts.len() {
            return Some(format!("Cannot create a child of a resource with a greedy path variable: {part}"));
        }
    }
    None
}

/// Resources beside each other have at most one path variable.
fn sibling_errors<'a>(paths: impl Iterator<Item = &'a String>) -> Vec<String> {
    let (mut variables, mut errors) = (BTreeMap::<String, &str>::new(), vec![]);
    for path in paths {
        let mut parent = String::new();
        for part in path.split('/').skip(1) {
            if part.starts_with('{') {
                let held = variables.entry(parent.clone()).or_insert(part);
                if *held != part {
                    errors.push(format!(
                        "Unable to create resource at path '{path}': A sibling ({held}) of this resource already has a \
                         variable path part -- only one unique variable path part is allowed"
                    ));
                }
            }
            parent = format!("{parent}/{part}");
        }
    }
    errors
}

/// What is wrong with an integration. A method without one is imported, but cannot be deployed.
fn integration_error(integration: &Value, operation: &Value) -> Option<String> {
    if integration.is_null() {
        return None;
    }
    let kind = integration["type"].as_str().unwrap_or_default().to_uppercase();
    if !INTEGRATIONS.contains(&kind.as_str()) {
        return Some("Enumeration value for type must be non-empty".into());
    }
    if kind != "MOCK" && !integration["httpMethod"].is_string() {
        return Some("Enumeration value for HttpMethod must be non-empty".into());
    }
    let uri = integration["uri"].as_str().unwrap_or_default();
    if kind.starts_with("AWS") && !uri.starts_with("arn:aws:apigateway:") {
        return Some("Invalid ARN specified in the request".into());
    }
    // A header that the method's response does not declare cannot be mapped.
    for (_, response) in integration["responses"].as_object().into_iter().flatten() {
        let status = response["statusCode"].as_str().unwrap_or_default();
        let declared = operation["responses"][status]["headers"].as_object();
        for name in response["responseParameters"].as_object().into_iter().flat_map(Map::keys) {
            let header = name.strip_prefix("method.response.header.").unwrap_or_default();
            if !declared.is_some_and(|declared| declared.contains_key(header)) {
                return Some(format!("Invalid mapping expression parameter specified: {name}"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:f/invocations";

    fn operation() -> Value {
        json!({ "responses": {}, INTEGRATION: { "type": "aws_proxy", "httpMethod": "POST", "uri": URI } })
    }

    fn document(paths: &Value) -> Value {
        json!({ "swagger": "2.0", "info": { "title": "t", "version": "1.0" }, "paths": paths })
    }

    fn read(document: &Value) -> Result<RestDefinition, String> {
        RestDefinition::of(document.to_string().as_bytes())
    }

    #[test]
    fn a_body_of_sam_has_methods_authorizers_and_no_warnings() {
        let definition = RestDefinition::of(include_bytes!("rest_sam.json")).unwrap();
        assert_eq!(definition.warnings, [""; 0]);
        let keys: Vec<&str> = definition.methods.iter().map(|method| method.key.as_str()).collect();
        let expected = [
            "GET /items/{id}",
            "OPTIONS /items/{id}",
            "OPTIONS /world",
            "POST /world",
            "OPTIONS /{proxy+}",
            "ANY /{proxy+}",
        ];
        assert_eq!(keys, expected);
        let [get, mock, _, keyed, _, any] = &definition.methods[..] else { panic!("six methods") };
        assert_eq!(get.scheme["x-amazon-apigateway-authorizer"]["type"], "token");
        assert_eq!(any.scheme["x-amazon-apigateway-authorizer"]["type"], "request");
        assert!(mock.scheme.is_null() && keyed.scheme.is_null() && keyed.needs_key && !any.needs_key);
    }

    #[test]
    fn what_cannot_be_created_ends_the_import() {
        let refused = |paths: Value| read(&document(&paths)).unwrap_err();
        assert!(refused(json!({ "/a b": { "get": operation() } })).contains("path part only allow"));
        assert!(refused(json!({ "/{p+}/x": { "get": operation() } })).contains("greedy path variable: {p+}"));
        assert!(refused(json!({ "/{a}": {}, "/{b}/x": {} })).contains("A sibling ({a})"));
        let mut integration = operation();
        integration[INTEGRATION]["type"] = "lambda".into();
        assert!(refused(json!({ "/": { "get": integration } })).contains("'GET' for resource at path '/'"));
        let mut mock = json!({ "responses": { "200": {} }, INTEGRATION: { "type": "mock" } });
        mock[INTEGRATION]["responses"] = json!({ "default": { "statusCode": "200", "responseParameters": { "method.response.header.X": "'1'" } } });
        assert!(refused(json!({ "/": { "get": mock } })).contains("Invalid mapping expression"));
        assert!(read(&json!({ "openapi": "3.1.0", "paths": {} })).is_err());
        assert!(read(&json!({ "swagger": 2.0, "paths": {} })).is_ok());
        let mut model = document(&json!({}));
        model["definitions"] = json!({ "My_Model": {} });
        assert!(read(&model).unwrap_err().contains("must be alphanumeric: My_Model"));
    }

    #[test]
    fn what_is_left_out_is_a_warning() {
        let mut unknown = document(&json!({ "/": { "get": operation(), "trace": {} } }));
        unknown["x-amazon-apigateway-cors"] = json!({});
        unknown["paths"]["/"]["get"]["security"] = json!([{ "Gone": [] }]);
        let warnings = read(&unknown).unwrap().warnings;
        assert_eq!(
            warnings,
            [
                "The security scheme Gone of path '/' is not defined",
                "Ignoring unsupported method trace of path '/'",
                "Ignoring unknown extension x-amazon-apigateway-cors of the document",
            ]
        );
    }

    #[test]
    fn an_import_resets_what_the_document_does_not_set() {
        let mut described = document(&json!({}));
        described["x-amazon-apigateway-binary-media-types"] = json!(["image/png"]);
        described["x-amazon-apigateway-policy"] = json!({ "Statement": [] });
        let before = json!({
            "description": "old", "minimumCompressionSize": 5, "disableExecuteApiEndpoint": true,
            "endpointConfiguration": { "types": ["PRIVATE"], "vpcEndpointIds": ["v"] },
        });
        let after = Value::from(read(&described).unwrap().reset(&before));
        let expected = json!({
            "name": "t", "description": null, "version": "1.0", "binaryMediaTypes": ["image/png"],
            "minimumCompressionSize": null, "apiKeySource": "HEADER", "policy": "{\"Statement\":[]}",
            "disableExecuteApiEndpoint": false, "endpointConfiguration": { "types": ["PRIVATE"] },
        });
        assert_eq!(after, expected);
    }
}
