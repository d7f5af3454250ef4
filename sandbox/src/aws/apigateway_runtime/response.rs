//! The HTTP response for a function's answer, payload format 2.0.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use serde_json::Value;

/// Converts a function's answer. Without a status code, the whole answer is the body.
pub fn response(answer: &Value) -> Option<Response> {
    let Some(status) = answer.get("statusCode") else {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
        return Some((json, text).into_response());
    };
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
    let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    let body = match &answer["body"] {
        Value::Null => Vec::new(),
        Value::String(text) if answer["isBase64Encoded"] == true => {
            base64::engine::general_purpose::STANDARD.decode(text).ok()?
        }
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.insert(HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value).ok()?);
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn responses_are_inferred_as_in_format_2() {
        let plain = response(&json!({"v": 1})).unwrap();
        assert_eq!(
            (plain.status(), &plain.headers()["content-type"]),
            (StatusCode::OK, &"application/json".parse().unwrap())
        );
        let full =
            json!({"statusCode": 201, "headers": {"X-A": "b"}, "cookies": ["a=1", "b=2"], "body": "hi"});
        let full = response(&full).unwrap();
        assert_eq!((full.status().as_u16(), &full.headers()["x-a"]), (201, &"b".parse().unwrap()));
        assert_eq!(full.headers().get_all("set-cookie").iter().count(), 2);
        assert!(response(&json!({"statusCode": "no"})).is_none());
    }
}
