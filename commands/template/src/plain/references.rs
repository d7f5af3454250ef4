//! What an expression refers to: parameters, resources and conditions, at any depth.
//!
//! With the conditions of a stage it leaves out the branches of `Fn::If` that the stage does not take: what only such a
//! branch names is not used.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::partial::Attribute;

/// One reference to a resource or, by [`Attribute::Ref`], to a parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The logical id.
    pub name: String,
    /// What of it.
    pub attribute: Attribute,
}

/// Everything that an expression refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Resources and parameters. Pseudo parameters are among them, as `AWS::StackName`.
    pub values: BTreeSet<Reference>,
    /// Conditions, by `Fn::If`.
    pub conditions: BTreeSet<String>,
    /// Mappings.
    pub mappings: BTreeSet<String>,
}

/// The conditions whose value is known.
pub(super) type Decided = BTreeMap<String, bool>;

impl References {
    /// The references of a value. `decided` is empty to follow every branch.
    pub(super) fn of(value: &Value, decided: &Decided) -> Self {
        let mut found = Self::default();
        found.add(value, decided);
        found
    }

    /// Whether something of that name is referred to.
    pub fn names(&self, name: &str) -> bool {
        self.values.iter().any(|reference| reference.name == name)
    }

    /// Adds those of another value. It recurses as deep as the JSON parser allows, 128 levels.
    pub(super) fn add(&mut self, value: &Value, decided: &Decided) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add(item, decided)),
            Value::Object(map) => {
                let single = if map.len() == 1 { map.iter().next() } else { None };
                match single {
                    Some((name, argument)) => self.intrinsic(name, argument, decided),
                    None => map.values().for_each(|value| self.add(value, decided)),
                }
            }
            _ => {}
        }
    }

    fn intrinsic(&mut self, name: &str, argument: &Value, decided: &Decided) {
        match (name, argument) {
            ("Ref", Value::String(target)) => self.value(target, Attribute::Ref),
            ("Fn::GetAtt", argument) => {
                if let Some((target, attribute)) = get_att(argument) {
                    self.value(target, Attribute::Named(attribute));
                }
                self.add(argument, decided);
            }
            ("Fn::Sub", argument) => {
                let (text, variables) = match argument {
                    Value::Array(items) => (items.first(), items.get(1)),
                    text => (Some(text), None),
                };
                let own = variables.and_then(Value::as_object);
                for name in text.and_then(Value::as_str).into_iter().flat_map(sub_names) {
                    if own.is_some_and(|own| own.contains_key(name)) {
                        continue;
                    }
                    match name.split_once('.') {
                        Some((target, attribute)) => {
                            self.value(target, Attribute::Named(attribute.to_owned()));
                        }
                        None => self.value(name, Attribute::Ref),
                    }
                }
                // Not `add` on the mapping itself: a variable may be called `Ref`.
                own.into_iter().flat_map(|own| own.values()).for_each(|value| self.add(value, decided));
            }
            ("Fn::If", Value::Array(items)) => {
                if let [Value::String(condition), yes, no] = items.as_slice() {
                    self.conditions.insert(condition.clone());
                    match decided.get(condition) {
                        Some(true) => self.add(yes, decided),
                        Some(false) => self.add(no, decided),
                        None => [yes, no].into_iter().for_each(|branch| self.add(branch, decided)),
                    }
                }
            }
            ("Fn::FindInMap", Value::Array(items)) => {
                if let Some(Value::String(mapping)) = items.first() {
                    self.mappings.insert(mapping.clone());
                }
                items.iter().for_each(|item| self.add(item, decided));
            }
            _ => self.add(argument, decided),
        }
    }

    fn value(&mut self, name: &str, attribute: Attribute) {
        self.values.insert(Reference { name: name.to_owned(), attribute });
    }
}

/// The value that a stage takes: the branch of each `Fn::If` around it. `None` if that is `AWS::NoValue`.
pub(super) fn taken<'v>(value: &'v Value, decided: &Decided) -> Option<&'v Value> {
    let mut value = value;
    loop {
        let single = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        match single {
            Some((name, Value::String(target))) if name == "Ref" && target == "AWS::NoValue" => return None,
            Some((name, Value::Array(items))) if name == "Fn::If" => match items.as_slice() {
                [Value::String(condition), yes, no] => match decided.get(condition) {
                    Some(true) => value = yes,
                    Some(false) => value = no,
                    None => return Some(value),
                },
                _ => return Some(value),
            },
            _ => return Some(value),
        }
    }
}

