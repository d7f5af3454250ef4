//! A value as far as it is known before the stage's stack exists.
//!
//! Whatever is unknown keeps an expression that CloudFormation can evaluate, with everything that is known already written
//! into it: so it can be handed to the stack, for example as an output, and gives the same value there.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::{TemplateCode, Violation};

/// What a reference to a resource asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// `Ref`: the type's own identifier, mostly a name.
    Ref,
    /// `Fn::GetAtt`: `Arn`, `Outputs.Url`, …
    Named(String),
}

/// The service that a dynamic reference reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DynamicService {
    /// `{{resolve:ssm:…}}`: plain text.
    Ssm,
    /// `{{resolve:ssm-secure:…}}`: a secret.
    SsmSecure,
    /// `{{resolve:secretsmanager:…}}`: a secret.
    SecretsManager,
}

/// What has to be known first to know a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// A resource and one of its attributes.
    Resource {
        /// Its logical id.
        logical_id: String,
        /// What of it.
        attribute: Attribute,
    },
    /// The value that another stack exports. The name is that of the export, or its expression as JSON if that is unknown.
    Import(String),
    /// The availability zones of a region.
    Zones(String),
    /// A dynamic reference, as `path:key` after the service; or its expression as JSON if a part of that is unknown.
    Dynamic(DynamicService, String),
    /// A parameter of Systems Manager that a parameter of the template reads; its name.
    SystemParameter(String),
    /// The value of a parameter with `NoEcho`; its name. Only where secrets are kept as references: in a stack's template.
    SecretParameter(String),
    /// The stack's own id.
    StackId,
}

impl Need {
    /// Whether the value is a secret, which must not pass through a stack's outputs.
    pub fn is_secret(&self) -> bool {
        matches!(
            self,
            Need::SecretParameter(_)
                | Need::Dynamic(DynamicService::SsmSecure | DynamicService::SecretsManager, _)
        )
    }
}

/// A value that is unknown here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// What CloudFormation has to evaluate; it gives the whole value.
    pub expression: Value,
    /// Everything that is missing. Never empty.
    pub needs: BTreeSet<Need>,
}

impl Deferred {
    pub(super) fn new(expression: Value, need: Need) -> Self {
        Self { expression, needs: BTreeSet::from([need]) }
    }
}

/// A part of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fragment {
    /// Text.
    Known(String),
    /// A part whose expression gives a string.
    Deferred(Deferred),
}

/// A value without intrinsic functions, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partial {
    /// All of it is known. No other variant is used then.
    Known(Value),
    /// A string of which parts are known. At least one is not, and there are two or more.
    Text(Vec<Fragment>),
    /// A list with an element that is not known.
    List(Vec<Partial>),
    /// A mapping with a value that is not known.
    Map(Vec<(String, Partial)>),
    /// Nothing of it is known, not even whether it is a string or a list.
    Deferred(Deferred),
}

impl Partial {
    /// The value, if all of it is known.
    pub fn known(&self) -> Option<&Value> {
        match self {
            Partial::Known(value) => Some(value),
            _ => None,
        }
    }

    /// The string, if it is known and a string.
    pub fn known_str(&self) -> Option<&str> {
        self.known().and_then(Value::as_str)
    }

    /// Everything that is missing to know it; empty if and only if it is known.
    pub fn needs(&self) -> BTreeSet<Need> {
        let mut needs = BTreeSet::new();
        self.add_needs(&mut needs);
        needs
    }

    fn add_needs(&self, needs: &mut BTreeSet<Need>) {
        match self {
            Partial::Known(_) => {}
            Partial::Text(fragments) => {
                for fragment in fragments {
                    if let Fragment::Deferred(deferred) = fragment {
                        needs.extend(deferred.needs.iter().cloned());
                    }
                }
            }
            Partial::List(items) => items.iter().for_each(|item| item.add_needs(needs)),
            Partial::Map(pairs) => pairs.iter().for_each(|(_, value)| value.add_needs(needs)),
            Partial::Deferred(deferred) => needs.extend(deferred.needs.iter().cloned()),
        }
    }

