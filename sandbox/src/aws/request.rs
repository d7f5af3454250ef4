//! A request to AWS, and how its parts are read.

use axum::body::Bytes;
use axum::http::request::Parts;
use serde_json::Value;

/// A request with its whole body.
pub struct AwsRequest {
    pub parts: Parts,
    pub body: Bytes,
}

impl AwsRequest {
    /// The body as JSON; `null` if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

pub fn query(parts: &Parts, key: &str) -> Option<String> {
    let query = parts.uri.query()?;
    url::form_urlencoded::parse(query.as_bytes()).find(|(k, _)| k == key).map(|(_, value)| value.into_owned())
}

/// Decodes `%XX`; a plus stays a plus.
pub fn decode(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}
