//! Tests of the grammar as a whole.

mod fuzz;
mod lines;
mod properties;
mod shown;
mod wrong_lines;

use super::*;

/// Reads a whole line, `/build orders`, in an installation with the plain names.
fn read(line: &str) -> Result<Command, Box<ParseError>> {
    parse_line(line, &Names::default())
}
