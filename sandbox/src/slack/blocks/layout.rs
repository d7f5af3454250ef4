//! Layout blocks: sections, headers, tables…

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::check::{Check, ID};
use super::text;

impl Check {
    pub(super) fn block(&mut self, block: &Value, at: &str) {
        let Some(fields) = block.as_object() else { return };
        if let Some(id) = self.optional(fields, "block_id", 1, ID, at)
            && !self.block_ids.insert(id.to_owned())
        {
            self.report(format!("`block_id` \"{id}\" already exists"), at);
        }
        match fields.get("type").and_then(Value::as_str) {
            Some("section") => self.section(fields, at),
            Some("header") => {
                self.only(fields, &["text", "level"], at);
                self.text(fields, "text", true, 150, at);
            }
            Some("divider") => self.only(fields, &[], at),
            Some("context") => self.context(fields, at),
            Some("actions") => self.actions(fields, at),
            Some("image") => {
                self.only(fields, &["image_url", "slack_file", "alt_text", "title"], at);
                self.picture(fields, at);
                if fields.contains_key("title") {
                    self.text(fields, "title", true, 2_000, at);
                }
            }
            Some("markdown") => {
                self.only(fields, &["text"], at);
                self.required(fields, "text", 1, 12_000, at);
            }
            Some("rich_text") => self.rich_text(fields, &["block_id"], at),
            Some("table") => self.table(fields, at),
            Some(other) => self.report(format!("unsupported type: {other}"), &format!("{at}/type")),
            None => self.report("missing required field: type".into(), at),
        }
    }

    fn section(&mut self, fields: &Map<String, Value>, at: &str) {
        self.only(fields, &["text", "fields", "accessory", "expand"], at);
        if !fields.contains_key("text") && !fields.contains_key("fields") {
            self.report("missing required field: text".into(), at);
        }
        if fields.contains_key("text") {
            self.text(fields, "text", false, 3_000, at);
        }
        if fields.contains_key("fields") {
            for (item, place) in self.list(fields, "fields", 1, 10, at) {
                self.text_object(item, false, 2_000, &place);
            }
        }
        if let Some(accessory) = fields.get("accessory") {
            self.element(accessory, &format!("{at}/accessory"));
        }
    }

    fn context(&mut self, fields: &Map<String, Value>, at: &str) {
        self.only(fields, &["elements"], at);
        for (item, place) in self.list(fields, "elements", 1, 10, at) {
            match item.as_object() {
                Some(image) if image.get("type") == Some(&"image".into()) => {
                    self.only(image, &["image_url", "slack_file", "alt_text"], &place);
                    self.picture(image, &place);
                }
                _ => self.text_object(item, false, 3_000, &place),
            }
        }
    }

    fn actions(&mut self, fields: &Map<String, Value>, at: &str) {
        self.only(fields, &["elements"], at);
        let mut ids = HashSet::new();
        for (item, place) in self.list(fields, "elements", 1, 25, at) {
            self.element(item, &place);
            if let Some(id) = item.get("action_id").and_then(Value::as_str)
                && !ids.insert(id)
            {
                self.report(format!("`action_id` \"{id}\" already exists in this block"), &place);
            }
        }
    }

    fn table(&mut self, fields: &Map<String, Value>, at: &str) {
        self.only(fields, &["rows", "column_settings"], at);
        self.tables += 1;
        if self.tables > 1 {
            self.report("only_one_table_allowed".into(), at);
        }
        for (row, place) in self.list(fields, "rows", 1, 100, at) {
            let Some(cells) = row.as_array() else {
                self.report("must be an array".into(), &place);
                continue;
            };
            self.count(cells.len(), 1, 20, &place);
            for (index, cell) in cells.iter().enumerate() {
                self.cell(cell, &format!("{place}/{index}"));
            }
        }
        if fields.contains_key("column_settings") {
            self.list(fields, "column_settings", 0, 20, at);
        }
        let characters: usize = fields.get("rows").map_or(0, text::characters);
        if characters > 10_000 {
            self.report("must be less than 10001 characters in all cells".into(), &format!("{at}/rows"));
        }
    }

    fn cell(&mut self, cell: &Value, at: &str) {
        let Some(fields) = cell.as_object() else {
            self.report("must be an object".into(), at);
            return;
        };
        match fields.get("type").and_then(Value::as_str) {
            Some("raw_text") => {
                self.only(fields, &["text"], at);
                self.required(fields, "text", 1, usize::MAX, at);
            }
            Some("rich_text") => self.rich_text(fields, &[], at),
            Some(other) => self.report(format!("unsupported type: {other}"), &format!("{at}/type")),
            None => self.report("missing required field: type".into(), at),
        }
    }
}
