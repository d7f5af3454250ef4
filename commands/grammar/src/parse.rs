//! From a slash command and its text to a [`Command`], or to an error with the nearest correct line.

use super::command::Command;
use super::error::{Diagnostic, ParseError};
use super::line;
use super::names::Names;
use super::nearest::{nearest, nearest_verb};
use super::normalise::normalise;

/// The most characters of a line. Nobody means to type more, and it bounds the work of reading it.
const LONGEST: usize = 4000;

/// Parses what somebody typed: the slash command (`/repo`, `/acme-repo`, `/sluice`) and the text after it.
///
/// # Errors
/// A [`ParseError`] for its author, if this is no command.
pub fn parse(slash: &str, text: &str, names: &Names) -> Result<Command, Box<ParseError>> {
    if text.chars().count() > LONGEST {
        let wrong = Diagnostic::new("too-long", format!("the line is longer than {LONGEST} characters"));
        return Err(wrong.answer("", None));
    }
    let text = normalise(text);
    let Some(head) = names.slash(slash) else {
        let wrong = Diagnostic::new("unknown-command", format!("`{}` is not a command", slash.trim()));
        return Err(wrong.answer(&text, nearest_verb(slash, &text)));
    };
    line::read(head, &text).map_err(|wrong| {
        let nearest = nearest(head, &text, &wrong);
        wrong.answer(&text, nearest)
    })
}

/// Parses a whole line, slash command and text: `/build orders`.
///
/// # Errors
/// As [`parse`].
pub fn parse_line(line: &str, names: &Names) -> Result<Command, Box<ParseError>> {
    let line = line.trim_start();
    let (slash, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    parse(slash, text, names)
}
