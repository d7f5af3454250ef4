//! The properties of common resource types. `schemas.json` has the names of AWS's resource schemas, as cfn-lint 1.58.0 carries
//! them: <https://github.com/aws-cloudformation/cfn-lint>. Values, and properties of properties, are not compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Schema {
    properties: BTreeSet<String>,
    required: BTreeSet<String>,
}

static SCHEMAS: LazyLock<BTreeMap<String, Schema>> = LazyLock::new(|| {
    let read = serde_json::from_str(include_str!("schemas.json"));
    read.unwrap_or_else(|error| panic!("schemas.json: {error}"))
});

/// AWS's message about properties that the type does not have, or that are missing.
pub fn refused(logical: &str, resource: &Value) -> Option<String> {
    let schema = SCHEMAS.get(resource["Type"].as_str()?)?;
    let empty = serde_json::Map::new();
    let given = resource["Properties"].as_object().unwrap_or(&empty);
    let unknown = given.keys().filter(|name| !schema.properties.contains(*name));
    let missing = schema.required.iter().filter(|name| !given.contains_key(*name));
    let problems: Vec<String> = unknown
        .map(|name| format!("#: extraneous key [{name}] is not permitted"))
        .chain(missing.map(|name| format!("#: required key [{name}] not found")))
        .collect();
    let said = problems.join("\n");
    (!said.is_empty())
        .then(|| format!("Properties validation failed for resource {logical} with message:\n{said}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_and_missing_properties_are_refused_and_other_types_are_not_judged() {
        let said = |resource: Value| refused("X", &resource);
        assert_eq!(said(json!({ "Type": "AWS::SQS::Queue" })), None);
        let unknown = said(json!({ "Type": "AWS::SQS::Queue", "Properties": { "Foo": 1 } })).unwrap();
        assert!(unknown.contains("extraneous key [Foo] is not permitted"), "{unknown}");
        let missing = said(json!({ "Type": "AWS::IAM::Role", "Properties": { "Path": "/" } })).unwrap();
        assert!(missing.ends_with("required key [AssumeRolePolicyDocument] not found"), "{missing}");
        assert_eq!(said(json!({ "Type": "AWS::Unknown::Type", "Properties": { "Foo": 1 } })), None);
    }
}
