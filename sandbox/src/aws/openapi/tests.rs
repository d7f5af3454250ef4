//! Documents, their routes and their warnings.

use super::*;

const ROLE: &str = "arn:aws:iam::000000000000:role/sluice/api";

fn read(document: &Value) -> Result<Definition, String> {
    Definition::of(&document.to_string().into())
}

fn operation() -> Value {
    json!({ "responses": {}, INTEGRATION: {
        "type": "aws_proxy", "httpMethod": "POST", "uri": "arn:f", "payloadFormatVersion": "2.0",
        "credentials": ROLE,
    } })
}

fn document(paths: &Value) -> Value {
    json!({ "openapi": "3.0.1", "info": { "title": "sluice-orders", "version": "7" }, "paths": paths })
}

#[test]
fn methods_any_method_and_default_become_routes() {
    let mut definition = document(&json!({
        "/": { "get": operation(), "summary": "x" },
        "/$default": { ANY_METHOD: operation() },
        "/a": { ANY_METHOD: { INTEGRATION: { "$ref": "#/components/x-amazon-apigateway-integrations/f" } } },
    }));
    definition["components"] =
        json!({ "x-amazon-apigateway-integrations": { "f": operation()[INTEGRATION] } });
    definition["tags"] = json!([{ "name": "a", "x-amazon-apigateway-tag-value": "b" }, { "name": "c" }]);
    let definition = read(&definition).unwrap();
    let keys: Vec<&str> = definition.routes.iter().map(|route| route.key.as_str()).collect();
    assert_eq!(keys, ["GET /", "$default", "ANY /a"]);
    let integration = json!({
        "integrationType": "AWS_PROXY", "integrationMethod": "POST", "integrationUri": "arn:f",
        "payloadFormatVersion": "2.0", "credentialsArn": ROLE,
    });
    assert!(definition.routes.iter().all(|route| route.integration.as_ref() == Some(&integration)));
    assert_eq!(Vec::from_iter(definition.roles()), [ROLE]);
    assert_eq!(definition.warnings, [""; 0]);
    assert_eq!(Value::from(definition.api), json!({ "name": "sluice-orders", "version": "7" }));
    assert_eq!(Value::from(definition.tags.unwrap()), json!({ "a": "b" }));
}

#[test]
fn what_openapi_requires_is_a_warning() {
    let warnings = |paths: Value| read(&document(&paths)).unwrap().warnings;
    let mut bare = operation();
    bare["responses"] = Value::Null;
    assert_eq!(
        warnings(json!({ "/a": { "get": bare } })),
        ["Parse issue: attribute paths.'/a'(get).responses is missing"]
    );
    assert_eq!(
        warnings(json!({ "$default": { ANY_METHOD: operation() } })),
        ["Parse issue: attribute paths. Resource $default should start with /"]
    );
    let undeclared = warnings(json!({ "/{id}": { "get": operation() } }));
    assert!(undeclared[0].contains("'/{id}'. Declared path parameter id needs to be defined"));
    let mut declared = json!({ "/{id}/{rest+}": { "get": operation() } });
    declared["/{id}/{rest+}"]["parameters"] =
        json!([{ "in": "path", "name": "id" }, { "in": "path", "name": "rest" }]);
    assert_eq!(warnings(declared), [""; 0]);
    let missing = warnings(json!({ "/a": { "post": { "responses": {} } } }));
    assert_eq!(missing, ["No integration found for route POST /a."]);
}

#[test]
fn a_document_without_paths_or_with_another_version_is_refused() {
    let refused = |document: Value| read(&document).unwrap_err();
    assert!(Definition::of(&Value::Null).is_err() && Definition::of(&"{".into()).is_err());
    assert!(refused(json!({ "swagger": "2.0", "paths": {} })).contains("OpenAPI 3.0"));
    assert!(refused(json!({ "openapi": "3.0.1" })).contains("no paths"));
    assert!(refused(document(&json!({ "/a": { "trace": operation() } }))).contains("trace /a"));
    assert!(check_route_key("GET /a").is_ok() && check_route_key("$default").is_ok());
    assert!(check_route_key("FETCH /a").is_err() && check_route_key("GET a").is_err());
}
