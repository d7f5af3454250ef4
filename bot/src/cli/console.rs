//! Standard output, standard error, and the texts that several subcommands end with.

use std::io::Write as _;

use super::exit::Exit;
use crate::config::Problem;
use crate::startup::StartupError;

/// Writes to standard output. A closed pipe is not an error.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes to standard error.
pub(crate) fn warn(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Reports why a subcommand did not finish.
pub(crate) fn stopped(subcommand: &str, error: &StartupError) -> Exit {
    match error {
        StartupError::Permanent(message) => {
            warn(&format!("sluice {subcommand} cannot go on: {message}\n"));
            Exit::Refused
        }
        StartupError::Temporary(message) => {
            warn(&format!("sluice {subcommand} did not finish: {message}. It is safe to run it again.\n"));
            Exit::Failed
        }
    }
}

/// Reports all problems of the configuration at once.
pub(crate) fn bad_configuration(problems: &[Problem]) -> Exit {
    let mut text = String::from("The configuration is incomplete or invalid:\n");
    for problem in problems {
        text.push_str(&format!("  {problem}\n"));
    }
    warn(&text);
    Exit::BadConfiguration
}
