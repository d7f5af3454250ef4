//! Reports each reference to something that the template does not declare.

use serde_json::Value;

use super::partial::Attribute;
use super::references::{Decided, PSEUDO, References};
use super::template::PlainTemplate;
use crate::error::{Findings, Place, TemplateCode, Violation};

/// Checks every property, attribute and output.
pub(super) fn check(template: &PlainTemplate, findings: &mut Findings) {
    let none = Decided::new();
    let mut check = |place: &Place, value: &Value| {
        let found = References::of(value, &none);
        for reference in &found.values {
            let name = &reference.name;
            let is_value = matches!(reference.attribute, Attribute::Ref)
                && (template.parameters.contains_key(name) || PSEUDO.contains(&name.as_str()));
            if !is_value && !template.resources.contains_key(name) {
                findings.add(place, unknown(name, "a parameter or a resource"));
            }
        }
        for name in found.conditions.iter().filter(|name| !template.conditions.contains_key(*name)) {
            findings.add(place, unknown(name, "a condition"));
        }
        for name in found.mappings.iter().filter(|name| !template.mappings.contains_key(*name)) {
            findings.add(place, unknown(name, "a mapping"));
        }
    };
    for (logical_id, resource) in &template.resources {
        let place = Place::of(&["Resources", logical_id]);
        for (key, value) in &resource.properties {
            check(&place.key("Properties").key(key), value);
        }
        for value in resource.policies.values() {
            check(&place, value);
        }
        for name in &resource.depends_on {
            // As an expression, to use the one check.
            check(&place.key("DependsOn"), &serde_json::json!({ "Fn::GetAtt": [name, "-"] }));
        }
        if let Some(condition) = &resource.condition {
            check(&place.key("Condition"), &if_condition(condition));
        }
    }
    for (name, output) in &template.outputs {
        let place = Place::of(&["Outputs", name]);
        check(&place, &output.value);
        output.export.iter().for_each(|export| check(&place.key("Export"), export));
        if let Some(condition) = &output.condition {
            check(&place.key("Condition"), &if_condition(condition));
        }
    }
}

/// A condition as an expression, to use the one check.
fn if_condition(condition: &str) -> Value {
    serde_json::json!({ "Fn::If": [condition, "", ""] })
}

fn unknown(name: &str, what: &str) -> Violation {
    Violation::new(
        TemplateCode::Reference,
        format!("`{name}` is not {what} of this template"),
        "correct the name, or declare it",
    )
}
