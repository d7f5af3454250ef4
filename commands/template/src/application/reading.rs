//! What the parts of an application are read from, and the values that have to be known.

use std::collections::BTreeSet;

use serde_json::Value;

use super::model::{Deploying, KnownValues};
use crate::error::{TemplateCode, Violation};
use crate::manifest::Manifest;
use crate::plain::{
    self, Attribute, Deferred, DirectValues, DynamicService, Evaluator, Fragment, Need, Part, Partial,
    PlainTemplate, Split, StackValues, Stage, is_expression,
};

/// A text that stands for an ARN begins like one.
const LIKE_ARN: &str = "arn:aws:cloudformation:::";

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
            KnownValues::Shown(_) => Ok(for_people(&value, &shown(&needs), evaluator).unwrap_or(Value::Null)),
            _ => Err(Violation::later(needs.iter().map(described).collect::<BTreeSet<_>>())),
        }
    }

    /// Whether a role is one of this stage: its path names pipeline and stage, and nobody else can create roles there. What is only
    /// shown has no ARNs yet.
    pub(super) fn is_own_role(&self, arn: &str) -> bool {
        let Stage { pipeline, name: stage, target, .. } = self.deploying.stage;
        let path = target.arn_of_account("iam", &format!("role/sluice/{pipeline}/{stage}/"));
        let is_own = arn.strip_prefix(&path).is_some_and(|name| !name.is_empty() && !name.contains('/'));
        is_own || matches!(self.deploying.known, KnownValues::Shown(_))
    }

    /// Whether the stack or an API of the stage gives a value once they exist.
    fn is_given_later(&self, need: &Need) -> bool {
        match need {
            Need::Resource { logical_id, attribute } => {
                self.split.part(logical_id) == Some(&Part::Stack)
                    || self.direct.get(logical_id, attribute).is_some()
            }
            Need::Import(_) | Need::Zones(_) | Need::StackId => true,
            // Read before anything else, but for a check without AWS.
            Need::SystemParameter(_) => true,
            Need::Dynamic(service, name) => *service == DynamicService::Ssm && !is_expression(name),
            Need::SecretParameter(_) => false,
        }
    }
}

/// The value, if all of it is known.
pub(super) fn known(value: Partial) -> Result<Value, Violation> {
    match value {
        Partial::Known(value) => Ok(value),
        unknown => {
            let needs = unknown.needs();
            if let Some(wrong) = needs.iter().find_map(dynamic) {
                return Err(wrong);
            }
            let needs: Vec<String> = needs.iter().map(described).collect();
            let problem =
                format!("it needs {}, which this version of Sluice cannot look up", needs.join(", "));
            let hint = "write the value itself, or make it a parameter with a value for each stage";
            Err(Violation::new(TemplateCode::Unsupported, problem, hint))
        }
    }
}

/// Why a dynamic reference of something that is changed directly has no value.
fn dynamic(need: &Need) -> Option<Violation> {
    match need {
        Need::Dynamic(DynamicService::Ssm, name) if is_expression(name) => {
            let problem = "the name of a parameter of Systems Manager depends on a resource of the stack";
            let hint = "write the name, or make it of parameters, such as `/orders/${Stage}/table`";
            Some(Violation::new(TemplateCode::Unsupported, problem, hint))
        }
        Need::Dynamic(DynamicService::SsmSecure | DynamicService::SecretsManager, name) => {
            Some(plain::secret(&format!("the dynamic reference to {name}")))
        }
        _ => None,
    }
}

/// A need in words.
fn described(need: &Need) -> String {
    match need {
        Need::Resource { logical_id, attribute: Attribute::Ref } => format!("`{logical_id}`"),
        Need::Resource { logical_id, attribute: Attribute::Named(name) } => format!("`{logical_id}.{name}`"),
        Need::Import(name) => format!("the export {name}"),
        Need::Zones(region) => format!("the availability zones of {region}"),
        Need::Dynamic(_, path) => format!("`{path}` of Systems Manager"),
        Need::SystemParameter(name) => format!("`{name}` of Systems Manager"),
        Need::SecretParameter(name) => format!("the value of the parameter {name}"),
        Need::StackId => "the id of the stack".to_owned(),
    }
}

/// The value with texts in place of what is missing; `None` if it is not there at all. Only the part that cannot be computed with
/// them, as an item of a text that is split, or that another stack exports, is replaced by a text as a whole.
fn for_people(value: &Partial, texts: &StackValues, evaluator: &Evaluator<'_>) -> Option<Value> {
    match value {
        Partial::Known(value) => Some(value.clone()),
        Partial::List(items) => {
            Some(items.iter().filter_map(|item| for_people(item, texts, evaluator)).collect())
        }
        Partial::Map(entries) => {
            let entry = |(name, value): &(String, Partial)| {
                Some((name.clone(), for_people(value, texts, evaluator)?))
            };
            Some(Value::Object(entries.iter().filter_map(entry).collect()))
        }
        Partial::Text(fragments) => {
            let text = |fragment: &Fragment| match fragment {
                Fragment::Known(text) => text.clone(),
                Fragment::Deferred(deferred) => match computed(deferred, texts, evaluator) {
                    Ok(Some(Value::String(text))) => text,
                    Ok(other) => other.unwrap_or_default().to_string(),
                    // Inside a text it needs no look of an ARN.
                    Err(_) => {
                        let text = deferred.needs.iter().find_map(shown_text);
                        let text = text.unwrap_or_else(|| deferred.expression.to_string());
                        text.strip_prefix(LIKE_ARN).map_or(text.clone(), str::to_owned)
                    }
                },
            };
            Some(Value::String(fragments.iter().map(text).collect()))
        }
        Partial::Deferred(deferred) => computed(deferred, texts, evaluator).unwrap_or_else(|_| {
            let text = deferred.needs.iter().find_map(shown_text);
            Some(Value::String(text.unwrap_or_else(|| deferred.expression.to_string())))
        }),
    }
}

fn computed(
    deferred: &Deferred,
    texts: &StackValues,
    evaluator: &Evaluator<'_>,
) -> Result<Option<Value>, Violation> {
    plain::resolved(&Partial::Deferred(deferred.clone()), texts, evaluator)
}

/// The text for a value of a resource.
fn shown_text(need: &Need) -> Option<String> {
    let Need::Resource { logical_id, attribute } = need else { return None };
    Some(match attribute {
        Attribute::Ref => format!("${{{logical_id}}}"),
        Attribute::Named(name) if name.ends_with("Arn") => {
            format!("{LIKE_ARN}${{{logical_id}.{name}}}")
        }
        Attribute::Named(name) => format!("${{{logical_id}.{name}}}"),
    })
}

/// Texts in place of values, for people. One of an ARN looks like an ARN.
fn shown(needs: &BTreeSet<Need>) -> StackValues {
    let mut values = StackValues { stack_id: Some("the stack's id".to_owned()), ..StackValues::default() };
    for need in needs {
        if let (Need::Resource { logical_id, attribute }, Some(text)) = (need, shown_text(need)) {
            values.direct.insert(logical_id, attribute.clone(), text);
        }
    }
    values
}
