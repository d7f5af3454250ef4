//! The JSON types in a template, and the error for a value of another type.

use serde_json::{Map, Value};

use super::budget;
use super::error::{Findings, Place, TemplateCode, Violation};

fn mismatch(value: &Value, wanted: &str) -> Violation {
    let found = match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    };
    Violation::new(
        TemplateCode::Shape,
        format!("found {found}, but expected {wanted}"),
        format!("write {wanted} here"),
    )
}

pub(super) fn map(value: &Value) -> Result<&Map<String, Value>, Violation> {
    value.as_object().ok_or_else(|| mismatch(value, "a mapping"))
}

pub(super) fn list(value: &Value) -> Result<&Vec<Value>, Violation> {
    value.as_array().ok_or_else(|| mismatch(value, "a list"))
}

pub(super) fn string(value: &Value) -> Result<&str, Violation> {
    value.as_str().ok_or_else(|| mismatch(value, "a string"))
}

/// A string, or what CloudFormation makes of a number or a boolean.
pub(super) fn scalar(value: &Value) -> Result<String, Violation> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(mismatch(value, "a string")),
    }
}

/// A mapping that may be left out. A value of another type is an error.
pub(super) fn optional_map<'v>(
    value: Option<&'v Value>,
    place: &Place,
    findings: &mut Findings,
) -> Option<&'v Map<String, Value>> {
    findings.take(place, map(value?))
}

/// Reports each key that `known` does not list, with a hint for it.
pub(super) fn only(
    map: &Map<String, Value>,
    known: &[&str],
    place: &Place,
    findings: &mut Findings,
    hint: impl Fn(&str) -> String,
) {
    for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
        let wrong =
            Violation::new(TemplateCode::Unsupported, format!("`{key}` is not supported here"), hint(key));
        findings.add(&place.key(key), wrong);
    }
}

/// A template that was written as JSON. `named` begins the sentence of a refusal, `hint` says what to do.
pub(super) fn template(text: &str, named: &str, hint: &str) -> Result<Map<String, Value>, Violation> {
    let parsed = serde_json::from_str::<Value>(text);
    if let Ok(template) = &parsed {
        budget::check_values(template)?;
    }
    match parsed {
        Ok(Value::Object(template)) => Ok(template),
        other => {
            let cause = other.err().map(|error| format!(": {error}")).unwrap_or_default();
            Err(Violation::new(TemplateCode::Shape, format!("{named}{cause}"), hint))
        }
    }
}

/// The intrinsic function that a mapping represents, with its argument; `None` for an ordinary mapping.
pub(super) fn intrinsic(map: &Map<String, Value>) -> Result<Option<(&str, &Value)>, Violation> {
    let Some((name, argument)) = map.iter().find(|(key, _)| *key == "Ref" || key.starts_with("Fn::")) else {
        return Ok(None);
    };
    if map.len() > 1 {
        return Err(Violation::new(
            TemplateCode::Shape,
            format!("`{name}` is next to other keys"),
            "an intrinsic function must be the only key of its mapping",
        ));
    }
    Ok(Some((name, argument)))
}
