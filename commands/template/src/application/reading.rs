//! What the parts of an application are read from, and the values that have to be known.

use std::collections::BTreeSet;

use serde_json::Value;

use super::model::{Deploying, KnownValues};
use crate::error::{TemplateCode, Violation};
use crate::manifest::Manifest;
use crate::plain::{
    self, Attribute, DirectValues, Evaluator, Need, Part, Partial, PlainTemplate, Split, StackValues, Stage,
};

/// What the parts of an application are read from.
pub(super) struct Reading<'a> {
    pub(super) template: &'a PlainTemplate,
    pub(super) split: &'a Split,
    pub(super) manifest: &'a Manifest,
    pub(super) deploying: &'a Deploying<'a>,
    /// What is known of APIs, or placeholders.
    pub(super) direct: DirectValues,
}

impl Reading<'_> {
    /// The value, if everything that it needs is known. Otherwise it waits, if the stack or an API gives what it needs.
    pub(super) fn settled(&self, value: Partial, evaluator: &Evaluator<'_>) -> Result<Value, Violation> {
        if let Partial::Known(value) = value {
            return Ok(value);
        }
        let needs = value.needs();
        if !needs.iter().all(|need| self.is_given_later(need)) {
            return known(value);
        }
        match self.deploying.known {
            KnownValues::All(values) => {
                let value = plain::resolved(&value, values, evaluator)?;
                Ok(value.unwrap_or(Value::Null))
            }
            KnownValues::Shown => Ok(self.for_people(&value.expression(), evaluator)),
            _ => Err(Violation::later(needs.iter().map(described).collect::<BTreeSet<_>>())),
        }
    }

    /// Whether a role is one of this stage: its path names pipeline and stage, and nobody else can create roles there. What is only
    /// shown has no ARNs yet.
    pub(super) fn is_own_role(&self, arn: &str) -> bool {
        let Stage { pipeline, name: stage, target, .. } = self.deploying.stage;
        let path = target.arn_of_account("iam", &format!("role/sluice/{pipeline}/{stage}/"));
        let is_own = arn.strip_prefix(&path).is_some_and(|name| !name.is_empty() && !name.contains('/'));
        is_own || matches!(self.deploying.known, KnownValues::Shown)
    }

    /// The value for people, with a text in place of what is not known. What cannot be evaluated with such texts, as a part of one, is
    /// shown as what it needs.
    fn for_people(&self, expression: &Value, evaluator: &Evaluator<'_>) -> Value {
        let Ok(partial) = evaluator.evaluate(expression) else { return expression.clone() };
        let Some(partial) = partial else { return Value::Null };
        let needs = partial.needs();
        if let Ok(found) = plain::resolved(&partial, &shown(&needs), evaluator) {
            return found.unwrap_or(Value::Null);
        }
        match expression {
            Value::Array(items) => items.iter().map(|item| self.for_people(item, evaluator)).collect(),
            Value::Object(map) => {
                let inner =
                    |(key, value): (&String, &Value)| (key.clone(), self.for_people(value, evaluator));
                let rest = Value::Object(map.iter().map(inner).collect());
                if !map.keys().all(|key| key == "Ref" || key.starts_with("Fn::")) {
                    return rest;
                }
                match evaluator.evaluate(&rest) {
                    Ok(Some(Partial::Known(known))) => known,
                    _ => {
                        let needs: Vec<String> = needs.iter().map(in_braces).collect();
                        needs.join(" ").into()
                    }
                }
            }
            other => other.clone(),
        }
    }

    /// Whether the stack or an API of the stage gives a value once they exist.
    fn is_given_later(&self, need: &Need) -> bool {
        match need {
            Need::Resource { logical_id, attribute } => {
                self.split.part(logical_id) == Some(&Part::Stack)
                    || self.direct.get(logical_id, attribute).is_some()
            }
            Need::Import(_) | Need::Zones(_) | Need::StackId => true,
            Need::Dynamic(..) | Need::SystemParameter(_) | Need::SecretParameter(_) => false,
        }
    }
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

/// A need as it stands in `Fn::Sub`.
fn in_braces(need: &Need) -> String {
    match need {
        Need::Resource { logical_id, attribute: Attribute::Ref } => format!("${{{logical_id}}}"),
        Need::Resource { logical_id, attribute: Attribute::Named(name) } => {
            format!("${{{logical_id}.{name}}}")
        }
        other => described(other),
    }
}

/// Texts in place of values, for people. One of an ARN looks like an ARN.
fn shown(needs: &BTreeSet<Need>) -> StackValues {
    let mut values = StackValues { stack_id: Some("the stack's id".to_owned()), ..StackValues::default() };
    for need in needs {
        let Need::Resource { logical_id, attribute } = need else { continue };
        let text = match attribute {
            Attribute::Named(name) if name.ends_with("Arn") => {
                format!("arn:aws:cloudformation:::{}", in_braces(need))
            }
            _ => in_braces(need),
        };
        values.direct.insert(logical_id, attribute.clone(), text);
    }
    values
}
