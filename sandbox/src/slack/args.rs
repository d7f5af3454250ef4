//! The arguments of a call, and the errors that answer it.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

/// A method's answer: the fields beside `ok`, or an error.
pub type Answer = Result<Value, ApiError>;

/// Why Slack refuses a call.
#[derive(Debug, Default, PartialEq)]
pub struct ApiError {
    pub error: &'static str,
    /// The details, for `response_metadata`.
    pub details: Vec<String>,
    /// Seconds to wait; the status is 429 then.
    pub retry_after: Option<u64>,
    /// The missing scope.
    pub needed: Option<&'static str>,
}

impl From<&'static str> for ApiError {
    fn from(error: &'static str) -> Self {
        Self { error, ..Self::default() }
    }
}

/// The arguments of a call, from JSON, a form or the query.
#[derive(Debug, Default)]
pub struct Args(Map<String, Value>);

impl From<Map<String, Value>> for Args {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl Args {
    /// A text argument that is not empty.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A boolean; forms send it as text.
    pub fn flag(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| value == true || value == "true" || value == "1")
    }

    /// A JSON value; forms send it as text.
    pub fn json(&self, key: &str) -> Option<Value> {
        match self.0.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(serde_json::from_str(text).unwrap_or(Value::Null)),
            Some(value) => Some(value.clone()),
        }
    }

    /// All arguments, with JSON in forms parsed.
    pub fn view(&self) -> Value {
        let structure = |key: &String| ["blocks", "attachments", "metadata"].contains(&key.as_str());
        let value = |key: &String| if structure(key) { self.json(key) } else { self.0.get(key).cloned() };
        self.0.keys().filter_map(|key| Some((key.clone(), value(key)?))).collect::<Map<_, _>>().into()
    }

    /// Reads the arguments of a call.
    pub fn read(headers: &HeaderMap, query: &str, body: &[u8]) -> Result<Self, &'static str> {
        let mut args = Map::new();
        let pairs = |text: &[u8]| -> Vec<(String, Value)> {
            url::form_urlencoded::parse(text).map(|(k, v)| (k.into_owned(), v.into_owned().into())).collect()
        };
        args.extend(pairs(query.as_bytes()));
        let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") {
            match serde_json::from_slice(body) {
                Ok(Value::Object(fields)) => args.extend(fields),
                Ok(_) => return Err("json_not_object"),
                Err(_) => return Err("invalid_json"),
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") || !body.is_empty() {
            args.extend(pairs(body));
        }
        Ok(Self(args))
    }
}
