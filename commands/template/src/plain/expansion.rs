//! What CloudFormation expands only in a template with a transform. The packager has it expanded, so a plain template has none.

use serde_json::{Map, Value};

use crate::error::{Findings, Place, TemplateCode, Violation};

/// Refuses what CloudFormation expands only in a template with a transform, anywhere in the template.
pub(super) fn check(map: &Map<String, Value>, path: &mut Vec<String>, findings: &mut Findings) {
    for (key, value) in map {
        if path.is_empty() && matches!(key.as_str(), "Metadata" | "Transform" | "Rules" | "Hooks") {
            continue;
        }
        // Metadata of a resource is not evaluated.
        if path.len() == 2 && key == "Metadata" {
            continue;
        }
        let expands = matches!(key.as_str(), "Fn::Transform" | "Fn::Length" | "Fn::ToJsonString")
            || key.starts_with("Fn::ForEach::");
        if expands {
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            let wrong = Violation::new(
                TemplateCode::Unsupported,
                format!("`{key}` is expanded by a transform, and the template was not expanded"),
                "package it with sluice-package, which has AWS expand it in the build",
            );
            findings.add(&Place::of(&keys), wrong);
        }
        path.push(key.clone());
        values_of(value, path, findings);
        path.pop();
    }
}

fn values_of(value: &Value, path: &mut Vec<String>, findings: &mut Findings) {
    match value {
        Value::Object(map) => check(map, path, findings),
        Value::Array(items) => items.iter().for_each(|item| values_of(item, path, findings)),
        _ => {}
    }
}
