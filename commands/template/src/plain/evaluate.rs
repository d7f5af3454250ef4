//! Evaluates expressions of a template for one stage: each is known here, or deferred with what it needs.
//!
//! What is known of resources the caller says: the same expression may be evaluated before the stack exists, where nearly all
//! of it is deferred, and after, where nothing is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::conditions::Truth;
use super::parameters::ParameterValues;
use super::partial::{Attribute, Deferred, Fragment, Need, Partial};
use super::references::{Decided, get_att};
use super::stage::{Stage, stack_name};
use super::template::PlainTemplate;
use crate::budget::Budget;
use crate::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use crate::shape;
use crate::source_map::SourceMap;

/// What the caller knows of an attribute of a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// Its value.
    Value(Value),
    /// It will be known later: the value is deferred, with the reference as its expression.
    Later,
    /// It will never be known; the reason, as the end of a sentence that begins with the reference.
    Never(String),
}

/// A caller's knowledge of resources: the attribute of a logical id.
pub type Answer<'a> = dyn Fn(&str, &Attribute) -> Known + 'a;

/// Evaluates the expressions of a template for a stage.
pub struct Evaluator<'a> {
    pub(super) template: &'a PlainTemplate,
    pub(super) stage: Stage<'a>,
    pub(super) parameters: &'a ParameterValues,
    answer: &'a Answer<'a>,
    pub(super) budget: Budget,
    pub(super) decided: RefCell<BTreeMap<String, Truth>>,
    pub(super) is_decided: Cell<bool>,
}

impl<'a> Evaluator<'a> {
    /// An evaluator with a budget of its own: what it evaluates in all is bounded.
    pub fn new(
        template: &'a PlainTemplate,
        stage: Stage<'a>,
        parameters: &'a ParameterValues,
        answer: &'a Answer<'a>,
    ) -> Self {
        Self {
            template,
            stage,
            parameters,
            answer,
            budget: Budget::new(),
            decided: RefCell::default(),
            is_decided: Cell::new(false),
        }
    }

    /// As [`Evaluator::new`], with the conditions that another evaluator of the same template has decided: its parameters may
    /// be known where these are not.
    pub(super) fn with_conditions_of(
        other: &Evaluator<'a>,
        parameters: &'a ParameterValues,
        answer: &'a Answer<'a>,
    ) -> Self {
        let evaluator = Self::new(other.template, other.stage, parameters, answer);
        let decided = other.decisions().into_iter().map(|(name, truth)| (name, Truth::Decided(truth)));
        evaluator.decided.replace(decided.collect());
        evaluator
    }

    /// Evaluates an expression of the template. `place` is where it stands, as `["Outputs", "Url", "Value"]`, for errors.
    /// `None` is `AWS::NoValue`: there is no value.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with the expression; also `too-large`, once all that was evaluated is too much.
    pub fn value(
        &self,
        place: &[&str],
        expression: &Value,
        sources: &SourceMap,
    ) -> Result<Option<Partial>, Vec<TemplateError>> {
        let mut findings = Findings::new(sources.clone());
        let value = findings.take(&Place::of(place), self.evaluate(expression));
        findings.finish(value.flatten())
    }

    /// Whether a condition holds; `None` if that is not known yet, or if there is no such condition.
    pub fn holds(&self, condition: &str) -> Option<bool> {
        match self.condition(condition) {
            Ok(Truth::Decided(truth)) => Some(truth),
            _ => None,
        }
    }

    /// The conditions that are decided for the stage. Those that are not are left out.
    pub(super) fn decisions(&self) -> Decided {
        let decide = |name: &String| Some((name.clone(), self.holds(name)?));
        self.template.conditions.keys().filter_map(decide).collect()
    }

