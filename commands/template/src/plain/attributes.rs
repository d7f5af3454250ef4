//! The attributes of one resource and of one output.

use serde_json::{Map, Value};

use super::template::{Output, Resource};
use crate::error::{TemplateCode, Violation};
use crate::shape;

/// Reads a resource.
pub(super) fn resource(value: &Value) -> Result<Resource, Violation> {
    let map = shape::map(value)?;
    for key in map.keys() {
        let known = matches!(
            key.as_str(),
            "Type"
                | "Properties"
                | "Condition"
                | "DependsOn"
                | "Metadata"
                | "DeletionPolicy"
                | "UpdateReplacePolicy"
                | "CreationPolicy"
                | "UpdatePolicy"
                // Accepted and without effect.
                | "Description"
                | "Version"
        );
        if !known {
            let problem = format!("a resource has no attribute `{key}`");
            return Err(Violation::new(
                TemplateCode::Unsupported,
                problem,
                "did you mean a key of Properties?",
            ));
        }
    }
    let kind = map.get("Type").ok_or_else(|| missing("Type", "write one, such as AWS::DynamoDB::Table"))?;
    let kind = shape::string(kind)?;
    let is_type = kind.contains("::")
        && kind.len() <= 255
        && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":_@-".contains(&byte));
    if !is_type {
        let problem = format!("`{kind}` is not a resource type");
        return Err(Violation::new(TemplateCode::Value, problem, "write one, such as AWS::DynamoDB::Table"));
    }
    let policies = map.iter().filter(|(key, _)| matches!(key.as_str(), "CreationPolicy" | "UpdatePolicy"));
    Ok(Resource {
        kind: kind.to_owned(),
        properties: object(map.get("Properties"))?,
        condition: map.get("Condition").map(shape::string).transpose()?.map(str::to_owned),
        depends_on: match map.get("DependsOn") {
            None => Vec::new(),
            Some(Value::Array(ids)) => {
                ids.iter().map(|id| shape::string(id).map(str::to_owned)).collect::<Result<_, _>>()?
            }
            Some(id) => vec![shape::string(id)?.to_owned()],
        },
        metadata: object(map.get("Metadata"))?,
        deletion_policy: policy(
            map,
            "DeletionPolicy",
            &["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"],
        )?,
        update_replace_policy: policy(map, "UpdateReplacePolicy", &["Delete", "Retain", "Snapshot"])?,
        policies: policies.map(|(key, value)| (key.clone(), value.clone())).collect(),
    })
}

/// Reads an output.
pub(super) fn output(value: &Value) -> Result<Output, Violation> {
    let map = shape::map(value)?;
    if let Some(key) =
        map.keys().find(|key| !matches!(key.as_str(), "Value" | "Condition" | "Export" | "Description"))
    {
        let problem = format!("an output has no attribute `{key}`");
        let hint = "an output has Value, Description, Condition and Export";
        return Err(Violation::new(TemplateCode::Unsupported, problem, hint));
    }
    let export = match map.get("Export") {
        None => None,
        Some(export) => Some(
            shape::map(export)?.get("Name").ok_or_else(|| missing("Export.Name", "write the name"))?.clone(),
        ),
    };
    Ok(Output {
        value: map.get("Value").ok_or_else(|| missing("Value", "write the value of the output"))?.clone(),
        condition: map.get("Condition").map(shape::string).transpose()?.map(str::to_owned),
        export,
        description: map.get("Description").map(shape::string).transpose()?.map(str::to_owned),
    })
}

fn missing(key: &str, hint: &str) -> Violation {
    Violation::new(TemplateCode::Missing, format!("it has no {key}"), hint)
}

fn object(value: Option<&Value>) -> Result<Map<String, Value>, Violation> {
    value.map_or_else(|| Ok(Map::new()), |value| shape::map(value).cloned())
}

/// One of the words that an attribute may have. CloudFormation takes expressions here only with a transform.
fn policy(map: &Map<String, Value>, key: &str, words: &[&str]) -> Result<Option<String>, Violation> {
    let Some(value) = map.get(key) else { return Ok(None) };
    let word = shape::string(value)?;
    if words.contains(&word) {
        return Ok(Some(word.to_owned()));
    }
    let problem = format!("`{word}` is not a {key}");
    Err(Violation::new(TemplateCode::Value, problem, format!("write one of {}", words.join(", "))))
}
