//! CORS of an HTTP API, which API Gateway answers itself if the API has a configuration.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

const HEADERS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// The answer to a preflight request; `None` if it is none, or if the API has no configuration.
pub fn preflight(rules: &Value, parts: &Parts) -> Option<Response> {
    let asks = parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !rules.is_object() || parts.method != Method::OPTIONS || !asks || origin(parts).is_none() {
        return None;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed_origin(rules, parts).is_some() {
        let headers = response.headers_mut();
        set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &list(&rules["allowMethods"]));
        set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &list(&rules["allowHeaders"]));
        set(
            headers,
            header::ACCESS_CONTROL_MAX_AGE,
            &rules["maxAge"].as_i64().map(|age| age.to_string()).unwrap_or_default(),
        );
    }
    Some(response)
}

/// Sets the headers of the configuration in an answer, in place of those that the function sent.
pub fn allow(rules: &Value, parts: &Parts, headers: &mut HeaderMap) {
    if !rules.is_object() {
        return;
    }
    let is_preflight = parts.method == Method::OPTIONS;
    for name in HEADERS.iter().filter(|_| !is_preflight) {
        headers.remove(name);
    }
    let Some(origin) = allowed_origin(rules, parts) else { return };
    set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, &origin);
    if rules["allowCredentials"] == true {
        set(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    if !is_preflight {
        set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &list(&rules["exposeHeaders"]));
    }
}

fn origin(parts: &Parts) -> Option<&str> {
    parts.headers.get(header::ORIGIN)?.to_str().ok()
}

/// What an answer names as the allowed origin: `*` if any is.
fn allowed_origin(rules: &Value, parts: &Parts) -> Option<String> {
    let origin = origin(parts)?;
    let mut allowed = rules["allowOrigins"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let found = allowed.find(|allowed| match allowed.split_once('*') {
        Some((before, after)) => origin.starts_with(before) && origin.ends_with(after),
        None => *allowed == origin,
    })?;
    Some(if found == "*" { "*".to_owned() } else { origin.to_owned() })
}

fn list(values: &Value) -> String {
    let values: Vec<&str> = values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    values.join(",")
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(method: &str, origin: &str) -> Parts {
        let request = axum::http::Request::builder().method(method).header("origin", origin);
        request.header("access-control-request-method", "GET").body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_preflight_request_gets_the_configuration_of_an_allowed_origin() {
        let rules =
            json!({ "allowOrigins": ["https://a.example"], "allowMethods": ["GET", "POST"], "maxAge": 60 });
        let answer = |origin: &str| {
            let parts = request("OPTIONS", origin);
            let mut answer = preflight(&rules, &parts).unwrap();
            allow(&rules, &parts, answer.headers_mut());
            assert_eq!(answer.status(), 204);
            answer.headers().clone()
        };
        let allowed = answer("https://a.example");
        assert_eq!(allowed["access-control-allow-origin"], "https://a.example");
        assert_eq!(
            (&allowed["access-control-allow-methods"], &allowed["access-control-max-age"]),
            (&"GET,POST".parse().unwrap(), &"60".parse().unwrap())
        );
        assert!(answer("https://b.example").is_empty());
        assert!(preflight(&rules, &request("GET", "https://a.example")).is_none());
        assert!(preflight(&Value::Null, &request("OPTIONS", "https://a.example")).is_none());
    }

    #[test]
    fn the_configuration_replaces_the_headers_of_a_function() {
        let rules = json!({ "allowOrigins": ["*"], "exposeHeaders": ["x-a"] });
        let mut headers = HeaderMap::new();
        set(&mut headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "https://function.example");
        allow(&rules, &request("GET", "https://a.example"), &mut headers);
        assert_eq!(
            (&headers["access-control-allow-origin"], &headers["access-control-expose-headers"]),
            (&"*".parse().unwrap(), &"x-a".parse().unwrap())
        );
    }
}
