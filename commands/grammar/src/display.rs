//! A command as one line that means the same when it is typed.

use std::fmt;

use super::arguments::BEFORE_A_RELEASE;
use super::reserved::is_reserved;
use super::words::quote;
use super::{Command, Language, Period};

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = Line::of(self);
        match self {
            Command::RepoCreate { name, from } => line.name(name).after("from", from.as_ref()),
            Command::RepoConnect { name, url } => line.name(name).value(url),
            Command::RepoList | Command::PipelineMine => line,
            Command::RepoShow { name }
            | Command::RepoDelete { name }
            | Command::BuildList { name }
            | Command::DeployCancel { name }
            | Command::StageList { name }
            | Command::PipelineWatch { name }
            | Command::PipelineUnwatch { name } => line.name(name),
            Command::Build { name, reference: None } => line.name(name),
            Command::Build { name, reference: Some(reference) } => line.name(name).reference(reference),
            Command::BuildCancel { name, build }
            | Command::BuildRetry { name, build }
            | Command::BuildLog { name, build }
            | Command::DeployPlan { name, build } => line.name(name).maybe(build.as_ref()),
            Command::Deploy { name, build, stage, anyway } => {
                let line = line.name(name).maybe(build.as_ref()).after("to", stage.as_ref().map(self::name));
                line.maybe(anyway.then_some("anyway"))
            }
            Command::StageAdd { name, stage, after } => {
                line.name(name).name(stage).after("after", after.as_ref().map(self::name))
            }
            Command::StageSet { name, stage, settings, confirm } => settings
                .iter()
                .fold(line.name(name).name(stage), |line, (key, value)| line.setting(key, value))
                .maybe(confirm.then_some("confirm")),
            Command::StageRemove { name, stage } => line.name(name).name(stage),
            Command::StageLock { name, stage, until, hard, reason } => {
                let line = line.name(name).maybe(stage.as_ref().map(self::name)).until(until.as_ref());
                line.maybe(hard.then_some("hard")).word(&quote(reason))
            }
            Command::StageUnlock { name, stage } | Command::PipelineCheck { name, stage } => {
                line.name(name).maybe(stage.as_ref().map(self::name))
            }
            Command::Promote { name, to, from, release, again, anyway, override_reason } => {
                let line = line.name(name).name(to).after("from", from.as_ref().map(self::name));
                let line = line.maybe(release.as_ref()).maybe(again.then_some("again"));
                let line = line.maybe(anyway.then_some("anyway"));
                line.after("override", override_reason.as_deref().map(reason))
            }
            Command::PromoteDiff { name, to } => line.name(name).name(to),
            Command::PromoteApprove { name, stage, release, reason: why }
            | Command::PromoteReject { name, stage, release, reason: why }
            | Command::PromoteCancel { name, stage, release, reason: why } => {
                let line = line.name(name).name(stage).maybe(release.as_ref());
                line.maybe(why.as_deref().map(reason_to_go_back))
            }
            Command::Rollback { name, stage, release, anyway, reason: why } => {
                let line = line.name(name).name(stage).after("to", release.as_ref());
                let line = line.maybe(anyway.then_some("anyway"));
                line.maybe(why.as_deref().map(reason_to_go_back))
            }
            Command::PipelineStatus { name } | Command::PipelineWho { name } => {
                line.maybe(name.as_ref().map(self::name))
            }
            Command::PipelineTidy { name, now } => line.name(name).maybe(now.then_some("now")),
            Command::PipelineHistory { name, stage, person, since, until } => {
                let person = person.as_ref().map(|person| format!("<@{person}>"));
                line.name(name)
                    .maybe(stage.as_ref().map(self::name))
                    .maybe(person)
                    .after("since", since.as_ref())
                    .after("until", until.as_ref())
            }
            Command::PipelineGrant { person, role, name }
            | Command::PipelineRevoke { person, role, name } => {
                line.word(&person.mention()).word(role.word()).maybe(name.as_ref().map(self::name))
            }
            Command::Help { command } => line.maybe(command.as_ref()),
        }
        .write(f)
    }
}

/// A line as it grows, word by word.
struct Line(String);

impl Line {
    fn of(command: &Command) -> Self {
        Self(format!("/{}", command.form().topic()))
    }

    fn word(mut self, word: &str) -> Self {
        self.0.push(' ');
        self.0.push_str(word);
        self
    }

    fn name(self, slug: &impl ToString) -> Self {
        self.word(&name(slug))
    }

    fn maybe(self, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.word(&value.to_string()),
            None => self,
        }
    }

    fn after(self, word: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.word(word).word(&value.to_string()),
            None => self,
        }
    }

    fn until(self, until: Option<&Period>) -> Self {
        match until {
            Some(Period::Seconds(_)) => self.after("for", until),
            _ => self.after("until", until),
        }
    }

    fn value(self, text: &str) -> Self {
        self.word(&value(text))
    }

    fn reference(mut self, reference: &str) -> Self {
        self.0.push('@');
        self.0.push_str(&value(reference));
        self
    }

    fn setting(self, key: &str, text: &str) -> Self {
        self.word(&format!("{key}={}", value(text)))
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A pipeline or stage, quoted if it is one of the grammar's words.
pub(super) fn name<T: ToString + ?Sized>(slug: &T) -> String {
    let slug = slug.to_string();
    if is_reserved(&slug) { quote(&slug) } else { slug }
}

/// A value that may hold anything.
fn value(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@+#=%~,".contains(c);
    let is_plain =
        text.chars().all(plain) && text.ends_with(|c: char| c.is_alphanumeric() || "-_/".contains(c));
    if is_plain { text.to_owned() } else { quote(text) }
}

/// A reason where nothing else is expected.
fn reason(text: &str) -> String {
    if text.contains(['"', '\\']) || text.starts_with(['\'', '`']) { quote(text) } else { text.to_owned() }
}

/// A reason where its first words might name a release, or say to go on anyway.
fn reason_to_go_back(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default().to_lowercase();
    let number = first.trim_start_matches(['r', '#']).starts_with(|c: char| c.is_ascii_digit());
    let is_word = BEFORE_A_RELEASE.iter().chain(&["anyway"]).any(|word| first.starts_with(word));
    if is_word || number { quote(text) } else { reason(text) }
}
