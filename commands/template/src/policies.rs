//! What a function may do: the statements of the inline documents in its `Policies`.
//!
//! Sluice makes the role (immutable, named by these statements, under the installation's permissions boundary); a
//! template that names rights kept elsewhere could change them under a running version, so it is refused. What IAM would
//! refuse is refused here, with its line, before the first call; what names no action or no resource needs an admin.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::error::{Findings, Place, TemplateCode, Wrong};
use super::intrinsics::Resolver;
use super::{rights, shape};

/// IAM's limit for the inline policies of a role is 10,240 characters; the rest is for what Sluice adds.
pub const ROOM: usize = 9_216;

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
    if size > ROOM {
        let problem = format!("the policies of this function have {size} characters, more than {ROOM}");
        findings
            .add(place, Wrong::new(TemplateCode::Value, problem, "join statements, or split the function"));
    }
    statements
}

/// An inline document, told apart from everything else that SAM takes here.
fn document_of(document: &Value) -> Result<&Map<String, Value>, Wrong> {
    let unsupported = |what: String| {
        Wrong::new(
            TemplateCode::Unsupported,
            what,
            "write the rights out: `Policies: [{Statement: [{Effect: Allow, Action: …, Resource: …}]}]`",
        )
    };
    match document {
        Value::String(name) => Err(unsupported(format!("the managed policy `{name}` is not read"))),
        Value::Object(map) if map.contains_key("Statement") => {
            if let Some(key) = map.keys().find(|key| !matches!(key.as_str(), "Version" | "Statement" | "Id"))
            {
                return Err(unsupported(format!("`{key}` of a policy document is not read")));
            }
            match map.get("Version") {
                None => Ok(map),
                Some(Value::String(version)) if version == "2012-10-17" => Ok(map),
                Some(_) => Err(unsupported("a policy document has the version \"2012-10-17\"".into())),
            }
        }
        Value::Object(map) => {
            let name = map.keys().next().map_or("{}", String::as_str);
            Err(unsupported(format!("`{name}` is no policy document with a Statement")))
        }
        _ => shape::map(document),
    }
}

fn pattern(pattern: &'static str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("{pattern}: {error}"))
}

/// `*`, or a service and a name, in which IAM takes wildcards; where a service stands, it takes none but in `*:*`.
static ACTION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(\*|\*:\*|[A-Za-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128})$"));
/// `*`, or an ARN, of which IAM wants to know partition and service.
static RESOURCE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(\*|arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9*?-]*:[0-9*?a-z]*:.+)$"));
/// The operators that IAM knows.
static OPERATOR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^((ForAllValues|ForAnyValue):)?(String(Not)?(Equals|Like|EqualsIgnoreCase)|Bool|BinaryEquals|(Not)?IpAddress|",
        r"Numeric((Not)?Equals|(Less|Greater)Than(Equals)?)|Date((Not)?Equals|(Less|Greater)Than(Equals)?)|",
        r"Arn(Not)?(Equals|Like))(IfExists)?$|^Null$",
    ))
});

/// A statement as IAM takes it, or the key that is wrong and why. A `Sid` is left out: it says nothing of what is allowed,
/// and statements of several documents may share one.
fn statement(statement: &Value, resolver: &Resolver<'_>) -> Result<Value, (String, Wrong)> {
    let here = |wrong: Wrong| (String::new(), wrong);
    let resolved = resolver.resolve(statement).map_err(here)?;
    let mut map = shape::map(&resolved).map_err(here)?.clone();
    map.remove("Sid");
    let wrong = |problem: String| {
        Wrong::new(
            TemplateCode::Value,
            problem,
            "a statement has Effect, Action (or NotAction), Resource (or NotResource), and maybe Sid and Condition",
        )
    };
    for (key, value) in &map {
        entry(key, value).map_err(|problem| (key.clone(), wrong(problem)))?;
        if let Some(sign) = foreign_sign(value) {
            let problem = format!("{key} holds the character `{sign}`, which IAM does not take");
            return Err((key.clone(), wrong(problem)));
        }
    }
    for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource")] {
        if map.contains_key(one) == map.contains_key(other) {
            return Err(here(wrong(format!("a statement has either {one} or {other}"))));
        }
    }
    if !map.contains_key("Effect") {
        return Err(here(wrong("a statement has no Effect".into())));
    }
    let statement = Value::Object(map);
    if let Some(problem) = rights::too_long(&statement) {
        let hint = "whoever approves a release reads it in full: write it shorter, or as several statements";
        return Err(here(Wrong::new(TemplateCode::Value, problem, hint)));
    }
    if let Some(problem) = rights::wild(&statement).filter(|_| !resolver.deploying.wild_rights) {
        let (pipeline, stage) = (resolver.deploying.pipeline, resolver.deploying.stage);
        let hint = format!(
            "name the actions and the resources; or an admin allows it: /stage set {pipeline} {stage} wild_rights=yes"
        );
        return Err(here(Wrong::new(TemplateCode::WildRights, problem, hint)));
    }
    Ok(statement)
}

/// What is wrong with an entry of a statement.
fn entry(key: &str, value: &Value) -> Result<(), String> {
    match key {
        "Effect" if matches!(value.as_str(), Some("Allow" | "Deny")) => Ok(()),
        "Effect" => Err("the Effect of a statement is neither Allow nor Deny".into()),
        "Action" | "NotAction" | "Resource" | "NotResource" => {
            let items: Vec<Option<&str>> = match value {
                Value::Array(list) => list.iter().map(Value::as_str).collect(),
                one => vec![one.as_str()],
            };
            if items.is_empty() || items.contains(&None) {
                return Err(format!("{key} is no text and no list of texts"));
            }
            let (known, what) = match key.ends_with("Action") {
                true => (&*ACTION, "an action, as in `dynamodb:GetItem`"),
                false => (&*RESOURCE, "an ARN, as in `arn:aws:s3:::orders/*`, and not `*`"),
            };
            match items.into_iter().flatten().find(|item| !known.is_match(item)) {
                None => Ok(()),
                Some(item) => Err(format!("`{item}` in {key} is not {what}")),
            }
        }
        "Condition" => conditions(value),
        "Principal" | "NotPrincipal" => {
            Err(format!("`{key}` has no place in a statement of a role: a role is its own principal"))
        }
        _ => Err(format!("`{key}` has no place in a statement of a role")),
    }
}

/// Operators with keys with values.
fn conditions(value: &Value) -> Result<(), String> {
    let operators = value.as_object().ok_or("Condition is no mapping")?;
    for (operator, keys) in operators {
        if !OPERATOR.is_match(operator) {
            return Err(format!("`{operator}` in Condition is no operator that IAM knows"));
        }
        for (key, values) in keys.as_object().ok_or(format!("`{operator}` in Condition has no keys"))? {
            let is_plain = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
            let fits = match values {
                Value::Array(list) => !list.is_empty() && list.iter().all(is_plain),
                one => is_plain(one),
            };
            if !fits || !key.contains(':') {
                return Err(format!("`{key}` in Condition is no key with a text or a list of texts"));
            }
        }
    }
    Ok(())
}

/// A character outside of what IAM takes in a document.
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