    /// The value, as far as it is known; `None` for `AWS::NoValue`.
    pub(crate) fn evaluate(&self, value: &Value) -> Result<Option<Partial>, Violation> {
        let _level = self.budget.enter()?;
        match value {
            Value::Object(map) => match shape::intrinsic(map)? {
                Some((name, argument)) => self.apply(name, argument),
                None => {
                    let mut pairs = Vec::new();
                    for (key, value) in map {
                        self.budget.text(key.len())?;
                        if let Some(value) = self.evaluate(value)? {
                            pairs.push((key.clone(), value));
                        }
                    }
                    Ok(Some(Partial::map(pairs)))
                }
            },
            Value::Array(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.evaluate(item)).collect();
                Ok(Some(Partial::list(items?.into_iter().flatten().collect())))
            }
            Value::String(text) => {
                self.budget.text(text.len())?;
                self.text(vec![Fragment::Known(text.clone())]).map(Some)
            }
            other => Ok(Some(Partial::Known(other.clone()))),
        }
    }

    /// The value where one is required.
    pub(super) fn required(&self, value: &Value) -> Result<Partial, Violation> {
        self.evaluate(value)?.ok_or_else(|| {
            Violation::new(TemplateCode::Value, "`AWS::NoValue` is no value here", "write a value")
        })
    }

    fn apply(&self, name: &str, argument: &Value) -> Result<Option<Partial>, Violation> {
        match name {
            "Ref" => self.reference(shape::string(argument)?),
            "Fn::GetAtt" => self.get_att(argument).map(Some),
            "Fn::If" => self.choose(argument),
            "Fn::FindInMap" => self.find_in_map(argument),
            "Fn::Sub" => self.sub(argument).map(Some),
            "Fn::Join" => self.join(argument).map(Some),
            "Fn::Split" => self.split(argument).map(Some),
            "Fn::Select" => self.select(argument),
            "Fn::Base64" => self.base64(argument).map(Some),
            "Fn::Cidr" => self.cidr(argument).map(Some),
            "Fn::GetAZs" => {
                let region = self.required(argument)?;
                let needs = region.needs();
                let known = match region.known_str() {
                    Some("") => self.stage.target.region.clone(),
                    Some(region) => region.to_owned(),
                    None => region.expression().to_string(),
                };
                let expression = json!({ "Fn::GetAZs": region.expression() });
                Ok(Some(deferred(expression, needs, Need::Zones(known))))
            }
            "Fn::ImportValue" => {
                let export = self.required(argument)?;
                let needs = export.needs();
                let name = export.known_str().map_or_else(|| export.expression().to_string(), str::to_owned);
                let expression = json!({ "Fn::ImportValue": export.expression() });
                Ok(Some(deferred(expression, needs, Need::Import(name))))
            }
            _ => Err(Violation::new(
                TemplateCode::Unsupported,
                format!("the intrinsic function `{name}` is not supported here"),
                "use one that CloudFormation evaluates without a transform",
            )),
        }
    }

    /// What `Ref` gives.
    pub(super) fn reference(&self, name: &str) -> Result<Option<Partial>, Violation> {
        let Stage { pipeline, name: stage, target, .. } = self.stage;
        let text = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => target.region.clone(),
            "AWS::AccountId" => target.account.clone(),
            "AWS::Partition" => sluice_model::partition(&target.region).to_owned(),
            "AWS::URLSuffix" => sluice_model::url_suffix(&target.region).to_owned(),
            "AWS::StackName" => stack_name(pipeline, stage),
            "AWS::NotificationARNs" => return Ok(Some(Partial::Known(Value::Array(Vec::new())))),
            "AWS::StackId" => {
                return Ok(Some(Partial::Deferred(Deferred::new(json!({ "Ref": name }), Need::StackId))));
            }
            _ => match self.parameters.values.get(name) {
                Some(value) => {
                    if let Some(known) = value.known() {
                        self.budget.copy(known)?;
                    }
                    return self.resolved(value.clone()).map(Some);
                }
                None => return self.resource(name, Attribute::Ref).map(Some),
            },
        };
        self.budget.text(text.len())?;
        Ok(Some(Partial::Known(text.into())))
    }

    /// The text of fragments, with the dynamic references in it.
    pub(super) fn text(&self, fragments: Vec<Fragment>) -> Result<Partial, Violation> {
        self.with_system_values(Partial::text(fragments)?)
    }

    /// Dynamic references in a parameter's value are references too.
    fn resolved(&self, value: Partial) -> Result<Partial, Violation> {
        match value {
            Partial::Known(Value::String(text)) => self.text(vec![Fragment::Known(text)]),
            other => Ok(other),
        }
    }

    fn get_att(&self, argument: &Value) -> Result<Partial, Violation> {
        let wrong = || {
            Violation::new(
                TemplateCode::Shape,
                "Fn::GetAtt takes a resource and an attribute",
                "write `{\"Fn::GetAtt\": [\"Name\", \"Arn\"]}`",
            )
        };
        // The attribute, unlike the resource, may be an expression.
        if let Value::Array(items) = argument
            && let [Value::String(name), attribute @ Value::Object(_)] = items.as_slice()
        {
            let attribute = self.required(attribute)?;
            let attribute = attribute.known_str().ok_or_else(wrong)?.to_owned();
            return self.resource(name, Attribute::Named(attribute));
        }
        let (name, attribute) =
            get_att(argument).filter(|(_, attribute)| !attribute.is_empty()).ok_or_else(wrong)?;
        self.resource(name, Attribute::Named(attribute))
    }

    /// An attribute of a resource, as far as the caller knows it.
    pub(super) fn resource(&self, name: &str, attribute: Attribute) -> Result<Partial, Violation> {
        if !self.template.resources.contains_key(name) {
            let problem = format!("`{name}` is not a parameter or a resource of this template");
            return Err(Violation::new(TemplateCode::Reference, problem, "correct the name, or declare it"));
        }
        match (self.answer)(name, &attribute) {
            Known::Value(value) => {
                self.budget.copy(&value)?;
                Ok(Partial::Known(value))
            }
            Known::Later => {
                let expression = match &attribute {
                    Attribute::Ref => json!({ "Ref": name }),
                    Attribute::Named(attribute) => json!({ "Fn::GetAtt": [name, attribute] }),
                };
                let need = Need::Resource { logical_id: name.to_owned(), attribute };
                Ok(Partial::Deferred(Deferred::new(expression, need)))
            }
            Known::Never(reason) => {
                let what = match attribute {
                    Attribute::Ref => format!("`{name}`"),
                    Attribute::Named(attribute) => format!("`{name}.{attribute}`"),
                };
                let hint = "remove the reference, or refer to the function";
                Err(Violation::new(TemplateCode::Reference, format!("{what} {reason}"), hint))
            }
        }
    }
}

/// A deferred value with one need more.
fn deferred(expression: Value, mut needs: std::collections::BTreeSet<Need>, need: Need) -> Partial {
    needs.insert(need);
    Partial::Deferred(Deferred { expression, needs })
}
