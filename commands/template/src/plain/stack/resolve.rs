//! The final value of what was deferred until the stack's resources and outputs were known.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::evaluate::Evaluator;
use super::super::partial::{Attribute, Need, Partial};
use super::direct::DirectValues;
use super::needs::{Atom, atom, output_name};
use crate::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use crate::source_map::SourceMap;

/// What is known once the stack was updated.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StackValues {
    /// The physical ids of its resources: `ListStackResources`.
    pub resources: BTreeMap<String, String>,
    /// Its outputs: `DescribeStacks`.
    pub outputs: BTreeMap<String, String>,
    /// The stack's id, an ARN.
    pub stack_id: Option<String>,
    /// Plain parameters of Systems Manager that `{{resolve:ssm:…}}` names, by what is after `ssm:`.
    pub dynamic: BTreeMap<String, String>,
    /// Attributes of resources that Sluice creates itself.
    pub direct: DirectValues,
}

/// The final value. `place` is where it stands, for errors. The evaluator is one of the template for the stage, and knows its
/// parameters of Systems Manager. `None` is `AWS::NoValue`.
///
/// # Errors
///
/// A value that is missing; a secret, which must not be written where the result goes.
pub fn resolve(
    place: &[&str],
    partial: &Partial,
    values: &StackValues,
    evaluator: &Evaluator<'_>,
    sources: &SourceMap,
) -> Result<Option<Value>, Vec<TemplateError>> {
    let mut findings = Findings::new(sources.clone());
    let resolved = resolved(partial, values, evaluator);
    let resolved = findings.take(&Place::of(place), resolved);
    findings.finish(resolved.flatten())
}

pub(crate) fn resolved(
    partial: &Partial,
    values: &StackValues,
    evaluator: &Evaluator<'_>,
) -> Result<Option<Value>, Violation> {
    if let Some(secret) = partial.needs().iter().find(|need| need.is_secret()) {
        let what = match secret {
            Need::SecretParameter(name) => format!("the parameter {name}"),
            Need::Dynamic(_, name) => format!("the dynamic reference to {name}"),
            _ => "it".to_owned(),
        };
        return Err(super::needs::secret(&what));
    }
    let mut expression = partial.expression();
    // Twice, for a dynamic reference whose name is known after the first time.
    for _ in 0..2 {
        let substituted = values.substituted(&expression, evaluator)?;
        let Some(value) = evaluator.evaluate(&substituted)? else { return Ok(None) };
        if let Some(known) = value.known() {
            return Ok(Some(known.clone()));
        }
        expression = value.expression();
    }
    Err(missing(&expression.to_string()))
}

fn missing(what: &str) -> Violation {
    let hint = "deploy again: the stack's resources and outputs have to be read after its update";
    Violation::new(TemplateCode::Reference, format!("the value of {what} is not known"), hint)
}

impl StackValues {
    /// The expression with what only the stack knows in it.
    fn substituted(&self, expression: &Value, evaluator: &Evaluator<'_>) -> Result<Value, Violation> {
        match atom(expression) {
            Some(Atom::Attribute("AWS::StackId", _)) => {
                self.stack_id.clone().map(Value::String).ok_or_else(|| missing("AWS::StackId"))
            }
            Some(Atom::Attribute(name, _)) if !evaluator.template.resources.contains_key(name) => {
                Ok(expression.clone()) // a parameter
            }
            Some(Atom::Attribute(id, attribute)) => self.attribute(id, &attribute, expression),
            Some(Atom::Foreign) => {
                let value = self.outputs.get(&output_name(expression));
                let value = value.ok_or_else(|| missing(&expression.to_string()))?;
                Ok(match expression.get("Fn::GetAZs") {
                    Some(_) => value.split(',').map(Value::from).collect(),
                    None => value.clone().into(),
                })
            }
            None => self.inner(expression, evaluator),
        }
    }

    fn attribute(&self, id: &str, attribute: &Attribute, expression: &Value) -> Result<Value, Violation> {
        if let Some(value) = self.direct.get(id, attribute) {
            return Ok(value.clone());
        }
        let value = match attribute {
            Attribute::Ref => self.resources.get(id),
            Attribute::Named(_) => self.outputs.get(&output_name(expression)),
        };
        value.cloned().map(Value::String).ok_or_else(|| missing(&expression.to_string()))
    }

    fn inner(&self, expression: &Value, evaluator: &Evaluator<'_>) -> Result<Value, Violation> {
        match expression {
            Value::String(text) => self.text(text).map(Value::String),
            Value::Array(items) => items.iter().map(|item| self.substituted(item, evaluator)).collect(),
            Value::Object(map) => {
                // Only the branch that is taken has values.
                if let Some([Value::String(condition), yes, no]) =
                    map.get("Fn::If").and_then(Value::as_array).map(Vec::as_slice)
                {
                    let holds = evaluator.holds(condition);
                    let holds = holds.ok_or_else(|| missing(&format!("the condition {condition}")))?;
                    let taken = if holds { yes } else { no };
                    // A branch without a value stays as it is.
                    let is_none = taken.get("Ref").is_some_and(|name| name == "AWS::NoValue");
                    return if is_none { Ok(taken.clone()) } else { self.substituted(taken, evaluator) };
                }
                let pairs =
                    map.iter().map(|(key, value)| Ok((key.clone(), self.substituted(value, evaluator)?)));
                pairs.collect::<Result<Map<_, _>, Violation>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    /// The text with the values of its dynamic references.
    fn text(&self, text: &str) -> Result<String, Violation> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{resolve:ssm:") {
            // One whose name is not known yet has its end in another string.
            let Some((name, tail)) = after.split_once("}}") else { break };
            let value = self.dynamic.get(name);
            let value = value.ok_or_else(|| missing(&format!("the parameter {name} of Systems Manager")))?;
            out.push_str(before);
            out.push_str(value);
            rest = tail;
        }
        Ok(out + rest)
    }
}