    /// The value as CloudFormation has to evaluate it: plain JSON where it is known.
    pub fn expression(&self) -> Value {
        match self {
            Partial::Known(value) => value.clone(),
            Partial::Text(fragments) => {
                let parts: Vec<Value> = fragments
                    .iter()
                    .map(|fragment| match fragment {
                        Fragment::Known(text) => text.clone().into(),
                        Fragment::Deferred(deferred) => deferred.expression.clone(),
                    })
                    .collect();
                json!({ "Fn::Join": ["", parts] })
            }
            Partial::List(items) => items.iter().map(Partial::expression).collect(),
            Partial::Map(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| (key.clone(), value.expression()));
                Value::Object(pairs.collect())
            }
            Partial::Deferred(deferred) => deferred.expression.clone(),
        }
    }

    pub(super) fn list(items: Vec<Partial>) -> Self {
        if items.iter().all(|item| item.known().is_some()) {
            return Partial::Known(items.into_iter().filter_map(Partial::into_known).collect());
        }
        Partial::List(items)
    }

    pub(super) fn map(pairs: Vec<(String, Partial)>) -> Self {
        if pairs.iter().all(|(_, value)| value.known().is_some()) {
            let known = pairs.into_iter().filter_map(|(key, value)| Some((key, value.into_known()?)));
            return Partial::Known(Value::Object(known.collect::<Map<_, _>>()));
        }
        Partial::Map(pairs)
    }

    fn into_known(self) -> Option<Value> {
        match self {
            Partial::Known(value) => Some(value),
            _ => None,
        }
    }

    /// The text with what `value` gives for each plain parameter of Systems Manager that it refers to.
    pub(super) fn with_dynamic(
        self,
        value: &dyn Fn(&str) -> Result<Option<String>, Violation>,
    ) -> Result<Self, Violation> {
        let known = |deferred: &Deferred| {
            let mut needs = deferred.needs.iter();
            match (needs.next(), needs.next()) {
                (Some(Need::Dynamic(DynamicService::Ssm, name)), None) => value(name),
                _ => Ok(None),
            }
        };
        match self {
            Partial::Deferred(deferred) => Ok(match known(&deferred)? {
                Some(text) => Partial::Known(text.into()),
                None => Partial::Deferred(deferred),
            }),
            Partial::Text(fragments) => {
                let fragment = |fragment| match fragment {
                    Fragment::Deferred(deferred) => Ok(match known(&deferred)? {
                        Some(text) => Fragment::Known(text),
                        None => Fragment::Deferred(deferred),
                    }),
                    known => Ok(known),
                };
                Self::merged(fragments.into_iter().map(fragment).collect::<Result<_, Violation>>()?)
            }
            other => Ok(other),
        }
    }

    /// A string of fragments. Dynamic references in the known text become fragments of their own.
    pub(super) fn text(fragments: Vec<Fragment>) -> Result<Self, Violation> {
        Self::merged(dynamic_references(with_merged_text(fragments))?)
    }

    /// A string of fragments whose text has no dynamic references.
    fn merged(fragments: Vec<Fragment>) -> Result<Self, Violation> {
        let mut fragments = with_merged_text(fragments).into_iter();
        Ok(match (fragments.next(), fragments.as_slice().is_empty()) {
            (None, _) => Partial::Known("".into()),
            (Some(Fragment::Known(text)), true) => Partial::Known(text.into()),
            (Some(Fragment::Deferred(deferred)), true) => Partial::Deferred(deferred),
            (Some(first), false) => Partial::Text(std::iter::once(first).chain(fragments).collect()),
        })
    }
}

/// The fragments with adjacent texts as one, and without empty ones.
fn with_merged_text(fragments: Vec<Fragment>) -> Vec<Fragment> {
    let mut merged: Vec<Fragment> = Vec::new();
    for fragment in fragments {
        match (merged.last_mut(), fragment) {
            (Some(Fragment::Known(open)), Fragment::Known(text)) => open.push_str(&text),
            (_, Fragment::Known(text)) if text.is_empty() => {}
            (_, fragment) => merged.push(fragment),
        }
    }
    merged
}

/// The beginning of a dynamic reference.
pub(super) const DYNAMIC: &str = "{{resolve:";

/// Splits a text at its dynamic references: each becomes a fragment, also if a part of its name is not known.
fn dynamic_references(fragments: Vec<Fragment>) -> Result<Vec<Fragment>, Violation> {
    let mut split = Vec::new();
    let mut open: Option<Vec<Fragment>> = None;
    for fragment in fragments {
        let text = match (fragment, &mut open) {
            (Fragment::Known(text), _) => text,
            (deferred, Some(parts)) => {
                parts.push(deferred);
                continue;
            }
            (deferred, None) => {
                split.push(deferred);
                continue;
            }
        };
        let mut rest = text.as_str();
        loop {
            let mark = if open.is_some() { "}}" } else { DYNAMIC };
            let Some((before, after)) = rest.split_once(mark) else { break };
            match open.take() {
                Some(mut parts) => {
                    parts.push(Fragment::Known(format!("{before}}}}}")));
                    split.push(Fragment::Deferred(dynamic_reference(parts)?));
                }
                None => {
                    split.push(Fragment::Known(before.to_owned()));
                    open = Some(vec![Fragment::Known(DYNAMIC.to_owned())]);
                }
            }
            rest = after;
        }
        open.as_mut().unwrap_or(&mut split).push(Fragment::Known(rest.to_owned()));
    }
    // Without an end it is text, or a part of one that `Fn::Join` puts together.
    split.extend(open.into_iter().flatten());
    Ok(split)
}

