//! From a line of text to a [`Command`], and back.
//!
//! One [`table()`] defines every command: its words and arguments, its help and examples, who may use it, what it does, and
//! whether it is available. The parser, the printer, the help, the usage hints of `manifest.yml` and `docs/commands.md` are
//! made of it, so they cannot disagree. No input causes a panic. The grammar knows no pipeline: it decides what a line
//! says, and the operations decide whether that makes sense.

mod arguments;
mod command;
mod display;
mod error;
mod form;
mod help;
mod language;
mod line;
mod markup;
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
mod verb;
mod words;

#[cfg(test)]
mod tests;

pub use command::{Command, table, usage_hint};
pub use error::ParseError;
pub use form::{Action, Argument, ArgumentKind, Form};
pub use help::{help, topics};
pub use language::Language;
pub use names::{Names, SlashCommand};
pub use nearest::closest;
pub use normalise::{normalise, reason, visible};
pub use parse::{parse, parse_line};
pub use period::{Day, Period, length_of, since};
pub use reference::reference;
pub use table::{
    BuildCommand, DeployCommand, PipelineCommand, PromoteCommand, RepoCommand, RollbackCommand, StageCommand,
};
pub use verb::Verb;
