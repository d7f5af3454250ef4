//! Slack's limits (`FIELD.md`), and the check of a whole message against all of them. The check knows nothing of how
//! messages are made, so that it can find the maker wrong.

use serde_json::Value;

/// Signs of a section's text.
pub(crate) const SECTION: usize = 3_000;
/// Fields of a section.
pub(crate) const FIELDS: usize = 10;
/// Signs of a header.
pub(crate) const HEADER: usize = 150;
/// Signs of a field's label, by our own choice.
pub(crate) const LABEL: usize = 100;
/// Elements of a context.
pub(crate) const CONTEXT_ELEMENTS: usize = 10;
/// Buttons that we show of Slack's 25.
pub(crate) const BUTTONS: usize = 8;
/// Signs on a button.
pub(crate) const BUTTON: usize = 75;
/// Signs of a button's value that we use of Slack's 2,000: a command and what it stands on. Eight such buttons fit into a
/// message.
pub(crate) const VALUE: usize = 600;
/// Signs of an action id that we use of Slack's 255.
pub(crate) const ACTION_ID: usize = 64;
/// Signs of a title that is no header, by our own choice.
pub(crate) const TITLE: usize = 1_000;
/// Signs of a hint, by our own choice.
pub(crate) const HINT: usize = 1_000;
/// Signs of a line of small print, by our own choice.
pub(crate) const SMALL_PRINT: usize = 200;
/// Signs of a confirmation's title.
pub(crate) const CONFIRM_TITLE: usize = 100;
/// Signs of a confirmation's text.
pub(crate) const CONFIRM_TEXT: usize = 300;
/// Signs of a confirmation's buttons.
pub(crate) const CONFIRM_LABEL: usize = 30;
/// Rows of a table, its header included.
pub(crate) const TABLE_ROWS: usize = 100;
/// Cells of a table's row.
pub(crate) const TABLE_CELLS: usize = 20;
/// Signs of a table that we fill: the rest of the message needs some too.
pub(crate) const TABLE_SIGNS: usize = 8_000;
/// Bytes of the `text` that we fill: an edit takes 4,000, however they are written.
pub(crate) const FALLBACK: usize = 3_600;
/// Bytes of them that are kept for the hint.
pub(crate) const HINT_KEPT: usize = 600;
/// Blocks that we fill of Slack's 50.
pub(crate) const BLOCKS_KEPT: usize = 45;
/// Signs that we fill of Slack's 13,200 or so.
pub(crate) const SIGNS_KEPT: usize = 12_000;

/// The signs of all that is read or sent back in a block: every text in it but the names of types.
pub(crate) fn signs(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(values) => values.iter().map(signs).sum(),
        Value::Object(fields) => {
            fields.iter().filter(|(key, _)| key.as_str() != "type").map(|(_, value)| signs(value)).sum()
        }
        _ => 0,
    }
}

/// Fails unless a message (`{text, blocks}`, or blocks alone) is within every limit of Slack's.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_within_limits(message: &Value) {
    let problems = check::problems(message);
    assert!(problems.is_empty(), "{problems:#?}\nin {message:#}");
}

#[cfg(test)]
pub(crate) mod check {
    use super::*;

    const BLOCKS: usize = 50;
    const ALL_SIGNS: usize = 13_200;
    const FIELD: usize = 2_000;

    /// What Slack would refuse.
    pub(crate) fn problems(message: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        let blocks = message.as_array().or_else(|| message["blocks"].as_array()).cloned().unwrap_or_default();
        if message.is_object() {
            length(&mut problems, "text", &message["text"], 40_000);
            let written: usize = message["text"].as_str().unwrap_or_default().chars().map(bytes).sum();
            within(&mut problems, "bytes of an edit's text", written, 4_000);
        }
        within(&mut problems, "blocks", blocks.len(), BLOCKS);
        within(&mut problems, "signs", blocks.iter().map(signs).sum(), ALL_SIGNS);
        within(&mut problems, "tables", blocks.iter().filter(|block| block["type"] == "table").count(), 1);
        for block in &blocks {
            self::block(&mut problems, block);
        }
        problems
    }

    /// A sign as it may go over the wire.
    fn bytes(sign: char) -> usize {
        if sign.is_ascii() { 1 } else { 6 * sign.len_utf16() }
    }

    fn within(problems: &mut Vec<String>, what: &str, count: usize, limit: usize) {
        if count > limit {
            problems.push(format!("{what}: {count} > {limit}"));
        }
    }

    fn length(problems: &mut Vec<String>, what: &str, text: &Value, limit: usize) {
        match text.as_str() {
            Some(text) if text.trim().is_empty() => problems.push(format!("{what}: empty")),
            Some(text) => within(problems, what, text.chars().count(), limit),
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
                within(problems, "table", signs(block), 10_000);
            }
            other => problems.push(format!("no block: {other:?}")),
        }
    }

    fn button(problems: &mut Vec<String>, button: &Value) {
        length(problems, "button", &button["text"]["text"], BUTTON);
        length(problems, "action_id", &button["action_id"], 255);
        if let Some(value) = button["value"].as_str() {
            within(problems, "value", value.chars().count(), 2_000);
        }
        if let Some(confirm) = button.get("confirm") {
            length(problems, "confirm title", &confirm["title"]["text"], CONFIRM_TITLE);
            length(problems, "confirm text", &confirm["text"]["text"], CONFIRM_TEXT);
            length(problems, "confirm yes", &confirm["confirm"]["text"], CONFIRM_LABEL);
            length(problems, "confirm no", &confirm["deny"]["text"], CONFIRM_LABEL);
        }
    }
}
