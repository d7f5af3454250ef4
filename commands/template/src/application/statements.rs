//! The statements of a role's policies, and the managed policies that it may have.
//!
//! Statements that IAM would refuse are refused here, with their line, before the first call. Statements without a specific
//! action or resource need an admin, and so do AWS's managed policies but for the few that Lambda itself documents for functions.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

use super::model::{Deploying, KnownValues};
use super::reading::Reading;
use crate::error::{Findings, Place, TemplateCode, Violation};
use crate::plain::Evaluator;
use crate::rights::{self, BASIC, is_wild_policy, policy_name};
use crate::shape;

/// The most characters of a function's policies. IAM's limit for the inline policies of a role is 10,240; the rest is for the
/// statements that Sluice adds.
pub const POLICY_LIMIT: usize = 9_216;

/// A managed policy that a role may have; `None` for one that adds nothing.
pub(super) fn managed(arn: String, deploying: &Deploying<'_>) -> Result<Option<String>, Violation> {
    let Some(name) = policy_name(&arn) else {
        let hint =
            "write its statements into Policies: a policy elsewhere can change under a running version";
        let problem = format!("`{arn}` is not a policy of AWS");
        return Err(Violation::new(TemplateCode::Unsupported, problem, hint));
    };
    if is_wild_policy(&arn) && !deploying.wild_rights {
        let hint = allow(deploying, "write the statements that the function needs into Policies");
        let problem = format!("the policy {name} is not limited to resources of this pipeline");
        return Err(Violation::new(TemplateCode::WildRights, problem, hint));
    }
    Ok((name != BASIC).then_some(arn))
}

/// A hint that ends with the command by which an admin allows wide rights.
fn allow(deploying: &Deploying<'_>, instead: &str) -> String {
    let (pipeline, stage) = (deploying.stage.pipeline, deploying.stage.name);
    format!("{instead}, or ask an admin to allow it: /stage set {pipeline} {stage} wild_rights=yes")
}

/// Refuses policies that are too long together.
pub(super) fn check_size(size: usize) -> Result<(), Violation> {
    if size <= POLICY_LIMIT {
        return Ok(());
    }
    let problem =
        format!("the policies of this role have {size} characters, and the limit is {POLICY_LIMIT}");
    Err(Violation::new(TemplateCode::Value, problem, "merge statements, or split the function"))
}

fn pattern(pattern: &'static str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("{pattern}: {error}"))
}

/// `*`, or a service and a name. IAM accepts wildcards in the name, but not in the service, except for `*:*`.
static ACTION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(\*|\*:\*|[A-Za-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128})$"));
/// `*`, or an ARN with a partition and a service.
static RESOURCE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(\*|arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9*?-]*:[0-9*?a-z]*:.+)$"));
/// The condition operators of IAM.
static OPERATOR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^((ForAllValues|ForAnyValue):)?(String(Not)?(Equals|Like|EqualsIgnoreCase)|Bool|BinaryEquals|(Not)?IpAddress|",
        r"Numeric((Not)?Equals|(Less|Greater)Than(Equals)?)|Date((Not)?Equals|(Less|Greater)Than(Equals)?)|",
        r"Arn(Not)?(Equals|Like))(IfExists)?$|^Null$",
    ))
});

/// A statement of a template, to be read for a stage.
pub(super) struct Stated<'a> {
    pub(super) statement: &'a Value,
    pub(super) evaluator: &'a Evaluator<'a>,
    pub(super) reading: &'a Reading<'a>,
}