/// A dynamic reference, from `{{resolve:` to `}}`.
fn dynamic_reference(parts: Vec<Fragment>) -> Result<Deferred, Violation> {
    let mut known = String::new();
    let mut needs = BTreeSet::new();
    let mut expressions: Vec<Value> = Vec::new();
    for part in &parts {
        match part {
            Fragment::Known(text) => {
                known.push_str(text);
                match expressions.last_mut() {
                    Some(Value::String(last)) => last.push_str(text),
                    _ => expressions.push(text.clone().into()),
                }
            }
            Fragment::Deferred(deferred) => {
                needs.extend(deferred.needs.iter().cloned());
                expressions.push(deferred.expression.clone());
            }
        }
    }
    let inner = known.strip_prefix(DYNAMIC).and_then(|text| text.strip_suffix("}}")).unwrap_or_default();
    let (service, path) = inner.split_once(':').unwrap_or((inner, ""));
    let service = match service {
        "ssm" => DynamicService::Ssm,
        "ssm-secure" => DynamicService::SsmSecure,
        "secretsmanager" => DynamicService::SecretsManager,
        _ => return Err(not_dynamic(&format!("`{service}` is no service of dynamic references"))),
    };
    let (expression, path) = match expressions.as_slice() {
        [one] => (one.clone(), path.to_owned()),
        _ => {
            let expression = json!({ "Fn::Join": ["", expressions] });
            let path = expression.to_string();
            (expression, path)
        }
    };
    needs.insert(Need::Dynamic(service, path));
    Ok(Deferred { expression, needs })
}

fn not_dynamic(problem: &str) -> Violation {
    let hint = "write it like {{resolve:ssm:/orders/name}}";
    Violation::new(TemplateCode::Unsupported, problem, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Fragment {
        Fragment::Known(text.to_owned())
    }

    #[test]
    fn known_fragments_become_one_known_string() {
        assert_eq!(Partial::text(vec![known("a"), known(""), known("b")]), Ok(Partial::Known("ab".into())));
        assert_eq!(Partial::text(vec![]), Ok(Partial::Known("".into())));
    }

    #[test]
    fn a_dynamic_reference_is_deferred_and_its_surroundings_are_known() {
        let text = Partial::text(vec![known("https://{{resolve:ssm:"), known("/orders/host:3}}/x")]).unwrap();
        let needs = text.needs();
        assert_eq!(needs, BTreeSet::from([Need::Dynamic(DynamicService::Ssm, "/orders/host:3".into())]));
        assert!(!needs.iter().any(Need::is_secret));
        assert_eq!(
            text.expression(),
            json!({ "Fn::Join": ["", ["https://", "{{resolve:ssm:/orders/host:3}}", "/x"]] })
        );
        let secret =
            Partial::text(vec![known("{{resolve:secretsmanager:db:SecretString:password}}")]).unwrap();
        assert!(secret.needs().iter().all(Need::is_secret));
        assert_eq!(secret.expression(), json!("{{resolve:secretsmanager:db:SecretString:password}}"));
    }

    #[test]
    fn an_unknown_service_is_an_error_and_a_reference_without_an_end_is_text() {
        assert!(Partial::text(vec![known("{{resolve:vault:x}}")]).is_err());
        for open in ["{{resolve:ssm:x", "{{resolve:ssm"] {
            assert_eq!(Partial::text(vec![known(open)]), Ok(Partial::Known(open.into())));
        }
    }

    #[test]
    fn the_name_of_a_dynamic_reference_may_be_unknown() {
        let need = Need::Import("secret".into());
        let name = Fragment::Deferred(Deferred::new(json!({ "Fn::ImportValue": "secret" }), need.clone()));
        let parts = vec![known("x{{resolve:secretsmanager:"), name, known(":SecretString}}y")];
        let text = Partial::text(parts).unwrap();
        let reference = json!({ "Fn::Join": ["", ["{{resolve:secretsmanager:", { "Fn::ImportValue": "secret" }, ":SecretString}}"]] });
        assert_eq!(text.expression(), json!({ "Fn::Join": ["", ["x", reference, "y"]] }));
        let secret = Need::Dynamic(DynamicService::SecretsManager, reference.to_string());
        assert_eq!(text.needs(), BTreeSet::from([need, secret]));
    }
}
