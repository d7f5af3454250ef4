//! The reading of single settings. Problems are collected and never returned early.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use toml::Value;

use super::file::File;
use super::{Flags, Problem, Secret};

const LONGEST_SECONDS: u64 = 3_600;

pub(super) struct Number {
    /// The number, or the default; `None` if it is invalid.
    pub(super) value: Option<u64>,
    /// Its name and its text, if it was given.
    pub(super) given: Option<(String, String)>,
}

/// The sources, and the problems found so far.
pub(super) struct Reading {
    pub(super) flags: Flags,
    pub(super) env: BTreeMap<String, String>,
    pub(super) file: File,
    pub(super) problems: Vec<Problem>,
}

impl Reading {
    pub(super) fn problem(&mut self, name: impl Into<String>, what: impl Into<String>) {
        self.problems.push(Problem::new(name, what));
    }

    /// The text of a setting from the first source that has it, with its name there. The file's value is always taken
    /// out, since what is left in the file counts as unknown.
    pub(super) fn text(
        &mut self,
        flag: Option<(&str, Option<String>)>,
        variable: &str,
        path: &str,
    ) -> Option<(String, String)> {
        let from_file = self.file.take(path).and_then(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            Value::Integer(number) => Some((name, number.to_string())),
            _ => {
                self.problem(name, "expected a text or a whole number");
                None
            }
        });
        flag.and_then(|(name, value)| Some((name.to_owned(), value?)))
            .or_else(|| self.env.get(variable).map(|value| (variable.to_owned(), value.clone())))
            .or(from_file)
    }

    pub(super) fn seconds(
        &mut self,
        variable: &str,
        path: &str,
        default: u64,
        least: u64,
    ) -> Option<Duration> {
        let range = least..=LONGEST_SECONDS;
        self.number(variable, path, "number of seconds", default, range).value.map(Duration::from_secs)
    }

    /// A whole number within `range`. `what` names it in the problem.
    pub(super) fn number(
        &mut self,
        variable: &str,
        path: &str,
        what: &str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Number {
        let Some((name, text)) = self.text(None, variable, path) else {
            return Number { value: Some(default), given: None };
        };
        let value = text.parse().ok().filter(|number| range.contains(number));
        if value.is_none() {
            let (least, most) = (range.start(), range.end());
            self.problem(name.clone(), format!("`{text}` is not a {what} from {least} to {most}"));
        }
        Number { value, given: Some((name, text)) }
    }

    pub(super) fn is_given(&self, variable: &str) -> bool {
        self.env.contains_key(variable) || self.env.contains_key(&format!("{variable}_FILE"))
    }

    pub(super) fn secret(&mut self, variable: &str) -> Option<Secret> {
        let file_variable = format!("{variable}_FILE");
        let text = match (self.env.get(variable).cloned(), self.env.get(&file_variable).cloned()) {
            (Some(_), Some(_)) => {
                self.problem(variable, format!("is given twice: here and as {file_variable}"));
                return None;
            }
            (None, None) => {
                let place = place_of(variable);
                self.problem(
                    variable,
                    format!("is required: {place} (or {file_variable}, the path of a file that holds it)"),
                );
                return None;
            }
            (Some(text), None) => text,
            (None, Some(path)) => match std::fs::read_to_string(Path::new(&path)) {
                Ok(text) => text.trim_end_matches(['\r', '\n']).to_owned(),
                Err(error) => {
                    self.problem(file_variable, format!("the file cannot be read: {}", error.kind()));
                    return None;
                }
            },
        };
        let well_formed = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !well_formed {
            self.problem(variable, "is empty, or contains blanks or other characters that no token has");
        }
        well_formed.then(|| Secret::new(text))
    }

    /// All problems, sorted by name. Settings that were not read are unknown.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        // `init` does not read Slack's settings, but they are not unknown.
        self.file.take("slack.api_url");
        let mut problems = self.problems;
        problems.extend(self.file.unknown());
        problems.sort_by(|a, b| a.name.cmp(&b.name));
        problems
    }
}

/// Where a person finds a secret of the app, in its settings.
fn place_of(variable: &str) -> &'static str {
    match variable {
        "SLACK_BOT_TOKEN" => {
            "install the app to the workspace, and copy it from OAuth & Permissions in the app's settings"
        }
        "SLACK_APP_TOKEN" => {
            "make it under Basic Information → App-Level Tokens in the app's settings, with the scope connections:write"
        }
        _ => "copy it from Basic Information → App Credentials in the app's settings",
    }
}
