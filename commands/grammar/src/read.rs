//! Reads one argument from the words at the front, or says what is wrong with them.

use super::error::Diagnostic;
use super::form::{Argument, ArgumentKind};
use super::help;
use super::language::Language;
use super::normalise::{mention, person, reason};
use super::period::{self, Period};
use super::reserved::{is_numbered, is_reserved};
use super::values::{ArgumentType as _, Value};
use super::words::Word;
use sluice_model::{
    BuildNumber, InvalidId, Member, PARAMETER, PipelineName, ReleaseNumber, Role, StageName, UserId,
};

/// An argument, and how many words it took. The build `latest` has no value: it is the default.
pub(super) type Taken = (Option<Value>, usize);

/// Reads an argument from the front of `words`, after its keyword `after` if there was one.
pub(super) fn argument(
    argument: &Argument,
    after: Option<&str>,
    line: &str,
    words: &[Word],
) -> Result<Taken, Box<Diagnostic>> {
    let Some(word) = words.first() else { return Err(missing(argument, after)) };
    let value = match argument.kind {
        ArgumentKind::Name => name(word, "bad-name", PipelineName::new)?.into_value(),
        ArgumentKind::Stage | ArgumentKind::From | ArgumentKind::After => {
            name(word, "bad-stage", StageName::new)?.into_value()
        }
        ArgumentKind::Again
        | ArgumentKind::Anyway
        | ArgumentKind::Replace
        | ArgumentKind::Hard
        | ArgumentKind::Now
        | ArgumentKind::Confirm => return Ok((Some(Value::Flag), 0)),
        ArgumentKind::Build if is_newest(word) => return Ok((None, 1)),
        ArgumentKind::Build => build(word)?.into_value(),
        ArgumentKind::Release => release(word)?.into_value(),
        ArgumentKind::Person => somebody(word)?.into_value(),
        ArgumentKind::Member => member(word)?.into_value(),
        ArgumentKind::Role => role(word)?.into_value(),
        ArgumentKind::Language => language(word)?.into_value(),
        ArgumentKind::Url => url(word)?.into_value(),
        ArgumentKind::Data => word.text.to_string().into_value(),
        ArgumentKind::Reference => return taken(reference(words)?),
        ArgumentKind::End => return taken(end(after, words)?),
        ArgumentKind::Until => {
            let point = (after != Some("for")).then(|| period::point(words)).flatten();
            return taken(period::length(words).or(point).ok_or_else(|| no_time(word))?);
        }
        ArgumentKind::Since => {
            let since = period::length(words).or_else(|| period::point(words));
            return taken(since.ok_or_else(|| no_time(word))?);
        }
        ArgumentKind::Settings => {
            let settings = settings(words)?;
            let count = settings.len();
            return taken((settings, count));
        }
        ArgumentKind::Reason | ArgumentKind::Override => {
            let reason = rest(line, words)?.ok_or_else(|| missing(argument, after))?;
            return taken((reason, words.len()));
        }
        ArgumentKind::Topic => return taken((topic(words)?, words.len())),
    };
    Ok((Some(value), 1))
}

fn taken<T: super::values::ArgumentType>((value, words): (T, usize)) -> Result<Taken, Box<Diagnostic>> {
    Ok((Some(value.into_value()), words))
}

/// The error for an argument that is not there.
pub(super) fn missing(argument: &Argument, after: Option<&str>) -> Box<Diagnostic> {
    match after {
        Some(word) => {
            Diagnostic::new("missing", format!("something is missing after `{word}`: {}", argument.meaning))
        }
        None => {
            let label = argument.usage.rsplit(' ').next().unwrap_or_default().trim_matches(['[', ']']);
            Diagnostic::new("missing", format!("`{label}` is missing: {}", argument.meaning))
        }
    }
}

fn name<T>(
    word: &Word,
    code: &'static str,
    new: fn(String) -> Result<T, InvalidId>,
) -> Result<T, Box<Diagnostic>> {
    let text = word.bare().to_lowercase();
    if !word.quoted && is_numbered(&text, "r") {
        let problem = format!(
            "`{text}` looks like a release, but a name is expected here; to use it as a name, quote it"
        );
        return Err(Diagnostic::new(code, problem).at(word));
    }
    if !word.quoted && is_reserved(&text) {
        let problem = format!("`{text}` is a word of a command; to use it as a name, quote it");
        return Err(Diagnostic::new("reserved-word", problem).at(word));
    }
    new(text).map_err(|InvalidId { what, rule, .. }| {
        let problem = match reason(word.bare()) {
            typed if typed.is_empty() => format!("a {what} is missing here"),
            typed => format!("`{typed}` is not a valid {what}: {rule}"),
        };
        Diagnostic::new(code, problem).at(word)
    })
}

