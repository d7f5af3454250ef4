//! The event of format 1.0, which REST APIs always send, and HTTP APIs if the integration says so.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format>

use axum::body::Bytes;
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine;
use serde_json::{Map, Value, json};

use super::super::account::ACCOUNT;

/// A request at a stage, and the method or route that it reached.
pub struct StageRequest<'a> {
    pub api: &'a str,
    pub stage: &'a str,
    pub deployment: &'a str,
    pub variables: &'a Value,
    /// `/items/{id}`.
    pub resource: &'a str,
    /// The path without the stage.
    pub path: &'a str,
    /// The path as the client sent it.
    pub full_path: &'a str,
    pub parameters: &'a [(String, String)],
    pub parts: &'a Parts,
    pub body: &'a Bytes,
    pub is_binary: bool,
    /// What an authorizer gives to the function; null for nothing.
    pub authorizer: Value,
}

/// The event of a REST API.
pub fn of(request: &StageRequest<'_>) -> Value {
    let (now, id) = (jiff::Timestamp::now(), format!("{:032x}", rand::random::<u128>()));
    let parts = request.parts;
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let (headers, multi_headers) = single_and_multi(parts.headers.iter().map(|(name, value)| {
        (spelled(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned())
    }));
    let query = parts.uri.query().unwrap_or_default();
    let (query, multi_query) = single_and_multi(url::form_urlencoded::parse(query.as_bytes()).into_owned());
    let parameters = request.parameters.iter().map(|(name, value)| (name.clone(), value.clone().into()));
    let method = parts.method.as_str();
    let mut context = json!({
        "accountId": ACCOUNT,
        "apiId": request.api,
        "deploymentId": request.deployment,
        "domainName": header(header::HOST),
        "domainPrefix": request.api,
        "extendedRequestId": format!("{:016x}", rand::random::<u64>()),
        "httpMethod": method,
        "identity": identity(header(header::USER_AGENT)),
        "path": request.full_path,
        "protocol": "HTTP/1.1",
        "requestId": id,
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "requestTimeEpoch": now.as_millisecond(),
        "resourceId": hex::encode(request.resource),
        "resourcePath": request.resource,
        "stage": request.stage,
    });
    if !request.authorizer.is_null() {
        context["authorizer"] = request.authorizer.clone();
    }
    let (body, is_encoded) = body(request.body, request.is_binary);
    json!({
        "resource": request.resource,
        "path": request.path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": multi_headers,
        "queryStringParameters": query,
        "multiValueQueryStringParameters": multi_query,
        "pathParameters": or_null(parameters.collect()),
        "stageVariables": or_null(request.variables.as_object().cloned().unwrap_or_default()),
        "requestContext": context,
        "body": body,
        "isBase64Encoded": is_encoded,
    })
}

/// The event of an HTTP API: it names its version, and its path has the stage.
pub fn of_http_api(request: &StageRequest<'_>) -> Value {
    let mut event = of(request);
    event["version"] = "1.0".into();
    event["path"] = request.full_path.into();
    event
}

/// A caller without credentials of AWS.
fn identity(user_agent: Option<&str>) -> Value {
    let absent = [
        "accessKey",
        "accountId",
        "caller",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
        "user",
        "userArn",
    ];
    let mut identity: Map<String, Value> =
        absent.into_iter().map(|name| (name.to_owned(), Value::Null)).collect();
    identity.insert("sourceIp".into(), "127.0.0.1".into());
    identity.insert("userAgent".into(), user_agent.into());
    identity.into()
}

/// Objects with the last value and with all values of each name; null without a name.
fn single_and_multi(pairs: impl Iterator<Item = (String, String)>) -> (Value, Value) {
    let (mut single, mut multi) = (Map::new(), Map::new());
    for (name, value) in pairs {
        if let Some(values) = multi.entry(name.clone()).or_insert_with(|| json!([])).as_array_mut() {
            values.push(value.clone().into());
        }
        single.insert(name, value.into());
    }
    (or_null(single), or_null(multi))
}

fn or_null(object: Map<String, Value>) -> Value {
    if object.is_empty() { Value::Null } else { object.into() }
}

/// A header's name as clients usually write it: this server gets it in lower case, and API Gateway as it was sent.
fn spelled(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn body(body: &Bytes, is_binary: bool) -> (Value, bool) {
    match body.is_empty() {
        true => (Value::Null, false),
        false if is_binary => (base64::engine::general_purpose::STANDARD.encode(body).into(), true),
        false => (String::from_utf8_lossy(body).into_owned().into(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uri: &str, body: &'static [u8], is_binary: bool) -> Value {
        let request = axum::http::Request::builder().method("POST").uri(uri);
        let request = request.header("x-a", "1").header("x-a", "2").header("user-agent", "me");
        let parts = request.body(()).unwrap().into_parts().0;
        of(&StageRequest {
            api: "r1",
            stage: "Prod",
            deployment: "d1",
            variables: &json!({ "f": "1" }),
            resource: "/items/{id}",
            path: "/items/7",
            full_path: "/Prod/items/7",
            parameters: &[("id".to_owned(), "7".to_owned())],
            parts: &parts,
            body: &Bytes::from_static(body),
            is_binary,
            authorizer: json!({ "principalId": "me" }),
        })
    }

    #[test]
    fn an_event_has_all_fields_of_format_1() {
        let event = event("/Prod/items/7?a=1&a=2&b=3", b"hi", false);
        assert_eq!(event["resource"], "/items/{id}");
        assert_eq!(
            (&event["path"], &event["requestContext"]["path"]),
            (&json!("/items/7"), &json!("/Prod/items/7"))
        );
        assert_eq!(event["headers"], json!({ "User-Agent": "me", "X-A": "2" }));
        assert_eq!(event["multiValueHeaders"]["X-A"], json!(["1", "2"]));
        assert_eq!(event["queryStringParameters"], json!({ "a": "2", "b": "3" }));
        assert_eq!(event["multiValueQueryStringParameters"], json!({ "a": ["1", "2"], "b": ["3"] }));
        assert_eq!(event["pathParameters"], json!({ "id": "7" }));
        assert_eq!(event["stageVariables"], json!({ "f": "1" }));
        let context = &event["requestContext"];
        assert_eq!((&context["stage"], &context["httpMethod"]), (&json!("Prod"), &json!("POST")));
        assert_eq!(
            (&context["identity"]["sourceIp"], &context["identity"]["userArn"]),
            (&json!("127.0.0.1"), &Value::Null)
        );
        assert_eq!(context["authorizer"]["principalId"], "me");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("hi"), &json!(false)));
    }

    #[test]
    fn empty_parts_are_null_and_binary_bodies_are_encoded() {
        let event = event("/Prod/items/7", b"\xff", true);
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
        assert!(
            event["queryStringParameters"].is_null() && event["multiValueQueryStringParameters"].is_null()
        );
    }
}
