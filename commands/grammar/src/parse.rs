//! The way from a slash command and its text to a [`Command`].

use super::arguments;
use super::misunderstanding::Trouble;
use super::names::Slash;
use super::nearest::nearest;
use super::normalise::normalise;
use super::read::topic;
use super::table::forms;
use super::words::{Word, words};
use super::{Command, Misunderstanding, Names, Verb};

/// Longer than anything that one means to type; it bounds the work of reading it.
pub(super) const LONGEST: usize = 4000;

/// Reads what somebody typed: the slash command (`/repo`, `/acme-repo`, `/sluice`) and the text after it.
///
/// # Errors
/// A [`Misunderstanding`] for its author, if this is no command.
pub fn parse(slash: &str, text: &str, names: &Names) -> Result<Command, Box<Misunderstanding>> {
    if text.chars().count() > LONGEST {
        let trouble = Trouble::new("too-long", format!("that is longer than {LONGEST} characters"));
        return Err(trouble.answer("", None));
    }
    let line = normalise(text);
    let Some(head) = names.slash(slash) else {
        let trouble = Trouble::new("unknown-command", format!("`{}` is no command of Sluice", slash.trim()));
        return Err(trouble.answer(&line, super::nearest::verb(slash, &line)));
    };
    understand(head, &line).map_err(|trouble| {
        let nearest = nearest(head, &line, &trouble);
        trouble.answer(&line, nearest)
    })
}

/// Reads a whole line, slash command and text: `/build orders`.
///
/// # Errors
/// As [`parse`].
pub fn parse_line(line: &str, names: &Names) -> Result<Command, Box<Misunderstanding>> {
    let line = line.trim_start();
    let (slash, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    parse(slash, text, names)
}

/// Reads a normalised line, without looking for a better one.
pub(super) fn understand(head: Slash, line: &str) -> Result<Command, Box<Trouble>> {
    let words = words(line);
    match head {
        Slash::Verb(verb) => of_verb(verb, line, &words),
        Slash::Umbrella => {
            let Some((first, rest)) = words.split_first() else { return Ok(Command::Help { command: None }) };
            let keyword = first.keyword().unwrap_or_default();
            match Verb::from_word(keyword.trim_start_matches('/')) {
                Some(verb) => of_verb(verb, line, rest),
                None if is_help(first) => help(None, rest),
                None => {
                    let problem = format!("`{}` is no command of Sluice", first.text);
                    Err(Trouble::new("unknown-command", problem).at(first))
                }
            }
        }
    }
}

fn of_verb(verb: Verb, line: &str, words: &[Word]) -> Result<Command, Box<Trouble>> {
    let Some((first, rest)) = words.split_first() else {
        return Err(Trouble::new("empty", format!("`/{}`: {}", verb.word(), verb.summary())).about(verb));
    };
    if is_help(first) {
        return help(Some(verb), rest).map_err(|trouble| trouble.about(verb));
    }
    let keyword = first.keyword();
    if let Some(form) = forms(verb).find(|form| form.word.is_some() && form.word == keyword.as_deref()) {
        return arguments::command(form, line, rest);
    }
    match forms(verb).find(|form| form.word.is_none()) {
        Some(form) => arguments::command(form, line, words),
        None => {
            let problem = format!("`/{}` does not know `{}`", verb.word(), first.text);
            Err(Trouble::new("unknown-word", problem).at(first).about(verb))
        }
    }
}

fn is_help(word: &Word) -> bool {
    matches!(word.keyword().as_deref(), Some("help" | "-h" | "-help" | "--help")) || word.text == "?"
}

/// `/build help`, `/build help log`, `/pipeline help build`, `/sluice help`.
fn help(verb: Option<Verb>, words: &[Word]) -> Result<Command, Box<Trouble>> {
    let command = match (verb, words) {
        (None | Some(Verb::Pipeline), []) => None,
        (None | Some(Verb::Pipeline), words) => Some(topic(words)?),
        (Some(verb), words) => {
            let own = super::words::words(verb.word());
            let own: Vec<_> = own.iter().chain(words).cloned().collect();
            Some(topic(&own).or_else(|trouble| topic(words).map_err(|_| trouble))?)
        }
    };
    Ok(Command::Help { command })
}
