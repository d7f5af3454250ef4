//! A check of a whole message against Slack's limits. It is independent of the renderer, so it finds the renderer's mistakes.

use serde_json::Value;

use super::limits::*;

/// Fails unless a message (`{text, blocks}`, or blocks alone) is within all of Slack's limits.
#[track_caller]
pub(crate) fn assert_within_limits(message: &Value) {
    let problems = problems(message);
    assert!(problems.is_empty(), "{problems:#?}\nin {message:#}");
}

const BLOCKS: usize = 50;
const ALL_CHARACTERS: usize = 13_200;
const FIELD: usize = 2_000;

/// The violations of Slack's limits, one text each.
pub(crate) fn problems(message: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let blocks = message.as_array().or_else(|| message["blocks"].as_array()).cloned().unwrap_or_default();
    if message.is_object() {
        length(&mut problems, "text", &message["text"], 40_000);
        let written: usize = message["text"].as_str().unwrap_or_default().chars().map(bytes).sum();
        within(&mut problems, "bytes of an edit's text", written, 4_000);
    }
    within(&mut problems, "blocks", blocks.len(), BLOCKS);
    within(&mut problems, "characters", blocks.iter().map(characters).sum(), ALL_CHARACTERS);
    within(&mut problems, "tables", blocks.iter().filter(|block| block["type"] == "table").count(), 1);
    for block in &blocks {
        self::block(&mut problems, block);
    }
    hidden(&mut problems, message);
    problems
}

/// Characters that can hide or reverse their neighbours, in anything but the values of buttons, which nobody sees.
fn hidden(problems: &mut Vec<String>, value: &Value) {
    match value {
        Value::String(text) => {
            let is_hidden = |c: char| {
                (c.is_control() && c != '\n' && c != '\t')
                    || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            if let Some(found) = text.chars().find(|c| is_hidden(*c)) {
                problems.push(format!("a hidden character: U+{:04X}", u32::from(found)));
            }
        }
        Value::Array(values) => values.iter().for_each(|value| hidden(problems, value)),
        Value::Object(fields) => {
            let shown =
                fields.iter().filter(|(key, _)| key.as_str() != "value" && key.as_str() != "metadata");
            shown.for_each(|(_, value)| hidden(problems, value));
        }
        _ => {}
    }
}

/// The bytes of a character after JSON escaping.
fn bytes(c: char) -> usize {
    if c.is_ascii() { 1 } else { 6 * c.len_utf16() }
}

fn within(problems: &mut Vec<String>, what: &str, count: usize, limit: usize) {
    if count > limit {
        problems.push(format!("{what}: {count} > {limit}"));
    }
}

fn length(problems: &mut Vec<String>, what: &str, text: &Value, limit: usize) {
    match text.as_str() {
        Some(text) if text.trim().is_empty() => problems.push(format!("{what}: empty")),
        Some(text) => within(problems, what, text.encode_utf16().count(), limit),
        None => problems.push(format!("{what}: missing")),
    }
}

fn elements<'a>(problems: &mut Vec<String>, block: &'a Value, key: &str, limit: usize) -> &'a [Value] {
    let elements = block[key].as_array().map(Vec::as_slice).unwrap_or_default();
    if elements.is_empty() {
        problems.push(format!("{key}: empty"));
    }
    within(problems, key, elements.len(), limit);
    elements
}

fn block(problems: &mut Vec<String>, block: &Value) {
    match block["type"].as_str() {
        Some("header") => {
            length(problems, "header", &block["text"]["text"], HEADER);
            if block["text"]["type"] != "plain_text" {
                problems.push("header: not plain_text".into());
            }
        }
        Some("section") if block.get("fields").is_some() => {
            for field in elements(problems, block, "fields", FIELDS) {
                length(problems, "field", &field["text"], FIELD);
            }
        }
        Some("section") => length(problems, "section", &block["text"]["text"], SECTION),
        Some("context") => {
            for element in elements(problems, block, "elements", CONTEXT_ELEMENTS) {
                length(problems, "context", &element["text"], SECTION);
            }
        }
        Some("actions") => {
            for element in elements(problems, block, "elements", 25) {
                button(problems, element);
            }
        }
        Some("divider") => {}
        Some("table") => {
            let rows = elements(problems, block, "rows", TABLE_ROWS);
            for row in rows {
                let cells = row.as_array().map(Vec::len).unwrap_or_default();
                within(problems, "cells", cells, TABLE_CELLS);
                if cells != rows[0].as_array().map(Vec::len).unwrap_or_default() || cells == 0 {
                    problems.push("table: ragged".into());
                }
            }
            within(problems, "table", characters(block), 10_000);
        }
        other => problems.push(format!("no block: {other:?}")),
    }
}

fn button(problems: &mut Vec<String>, button: &Value) {
    length(problems, "button", &button["text"]["text"], BUTTON);
    length(problems, "action_id", &button["action_id"], 255);
    if let Some(value) = button["value"].as_str() {
        within(problems, "value", value.encode_utf16().count(), 2_000);
    }
    if let Some(confirm) = button.get("confirm") {
        length(problems, "confirm title", &confirm["title"]["text"], CONFIRM_TITLE);
        length(problems, "confirm text", &confirm["text"]["text"], CONFIRM_TEXT);
        length(problems, "confirm yes", &confirm["confirm"]["text"], CONFIRM_LABEL);
        length(problems, "confirm no", &confirm["deny"]["text"], CONFIRM_LABEL);
    }
}
