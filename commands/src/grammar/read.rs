//! How each kind of argument is read: from the words at the front, or a [`Trouble`] that says what is wrong with them.

use super::misunderstanding::Trouble;
use super::normalise::{person, reason};
use super::table::{Argument, Slot};
use super::words::{Word, is_numbered, is_reserved};
use super::{Language, Period, Role, help, period};
use crate::ids::{BuildNumber, InvalidId, PipelineName, ReleaseNumber, StageName, UserId};

/// The arguments as far as they were understood.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) name: Option<PipelineName>,
    pub(super) reference: Option<String>,
    pub(super) build: Option<BuildNumber>,
    pub(super) stage: Option<StageName>,
    pub(super) from: Option<StageName>,
    pub(super) after: Option<StageName>,
    pub(super) release: Option<ReleaseNumber>,
    pub(super) again: bool,
    pub(super) override_reason: Option<String>,
    pub(super) until: Option<Period>,
    pub(super) since: Option<Period>,
    pub(super) reason: Option<String>,
    pub(super) settings: Option<Vec<(String, String)>>,
    pub(super) person: Option<UserId>,
    pub(super) role: Option<Role>,
    pub(super) language: Option<Language>,
    pub(super) url: Option<String>,
    pub(super) topic: Option<String>,
}

impl Values {
    /// Reads an argument from the front of `words`, after the small word `after` if there was one, and tells how many
    /// words it took.
    pub(super) fn take(
        &mut self,
        argument: &Argument,
        after: Option<&str>,
        line: &str,
        words: &[Word],
    ) -> Result<usize, Box<Trouble>> {
        let Some(word) = words.first() else { return Err(missing(argument, after)) };
        match argument.slot {
            Slot::Name => self.name = Some(name(word, "bad-name", PipelineName::new)?),
            Slot::Stage => self.stage = Some(name(word, "bad-stage", StageName::new)?),
            Slot::From => self.from = Some(name(word, "bad-stage", StageName::new)?),
            Slot::After => self.after = Some(name(word, "bad-stage", StageName::new)?),
            Slot::Reference => {
                let (reference, taken) = reference(words)?;
                self.reference = Some(reference);
                return Ok(taken);
            }
            Slot::Build => self.build = Some(build(word)?),
            Slot::Release => self.release = Some(release(word)?),
            Slot::Again => {
                self.again = true;
                return Ok(0);
            }
            Slot::Override => {
                self.override_reason = Some(rest(line, words).ok_or_else(|| missing(argument, after))?);
                return Ok(words.len());
            }
            Slot::Reason => {
                self.reason = Some(rest(line, words).ok_or_else(|| missing(argument, after))?);
                return Ok(words.len());
            }
            Slot::Until => {
                let point = (after != Some("for")).then(|| period::point(words)).flatten();
                let (until, taken) = period::length(words).or(point).ok_or_else(|| no_time(word))?;
                self.until = Some(until);
                return Ok(taken);
            }
            Slot::Since => {
                let since = period::length(words).or_else(|| period::point(words));
                let (since, taken) = since.ok_or_else(|| no_time(word))?;
                self.since = Some(since);
                return Ok(taken);
            }
            Slot::Settings => {
                let settings = settings(words)?;
                let taken = settings.len();
                self.settings = Some(settings);
                return Ok(taken);
            }
            Slot::Person => self.person = Some(somebody(word)?),
            Slot::Role => self.role = Some(role(word)?),
            Slot::Language => self.language = Some(language(word)?),
            Slot::Url => self.url = Some(url(word)?),
            Slot::Topic => {
                self.topic = Some(topic(words)?);
                return Ok(words.len());
            }
        }
        Ok(1)
    }

    /// What was understood, in words.
    pub(super) fn describe(&self) -> Vec<String> {
        fn part(what: &str, value: Option<impl ToString>) -> Option<String> {
            value.map(|value| format!("{what} `{}`", value.to_string()))
        }
        let parts = [
            part("pipeline", self.name.as_ref()),
            part("ref", self.reference.as_ref()),
            part("build", self.build),
            part("stage", self.stage.as_ref()),
            part("from", self.from.as_ref()),
            part("after", self.after.as_ref()),
            part("release", self.release),
            self.again.then(|| "again".to_owned()),
            part("until", self.until.as_ref()),
            part("since", self.since.as_ref()),
            part("person", self.person.as_ref()),
            part("role", self.role),
            part("from", self.language),
            part("reason", self.reason.as_ref().or(self.override_reason.as_ref())),
        ];
        parts.into_iter().flatten().collect()
    }
}

/// The trouble of an argument that is not there.
pub(super) fn missing(argument: &Argument, after: Option<&str>) -> Box<Trouble> {
    match after {
        Some(word) => Trouble::new("missing", format!("after `{word}` comes {}", argument.meaning)),
        None => {
            let label = argument.usage.rsplit(' ').next().unwrap_or_default().trim_matches(['[', ']']);
            Trouble::new("missing", format!("`{label}` is missing: {}", argument.meaning))
        }
    }
}

fn name<T>(
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
        Trouble::new(code, format!("`{}` is no {what}: {rule}", word.bare())).at(word)
    })
}

fn reference(words: &[Word]) -> Result<(String, usize), Box<Trouble>> {
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

fn build(word: &Word) -> Result<BuildNumber, Box<Trouble>> {
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

fn release(word: &Word) -> Result<ReleaseNumber, Box<Trouble>> {
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

fn no_time(word: &Word) -> Box<Trouble> {
    let problem = format!("`{}` is no time: write `2h`, `30m`, `7d`, `17:00` or `2026-11-01`", word.bare());
    let trouble = Trouble::new("bad-time", problem).at(word);
    if word.text.starts_with(|c: char| c.is_ascii_digit()) { trouble.near() } else { trouble }
}

fn settings(words: &[Word]) -> Result<Vec<(String, String)>, Box<Trouble>> {
    words
        .iter()
        .map(|word| {
            let (key, value) = word.bare().split_once('=').unwrap_or_default();
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

fn somebody(word: &Word) -> Result<UserId, Box<Trouble>> {
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

fn role(word: &Word) -> Result<Role, Box<Trouble>> {
    let text = word.keyword().unwrap_or_default().replace('-', "");
    let same = |role: &Role| role.word() == text || role.word().strip_suffix('s') == Some(&text);
    let problem = || format!("`{}` is no role: operators, admins, oncall or approvers", word.bare());
    Role::ALL.into_iter().find(same).ok_or_else(|| Trouble::new("bad-role", problem()).at(word))
}

fn language(word: &Word) -> Result<Language, Box<Trouble>> {
    let text = word.keyword().unwrap_or_default();
    let available: Vec<_> = Language::ALL.iter().filter(|l| l.available()).map(|l| l.word()).collect();
    let problem = || format!("`{}` is no template: there is {}", word.bare(), available.join(", "));
    Language::ALL
        .into_iter()
        .find(|language| language.word() == text)
        .ok_or_else(|| Trouble::new("bad-language", problem()).at(word))
}

fn url(word: &Word) -> Result<String, Box<Trouble>> {
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

/// What remains, as a reason: the text itself, or what stands in quotes if that is all.
fn rest(line: &str, words: &[Word]) -> Option<String> {
    let raw = match words {
        [only] if only.whole => only.text.as_str(),
        [first, .., last] => line.get(first.at.start..last.at.end)?,
        [only] => line.get(only.at.clone())?,
        [] => "",
    };
    Some(reason(raw)).filter(|reason| !reason.is_empty())
}
