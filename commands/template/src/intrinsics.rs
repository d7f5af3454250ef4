//! `Ref`, `Fn::Sub`, `Fn::Join` and `Fn::GetAtt`, resolved for one stage without a call to AWS.
//!
//! A function resolves to its alias for the stage, never to `$LATEST`. So a template cannot reach what another stage runs, or
//! a release that is being created. Names are deterministic, so functions may refer to each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::application::Deploying;
use super::budget::Budget;
use super::error::{TemplateCode, Violation};
use super::parameters::Parameters;
use super::{names, shape};

/// The values of the references in a template.
pub(super) struct Resolver<'a> {
    pub(super) deploying: &'a Deploying<'a>,
    pub(super) parameters: Parameters,
    /// The logical ids of the functions.
    pub(super) functions: BTreeSet<String>,
    /// The work that is left for resolving them.
    pub(super) budget: Budget,
}

impl Resolver<'_> {
    /// The value with every intrinsic function in it resolved, at any depth.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, Violation> {
        let _level = self.budget.enter()?;
        match value {
            Value::Object(map) => match shape::intrinsic(map)? {
                Some((name, argument)) => self.apply(name, argument),
                None => {
                    let pairs = map.iter().map(|(key, value)| {
                        self.budget.text(key.len())?;
                        Ok((key.clone(), self.resolve(value)?))
                    });
                    pairs.collect::<Result<Map<_, _>, _>>().map(Value::Object)
                }
            },
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>(),
            Value::String(text) => {
                no_dynamic_reference(text)?;
                self.budget.text(text.len())?;
                Ok(value.clone())
            }
            _ => Ok(value.clone()),
        }
    }

    /// The value as a string, as CloudFormation converts it.
    pub(super) fn text(&self, value: &Value) -> Result<String, Violation> {
        shape::scalar(&self.resolve(value)?)
    }

    fn apply(&self, name: &str, argument: &Value) -> Result<Value, Violation> {
        match name {
            "Ref" => self.reference(shape::string(argument)?),
            "Fn::GetAtt" => self.attribute(argument).map(Value::String),
            "Fn::Join" => self.join(argument).map(Value::String),
            "Fn::Sub" => self.sub(argument).map(Value::String),
            _ => Err(Violation::new(
                TemplateCode::Unsupported,
                format!("the intrinsic function `{name}` is not supported"),
                "use Ref, Fn::Sub, Fn::Join or Fn::GetAtt. Instead of a condition or a mapping, use a parameter with a value for each stage",
            )),
        }
    }

    fn reference(&self, name: &str) -> Result<Value, Violation> {
        let Deploying { target, stage, pipeline, .. } = self.deploying;
        let pseudo = match name {
            "AWS::Region" => target.region.clone(),
            "AWS::AccountId" => target.account.clone(),
            "AWS::Partition" => sluice_model::partition(&target.region).to_owned(),
            "AWS::URLSuffix" => sluice_model::url_suffix(&target.region).to_owned(),
            _ if name.starts_with("AWS::") => {
                return Err(Violation::new(
                    TemplateCode::Unsupported,
                    format!("`{name}` has no value here: there is no stack"),
                    "use AWS::Region, AWS::AccountId, AWS::Partition, AWS::URLSuffix or a parameter",
                ));
            }
            _ => match self.parameters.get(name) {
                Some(value) => {
                    let value = value.as_ref().ok_or_else(Violation::consequence)?;
                    self.budget.copy(value)?;
                    return Ok(value.clone());
                }
                None if self.functions.contains(name) => {
                    format!("{}:{stage}", names::function_name(pipeline, stage, name))
                }
                None => return Err(unknown(name)),
            },
        };
        Ok(pseudo.into())
    }

    /// `[Function, Arn]`, or `Function.Arn` in one string.
    fn attribute(&self, argument: &Value) -> Result<String, Violation> {
        let parts: Vec<&str> = match argument {
            Value::String(text) => text.splitn(2, '.').collect(),
            _ => shape::list(argument)?.iter().map(shape::string).collect::<Result<_, _>>()?,
        };
        match parts.as_slice() {
            [name, attribute] => self.attribute_of(name, attribute),
            _ => Err(Violation::new(
                TemplateCode::Shape,
                "Fn::GetAtt takes a function and an attribute",
                "write `!GetAtt Name.Arn`",
            )),
        }
    }

    fn attribute_of(&self, name: &str, attribute: &str) -> Result<String, Violation> {
        let Deploying { target, stage, pipeline, .. } = self.deploying;
        if !self.functions.contains(name) {
            return Err(unknown(name));
        }
        if attribute != "Arn" {
            return Err(Violation::new(
                TemplateCode::Unsupported,
                format!("{name} has no attribute `{attribute}`"),
                "a function has the attribute Arn",
            ));
        }
        Ok(names::alias_arn(target, &names::function_name(pipeline, stage, name), stage))
    }

    /// `[delimiter, [values…]]`; the list may be a parameter of type CommaDelimitedList.
    fn join(&self, argument: &Value) -> Result<String, Violation> {
        let [delimiter, values] = shape::list(argument)?.as_slice() else {
            return Err(Violation::new(
                TemplateCode::Shape,
                "Fn::Join takes a delimiter and a list",
                "write `!Join [\"-\", [a, b]]`",
            ));
        };
        let values = self.resolve(values)?;
        let values = shape::list(&values)?.iter().map(shape::scalar).collect::<Result<Vec<_>, _>>()?;
        let delimiter = shape::string(delimiter)?;
        let delimiters = delimiter.len().saturating_mul(values.len().saturating_sub(1));
        self.budget.text(values.iter().map(String::len).sum::<usize>().saturating_add(delimiters))?;
        Ok(values.join(delimiter))
    }

    /// A string with `${…}` in it, or such a string and a mapping with variables of its own.
    fn sub(&self, argument: &Value) -> Result<String, Violation> {
        let none = Map::new();
        let (text, variables) = match argument {
            Value::String(text) => (text.as_str(), &none),
            _ => match shape::list(argument)?.as_slice() {
                [text, variables] => (shape::string(text)?, shape::map(variables)?),
                _ => {
                    return Err(Violation::new(
                        TemplateCode::Shape,
                        "Fn::Sub takes a string, or a list of a string and a mapping",
                        "write `!Sub \"…${Name}…\"`",
                    ));
                }
            },
        };
        let mut out = String::new();
        let mut push = |part: &str| {
            self.budget.text(part.len())?;
            out.push_str(part);
            Ok::<_, Violation>(())
        };
        // Each variable is resolved once, however often it occurs.
        let mut resolved: BTreeMap<&str, String> = BTreeMap::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else {
                return Err(Violation::new(
                    TemplateCode::Shape,
                    "a `${` in Fn::Sub has no `}`",
                    "close it, or write `${!…}` for a literal `${…}`",
                ));
            };
            push(before)?;
            if let Some(literal) = name.strip_prefix('!') {
                ["${", literal, "}"].into_iter().try_for_each(&mut push)?;
            } else if let Some(value) = resolved.get(name) {
                push(value)?;
            } else {
                let value = self.variable(name, variables)?;
                push(&value)?;
                resolved.insert(name, value);
            }
            rest = tail;
        }
        push(rest)?;
        no_dynamic_reference(&out)?;
        Ok(out)
    }

    fn variable(&self, name: &str, variables: &Map<String, Value>) -> Result<String, Violation> {
        if let Some(value) = variables.get(name) {
            return self.text(value);
        }
        match name.split_once('.') {
            Some((function, attribute)) => self.attribute_of(function, attribute),
            None => shape::scalar(&self.reference(name)?),
        }
    }
}

fn no_dynamic_reference(text: &str) -> Result<(), Violation> {
    if !text.contains("{{resolve:") {
        return Ok(());
    }
    Err(Violation::new(
        TemplateCode::Unsupported,
        "dynamic references (`{{resolve:…}}`) are not supported: they would copy the value into the configuration",
        "pass the name of the secret or parameter, and read it in the function",
    ))
}

fn unknown(name: &str) -> Violation {
    Violation::new(
        TemplateCode::Reference,
        format!("`{name}` is neither a parameter nor a function of this template"),
        "correct the name, or declare it. The only supported resources are functions",
    )
}
