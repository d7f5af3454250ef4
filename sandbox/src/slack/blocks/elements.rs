//! Interactive elements: buttons completely, the others only by their ids.

use serde_json::{Map, Value};

use super::check::{Check, ID, URL};

/// Elements of Slack that are accepted without further checks.
const OTHERS: [&str; 8] = [
    "overflow",
    "static_select",
    "users_select",
    "channels_select",
    "conversations_select",
    "datepicker",
    "checkboxes",
    "radio_buttons",
];

impl Check {
    pub(super) fn element(&mut self, element: &Value, at: &str) {
        let Some(fields) = element.as_object() else {
            self.report("must be an object".into(), at);
            return;
        };
        match fields.get("type").and_then(Value::as_str) {
            Some("button") => self.button(fields, at),
            Some("image") => self.picture(fields, at),
            Some(other) if OTHERS.contains(&other) => {
                self.optional(fields, "action_id", 1, ID, at);
            }
            Some(other) => self.report(format!("unsupported type: {other}"), &format!("{at}/type")),
            None => self.report("missing required field: type".into(), at),
        }
    }

    fn button(&mut self, fields: &Map<String, Value>, at: &str) {
        let known = ["text", "action_id", "url", "value", "style", "confirm", "accessibility_label"];
        self.only(fields, &known, at);
        self.text(fields, "text", true, 75, at);
        self.optional(fields, "action_id", 1, ID, at);
        self.optional(fields, "url", 1, URL, at);
        self.optional(fields, "value", 1, 2_000, at);
        self.optional(fields, "accessibility_label", 1, 75, at);
        self.style(fields, at);
        if let Some(confirm) = fields.get("confirm") {
            self.confirm(confirm, &format!("{at}/confirm"));
        }
    }

    fn confirm(&mut self, confirm: &Value, at: &str) {
        let Some(fields) = confirm.as_object() else {
            self.report("must be an object".into(), at);
            return;
        };
        self.only(fields, &["title", "text", "confirm", "deny", "style"], at);
        self.text(fields, "title", true, 100, at);
        self.text(fields, "text", false, 300, at);
        self.text(fields, "confirm", true, 30, at);
        self.text(fields, "deny", true, 30, at);
        self.style(fields, at);
    }

    fn style(&mut self, fields: &Map<String, Value>, at: &str) {
        if fields.get("style").is_some_and(|style| style != "primary" && style != "danger") {
            self.report("must be one of: primary, danger".into(), &format!("{at}/style"));
        }
    }

    /// The image of an image block or element.
    pub(super) fn picture(&mut self, fields: &Map<String, Value>, at: &str) {
        self.required(fields, "alt_text", 1, 2_000, at);
        if !fields.contains_key("slack_file") {
            self.required(fields, "image_url", 1, URL, at);
        }
    }
}
