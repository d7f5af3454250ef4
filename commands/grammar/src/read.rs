//! How each kind of argument is read from the words at the front, or the [`Trouble`] that says what is wrong with them.

use super::misunderstanding::Trouble;
use super::normalise::{mention, person, reason};
use super::reserved::{is_numbered, is_reserved};
use super::words::Word;
use super::{Language, Period, help, period};
use sluice_model::{BuildNumber, InvalidId, Member, PARAMETER, ReleaseNumber, Role, UserId};

pub(super) fn name<T>(
    word: &Word,
    code: &'static str,
    new: fn(String) -> Result<T, InvalidId>,
) -> Result<T, Box<Trouble>> {
    let text = word.bare().to_lowercase();
    if !word.quoted && is_numbered(&text, "r") {
        let problem = format!(
            "`{text}` looks like a release, and here a name is meant; a name like that is written in quotes"
        );
        return Err(Trouble::new(code, problem).at(word));
    }
    if !word.quoted && is_reserved(&text) {
        let problem = format!("`{text}` is a word of Sluice; a name like that is written in quotes");
        return Err(Trouble::new("reserved-word", problem).at(word));
    }
    new(text).map_err(|InvalidId { what, rule, .. }| {
        Trouble::new(code, format!("`{}` is no {what}: {rule}", reason(word.bare()))).at(word)
    })
}

pub(super) fn reference(words: &[Word]) -> Result<(String, usize), Box<Trouble>> {
    let wrong = |word: &Word, why: &str| Trouble::new("bad-reference", why.to_owned()).at(word);
    let (word, taken) = match words {
        [at, word, ..] if at.text == "@" => (word, 2),
        [word, ..] => (word, 1),
        [] => return Err(Trouble::new("missing", "after `@` comes a branch, tag or commit")),
    };
    // The picker may have taken a branch for a person.
    let text = reason(word.bare());
    let named = text.strip_prefix('@');
    let text = named.unwrap_or(&text);
    if text.is_empty() {
        return Err(wrong(word, "after `@` comes a branch, tag or commit"));
    }
    if named.is_none() && taken == 1 && text.trim_start_matches('#').bytes().all(|b| b.is_ascii_digit()) {
        let why = format!(
            "`{text}` looks like a build; builds get their numbers from Sluice. A branch of that name is written `@{text}`"
        );
        return Err(wrong(word, &why));
    }
    if !is_reference(text) {
        return Err(wrong(
            word,
            &format!("`{text}` is no branch, tag or commit: git does not allow such a name"),
        ));
    }
    Ok((text.to_owned(), taken))
}

/// Git's rules for a name, without quotes and angle brackets too.
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

pub(super) fn build(word: &Word) -> Result<BuildNumber, Box<Trouble>> {
    let text = word.keyword().unwrap_or_default();
    text.parse().map_err(|_| {
        let problem = match is_numbered(&text, "r") {
            true => format!("`{text}` is a release; here a build is meant, as in `#12`"),
            false => format!("`{}` is no build: a build is a number, as in `#12`", word.bare()),
        };
        let trouble = Trouble::new("bad-build", problem).at(word);
        if text.starts_with(|c: char| c == '#' || c.is_ascii_digit()) || is_numbered(&text, "r") {
            trouble.near()
        } else {
            trouble
        }
    })
}

pub(super) fn release(word: &Word) -> Result<ReleaseNumber, Box<Trouble>> {
    let text = word.keyword().unwrap_or_default();
    text.parse().map_err(|_| {
        let follows_by_digit = |prefix: char| {
            text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let problem = match follows_by_digit('#') {
            true => format!("`{text}` is a build; here a release is meant, as in `r7`"),
            false => format!("`{}` is no release: a release is written `r7`", word.bare()),
        };
        let trouble = Trouble::new("bad-release", problem).at(word);
        if follows_by_digit('#') || follows_by_digit('r') { trouble.near() } else { trouble }
    })
}

pub(super) fn no_time(word: &Word) -> Box<Trouble> {
    let problem = format!("`{}` is no time: write `2h`, `30m`, `7d`, `17:00` or `2026-11-01`", word.bare());
    let trouble = Trouble::new("bad-time", problem).at(word);
    if word.text.starts_with(|c: char| c.is_ascii_digit()) { trouble.near() } else { trouble }
}

/// The end of a lock behind `for` or `until`. A person who names an end that is not understood must not get another one.
pub(super) fn end(after: Option<&str>, words: &[Word]) -> Result<(Period, usize), Box<Trouble>> {
    let is_until = after != Some("for");
    let found = if is_until { period::end(words) } else { period::length(words) };
    found.ok_or_else(|| {
        let trouble = no_end(after, words);
        if is_until || period::is_about_time(words) { trouble.near() } else { trouble }
    })
}

/// What is wrong with words that name an end, or look as if they did.
pub(super) fn no_end(after: Option<&str>, words: &[Word]) -> Box<Trouble> {
    let typed: Vec<_> = words.iter().take(4).map(Word::bare).collect();
    let after = after.unwrap_or("until");
    let problem = format!(
        "`{after} {}` is no end that I understand: write `for 2h`, `until 17:00`, `until tomorrow 9:00`, `until monday` or \
         `until 2026-11-01 17:00` (UTC); put the reason in quotes if this belongs to it",
        typed.join(" ")
    );
    let trouble = Trouble::new("bad-time", problem);
    words.first().map_or(trouble.clone(), |word| trouble.at(word))
}

/// Whether a word asks for the newest build, which is what one gets without it.
pub(super) fn is_newest(word: &Word) -> bool {
    matches!(word.keyword().as_deref(), Some("latest" | "newest"))
}

pub(super) fn settings(words: &[Word]) -> Result<Vec<(String, String)>, Box<Trouble>> {
    words
        .iter()
        .take_while(|word| word.keyword().as_deref() != Some("confirm"))
        .map(|word| {
            // A parameter's value is taken as it stands; elsewhere a full stop at the end is a phone's.
            let text = if word.text.starts_with(PARAMETER) { &word.text } else { word.bare() };
            let (key, value) = text.split_once('=').unwrap_or_default();
            let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic())
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            let problem = || {
                format!("`{}` is no setting: write `key=value` without spaces, or `key=\"a b\"`", word.text)
            };
            is_key
                .then(|| (key.to_owned(), value.to_owned()))
                .ok_or_else(|| Trouble::new("bad-setting", problem()).at(word))
        })
        .collect()
}

