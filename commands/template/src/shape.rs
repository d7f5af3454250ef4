//! The shapes of JSON that a template is made of, and what to say where another one stands.

use serde_json::{Map, Value};

use super::error::{Findings, Place, TemplateCode, Wrong};

fn mismatch(value: &Value, wanted: &str) -> Wrong {
    let found = match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    };
    Wrong::new(
        TemplateCode::Shape,
        format!("{found} stands where {wanted} belongs"),
        format!("write {wanted} here"),
    )
}

pub(super) fn map(value: &Value) -> Result<&Map<String, Value>, Wrong> {
    value.as_object().ok_or_else(|| mismatch(value, "a mapping"))
}

pub(super) fn list(value: &Value) -> Result<&Vec<Value>, Wrong> {
    value.as_array().ok_or_else(|| mismatch(value, "a list"))
}

pub(super) fn string(value: &Value) -> Result<&str, Wrong> {
    value.as_str().ok_or_else(|| mismatch(value, "a text"))
}

/// A text as CloudFormation makes one of a text, a number or a truth value.
pub(super) fn scalar(value: &Value) -> Result<String, Wrong> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(mismatch(value, "a text")),
    }
}

/// A mapping that may be left out; anything else is recorded.
pub(super) fn optional_map<'v>(
    value: Option<&'v Value>,
    place: &Place,
    findings: &mut Findings,
) -> Option<&'v Map<String, Value>> {
    findings.take(place, map(value?))
}

/// Records each key that `known` does not list, with a hint for that key.
pub(super) fn only(
    map: &Map<String, Value>,
    known: &[&str],
    place: &Place,
    findings: &mut Findings,
    hint: impl Fn(&str) -> String,
) {
    for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
        let wrong = Wrong::new(TemplateCode::Unsupported, format!("`{key}` is not read here"), hint(key));
        findings.add(&place.key(key), wrong);
    }
}
