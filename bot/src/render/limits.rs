//! Slack's limits for messages (`FIELD.md`), and ours within them. Characters are UTF-16 units: see [`super::text::length`].

use serde_json::Value;

/// Characters of a section's text.
pub(crate) const SECTION: usize = 3_000;
/// Fields of a section.
pub(crate) const FIELDS: usize = 10;
/// Characters of a header.
pub(crate) const HEADER: usize = 150;
/// Characters of a field's label, by our own choice.
pub(crate) const LABEL: usize = 100;
/// Elements of a context.
pub(crate) const CONTEXT_ELEMENTS: usize = 10;
/// Buttons per message; Slack allows 25.
pub(crate) const BUTTONS: usize = 8;
/// Characters of a button's label.
pub(crate) const BUTTON: usize = 75;
/// Characters of a button's value; Slack allows 2,000. It holds a command and its context, and eight of them fit into a message.
pub(crate) const VALUE: usize = 600;
/// Characters of an action id; Slack allows 255.
pub(crate) const ACTION_ID: usize = 64;
/// Characters of a title that is not a header, by our own choice.
pub(crate) const TITLE: usize = 1_000;
/// Characters of a hint, by our own choice.
pub(crate) const HINT: usize = 1_000;
/// Characters of a line of small print, by our own choice.
pub(crate) const SMALL_PRINT: usize = 200;
/// Characters of a confirmation's title.
pub(crate) const CONFIRM_TITLE: usize = 100;
/// Characters of a confirmation's text.
pub(crate) const CONFIRM_TEXT: usize = 300;
/// Characters of a confirmation's buttons.
pub(crate) const CONFIRM_LABEL: usize = 30;
/// Rows of a table, with its header.
pub(crate) const TABLE_ROWS: usize = 100;
/// Cells of a table's row.
pub(crate) const TABLE_CELLS: usize = 20;
/// Characters of a table; Slack allows 10,000, and the rest of the message needs some.
pub(crate) const TABLE_CHARACTERS: usize = 8_000;
/// Bytes of `text`; an edit allows 4,000 after JSON escaping.
pub(crate) const FALLBACK: usize = 3_600;
/// The part of [`FALLBACK`] for the hint.
pub(crate) const HINT_KEPT: usize = 600;
/// Blocks of a message; Slack allows 50.
pub(crate) const BLOCKS_KEPT: usize = 45;
/// Blocks of code in one message; more would have too many characters.
pub(crate) const CODE_BLOCKS: usize = 3;
/// Characters of a message; Slack allows about 13,200.
pub(crate) const CHARACTERS_KEPT: usize = 12_000;

/// The characters of a block: of every text in it but the names of types.
pub(crate) fn characters(value: &Value) -> usize {
    match value {
        Value::String(text) => text.encode_utf16().count(),
        Value::Array(values) => values.iter().map(characters).sum(),
        Value::Object(fields) => {
            fields.iter().filter(|(key, _)| key.as_str() != "type").map(|(_, value)| characters(value)).sum()
        }
        _ => 0,
    }
}
