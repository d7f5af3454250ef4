//! The values of a template's parameters for one stage. `Stage` is the stage's name; the others are set for the stage or have a
//! default. A parameter without a value is an error before the first call to AWS.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::application::Deploying;
use super::budget::{MOST_PARAMETERS, too_many};
use super::error::{Findings, Place, TemplateCode, Violation};
use super::shape;
use sluice_model::PARAMETER;

/// The parameter that gets the stage's name.
const STAGE: &str = "Stage";

/// The attributes that a parameter may have.
const KEYS: [&str; 9] = [
    "Type",
    "Default",
    "Description",
    "AllowedValues",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "ConstraintDescription",
];

/// The value of each parameter: a string or a list of strings. `None` for one with an error.
pub(super) type Parameters = BTreeMap<String, Option<Value>>;

/// Reads the `Parameters` section.
pub(super) fn read(
    template: &Map<String, Value>,
    deploying: &Deploying<'_>,
    findings: &mut Findings,
) -> Parameters {
    let section = Place::of(&["Parameters"]);
    let Some(declared) = shape::optional_map(template.get("Parameters"), &section, findings) else {
        return Parameters::new();
    };
    if declared.len() > MOST_PARAMETERS {
        findings.add(&section, too_many("parameters", MOST_PARAMETERS));
        return Parameters::new();
    }
    let value_of = |(name, declaration): (&String, &Value)| {
        let place = section.key(name);
        let value = shape::map(declaration).and_then(|declaration| {
            for key in declaration.keys() {
                known(name, key)?;
            }
            value(name, declaration, deploying)
        });
        (name.clone(), findings.take(&place, value))
    };
    declared.iter().map(value_of).collect()
}

fn known(name: &str, key: &str) -> Result<(), Violation> {
    if KEYS.contains(&key) {
        return Ok(());
    }
    let hint = match key {
        "NoEcho" => "keep secrets in Secrets Manager or Parameter Store, and pass the name of the secret",
        "AllowedPattern" => "use AllowedValues, or check the value in the function",
        _ => "remove it; docs/templates.md lists what a parameter may have",
    };
    Err(Violation::new(
        TemplateCode::Unsupported,
        format!("`{key}` of the parameter {name} is not supported"),
        hint,
    ))
}

fn value(
    name: &str,
    declaration: &Map<String, Value>,
    deploying: &Deploying<'_>,
) -> Result<Value, Violation> {
    let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "String" | "Number" | "CommaDelimitedList") || (name == STAGE && kind != "String") {
        return Err(Violation::new(
            TemplateCode::Unsupported,
            format!("the parameter {name} has the type `{kind}`"),
            if name == STAGE { "use String" } else { "use String, Number or CommaDelimitedList" },
        ));
    }
    let text = if name == STAGE {
        deploying.stage.to_string()
    } else if let Some(set) = deploying.parameters.get(name) {
        set.clone()
    } else if let Some(default) = declaration.get("Default") {
        shape::scalar(default)?
    } else {
        return Err(Violation::new(
            TemplateCode::Parameter,
            format!("the parameter {name} has no value for the stage {} and no default", deploying.stage),
            format!(
                "set it: `/stage set {} {} {PARAMETER}{name}={}`, or give it a `Default`",
                deploying.pipeline,
                deploying.stage,
                example(declaration)
            ),
        ));
    };
    match kind {
        "CommaDelimitedList" => {
            let items: Vec<_> = text.split(',').map(|item| item.trim().to_owned()).collect();
            allowed(name, declaration, &items)?;
            Ok(items.into())
        }
        _ => {
            allowed(name, declaration, std::slice::from_ref(&text))?;
            if kind == "Number" {
                in_range(name, declaration, &text)?;
            } else {
                of_length(name, declaration, &text)?;
            }
            Ok(text.into())
        }
    }
}

/// A valid value of a parameter, for a command that works as it is.
fn example(declaration: &Map<String, Value>) -> String {
    let allowed = declaration.get("AllowedValues").and_then(|values| shape::list(values).ok()?.first());
    let allowed = allowed.and_then(|value| shape::scalar(value).ok());
    let is_plain =
        |value: &String| !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match (allowed.filter(is_plain), declaration.get("Type").and_then(Value::as_str)) {
        (Some(value), _) => value,
        (None, Some("Number")) => "1".to_owned(),
        (None, _) => "VALUE".to_owned(),
    }
}

fn refused(name: &str, problem: impl std::fmt::Display) -> Violation {
    Violation::new(
        TemplateCode::Parameter,
        format!("the value of the parameter {name} {problem}"),
        "set another value with `/stage set`, or change the template",
    )
}

fn allowed(name: &str, declaration: &Map<String, Value>, texts: &[String]) -> Result<(), Violation> {
    let Some(values) = declaration.get("AllowedValues") else { return Ok(()) };
    let values = shape::list(values)?.iter().map(shape::scalar).collect::<Result<Vec<_>, _>>()?;
    let known: BTreeSet<&String> = values.iter().collect();
    match texts.iter().find(|text| !known.contains(text)) {
        None => Ok(()),
        Some(text) => Err(refused(name, format_args!("is `{text}`, not one of {}", values.join(", ")))),
    }
}

/// A limit in the declaration, if there is one.
fn limit(declaration: &Map<String, Value>, key: &str) -> Result<Option<f64>, Violation> {
    declaration.get(key).map(|limit| number(&shape::scalar(limit)?, key)).transpose()
}

fn number(text: &str, what: &str) -> Result<f64, Violation> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| {
        Violation::new(
            TemplateCode::Parameter,
            format!("`{text}` is not a number for {what}"),
            "write a number",
        )
    })
}

fn in_range(name: &str, declaration: &Map<String, Value>, text: &str) -> Result<(), Violation> {
    let value = number(text, name)?;
    match (limit(declaration, "MinValue")?, limit(declaration, "MaxValue")?) {
        (Some(min), _) if value < min => Err(refused(name, format_args!("is {text}, below {min}"))),
        (_, Some(max)) if value > max => Err(refused(name, format_args!("is {text}, above {max}"))),
        _ => Ok(()),
    }
}

fn of_length(name: &str, declaration: &Map<String, Value>, text: &str) -> Result<(), Violation> {
    let length = text.chars().count() as f64;
    match (limit(declaration, "MinLength")?, limit(declaration, "MaxLength")?) {
        (Some(min), _) if length < min => Err(refused(name, format_args!("is shorter than {min}"))),
        (_, Some(max)) if length > max => Err(refused(name, format_args!("is longer than {max}"))),
        _ => Ok(()),
    }
}
