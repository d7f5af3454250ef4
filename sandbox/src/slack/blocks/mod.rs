//! Slack's checks of blocks: pure functions, with one line per limit in a table of tests.
//!
//! Guarantees: Slack accepts a list that passes, as far as its documentation and `FIELD.md` say. A list that fails is
//! refused with Slack's messages and JSON pointers. Unknown block types are refused, even new ones that Slack accepts:
//! extend the module before the bot uses them.

mod check;
mod elements;
mod layout;
mod text;

use serde_json::Value;

use check::Check;

const MOST_BLOCKS: usize = 50;
/// Characters in all texts of a message's blocks. Not documented; measured by others.
const MOST_CHARACTERS: usize = 13_200;

/// Why blocks are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockError {
    /// `invalid_blocks_format`: not a list of objects.
    Format,
    /// `invalid_blocks`, with one line per problem.
    Invalid(Vec<String>),
    /// `msg_blocks_too_long`.
    TooLong,
}

pub fn check(blocks: &Value) -> Result<(), BlockError> {
    let Some(list) = blocks.as_array().filter(|list| list.iter().all(Value::is_object)) else {
        return Err(BlockError::Format);
    };
    let mut check = Check::default();
    check.count(list.len(), 0, MOST_BLOCKS, "/blocks");
    for (index, block) in list.iter().enumerate() {
        check.block(block, &format!("/blocks/{index}"));
    }
    if !check.problems.is_empty() {
        return Err(BlockError::Invalid(check.problems));
    }
    if list.iter().map(text::characters).sum::<usize>() > MOST_CHARACTERS {
        return Err(BlockError::TooLong);
    }
    Ok(())
}

/// Adds missing ids to blocks and elements, as Slack does when it stores a message.
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

#[cfg(test)]
mod tests;
