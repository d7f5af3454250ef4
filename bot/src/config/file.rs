//! `sluice.toml`: settings are taken out of it one by one, and what is left over at the end is unknown.

use toml::{Table, Value};

use super::Problem;

/// Keys that somebody may expect in the file but that are secrets.
const SECRETS: [&str; 6] = [
    "bot_token",
    "signing_secret",
    "app_token",
    "slack_bot_token",
    "slack_signing_secret",
    "slack_app_token",
];

/// The file's settings that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct File {
    name: String,
    left: Table,
}

impl File {
    /// Parses the file. A syntax error is told by its line alone: the line itself may hold a secret.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Problem> {
        match text.parse::<Table>() {
            Ok(left) => Ok(Self { name: name.to_owned(), left }),
            Err(error) => {
                let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                Err(Problem { name: name.to_owned(), what: format!("line {line} is not valid TOML") })
            }
        }
    }

    /// Takes a value by its dotted path out of the file.
    pub(super) fn take(&mut self, path: &str) -> Option<(String, Value)> {
        let name = format!("{}: {path}", self.name);
        let value = match path.split_once('.') {
            None => self.left.remove(path)?,
            Some((table, key)) => self.left.get_mut(table)?.as_table_mut()?.remove(key)?,
        };
        Some((name, value))
    }

    /// What nobody took.
    pub(super) fn unknown(self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (key, value) in &self.left {
            match value {
                Value::Table(table) => {
                    for inner in table.keys() {
                        problems.push(self.problem(&format!("{key}.{inner}"), inner));
                    }
                    if !["slack", "access", "commands"].contains(&key.as_str()) && table.is_empty() {
                        problems.push(self.problem(key, key));
                    }
                }
                _ => problems.push(self.problem(key, key)),
            }
        }
        problems
    }

    fn problem(&self, path: &str, key: &str) -> Problem {
        let what = if SECRETS.contains(&key.to_ascii_lowercase().as_str()) {
            "a secret comes from the environment or from a file named by a *_FILE variable, never from here"
        } else {
            "unknown setting"
        };
        Problem { name: format!("{}: {path}", self.name), what: what.to_owned() }
    }
}