fn reference(words: &[Word]) -> Result<(String, usize), Box<Diagnostic>> {
    let wrong = |word: &Word, why: &str| Diagnostic::new("bad-reference", why.to_owned()).at(word);
    let (word, taken) = match words {
        [at, word, ..] if at.text == "@" => (word, 2),
        [word, ..] => (word, 1),
        [] => return Err(Diagnostic::new("missing", "a branch, tag or commit is missing after `@`")),
    };
    // Slack's picker may have replaced a branch by a person.
    let text = reason(word.bare());
    let named = text.strip_prefix('@');
    let text = named.unwrap_or(&text);
    if text.is_empty() {
        return Err(wrong(word, "a branch, tag or commit is missing after `@`"));
    }
    if named.is_none() && taken == 1 && text.trim_start_matches('#').bytes().all(|b| b.is_ascii_digit()) {
        let why = format!(
            "`{text}` looks like a build, and Sluice assigns build numbers itself. For a branch of that name, write `@{text}`"
        );
        return Err(wrong(word, &why));
    }
    if !is_reference(text) {
        return Err(wrong(
            word,
            &format!("`{text}` is not a branch, tag or commit: git does not allow this name"),
        ));
    }
    Ok((text.to_owned(), taken))
}

/// Git's rules for a name. Quotes and angle brackets are not allowed either.
pub(super) fn is_reference(text: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\\"'`<>|&".contains(c);
    !text.is_empty()
        && text.chars().count() <= 200
        && text != "@"
        && !text.contains(forbidden)
        && !text.starts_with(['-', '/', '#'])
        && !text.ends_with(['/', '.'])
        && !["..", "@{", "//"].iter().any(|pair| text.contains(pair))
        && text.split('/').all(|part| !part.starts_with('.') && !part.ends_with(".lock"))
}

fn build(word: &Word) -> Result<BuildNumber, Box<Diagnostic>> {
    let text = word.keyword().unwrap_or_default();
    text.parse().map_err(|_| {
        let problem = match is_numbered(&text, "r") {
            true => format!("`{text}` is a release, but a build is expected here, such as `#12`"),
            false => format!("`{}` is not a build: a build is a number, such as `#12`", word.bare()),
        };
        let wrong = Diagnostic::new("bad-build", problem).at(word);
        if text.starts_with(|c: char| c == '#' || c.is_ascii_digit()) || is_numbered(&text, "r") {
            wrong.near()
        } else {
            wrong
        }
    })
}

fn release(word: &Word) -> Result<ReleaseNumber, Box<Diagnostic>> {
    let text = word.keyword().unwrap_or_default();
    text.parse().map_err(|_| {
        let follows_by_digit = |prefix: char| {
            text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let problem = match follows_by_digit('#') {
            true => format!("`{text}` is a build, but a release is expected here, such as `r7`"),
            false => format!("`{}` is not a release: a release looks like `r7`", word.bare()),
        };
        let wrong = Diagnostic::new("bad-release", problem).at(word);
        if follows_by_digit('#') || follows_by_digit('r') { wrong.near() } else { wrong }
    })
}

fn no_time(word: &Word) -> Box<Diagnostic> {
    let problem =
        format!("`{}` is not a time: write `2h`, `30m`, `7d`, `17:00` or `2026-11-01`", word.bare());
    let wrong = Diagnostic::new("bad-time", problem).at(word);
    if word.text.starts_with(|c: char| c.is_ascii_digit()) { wrong.near() } else { wrong }
}

/// The end of a lock after `for` or `until`. An end that is not understood is an error: the lock must not get another end.
fn end(after: Option<&str>, words: &[Word]) -> Result<(Period, usize), Box<Diagnostic>> {
    let is_until = after != Some("for");
    let found = if is_until { period::end(words) } else { period::length(words) };
    found.ok_or_else(|| {
        let wrong = no_end(after, words);
        if is_until || period::is_about_time(words) { wrong.near() } else { wrong }
    })
}

/// The error for words that name an end, or look as if they did.
pub(super) fn no_end(after: Option<&str>, words: &[Word]) -> Box<Diagnostic> {
    let typed: Vec<_> = words.iter().take(4).map(Word::bare).collect();
    let after = after.unwrap_or("until");
    let problem = format!(
        "`{after} {}` is not an end that I understand: write `for 2h`, `until 17:00`, `until tomorrow 9:00`, `until monday` or \
         `until 2026-11-01 17:00` (UTC). If it is part of the reason, quote the reason",
        typed.join(" ")
    );
    let wrong = Diagnostic::new("bad-time", problem);
    words.first().map_or(wrong.clone(), |word| wrong.at(word))
}

/// Whether a word asks for the newest build, which is the default.
fn is_newest(word: &Word) -> bool {
    matches!(word.keyword().as_deref(), Some("latest" | "newest"))
}

fn settings(words: &[Word]) -> Result<Vec<(String, String)>, Box<Diagnostic>> {
    words
        .iter()
        .take_while(|word| word.keyword().as_deref() != Some("confirm"))
        .map(|word| {
            // A parameter's value is taken literally; elsewhere a phone may have added the full stop at the end.
            let text = if word.text.starts_with(PARAMETER) { &word.text } else { word.bare() };
            let (key, value) = text.split_once('=').unwrap_or_default();
            let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic())
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            let problem = || {
                format!(
                    "`{}` is not a setting: write `key=value` without spaces, or `key=\"a b\"`",
                    word.text
                )
            };
            is_key
                .then(|| (key.to_owned(), value.to_owned()))
                .ok_or_else(|| Diagnostic::new("bad-setting", problem()).at(word))
        })
        .collect()
}