impl Stated<'_> {
    /// The statement, if IAM accepts it; `None` if it has no value or something is wrong with it.
    pub(super) fn read(&self, place: &Place, findings: &mut Findings) -> Option<Value> {
        let value = findings.take(place, self.evaluator.evaluate(self.statement))??;
        let value = findings.take(place, self.reading.settled(value, self.evaluator))?;
        match self.checked(&value) {
            Ok(statement) => Some(statement),
            Err((key, wrong)) => {
                findings.add(&if key.is_empty() { place.clone() } else { place.key(key) }, wrong);
                None
            }
        }
    }

    /// The statement, or the invalid key and the error. A `Sid` is left out: it grants nothing, and statements of several documents
    /// may have the same one.
    fn checked(&self, statement: &Value) -> Result<Value, (String, Violation)> {
        let here = |wrong: Violation| (String::new(), wrong);
        let mut map = shape::map(statement).map_err(here)?.clone();
        map.remove("Sid");
        let wrong = |problem: String| {
            Violation::new(
                TemplateCode::Value,
                problem,
                "a statement has Effect, Action (or NotAction), Resource (or NotResource), and optionally Sid and Condition",
            )
        };
        let is_shown = matches!(self.reading.deploying.known, KnownValues::Shown(_));
        for (key, value) in &map {
            entry(key, value, is_shown).map_err(|problem| (key.clone(), wrong(problem)))?;
            if let Some(sign) = foreign_sign(value) {
                let problem = format!("{key} contains the character `{sign}`, which IAM does not accept");
                return Err((key.clone(), wrong(problem)));
            }
        }
        for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource")] {
            if map.contains_key(one) == map.contains_key(other) {
                return Err(here(wrong(format!("a statement needs either {one} or {other}"))));
            }
        }
        if !map.contains_key("Effect") {
            return Err(here(wrong("a statement has no Effect".into())));
        }
        let statement = Value::Object(map);
        if let Some(problem) = rights::too_long(&statement) {
            let hint =
                "approvers read every statement in full: shorten it, or split it into several statements";
            return Err(here(Violation::new(TemplateCode::Value, problem, hint)));
        }
        if let Some(problem) = rights::wild(&statement).filter(|_| !self.reading.deploying.wild_rights) {
            let hint = allow(self.reading.deploying, "name the actions and the resources");
            return Err(here(Violation::new(TemplateCode::WildRights, problem, hint)));
        }
        Ok(statement)
    }
}

/// Checks one entry of a statement; the error is the problem. As people see it, the text of a topic's name stands for an ARN.
fn entry(key: &str, value: &Value, is_shown: bool) -> Result<(), String> {
    match key {
        "Effect" if matches!(value.as_str(), Some("Allow" | "Deny")) => Ok(()),
        "Effect" => Err("the Effect of a statement must be Allow or Deny".into()),
        "Action" | "NotAction" | "Resource" | "NotResource" => {
            let items: Vec<Option<&str>> = match value {
                Value::Array(list) => list.iter().map(Value::as_str).collect(),
                one => vec![one.as_str()],
            };
            if items.is_empty() || items.contains(&None) {
                return Err(format!("{key} is neither a string nor a list of strings"));
            }
            let (known, what) = match key.ends_with("Action") {
                true => (&*ACTION, "an action, such as `dynamodb:GetItem`"),
                false => (&*RESOURCE, "an ARN, such as `arn:aws:s3:::orders/*`, or `*`"),
            };
            let is_text = |item: &str| is_shown && item.starts_with("${");
            match items.into_iter().flatten().find(|item| !known.is_match(item) && !is_text(item)) {
                None => Ok(()),
                Some(item) => Err(format!("`{item}` in {key} is not {what}")),
            }
        }
        "Condition" => conditions(value),
        "Principal" | "NotPrincipal" => {
            Err(format!("`{key}` is not allowed in a role's policy: the role is the principal"))
        }
        _ => Err(format!("`{key}` is not allowed in a role's policy")),
    }
}

/// Checks operators with their keys and values.
fn conditions(value: &Value) -> Result<(), String> {
    let operators = value.as_object().ok_or("Condition is not a mapping")?;
    for (operator, keys) in operators {
        if !OPERATOR.is_match(operator) {
            return Err(format!("`{operator}` in Condition is not an IAM operator"));
        }
        for (key, values) in keys.as_object().ok_or(format!("`{operator}` in Condition has no keys"))? {
            let is_plain = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
            let fits = match values {
                Value::Array(list) => !list.is_empty() && list.iter().all(is_plain),
                one => is_plain(one),
            };
            if !fits || !key.contains(':') {
                return Err(format!("`{key}` in Condition is not a key with a string or a list of strings"));
            }
        }
    }
    Ok(())
}

/// A character that IAM does not accept in a document.
fn foreign_sign(value: &Value) -> Option<char> {
    let foreign =
        |text: &str| text.chars().find(|sign| !matches!(sign, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}'));
    match value {
        Value::String(text) => foreign(text),
        Value::Array(list) => list.iter().find_map(foreign_sign),
        Value::Object(map) => {
            map.iter().find_map(|(key, value)| foreign(key).or_else(|| foreign_sign(value)))
        }
        _ => None,
    }
}
