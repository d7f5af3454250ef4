//! Text objects and rich text.

use serde_json::{Map, Value};

use super::check::{Check, URL};

impl Check {
    /// A required text object.
    pub(super) fn text(
        &mut self,
        fields: &Map<String, Value>,
        key: &str,
        plain: bool,
        most: usize,
        at: &str,
    ) {
        match fields.get(key) {
            Some(text) => self.text_object(text, plain, most, &format!("{at}/{key}")),
            None => self.report(format!("missing required field: {key}"), at),
        }
    }

    pub(super) fn text_object(&mut self, text: &Value, plain: bool, most: usize, at: &str) {
        let Some(fields) = text.as_object() else {
            self.report("must be a valid text object".into(), at);
            return;
        };
        match fields.get("type").and_then(Value::as_str) {
            Some("plain_text") => self.only(fields, &["text", "emoji"], at),
            Some("mrkdwn") if !plain => self.only(fields, &["text", "verbatim"], at),
            Some(other) => self.report(format!("unsupported type: {other}"), &format!("{at}/type")),
            None => self.report("missing required field: type".into(), at),
        }
        self.required(fields, "text", 1, most, at);
    }

    pub(super) fn rich_text(&mut self, fields: &Map<String, Value>, known: &[&str], at: &str) {
        self.only(fields, &[known, &["elements"]].concat(), at);
        for (part, place) in self.list(fields, "elements", 0, usize::MAX, at) {
            let Some(part) = part.as_object() else {
                self.report("must be an object".into(), &place);
                continue;
            };
            match part.get("type").and_then(Value::as_str) {
                Some("rich_text_section" | "rich_text_preformatted" | "rich_text_quote") => {
                    self.inline(part, &place);
                }
                Some("rich_text_list") => {
                    if !matches!(part.get("style").and_then(Value::as_str), Some("bullet" | "ordered")) {
                        self.report("must be one of: bullet, ordered".into(), &format!("{place}/style"));
                    }
                    for (item, place) in self.list(part, "elements", 0, usize::MAX, &place) {
                        match item.as_object() {
                            Some(item) if item.get("type") == Some(&"rich_text_section".into()) => {
                                self.inline(item, &place);
                            }
                            _ => self.report("must be a rich_text_section".into(), &place),
                        }
                    }
                }
                other => {
                    let other = other.unwrap_or("none");
                    self.report(format!("unsupported type: {other}"), &format!("{place}/type"));
                }
            }
        }
    }

    /// The runs of text, links and mentions in one part of a rich text.
    fn inline(&mut self, part: &Map<String, Value>, at: &str) {
        for (run, place) in self.list(part, "elements", 0, usize::MAX, at) {
            let Some(run) = run.as_object() else {
                self.report("must be an object".into(), &place);
                continue;
            };
            match run.get("type").and_then(Value::as_str) {
                Some("text") => self.required(run, "text", 1, usize::MAX, &place),
                Some("link") => self.required(run, "url", 1, URL, &place),
                Some("user") => self.required(run, "user_id", 1, 255, &place),
                Some("channel") => self.required(run, "channel_id", 1, 255, &place),
                Some("emoji") => self.required(run, "name", 1, 255, &place),
                Some("date") => {
                    if !run.get("timestamp").is_some_and(Value::is_i64) {
                        self.report("must be an integer".into(), &format!("{place}/timestamp"));
                    }
                    self.required(run, "format", 1, 255, &place);
                }
                Some("usergroup") => self.required(run, "usergroup_id", 1, 255, &place),
                Some("broadcast" | "color") => {}
                other => {
                    let other = other.unwrap_or("none");
                    self.report(format!("unsupported type: {other}"), &format!("{place}/type"));
                }
            }
        }
    }
}

/// The number of characters that people read: every `text` in the tree.
pub(super) fn characters(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match value {
                Value::String(text) if key == "text" => text.chars().count(),
                Value::String(_) => 0,
                value => characters(value),
            })
            .sum(),
        Value::Array(items) => items.iter().map(characters).sum(),
        _ => 0,
    }
}
