//! From what a person typed to a [`Command`], and back.
//!
//! One [`table()`] defines every command: its words and arguments, its help and examples, who may use it, and whether it
//! can be used yet. The parser, the help, the usage hints of `manifest.yml` and `docs/commands.md` come from it, so
//! they cannot disagree. Nothing here panics, whatever is typed, and nothing knows a pipeline: the grammar decides
//! what was *said*, the operations decide whether it makes sense.

mod arguments;
mod command;
mod display;
mod help;
mod misunderstanding;
mod names;
mod nearest;
mod normalise;
mod parse;
mod period;
mod read;
mod reference;
mod reserved;
mod table;
mod values;
mod words;

#[cfg(test)]
mod tests;

pub use command::*;
pub use help::{help, topics};
pub use misunderstanding::Misunderstanding;
pub use names::{Names, SlashCommand, Verb};
pub use nearest::closest;
pub use normalise::{normalise, reason, visible};
pub use parse::{parse, parse_line};
pub use period::{length_of, since};
pub use reference::reference;
pub use table::{Argument, Form, Slot, table, usage_hint};
