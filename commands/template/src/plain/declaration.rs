//! The declaration of a parameter, and whether a value is what it allows.

use regex_lite::RegexBuilder;
use serde_json::{Map, Value};

use super::parameter_types::Kind;
use crate::error::{TemplateCode, Violation};
use crate::shape;

/// The parameter that gets the stage's name.
pub(super) const STAGE: &str = "Stage";
/// CloudFormation's limit for a value, in bytes.
const LONGEST_VALUE: usize = 4_096;
/// A longer pattern is left to CloudFormation to check.
const LONGEST_PATTERN: usize = 1_024;
/// The most memory for one compiled pattern, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// A declared parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Declaration {
    pub(super) kind: Kind,
    pub(super) default: Option<String>,
    allowed: Option<Vec<String>>,
    pattern: Option<String>,
    length: (Option<f64>, Option<f64>),
    range: (Option<f64>, Option<f64>),
    constraint: Option<String>,
    pub(super) no_echo: bool,
}

/// Reads a declaration.
pub(super) fn declaration(name: &str, value: &Value) -> Result<Declaration, Violation> {
    let map = shape::map(value)?;
    for key in map.keys() {
        let known = matches!(
            key.as_str(),
            "Type"
                | "Default"
                | "Description"
                | "AllowedValues"
                | "AllowedPattern"
                | "MinLength"
                | "MaxLength"
                | "MinValue"
                | "MaxValue"
                | "ConstraintDescription"
                | "NoEcho"
        );
        if !known {
            let problem = format!("a parameter has no attribute `{key}`");
            return Err(Violation::new(TemplateCode::Unsupported, problem, "remove it, or correct its name"));
        }
    }
    let text = |key: &str| map.get(key).map(shape::scalar).transpose();
    let kind = text("Type")?.unwrap_or_default();
    let Some(kind) = Kind::of(&kind).filter(|kind| name != STAGE || *kind == Kind::Text) else {
        return Err(Violation::new(
            TemplateCode::Unsupported,
            format!("the parameter {name} has the type `{kind}`"),
            if name == STAGE {
                "use String"
            } else {
                "use String, Number, CommaDelimitedList or a type of AWS's"
            },
        ));
    };
    let allowed = match map.get("AllowedValues") {
        None => None,
        Some(values) => Some(shape::list(values)?.iter().map(shape::scalar).collect::<Result<Vec<_>, _>>()?),
    };
    // A list of numbers may have a list as its default in JSON.
    let default = match map.get("Default") {
        Some(Value::Array(items)) if kind.is_list() => {
            Some(items.iter().map(shape::scalar).collect::<Result<Vec<_>, _>>()?.join(","))
        }
        _ => text("Default")?,
    };
    Ok(Declaration {
        kind,
        default,
        allowed,
        pattern: text("AllowedPattern")?,
        length: (limit(map, "MinLength")?, limit(map, "MaxLength")?),
        range: (limit(map, "MinValue")?, limit(map, "MaxValue")?),
        constraint: text("ConstraintDescription")?,
        no_echo: text("NoEcho")?.is_some_and(|truth| truth.eq_ignore_ascii_case("true")),
    })
}

fn limit(map: &Map<String, Value>, key: &str) -> Result<Option<f64>, Violation> {
    map.get(key).map(|limit| number(&shape::scalar(limit)?, key)).transpose()
}

fn number(text: &str, what: &str) -> Result<f64, Violation> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let wrong = || {
        Violation::new(
            TemplateCode::Parameter,
            format!("`{text}` is not a number for {what}"),
            "write a number",
        )
    };
    number.ok_or_else(wrong)
}

impl Declaration {
    /// A valid value, for a command that works as it is.
    pub(super) fn example(&self) -> &str {
        let is_plain = |value: &&String| {
            !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let allowed = self.allowed.iter().flatten().find(is_plain);
        allowed.map_or(if self.kind.is_number() { "1" } else { "VALUE" }, String::as_str)
    }

    /// Whether a written value is allowed.
    pub(super) fn check(&self, name: &str, text: &str) -> Result<(), Violation> {
        let refused = |problem: String| {
            let why = self.constraint.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
            Violation::new(
                TemplateCode::Parameter,
                format!("the value of the parameter {name} {problem}{why}"),
                "set another value with `/stage set`, or change the template",
            )
        };
        // A secret is not quoted.
        let quoted = |item: &str| if self.no_echo { "hidden".to_owned() } else { format!("`{item}`") };
        if text.len() > LONGEST_VALUE {
            return Err(refused(format!("has more than {LONGEST_VALUE} bytes")));
        }
        let pattern = self.pattern.as_deref().and_then(compile);
        for item in self.kind.items(text) {
            if let Some(allowed) = &self.allowed
                && !allowed.contains(&item)
            {
                let allowed = allowed.join(", ");
                return Err(refused(format!("is {}, not one of {allowed}", quoted(&item))));
            }
            if pattern.as_ref().is_some_and(|pattern| !pattern.is_match(&item)) {
                let pattern = self.pattern.as_deref().unwrap_or_default();
                return Err(refused(format!("is {}, which does not match `{pattern}`", quoted(&item))));
            }
            if self.kind.is_number() {
                within(number(&item, name)?, self.range, &["below", "above"])
                    .map_err(|problem| refused(format!("is {}, {problem}", quoted(&item))))?;
            }
        }
        if self.kind == Kind::Text {
            let length = text.chars().count() as f64;
            within(length, self.length, &["shorter than", "longer than"])
                .map_err(|problem| refused(format!("is {problem}")))?;
        }
        Ok(())
    }
}

fn within(value: f64, limits: (Option<f64>, Option<f64>), words: &[&str; 2]) -> Result<(), String> {
    match limits {
        (Some(min), _) if value < min => Err(format!("{} {min}", words[0])),
        (_, Some(max)) if value > max => Err(format!("{} {max}", words[1])),
        _ => Ok(()),
    }
}

/// A pattern in Java's dialect. `None` for what this crate's does not know (look-around, classes of Unicode): CloudFormation
/// checks those. A pattern without `^` and `$` may match a part here, so nothing is refused that CloudFormation would take.
fn compile(pattern: &str) -> Option<regex_lite::Regex> {
    if pattern.len() > LONGEST_PATTERN {
        return None;
    }
    RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).build().ok()
}
