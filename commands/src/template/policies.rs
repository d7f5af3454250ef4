//! What a function may do: the statements of the inline documents in its `Policies`.
//!
//! Sluice makes the role (immutable, named by these statements, under the installation's permissions boundary); a
//! template that names rights kept elsewhere could change them under a running version, so it is refused.

use serde_json::{Map, Value};

use super::error::{Findings, Place, TemplateCode, Wrong};
use super::intrinsics::Resolver;
use super::shape;

/// IAM's limit for the inline policies of a role is 10,240 characters; the rest is for what Sluice adds (logs).
const ROOM: usize = 9_216;

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
        let read = document_of(document).and_then(|document| {
            let stated = document.get("Statement").unwrap_or(&Value::Null);
            match stated {
                Value::Array(list) => list.iter().map(|one| statement(one, resolver)).collect(),
                one => statement(one, resolver).map(|one| vec![one]),
            }
        });
        statements.extend(findings.take(&place, read).unwrap_or_default());
    }
    let size: usize = statements.iter().map(|statement| statement.to_string().chars().count()).sum();
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

fn statement(statement: &Value, resolver: &Resolver<'_>) -> Result<Value, Wrong> {
    let resolved = resolver.resolve(statement)?;
    let map = shape::map(&resolved)?;
    let wrong = |problem: String| {
        Wrong::new(
            TemplateCode::Value,
            problem,
            "a statement has Effect, Action (or NotAction), Resource (or NotResource), and maybe Sid and Condition",
        )
    };
    for (key, value) in map {
        match key.as_str() {
            "Sid" => {
                shape::string(value)?;
            }
            "Effect" if matches!(value.as_str(), Some("Allow" | "Deny")) => {}
            "Effect" => return Err(wrong("the Effect of a statement is neither Allow nor Deny".into())),
            "Action" | "NotAction" | "Resource" | "NotResource" => {
                let texts = match value {
                    Value::Array(list) => list.iter().all(Value::is_string) && !list.is_empty(),
                    other => other.is_string(),
                };
                if !texts {
                    return Err(wrong(format!("{key} is no text and no list of texts")));
                }
            }
            "Condition" => {
                shape::map(value)?;
            }
            _ => return Err(wrong(format!("`{key}` has no place in a statement of a role"))),
        }
    }
    for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource")] {
        if map.contains_key(one) == map.contains_key(other) {
            return Err(wrong(format!("a statement has either {one} or {other}")));
        }
    }
    if !map.contains_key("Effect") {
        return Err(wrong("a statement has no Effect".into()));
    }
    Ok(resolved)
}
