//! The permissions of a function: the statements of the inline documents in its `Policies`.
//!
//! Sluice creates the role: it is immutable, its name is derived from these statements, and it has the installation's
//! permissions boundary. A reference to a policy elsewhere is refused, because that policy could change under a running
//! version. Statements that IAM would refuse are refused here, with their line, before the first call. Statements without a
//! specific action or resource need an admin.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::error::{Findings, Place, TemplateCode, Violation};
use super::intrinsics::Resolver;
use super::{rights, shape};

/// The most characters of a function's policies. IAM's limit for the inline policies of a role is 10,240; the rest is for the
/// statements that Sluice adds.
pub const POLICY_LIMIT: usize = 9_216;

/// Reads `Policies`: one document or a list of them.
pub(super) fn read(
    policies: &Value,
    place: &Place,
    resolver: &Resolver<'_>,
    findings: &mut Findings,
) -> Vec<Value> {
    let documents: Vec<(Place, &Value)> = match policies {
        Value::Array(list) => list.iter().enumerate().map(|(n, document)| (place.key(n), document)).collect(),
        document => vec![(place.clone(), document)],
    };
    let mut statements = Vec::new();
    for (place, document) in documents {
        let Some(document) = findings.take(&place, document_of(document)) else { continue };
        let place = place.key("Statement");
        let stated: Vec<(Place, &Value)> = match document.get("Statement") {
            Some(Value::Array(list)) => list.iter().enumerate().map(|(n, one)| (place.key(n), one)).collect(),
            one => one.map(|one| (place, one)).into_iter().collect(),
        };
        for (place, stated) in stated {
            let read = statement(stated, resolver).map_err(|(key, wrong)| {
                let place = if key.is_empty() { place.clone() } else { place.key(key) };
                findings.add(&place, wrong);
            });
            statements.extend(read);
        }
    }
    let size: usize = statements.iter().map(|statement| statement.to_string().chars().count() + 1).sum();
    if size > POLICY_LIMIT {
        let problem =
            format!("the policies of this function have {size} characters, and the limit is {POLICY_LIMIT}");
        findings.add(
            place,
            Violation::new(TemplateCode::Value, problem, "merge statements, or split the function"),
        );
    }
    statements
}

/// An inline document. Everything else that SAM accepts here is an error.
fn document_of(document: &Value) -> Result<&Map<String, Value>, Violation> {
    let unsupported = |what: String| {
        Violation::new(
            TemplateCode::Unsupported,
            what,
            "write the rights out: `Policies: [{Statement: [{Effect: Allow, Action: …, Resource: …}]}]`",
        )
    };
    match document {
        Value::String(name) => {
            Err(unsupported(format!("managed policies, such as `{name}`, are not supported")))
        }
        Value::Object(map) if map.contains_key("Statement") => {
            if let Some(key) = map.keys().find(|key| !matches!(key.as_str(), "Version" | "Statement" | "Id"))
            {
                return Err(unsupported(format!("`{key}` is not supported in a policy document")));
            }
            match map.get("Version") {
                None => Ok(map),
                Some(Value::String(version)) if version == "2012-10-17" => Ok(map),
                Some(_) => Err(unsupported("the version of a policy document must be \"2012-10-17\"".into())),
            }
        }
        Value::Object(map) => {
            let name = map.keys().next().map_or("{}", String::as_str);
            Err(unsupported(format!("`{name}` is not a policy document with a Statement")))
        }
        _ => shape::map(document),
    }
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

/// A statement that IAM accepts, or the invalid key and the error. A `Sid` is left out: it grants nothing, and statements of
/// several documents may have the same one.
fn statement(statement: &Value, resolver: &Resolver<'_>) -> Result<Value, (String, Violation)> {
    let here = |wrong: Violation| (String::new(), wrong);
    let resolved = resolver.resolve(statement).map_err(here)?;
    let mut map = shape::map(&resolved).map_err(here)?.clone();
    map.remove("Sid");
    let wrong = |problem: String| {
        Violation::new(
            TemplateCode::Value,
            problem,
            "a statement has Effect, Action (or NotAction), Resource (or NotResource), and optionally Sid and Condition",
        )
    };
    for (key, value) in &map {
        entry(key, value).map_err(|problem| (key.clone(), wrong(problem)))?;
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
        let hint = "approvers read every statement in full: shorten it, or split it into several statements";
        return Err(here(Violation::new(TemplateCode::Value, problem, hint)));
    }
    if let Some(problem) = rights::wild(&statement).filter(|_| !resolver.deploying.wild_rights) {
        let (pipeline, stage) = (resolver.deploying.pipeline, resolver.deploying.stage);
        let hint = format!(
            "name the actions and the resources, or ask an admin to allow it: /stage set {pipeline} {stage} wild_rights=yes"
        );
        return Err(here(Violation::new(TemplateCode::WildRights, problem, hint)));
    }
    Ok(statement)
}

/// Checks one entry of a statement; the error is the problem.
fn entry(key: &str, value: &Value) -> Result<(), String> {
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
            match items.into_iter().flatten().find(|item| !known.is_match(item)) {
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
