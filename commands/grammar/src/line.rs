//! A normalised line to a [`Command`]: its verb, its form, and then its arguments.

use super::arguments;
use super::command::{Command, forms};
use super::error::Diagnostic;
use super::names::Slash;
use super::read::topic;
use super::verb::Verb;
use super::words::{Word, words};

/// Reads a normalised line. A mistake in it is not corrected.
pub(super) fn read(head: Slash, line: &str) -> Result<Command, Box<Diagnostic>> {
    let words = words(line);
    match head {
        Slash::Verb(verb) => read_verb(verb, line, &words),
        Slash::Umbrella => {
            let Some((first, rest)) = words.split_first() else { return Ok(Command::help(None)) };
            let keyword = first.keyword().unwrap_or_default();
            match Verb::from_word(keyword.trim_start_matches('/')) {
                Some(verb) => read_verb(verb, line, rest),
                None if is_help(first) => help(None, rest),
                None => {
                    let problem = format!("`{}` is not a command", first.text);
                    Err(Diagnostic::new("unknown-command", problem).at(first))
                }
            }
        }
    }
}

/// Reads the text after a verb. A word that begins one of its forms decides for that form, and so cannot be a name.
fn read_verb(verb: Verb, line: &str, words: &[Word]) -> Result<Command, Box<Diagnostic>> {
    let Some((first, rest)) = words.split_first() else {
        return Err(Diagnostic::new("empty", format!("`/{}`: {}", verb.word(), verb.summary())).about(verb));
    };
    if is_help(first) {
        return help(Some(verb), rest).map_err(|wrong| wrong.about(verb));
    }
    let keyword = first.keyword();
    if let Some(form) = forms(verb).find(|form| form.word.is_some() && form.word == keyword.as_deref()) {
        return arguments::command(form, line, rest);
    }
    match forms(verb).find(|form| form.word.is_none()) {
        Some(form) => arguments::command(form, line, words),
        None => {
            let problem = format!("`/{}` has no command `{}`", verb.word(), first.text);
            Err(Diagnostic::new("unknown-word", problem).at(first).about(verb))
        }
    }
}

fn is_help(word: &Word) -> bool {
    matches!(word.keyword().as_deref(), Some("help" | "-h" | "-help" | "--help")) || word.text == "?"
}

/// `/build help`, `/build help log`, `/pipeline help build`, `/sluice help`.
fn help(verb: Option<Verb>, words: &[Word]) -> Result<Command, Box<Diagnostic>> {
    let command = match (verb, words) {
        (None | Some(Verb::Pipeline), []) => None,
        (None | Some(Verb::Pipeline), words) => Some(topic(words)?),
        (Some(verb), words) => {
            let own = self::words(verb.word());
            let own: Vec<_> = own.iter().chain(words).cloned().collect();
            Some(topic(&own).or_else(|wrong| topic(words).map_err(|_| wrong))?)
        }
    };
    Ok(Command::help(command))
}
