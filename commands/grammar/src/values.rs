//! The arguments of a line as far as they were understood.

use super::misunderstanding::Trouble;
use super::table::{Argument, Slot};
use super::words::Word;
use super::{Language, Period, period, read};
use sluice_model::{BuildNumber, Member, PipelineName, ReleaseNumber, Role, StageName, UserId};

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
    pub(super) anyway: bool,
    pub(super) hard: bool,
    pub(super) now: bool,
    pub(super) confirm: bool,
    pub(super) override_reason: Option<String>,
    pub(super) until: Option<Period>,
    pub(super) since: Option<Period>,
    pub(super) reason: Option<String>,
    pub(super) settings: Option<Vec<(String, String)>>,
    pub(super) person: Option<UserId>,
    pub(super) member: Option<Member>,
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
            Slot::Name => self.name = Some(read::name(word, "bad-name", PipelineName::new)?),
            Slot::Stage => self.stage = Some(read::name(word, "bad-stage", StageName::new)?),
            Slot::From => self.from = Some(read::name(word, "bad-stage", StageName::new)?),
            Slot::After => self.after = Some(read::name(word, "bad-stage", StageName::new)?),
            Slot::Reference => {
                let (reference, taken) = read::reference(words)?;
                self.reference = Some(reference);
                return Ok(taken);
            }
            // `/deploy orders latest` is the same as without it.
            Slot::Build if read::is_newest(word) => self.build = None,
            Slot::Build => self.build = Some(read::build(word)?),
            Slot::Release => self.release = Some(read::release(word)?),
            Slot::Again => {
                self.again = true;
                return Ok(0);
            }
            Slot::Anyway => {
                self.anyway = true;
                return Ok(0);
            }
            Slot::Hard => {
                self.hard = true;
                return Ok(0);
            }
            Slot::Now => {
                self.now = true;
                return Ok(0);
            }
            Slot::Confirm => {
                self.confirm = true;
                return Ok(0);
            }
            Slot::Override => {
                self.override_reason =
                    Some(read::rest(line, words)?.ok_or_else(|| missing(argument, after))?);
                return Ok(words.len());
            }
            Slot::Reason => {
                self.reason = Some(read::rest(line, words)?.ok_or_else(|| missing(argument, after))?);
                return Ok(words.len());
            }
            Slot::End => {
                let (end, taken) = read::end(after, words)?;
                self.until = Some(end);
                return Ok(taken);
            }
            Slot::Until => {
                let point = (after != Some("for")).then(|| period::point(words)).flatten();
                let (until, taken) = period::length(words).or(point).ok_or_else(|| read::no_time(word))?;
                self.until = Some(until);
                return Ok(taken);
            }
            Slot::Since => {
                let since = period::length(words).or_else(|| period::point(words));
                let (since, taken) = since.ok_or_else(|| read::no_time(word))?;
                self.since = Some(since);
                return Ok(taken);
            }
            Slot::Settings => {
                let settings = read::settings(words)?;
                let taken = settings.len();
                self.settings = Some(settings);
                return Ok(taken);
            }
            Slot::Person => self.person = Some(read::somebody(word)?),
            Slot::Member => self.member = Some(read::member(word)?),
            Slot::Role => self.role = Some(read::role(word)?),
            Slot::Language => self.language = Some(read::language(word)?),
            Slot::Url => self.url = Some(read::url(word)?),
            Slot::Topic => {
                self.topic = Some(read::topic(words)?);
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
            self.anyway.then(|| "anyway".to_owned()),
            self.hard.then(|| "hard".to_owned()),
            self.now.then(|| "now".to_owned()),
            self.confirm.then(|| "confirm".to_owned()),
            part("until", self.until.as_ref()),
            part("since", self.since.as_ref()),
            self.person.as_ref().map(|person| format!("person <@{person}>")),
            self.member.as_ref().map(|member| format!("whom {}", member.mention())),
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
