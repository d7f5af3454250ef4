//! A command as one line that means the same when it is typed: the arguments of its form, in their order.

use std::fmt;

use super::command::Command;
use super::form::{Argument, ArgumentKind};
use super::period::Period;
use super::reserved::{BEFORE_A_RELEASE, is_reserved};
use super::values::Value;
use super::words::quote;

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (form, values) = (self.form(), self.values());
        write!(f, "/{}", form.topic())?;
        for argument in form.arguments {
            if let Some(value) = values.get(argument.kind) {
                write_argument(f, argument, value)?;
            }
        }
        Ok(())
    }
}

/// Writes an argument after the line so far. An optional one has its keyword; a required one needs none.
fn write_argument(f: &mut fmt::Formatter<'_>, argument: &Argument, value: &Value) -> fmt::Result {
    if argument.kind == ArgumentKind::Reference {
        return write!(f, "@{}", printed(argument, value));
    }
    let keyword = match value {
        // `for 2h`, but `until 17:00`.
        Value::Period(Period::Seconds(_)) if argument.kind == ArgumentKind::End => Some("for"),
        Value::Period(_) if argument.kind == ArgumentKind::End => Some("until"),
        _ => argument.keywords.first().copied().filter(|_| !argument.required),
    };
    if let Some(keyword) = keyword {
        write!(f, " {keyword}")?;
    }
    if argument.kind.is_flag() {
        return Ok(());
    }
    write!(f, " {}", printed(argument, value))
}

fn printed(argument: &Argument, value: &Value) -> String {
    match value {
        // The keyword says it.
        Value::Flag => String::new(),
        Value::Pipeline(slug) => name(slug),
        Value::Stage(slug) => name(slug),
        Value::Build(number) => number.to_string(),
        Value::Release(number) => number.to_string(),
        Value::Period(period) => period.to_string(),
        Value::Person(person) => format!("<@{person}>"),
        Value::Member(member) => member.mention(),
        Value::Role(role) => role.to_string(),
        Value::Language(language) => language.to_string(),
        Value::Settings(settings) => {
            let settings: Vec<_> =
                settings.iter().map(|(key, value)| format!("{key}={}", plain_or_quoted(value))).collect();
            settings.join(" ")
        }
        Value::Text(text) => match argument.kind {
            // Nothing else is read after `override`.
            ArgumentKind::Override => reason(text),
            // The optional arguments before it are read out of its words, unless it is quoted.
            ArgumentKind::Reason if argument.required => quote(text),
            ArgumentKind::Reason => reason_after_a_release(text),
            ArgumentKind::Topic => text.clone(),
            _ => plain_or_quoted(text),
        },
    }
}

/// A pipeline or stage, quoted if it is one of the grammar's words.
pub(super) fn name<T: ToString + ?Sized>(slug: &T) -> String {
    let slug = slug.to_string();
    if is_reserved(&slug) { quote(&slug) } else { slug }
}

/// A value of any content.
fn plain_or_quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@+#=%~,".contains(c);
    let is_plain =
        text.chars().all(plain) && text.ends_with(|c: char| c.is_alphanumeric() || "-_/".contains(c));
    if is_plain { text.to_owned() } else { quote(text) }
}

/// A reason where nothing else is expected.
fn reason(text: &str) -> String {
    if text.contains(['"', '\\']) || text.starts_with(['\'', '`']) { quote(text) } else { text.to_owned() }
}

/// A reason whose first words could be read as a release or as `anyway`.
fn reason_after_a_release(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default().to_lowercase();
    let number = first.trim_start_matches(['r', '#']).starts_with(|c: char| c.is_ascii_digit());
    let is_keyword = BEFORE_A_RELEASE.iter().chain(&["anyway"]).any(|word| first.starts_with(word));
    if is_keyword || number { quote(text) } else { reason(text) }
}
