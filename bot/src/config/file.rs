//! `sluice.toml`. Settings are taken out one by one; those that are left at the end are unknown.

use toml::{Table, Value};

use super::Problem;

/// Secrets that somebody may try to put into the file.
const SECRETS: [&str; 6] = [
    "bot_token",
    "signing_secret",
    "app_token",
    "slack_bot_token",
    "slack_signing_secret",
    "slack_app_token",
];

/// The settings that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct File {
    name: String,
    left: Table,
}

impl File {
    /// Parses the file. A syntax error names its line number only: the line may contain a secret.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Problem> {
        match text.parse::<Table>() {
            Ok(left) => Ok(Self { name: name.to_owned(), left }),
            Err(error) => {
                let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                Err(Problem::new(name, format!("line {line} is not valid TOML")))
            }
        }
    }

    /// Takes out a value by its dotted path, with its name for problems.
    pub(super) fn take(&mut self, path: &str) -> Option<(String, Value)> {
        let name = format!("{}: {path}", self.name);
        let value = match path.split_once('.') {
            None => self.left.remove(path)?,
            Some((table, key)) => self.left.get_mut(table)?.as_table_mut()?.remove(key)?,
        };
        Some((name, value))
    }

    /// A problem for each setting that was not taken.
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
            "secrets are not read from this file: use the environment, or a file named by a *_FILE variable"
        } else {
            "unknown setting"
        };
        Problem::new(format!("{}: {path}", self.name), what)
    }
}
