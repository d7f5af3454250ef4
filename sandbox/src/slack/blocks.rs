//! What Slack says to blocks: pure, so that each limit is a line in a table of tests.
//!
//! Guarantees: a list that passes would be taken by Slack as far as its documentation and `FIELD.md` go. A list that
//! does not is refused with the words and the JSON pointers that Slack uses. Block types that this module does not know
//! are refused, even the newest ones that Slack would take: extend the module before the bot uses them.

use std::collections::HashSet;

use serde_json::{Map, Value};

mod elements;
mod text;

/// Blocks in one message.
const MOST_BLOCKS: usize = 50;
/// Characters in all texts of a message's blocks, together. Not documented; measured by others.
const MOST_CHARACTERS: usize = 13_200;
/// Characters of an id.
const ID: usize = 255;
/// Characters of a URL.
const URL: usize = 3_000;

/// Why blocks are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// `invalid_blocks_format`: not a list of objects.
    Format,
    /// `invalid_blocks`, with one line for each thing that is wrong.
    Invalid(Vec<String>),
    /// `msg_blocks_too_long`.
    TooLong,
}

/// Checks a message's blocks.
pub fn check(blocks: &Value) -> Result<(), Refusal> {
    let Some(list) = blocks.as_array().filter(|list| list.iter().all(Value::is_object)) else {
        return Err(Refusal::Format);
    };
    let mut check = Check::default();
    check.count(list.len(), 0, MOST_BLOCKS, "/blocks");
    for (index, block) in list.iter().enumerate() {
        check.block(block, &format!("/blocks/{index}"));
    }
    if !check.wrong.is_empty() {
        return Err(Refusal::Invalid(check.wrong));
    }
    if list.iter().map(text::characters).sum::<usize>() > MOST_CHARACTERS {
        return Err(Refusal::TooLong);
    }
    Ok(())
}

/// Gives every block and every element that lacks one an id, as Slack does when it stores a message.
pub fn number(blocks: &mut [Value]) {
    for (index, block) in blocks.iter_mut().enumerate() {
        let Some(block) = block.as_object_mut() else { continue };
        block.entry("block_id").or_insert_with(|| format!("b{index}").into());
        let accessory = block.get("accessory").is_some_and(|a| a.get("type") == Some(&"button".into()));
        let elements = if block.get("type") == Some(&"actions".into()) {
            block.get_mut("elements").and_then(Value::as_array_mut).map_or(&mut [][..], Vec::as_mut_slice)
        } else if accessory {
            block.get_mut("accessory").map_or(&mut [][..], std::slice::from_mut)
        } else {
            &mut []
        };
        for (place, element) in elements.iter_mut().enumerate() {
            if let Some(element) = element.as_object_mut() {
                element.entry("action_id").or_insert_with(|| format!("b{index}e{place}").into());
            }
        }
    }
}

/// What was found wrong so far, and what must be unique in a message.
#[derive(Default)]
struct Check {
    wrong: Vec<String>,
    block_ids: HashSet<String>,
    tables: usize,
}

impl Check {
    fn block(&mut self, block: &Value, at: &str) {
        let Some(fields) = block.as_object() else { return };
        if let Some(id) = self.optional(fields, "block_id", 1, ID, at)
            && !self.block_ids.insert(id.to_owned())
        {
            self.say(format!("`block_id` \"{id}\" already exists"), at);
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
            Some(other) => self.say(format!("unsupported type: {other}"), &format!("{at}/type")),
            None => self.say("missing required field: type".into(), at),
        }
    }

    fn section(&mut self, fields: &Map<String, Value>, at: &str) {
        self.only(fields, &["text", "fields", "accessory", "expand"], at);
        if !fields.contains_key("text") && !fields.contains_key("fields") {
            self.say("missing required field: text".into(), at);
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
                self.say(format!("`action_id` \"{id}\" already exists in this block"), &place);
            }
        }
    }

    fn table(&mut self, fields: &Map<String, Value>, at: &str) {
        self.only(fields, &["rows", "column_settings"], at);
        self.tables += 1;
        if self.tables > 1 {
            self.say("only_one_table_allowed".into(), at);
        }
        for (row, place) in self.list(fields, "rows", 1, 100, at) {
            let Some(cells) = row.as_array() else {
                self.say("must be an array".into(), &place);
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
            self.say("must be less than 10001 characters in all cells".into(), &format!("{at}/rows"));
        }
    }

    fn cell(&mut self, cell: &Value, at: &str) {
        let Some(fields) = cell.as_object() else {
            self.say("must be an object".into(), at);
            return;
        };
        match fields.get("type").and_then(Value::as_str) {
            Some("raw_text") => {
                self.only(fields, &["text"], at);
                self.required(fields, "text", 1, usize::MAX, at);
            }
            Some("rich_text") => self.rich_text(fields, &[], at),
            Some(other) => self.say(format!("unsupported type: {other}"), &format!("{at}/type")),
            None => self.say("missing required field: type".into(), at),
        }
    }

    fn picture(&mut self, fields: &Map<String, Value>, at: &str) {
        self.required(fields, "alt_text", 1, 2_000, at);
        if !fields.contains_key("slack_file") {
            self.required(fields, "image_url", 1, URL, at);
        }
    }

    /// One thing wrong, in Slack's form.
    fn say(&mut self, what: String, at: &str) {
        self.wrong.push(format!("{what} [json-pointer:{at}]"));
    }

    /// Fields beyond `type`, `block_id` and those named are refused.
    fn only(&mut self, fields: &Map<String, Value>, known: &[&str], at: &str) {
        for key in fields.keys() {
            if key != "type" && key != "block_id" && !known.contains(&key.as_str()) {
                self.say(format!("invalid additional property: {key}"), at);
            }
        }
    }

    fn count(&mut self, items: usize, least: usize, most: usize, at: &str) {
        if items > most {
            self.say(format!("no more than {most} items allowed"), at);
        }
        if items < least {
            self.say(format!("no less than {least} items allowed"), at);
        }
    }

    /// A list that must be there; its items with their pointers.
    fn list<'a>(
        &mut self,
        fields: &'a Map<String, Value>,
        key: &str,
        least: usize,
        most: usize,
        at: &str,
    ) -> Vec<(&'a Value, String)> {
        let Some(value) = fields.get(key) else {
            self.say(format!("missing required field: {key}"), at);
            return vec![];
        };
        let at = format!("{at}/{key}");
        let Some(items) = value.as_array() else {
            self.say("must be an array".into(), &at);
            return vec![];
        };
        self.count(items.len(), least, most, &at);
        items.iter().enumerate().map(|(index, item)| (item, format!("{at}/{index}"))).collect()
    }

    fn required(&mut self, fields: &Map<String, Value>, key: &str, least: usize, most: usize, at: &str) {
        if !fields.contains_key(key) {
            self.say(format!("missing required field: {key}"), at);
        }
        self.optional(fields, key, least, most, at);
    }

    /// A string of so many characters, if it is there.
    fn optional<'a>(
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
            self.say("must be a string".into(), &at);
            return None;
        };
        let length = text.chars().count();
        if length > most {
            self.say(format!("must be less than {} characters", most.saturating_add(1)), &at);
        }
        if length < least {
            self.say(format!("must be more than {} characters", least - 1), &at);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests;
