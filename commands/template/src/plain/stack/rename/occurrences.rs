//! Where a name occurs in a template: replaced where it surely means the resource, listed where it may mean something else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::super::classify::kinds;
use super::super::super::template::PlainTemplate;
use super::super::text::replace_words;

/// A name to replace.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) logical_id: String,
    pub(super) property: String,
    pub(super) is_export: bool,
    /// The type of the resource; empty for an export.
    pub(super) kind: String,
    /// The name as the stage would have it, before and after.
    pub(super) name: String,
    pub(super) new_name: String,
    /// The same as it is written in the template.
    pub(super) literal: String,
    pub(super) replacement: String,
}

/// Services whose name in ARNs is not that in types.
const SERVICES: [(&str, &str); 5] = [
    ("Cognito", "cognito-idp"),
    ("IoT", "iot"),
    ("KinesisFirehose", "firehose"),
    ("OpenSearchService", "es"),
    ("StepFunctions", "states"),
];
/// Properties in which a word means nothing.
const PROSE: [&str; 3] = ["Description", "Metadata", "Tags"];

impl Word {
    fn service(&self) -> String {
        let own = self.kind.split("::").nth(1).unwrap_or_default();
        let listed = SERVICES.iter().find(|(of, _)| *of == own).map(|(_, service)| (*service).to_owned());
        listed.unwrap_or_else(|| own.to_ascii_lowercase())
    }

    /// Whether a text before the word is the beginning of an ARN of its service.
    fn is_arn(&self, before: &str) -> bool {
        // `arn:aws:` or `arn:${AWS::Partition}:`, whose service is the first after the partition.
        let Some((_, arn)) = before.rsplit_once("arn:") else { return false };
        let rest = arn
            .strip_prefix("${AWS::Partition}")
            .unwrap_or_else(|| arn.trim_start_matches(|sign| sign != ':'));
        rest.strip_prefix(':').and_then(|rest| rest.split(':').next()) == Some(self.service().as_str())
    }

    /// Whether a property is one that names such resources.
    fn is_named_by(&self, key: &str) -> bool {
        match self.property.as_str() {
            // Too many things have a name, and "Export" is no property.
            "Name" | "Export" => false,
            property => key.ends_with(property) || (property == "BucketName" && key == "Bucket"),
        }
    }
}

/// What a search found. Words are by the literal.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Words in environments of functions.
    pub(super) in_environments: BTreeSet<String>,
    /// Places that were not changed.
    pub(super) elsewhere: BTreeMap<String, BTreeSet<(String, String)>>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct At<'a> {
    owner: &'a str,
    property: &'a str,
    key: &'a str,
    is_environment: bool,
}

impl Search {
    /// Replaces the words in a template.
    pub(super) fn in_template(template: &mut PlainTemplate, words: &[Word]) -> Self {
        let mut search = Self::default();
        for (id, resource) in &mut template.resources {
            let is_function = resource.kind == kinds::FUNCTION;
            for (property, value) in &mut resource.properties {
                let named = words
                    .iter()
                    .find(|word| !word.is_export && word.logical_id == *id && word.property == *property);
                if let Some(word) = named {
                    *value = renamed(value, word);
                    continue;
                }
                // Where the build put the code: a pipeline's prefix may be such a name.
                if property == "Code" && is_function
                    || property == "Content" && resource.kind == "AWS::Lambda::LayerVersion"
                {
                    continue;
                }
                let is_environment = is_function && property == "Environment";
                search.value(value, At { owner: id, property, key: property, is_environment }, words);
            }
        }
        for (name, output) in &mut template.outputs {
            let at = At { owner: name, property: "Value", key: "Value", is_environment: false };
            search.value(&mut output.value, at, words);
            let own = words.iter().find(|word| word.is_export && word.logical_id == *name);
            if let (Some(export), Some(word)) = (&mut output.export, own) {
                *export = renamed(export, word);
            }
        }
        search
    }

    fn value(&mut self, value: &mut Value, at: At<'_>, words: &[Word]) {
        match value {
            Value::String(text) => *text = self.text(text, at, words),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, at, words)),
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    match key.as_str() {
                        // These hold logical ids and names of conditions and mappings.
                        "Ref" | "Fn::GetAtt" | "Fn::FindInMap" | "Condition" if !value.is_object() => {}
                        "Fn::If" => {
                            let branches = value.as_array_mut().into_iter().flatten().skip(1);
                            branches.for_each(|branch| self.value(branch, at, words));
                        }
                        key if key.starts_with("Fn::") => self.value(value, at, words),
                        key => self.value(value, At { key, ..at }, words),
                    }
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, at: At<'_>, words: &[Word]) -> String {
        let mut text = text.to_owned();
        let mut last = None;
        for word in words.iter().filter(|word| !word.is_export) {
            // Words are sorted: resources of two types may have one name.
            if !text.contains(&word.literal) || last.replace(&word.literal) == Some(&word.literal) {
                continue;
            }
            let alike = || words.iter().filter(|other| !other.is_export && other.literal == word.literal);
            let is_whole = text == word.literal;
            let (replaced, left) = (std::cell::Cell::new(false), std::cell::Cell::new(false));
            text = replace_words(&text, &word.literal, |before, _| {
                if is_in_braces(before) {
                    return None;
                }
                let means = |word: &&Word| {
                    at.is_environment || word.is_arn(before) || (is_whole && word.is_named_by(at.key))
                };
                let meant = alike().find(means);
                if meant.is_some() {
                    replaced.set(true)
                } else {
                    left.set(true)
                }
                meant.map(|word| (word.replacement.clone(), 0))
            });
            if replaced.get() && at.is_environment {
                self.in_environments.insert(word.literal.clone());
            }
            if left.get() && !PROSE.contains(&at.key) && !PROSE.contains(&at.property) {
                let place = (at.owner.to_owned(), at.property.to_owned());
                self.elsewhere.entry(word.literal.clone()).or_default().insert(place);
            }
        }
        text
    }
}

/// Whether the end of a text is inside of `${…}`.
fn is_in_braces(before: &str) -> bool {
    before.rsplit_once("${").is_some_and(|(_, after)| !after.contains('}'))
}

/// The value of the property itself.
fn renamed(value: &Value, word: &Word) -> Value {
    match value {
        Value::String(_) => word.replacement.clone().into(),
        value if value.get("Fn::Sub").is_some_and(Value::is_string) && word.literal != word.name => {
            serde_json::json!({ "Fn::Sub": word.replacement })
        }
        _ => word.new_name.clone().into(),
    }
}