/// The resource and the attribute of `[Name, Attribute]` or `Name.Attribute`. An attribute that is an expression itself, as
/// CloudFormation allows, is empty here.
pub(super) fn get_att(argument: &Value) -> Option<(&str, String)> {
    match argument {
        Value::String(text) => text.split_once('.').map(|(name, attribute)| (name, attribute.to_owned())),
        Value::Array(items) => {
            let (name, rest) = items.split_first()?;
            let parts: Vec<&str> = rest.iter().map(|part| part.as_str().unwrap_or_default()).collect();
            (!parts.is_empty()).then_some((name.as_str()?, parts.join(".")))
        }
        _ => None,
    }
}

/// The names in a `Fn::Sub` text, without literals (`${!x}`).
pub(super) fn sub_names(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) | Piece::Literal(_) => None,
    })
}

/// A piece of a `Fn::Sub` text.
pub(super) enum Piece<'t> {
    /// As it stands.
    Text(&'t str),
    /// `${!x}`, which means `${x}`: the `x`.
    Literal(&'t str),
    /// `${Name}` or `${Name.Attribute}`: what is between the braces, without spaces around it.
    Name(&'t str),
}

/// The pieces of a `Fn::Sub` text. A `${` that is not closed is text.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    let mut next = None;
    std::iter::from_fn(move || {
        if let Some(piece) = next.take() {
            return Some(piece);
        }
        if rest.is_empty() {
            return None;
        }
        let parts = rest.split_once("${").and_then(|(before, after)| {
            let (name, tail) = after.split_once('}')?;
            Some((before, name, tail))
        });
        let Some((before, name, tail)) = parts else { return Some(Piece::Text(std::mem::take(&mut rest))) };
        rest = tail;
        let piece = match name.strip_prefix('!') {
            Some(literal) => Piece::Literal(literal),
            None => Piece::Name(name.trim()),
        };
        if before.is_empty() {
            return Some(piece);
        }
        next = Some(piece);
        Some(Piece::Text(before))
    })
}

/// The parameters that every template has.
pub(super) const PSEUDO: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(value: &Value, decided: &[(&str, bool)]) -> Vec<String> {
        let decided = decided.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let found = References::of(value, &decided);
        let shown = |reference: &Reference| match &reference.attribute {
            Attribute::Ref => reference.name.clone(),
            Attribute::Named(attribute) => format!("{}.{attribute}", reference.name),
        };
        found.values.iter().map(shown).collect()
    }

    #[test]
    fn every_form_of_a_reference_is_found() {
        let table: Vec<(Value, &[&str])> = vec![
            (json!({ "Ref": "A" }), &["A"]),
            (json!({ "Fn::GetAtt": ["A", "Arn"] }), &["A.Arn"]),
            (json!({ "Fn::GetAtt": "A.Outputs.Url" }), &["A.Outputs.Url"]),
            (json!({ "Fn::GetAtt": ["A", "Outputs", "Url"] }), &["A.Outputs.Url"]),
            (json!({ "Fn::GetAtt": ["A", { "Ref": "B" }] }), &["A.", "B"]),
            (json!({ "Fn::Sub": "x${A}${!B}${C.D}${ E }${" }), &["A", "C.D", "E"]),
            (
                json!({ "Fn::Sub": ["${a}${Ref}", { "Ref": { "Fn::GetAtt": ["B", "Arn"] } }] }),
                &["B.Arn", "a"],
            ),
            (json!([{ "x": { "Ref": "A" }, "y": [{ "Ref": "B" }] }]), &["A", "B"]),
            (json!({ "Fn::If": ["C", { "Ref": "A" }, { "Ref": "B" }] }), &["A", "B"]),
            (json!({ "Ref": ["A"] }), &[]),
        ];
        for (value, expected) in table {
            assert_eq!(names(&value, &[]), expected, "{value}");
        }
    }

    #[test]
    fn a_branch_that_the_stage_does_not_take_refers_to_nothing() {
        let value = json!({ "Fn::If": ["C", { "Ref": "A" }, { "Ref": "B" }] });
        assert_eq!(names(&value, &[("C", true)]), ["A"]);
        assert_eq!(names(&value, &[("C", false)]), ["B"]);
    }
}
