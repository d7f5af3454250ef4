//! The HTTP response for a function's answer, format 1.0. A REST API answers 502 to any other form.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format>

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use serde_json::Value;

const FIELDS: [&str; 5] = ["body", "headers", "isBase64Encoded", "multiValueHeaders", "statusCode"];

/// Converts a function's answer; `None` if it is malformed. Only a binary answer is decoded.
pub fn response(answer: &Value, is_binary: bool) -> Option<Response> {
    let fields = answer.as_object()?;
    if !fields.keys().all(|name| FIELDS.contains(&name.as_str())) {
        return None;
    }
    let status = match &answer["statusCode"] {
        Value::Null => 200,
        Value::String(text) => text.parse().ok()?,
        number => number.as_u64()?,
    };
    let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    let body = match &answer["body"] {
        Value::Null => Vec::new(),
        Value::String(text) if answer["isBase64Encoded"] == true && is_binary => {
            base64::engine::general_purpose::STANDARD.decode(text).ok()?
        }
        Value::String(text) => text.clone().into_bytes(),
        _ => return None,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in object(&answer["headers"])? {
        headers.insert(HeaderName::try_from(name).ok()?, scalar(value)?);
    }
    // Both fields are merged; of a name in both, the values of this one count.
    for (name, values) in object(&answer["multiValueHeaders"])? {
        let name = HeaderName::try_from(name).ok()?;
        headers.remove(&name);
        for value in values.as_array()? {
            headers.append(name.clone(), scalar(value)?);
        }
    }
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    Some((status, headers, body).into_response())
}

fn object(value: &Value) -> Option<Vec<(&String, &Value)>> {
    match value {
        Value::Null => Some(vec![]),
        Value::Object(fields) => Some(fields.iter().collect()),
        _ => None,
    }
}

fn scalar(value: &Value) -> Option<HeaderValue> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => return None,
    };
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn headers_of_both_fields_are_merged() {
        let answer = json!({
            "statusCode": 201, "headers": { "X-A": 1, "X-B": "x" },
            "multiValueHeaders": { "X-B": ["y", "z"] }, "body": "{}",
        });
        let answer = response(&answer, false).unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-a"]), (201, &"1".parse().unwrap()));
        assert_eq!(answer.headers().get_all("x-b").iter().collect::<Vec<_>>(), ["y", "z"]);
        assert_eq!(answer.headers()["content-type"], "application/json");
    }

    #[test]
    fn another_form_is_malformed() {
        for malformed in [
            json!("text"),
            json!(null),
            json!({ "answer": 42 }),
            json!({ "statusCode": "x" }),
            json!({ "body": { "a": 1 } }),
            json!({ "headers": { "a": ["b"] } }),
            json!({ "statusCode": 99 }),
        ] {
            assert!(response(&malformed, false).is_none(), "{malformed}");
        }
        assert!(response(&json!({}), false).is_some());
        assert!(response(&json!({ "body": "?", "isBase64Encoded": true }), true).is_none());
        assert!(response(&json!({ "body": "?", "isBase64Encoded": true }), false).is_some());
    }
}
