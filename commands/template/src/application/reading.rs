//! What the parts of an application are read from, and the values that have to be known.

use serde_json::Value;

use super::model::Deploying;
use crate::error::{TemplateCode, Violation};
use crate::manifest::Manifest;
use crate::plain::{Attribute, Need, Partial, PlainTemplate, Split};

/// What the parts of an application are read from.
pub(super) struct Reading<'a> {
    pub(super) template: &'a PlainTemplate,
    pub(super) split: &'a Split,
    pub(super) manifest: &'a Manifest,
    pub(super) deploying: &'a Deploying<'a>,
}

/// The value, if all of it is known.
pub(super) fn known(value: Partial) -> Result<Value, Violation> {
    match value {
        Partial::Known(value) => Ok(value),
        unknown => {
            let needs: Vec<String> = unknown.needs().iter().map(described).collect();
            let problem =
                format!("it needs {}, which this version of Sluice cannot look up", needs.join(", "));
            let hint = "write the value itself, or make it a parameter with a value for each stage";
            Err(Violation::new(TemplateCode::Unsupported, problem, hint))
        }
    }
}

/// A need in words.
fn described(need: &Need) -> String {
    match need {
        Need::Resource { logical_id, attribute: Attribute::Ref } => format!("`{logical_id}`"),
        Need::Resource { logical_id, attribute: Attribute::Named(name) } => format!("`{logical_id}.{name}`"),
        Need::Import(name) => format!("the export {name}"),
        Need::Zones(region) => format!("the availability zones of {region}"),
        Need::Dynamic(_, path) => format!("the value of {path}"),
        Need::SystemParameter(name) => format!("the parameter {name} of Systems Manager"),
        Need::SecretParameter(name) => format!("the value of the parameter {name}"),
        Need::StackId => "the id of the stack".to_owned(),
    }
}