/// A person or a user group.
pub(super) fn member(word: &Word) -> Result<Member, Box<Trouble>> {
    let inside = word.bare().strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    match inside.filter(|inside| mention(inside).is_some()).and_then(Member::marked) {
        Some(member) => Ok(member),
        None => somebody(word).map(Member::User),
    }
}

pub(super) fn somebody(word: &Word) -> Result<UserId, Box<Trouble>> {
    let text = word.bare();
    let inside = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    let id = inside.and_then(person).and_then(|(id, _)| UserId::new(id).ok());
    id.ok_or_else(|| match text.starts_with('@') {
        true => {
            let problem =
                format!("`{text}` is only text to me: type `@` and pick the person from Slack's list");
            Trouble::new("pick-person", problem).at(word).near()
        }
        false => Trouble::new(
            "bad-person",
            format!("`{text}` is nobody: type `@` and pick the person from Slack's list"),
        )
        .at(word),
    })
}

pub(super) fn role(word: &Word) -> Result<Role, Box<Trouble>> {
    let text = word.keyword().unwrap_or_default().replace('-', "");
    let same = |role: &Role| role.word() == text || role.word().strip_suffix('s') == Some(&text);
    let problem = || format!("`{}` is no role: operators, admins, oncall or approvers", word.bare());
    Role::ALL.into_iter().find(same).ok_or_else(|| Trouble::new("bad-role", problem()).at(word))
}

pub(super) fn language(word: &Word) -> Result<Language, Box<Trouble>> {
    let text = word.keyword().unwrap_or_default();
    let available: Vec<_> = Language::ALL.iter().filter(|l| l.available()).map(|l| l.word()).collect();
    let problem = || format!("`{}` is no template: there is {}", word.bare(), available.join(", "));
    Language::ALL
        .into_iter()
        .find(|language| language.word() == text)
        .ok_or_else(|| Trouble::new("bad-language", problem()).at(word))
}

pub(super) fn url(word: &Word) -> Result<String, Box<Trouble>> {
    let text = word.bare();
    let looks_right = text.contains(['/', ':'])
        && text.contains(|c: char| c.is_ascii_alphabetic())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"'`<>\\".contains(c));
    let has_scheme = text.contains("://") || text.contains("::") || text.contains('@');
    match looks_right {
        true if has_scheme => Ok(text.to_owned()),
        true => Ok(format!("https://{text}")),
        false => Err(Trouble::new("bad-address", format!("`{text}` is no address of a repository")).at(word)),
    }
}

/// The topic that some words name: a verb, a verb and its word, or a word that only one verb has.
pub(super) fn topic(words: &[Word]) -> Result<String, Box<Trouble>> {
    let named: Vec<_> = words.iter().map(|word| word.bare().trim_start_matches('/').to_lowercase()).collect();
    let wanted = named.join(" ");
    let mut ending = help::topics()
        .into_iter()
        .filter(|topic| topic == &wanted || topic.split_once(' ').is_some_and(|(_, word)| word == wanted));
    let exact = help::topics().into_iter().find(|topic| topic == &wanted);
    let only = ending.next().filter(|_| ending.next().is_none());
    exact.or(only).ok_or_else(|| {
        let trouble = Trouble::new("unknown-topic", format!("there is no command `{wanted}`"));
        let near = help::topics().into_iter().find(|topic| strsim::osa_distance(topic, &wanted) <= 2);
        let trouble = near.into_iter().fold(trouble, |trouble, topic| trouble.fix(format!("help {topic}")));
        words.first().map_or(trouble.clone(), |word| trouble.at(word))
    })
}

/// The characters of the longest reason. It is shown in messages and kept in records, and a command with it, its quotes
/// escaped, must be no longer than [`super::parse::LONGEST`].
const LONGEST_REASON: usize = 1000;

/// What remains, as a reason: the text itself, or what stands in quotes if that is all.
pub(super) fn rest(line: &str, words: &[Word]) -> Result<Option<String>, Box<Trouble>> {
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
            "the reason has {length} characters, and {LONGEST_REASON} is the most: say it in short, and the rest in the thread"
        );
        return Err(words.iter().take(1).fold(Trouble::new("too-long", problem), Trouble::at));
    }
    Ok(text)
}