/// A person or a user group.
fn member(word: &Word) -> Result<Member, Box<Diagnostic>> {
    let inside = word.bare().strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    match inside.filter(|inside| mention(inside).is_some()).and_then(Member::marked) {
        Some(member) => Ok(member),
        None => somebody(word).map(Member::User),
    }
}

fn somebody(word: &Word) -> Result<UserId, Box<Diagnostic>> {
    let text = word.bare();
    let inside = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    let id = inside.and_then(person).and_then(|(id, _)| UserId::new(id).ok());
    id.ok_or_else(|| match text.starts_with('@') {
        true => {
            let problem = format!("`{text}` is only text: type `@` and pick the person from Slack's list");
            Diagnostic::new("pick-person", problem).at(word).near()
        }
        false => Diagnostic::new(
            "bad-person",
            format!("`{text}` is not a person: type `@` and pick the person from Slack's list"),
        )
        .at(word),
    })
}

fn role(word: &Word) -> Result<Role, Box<Diagnostic>> {
    let text = word.keyword().unwrap_or_default().replace('-', "");
    let same = |role: &Role| role.word() == text || role.word().strip_suffix('s') == Some(&text);
    let problem =
        || format!("`{}` is not a role: choose operators, admins, oncall or approvers", word.bare());
    Role::ALL.into_iter().find(same).ok_or_else(|| Diagnostic::new("bad-role", problem()).at(word))
}

fn language(word: &Word) -> Result<Language, Box<Diagnostic>> {
    let text = word.keyword().unwrap_or_default();
    let problem = || format!("`{}` is not a template: choose python, node, rust or sam", word.bare());
    Language::ALL
        .into_iter()
        .find(|language| language.word() == text)
        .ok_or_else(|| Diagnostic::new("bad-language", problem()).at(word))
}

fn url(word: &Word) -> Result<String, Box<Diagnostic>> {
    let text = word.bare();
    let looks_right = text.contains(['/', ':'])
        && text.contains(|c: char| c.is_ascii_alphabetic())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"'`<>\\".contains(c));
    let has_scheme = text.contains("://") || text.contains("::") || text.contains('@');
    match looks_right {
        true if has_scheme => Ok(text.to_owned()),
        true => Ok(format!("https://{text}")),
        false => {
            Err(Diagnostic::new("bad-address", format!("`{text}` is not the address of a repository"))
                .at(word))
        }
    }
}

/// The topic of some words: a verb, a verb and its word, or a word that only one verb has.
pub(super) fn topic(words: &[Word]) -> Result<String, Box<Diagnostic>> {
    let named: Vec<_> = words.iter().map(|word| word.bare().trim_start_matches('/').to_lowercase()).collect();
    let wanted = named.join(" ");
    let mut ending = help::topics()
        .into_iter()
        .filter(|topic| topic == &wanted || topic.split_once(' ').is_some_and(|(_, word)| word == wanted));
    let exact = help::topics().into_iter().find(|topic| topic == &wanted);
    let only = ending.next().filter(|_| ending.next().is_none());
    exact.or(only).ok_or_else(|| {
        let wrong = Diagnostic::new("unknown-topic", format!("there is no command `{wanted}`"));
        let near = help::topics().into_iter().find(|topic| strsim::osa_distance(topic, &wanted) <= 2);
        let wrong = near.into_iter().fold(wrong, |wrong, topic| wrong.fix(format!("help {topic}")));
        words.first().map_or(wrong.clone(), |word| wrong.at(word))
    })
}

/// The most characters of a reason. Messages and records contain it, and a printed command with it, its quotes escaped, must
/// not exceed the limit of `parse`, 4,000 characters.
const LONGEST_REASON: usize = 1000;

/// The remaining text as a reason, or the content of the quotes if there is nothing else.
fn rest(line: &str, words: &[Word]) -> Result<Option<String>, Box<Diagnostic>> {
    let raw = match words {
        [only] if only.whole => Some(only.text.as_str()),
        [first, .., last] => line.get(first.at.start..last.at.end),
        [only] => line.get(only.at.clone()),
        [] => None,
    };
    let text = raw.map(reason).filter(|reason| !reason.is_empty());
    let length = text.as_ref().map_or(0, |text| text.chars().count());
    if length > LONGEST_REASON {
        let problem = format!(
            "the reason has {length} characters, and the limit is {LONGEST_REASON}: shorten it, and put the details in the thread"
        );
        return Err(words.iter().take(1).fold(Diagnostic::new("too-long", problem), Diagnostic::at));
    }
    Ok(text)
}
