//! What direct resources need from the stack, as outputs.
//!
//! The `Ref` of a resource is its physical id, which the stack's resources tell. Attributes, imported values and availability zones
//! become outputs; everything that is made of them (`Fn::Join`, `Fn::Select`, …) is evaluated here afterwards. No output needs a
//! condition: what does not exist on the stage is not in the stack's template.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::classify::{Part, Split};
use super::super::partial::Attribute;
use super::super::references::get_att;
use super::super::template::PlainTemplate;
use super::direct::DirectValues;
use crate::error::{TemplateCode, Violation};

/// Sixteen hex digits tell two hundred outputs apart.
const DIGITS: usize = 16;

/// Attributes that are secrets: outputs of a stack are shown to everybody who may describe it.
const SECRETS: [(&str, &str); 2] =
    [("AWS::Cognito::UserPoolClient", "ClientSecret"), ("AWS::IAM::AccessKey", "SecretAccessKey")];

/// The name of the output that has the value of an expression.
pub(super) fn output_name(expression: &Value) -> String {
    format!("Sluice{}", short_hash(expression))
}

/// A short name for a value, the same for equal ones.
pub(super) fn short_hash(value: &Value) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    hex::encode(Sha256::digest(sorted.to_string().as_bytes())).chars().take(DIGITS).collect()
}

/// What a part of an expression is.
pub(super) enum Atom<'e> {
    /// An attribute of a resource.
    Attribute(&'e str, Attribute),
    /// A value that another stack exports, or lists of zones: only CloudFormation knows it.
    Foreign,
}

/// The atom that an expression is, if it is one.
pub(super) fn atom(expression: &Value) -> Option<Atom<'_>> {
    let map = expression.as_object().filter(|map| map.len() == 1)?;
    let (name, argument) = map.iter().next()?;
    match (name.as_str(), argument) {
        ("Ref", Value::String(target)) => Some(Atom::Attribute(target, Attribute::Ref)),
        ("Fn::GetAtt", argument) => {
            get_att(argument).map(|(target, attribute)| Atom::Attribute(target, Attribute::Named(attribute)))
        }
        ("Fn::ImportValue" | "Fn::GetAZs", _) => Some(Atom::Foreign),
        _ => None,
    }
}

/// Adds the outputs for an expression of a direct resource.
pub(super) fn add_outputs(
    expression: &Value,
    (template, split, direct): (&PlainTemplate, &Split, &DirectValues),
    outputs: &mut BTreeMap<String, Value>,
) -> Result<(), Violation> {
    match atom(expression) {
        Some(Atom::Attribute(id, attribute)) => {
            let Attribute::Named(attribute) = &attribute else { return Ok(()) };
            let is_known = direct.get(id, &Attribute::Named(attribute.clone())).is_some();
            if split.part(id) != Some(&Part::Stack) || is_known {
                return Ok(());
            }
            let kind = template.resources.get(id).map(|resource| resource.kind.as_str()).unwrap_or_default();
            if SECRETS.contains(&(kind, attribute.as_str())) {
                return Err(secret(&format!("`{id}.{attribute}`")));
            }
            outputs.insert(output_name(expression), json!({ "Value": expression }));
        }
        Some(Atom::Foreign) => {
            let value = match expression.get("Fn::GetAZs") {
                // An output is one string.
                Some(_) => json!({ "Fn::Join": [",", expression] }),
                None => expression.clone(),
            };
            outputs.insert(output_name(expression), json!({ "Value": value }));
        }
        None => match expression {
            Value::Array(items) => {
                for item in items {
                    add_outputs(item, (template, split, direct), outputs)?;
                }
            }
            Value::Object(map) => {
                for value in map.values() {
                    add_outputs(value, (template, split, direct), outputs)?;
                }
            }
            _ => {}
        },
    }
    Ok(())
}

/// The error for a secret that would be shown.
pub(crate) fn secret(what: &str) -> Violation {
    Violation::new(
        TemplateCode::Unsupported,
        format!(
            "{what} is a secret, and would be shown to everybody who may describe the stack or the function"
        ),
        "pass the name of the secret or parameter to the function, which then reads the value itself",
    )
}
