//! The problems of a message's blocks, and the checks that all kinds of blocks share.

use std::collections::HashSet;

use serde_json::{Map, Value};

/// Characters of an id.
pub(super) const ID: usize = 255;
/// Characters of a URL.
pub(super) const URL: usize = 3_000;

/// The problems so far, and what must be unique in a message.
#[derive(Default)]
pub(super) struct Check {
    pub(super) problems: Vec<String>,
    pub(super) block_ids: HashSet<String>,
    pub(super) tables: usize,
}

impl Check {
    /// Adds a problem in Slack's format.
    pub(super) fn report(&mut self, what: String, at: &str) {
        self.problems.push(format!("{what} [json-pointer:{at}]"));
    }

    /// Refuses fields other than `type`, `block_id` and `known`.
    pub(super) fn only(&mut self, fields: &Map<String, Value>, known: &[&str], at: &str) {
        for key in fields.keys() {
            if key != "type" && key != "block_id" && !known.contains(&key.as_str()) {
                self.report(format!("invalid additional property: {key}"), at);
            }
        }
    }

    pub(super) fn count(&mut self, items: usize, least: usize, most: usize, at: &str) {
        if items > most {
            self.report(format!("no more than {most} items allowed"), at);
        }
        if items < least {
            self.report(format!("no less than {least} items allowed"), at);
        }
    }

    /// A required list; its items with their pointers.
    pub(super) fn list<'a>(
        &mut self,
        fields: &'a Map<String, Value>,
        key: &str,
        least: usize,
        most: usize,
        at: &str,
    ) -> Vec<(&'a Value, String)> {
        let Some(value) = fields.get(key) else {
            self.report(format!("missing required field: {key}"), at);
            return vec![];
        };
        let at = format!("{at}/{key}");
        let Some(items) = value.as_array() else {
            self.report("must be an array".into(), &at);
            return vec![];
        };
        self.count(items.len(), least, most, &at);
        items.iter().enumerate().map(|(index, item)| (item, format!("{at}/{index}"))).collect()
    }

    pub(super) fn required(
        &mut self,
        fields: &Map<String, Value>,
        key: &str,
        least: usize,
        most: usize,
        at: &str,
    ) {
        if !fields.contains_key(key) {
            self.report(format!("missing required field: {key}"), at);
        }
        self.optional(fields, key, least, most, at);
    }

    /// A string with `least` to `most` characters, if it is present.
    pub(super) fn optional<'a>(
        &mut self,
        fields: &'a Map<String, Value>,
        key: &str,
        least: usize,
        most: usize,
        at: &str,
    ) -> Option<&'a str> {
        let value = fields.get(key)?;
        let at = format!("{at}/{key}");
        let Some(text) = value.as_str() else {
            self.report("must be a string".into(), &at);
            return None;
        };
        let length = text.chars().count();
        if length > most {
            self.report(format!("must be less than {} characters", most.saturating_add(1)), &at);
        }
        if length < least {
            self.report(format!("must be more than {} characters", least - 1), &at);
        }
        Some(text)
    }
}
