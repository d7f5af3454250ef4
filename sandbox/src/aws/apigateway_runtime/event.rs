//! The event that an HTTP API sends to a function, payload format 2.0.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine;
use serde_json::{Map, Value, json};

use super::super::account::ACCOUNT;
use super::routes::RouteMatch;

pub struct MatchedRequest<'a> {
    pub api: &'a str,
    pub stage: &'a Value,
    /// The path without the stage.
    pub path: &'a str,
    pub route: &'a RouteMatch<'a>,
    pub parts: &'a Parts,
    pub body: &'a Bytes,
}

/// The event. `rawPath` begins with the stage unless that is `$default`: "If you use a named stage, the path includes
/// the stage name" — <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html>.
pub fn of(hit: &MatchedRequest<'_>) -> Value {
    let (now, uuid) = (jiff::Timestamp::now(), format!("{:032x}", rand::random::<u128>()));
    let stage = hit.stage["stageName"].as_str().unwrap_or_default();
    let raw_path = if stage == "$default" { hit.path.to_owned() } else { format!("/{stage}{}", hit.path) };
    let query = hit.parts.uri.query().unwrap_or_default();
    let (headers, cookies) = headers(hit.parts);
    let mut event = json!({
        "version": "2.0",
        "routeKey": hit.route.found.key,
        "rawPath": raw_path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": hit.api,
            "domainName": hit.parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()),
            "domainPrefix": hit.api,
            "http": {
                "method": hit.parts.method.as_str(),
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent"),
            },
            "requestId": uuid,
            "routeKey": hit.route.found.key,
            "stage": stage,
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    let fields = event.as_object_mut();
    let Some(fields) = fields else { return event };
    if !cookies.is_empty() {
        fields.insert("cookies".into(), json!(cookies));
    }
    if !query.is_empty() {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        fields.insert("queryStringParameters".into(), joined(pairs));
    }
    if !hit.route.parameters.is_empty() {
        fields.insert("pathParameters".into(), joined(hit.route.parameters.iter().cloned()));
    }
    if hit.stage["stageVariables"].as_object().is_some_and(|variables| !variables.is_empty()) {
        fields.insert("stageVariables".into(), hit.stage["stageVariables"].clone());
    }
    if !hit.body.is_empty() {
        let (body, encoded) = match std::str::from_utf8(hit.body) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (base64::engine::general_purpose::STANDARD.encode(hit.body), true),
        };
        fields.insert("body".into(), body.into());
        fields.insert("isBase64Encoded".into(), encoded.into());
    }
    event
}

/// Headers in lower case, values of one name joined by commas; cookies separately.
fn headers(parts: &Parts) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut headers, mut cookies) = (BTreeMap::<String, String>::new(), Vec::new());
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == header::COOKIE {
            cookies.extend(value.split(';').map(|cookie| cookie.trim().to_owned()));
        } else {
            headers.entry(name.to_string()).and_modify(|held| *held += &format!(",{value}")).or_insert(value);
        }
    }
    (headers, cookies)
}

/// An object in which values of one name are joined by commas.
fn joined(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut object = Map::new();
    for (name, value) in pairs {
        let value = match object.get(&name).and_then(Value::as_str) {
            Some(held) => format!("{held},{value}"),
            None => value,
        };
        object.insert(name, value.into());
    }
    Value::Object(object)
}
