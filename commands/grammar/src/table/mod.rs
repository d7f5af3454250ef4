//! The command table: one [`Form`] for each thing that can be asked for (DESIGN 3). Everything that is said about a
//! command anywhere is said here.

mod build;
mod deploy;
mod permission;
mod pipeline;
mod promote;
mod repo;
mod rollback;
mod stage;

use sluice_model::Permission;

use super::Command;
use super::names::Verb;
use super::values::Values;

/// Which argument of a command it is, and so how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the arguments of DESIGN 3, by their names there")]
pub enum Slot {
    Name,
    Reference,
    Build,
    Stage,
    From,
    After,
    Release,
    Again,
    Anyway,
    Hard,
    Now,
    Override,
    Confirm,
    End,
    Until,
    Since,
    Reason,
    Settings,
    Person,
    Member,
    Role,
    Language,
    Url,
    Topic,
}

/// An argument of a form.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Which one.
    pub slot: Slot,
    /// How it stands in a usage line: `[to STAGE]`.
    pub usage: &'static str,
    /// What it means, for help: "the stage to deploy to".
    pub meaning: &'static str,
    /// Small words that may stand before it.
    pub words: &'static [&'static str],
    /// Without the small word it is not recognised.
    pub needs_word: bool,
    /// The command makes no sense without it.
    pub required: bool,
}

impl Argument {
    /// An argument that must be given.
    const fn required(slot: Slot, usage: &'static str, meaning: &'static str) -> Self {
        Self { slot, usage, meaning, words: &[], needs_word: false, required: true }
    }
    /// An argument that may be left out.
    const fn optional(slot: Slot, usage: &'static str, meaning: &'static str) -> Self {
        Self { required: false, ..Self::required(slot, usage, meaning) }
    }
    /// A small word may stand before it.
    const fn word(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }
    /// A small word must stand before it.
    const fn only_after(self, words: &'static [&'static str]) -> Self {
        Self { words, needs_word: true, ..self }
    }
    /// A flag: the small word is all of it.
    pub(super) fn is_flag(&self) -> bool {
        matches!(self.slot, Slot::Again | Slot::Anyway | Slot::Hard | Slot::Now | Slot::Confirm)
    }
}

const NAME: Argument = Argument::required(Slot::Name, "NAME", "the pipeline");
const STAGE: Argument = Argument::required(Slot::Stage, "STAGE", "the stage");
const MAYBE_STAGE: Argument =
    Argument::optional(Slot::Stage, "[STAGE]", "the stage; all of them without one");
const MAYBE_BUILD: Argument = Argument::optional(Slot::Build, "[#N]", "the build; the newest without one");
const ANYWAY: Argument =
    Argument::optional(Slot::Anyway, "[anyway]", "though somebody moved the stage outside Sluice")
        .only_after(&["anyway"]);
const MAYBE_REASON: Argument = Argument::optional(Slot::Reason, "[REASON]", "why, for the record");

/// One form of a command: `/build log NAME [#N]`.
#[derive(Debug)]
pub struct Form {
    /// The slash command.
    pub verb: Verb,
    /// The word after it; `None` for the verb's own form, as in `/build NAME`.
    pub word: Option<&'static str>,
    /// Its arguments, in their order.
    pub arguments: &'static [Argument],
    /// What it does, in one line.
    pub summary: &'static str,
    /// What one wants to know beyond that.
    pub help: &'static str,
    /// Lines that one can type; the pipeline in them is `orders`.
    pub examples: &'static [&'static str],
    /// Who may use it.
    pub permission: Permission,
    /// It can be used yet; otherwise it is understood, and answered so.
    pub available: bool,
    /// The command of these values; `None` when a required one is missing.
    pub(super) make: fn(Values) -> Option<Command>,
}

impl Form {
    /// The verb and its word: `build log`. It is also the topic of its help.
    pub fn topic(&self) -> String {
        match self.word {
            Some(word) => format!("{} {word}", self.verb.word()),
            None => self.verb.word().to_owned(),
        }
    }

    /// The available arguments as in a usage line, after the verb: `log NAME [#N]`.
    pub fn arguments_usage(&self) -> String {
        let mut usage = self.word.unwrap_or_default().to_owned();
        for argument in self.arguments.iter() {
            if argument.slot != Slot::Reference && !usage.is_empty() {
                usage.push(' ');
            }
            usage.push_str(argument.usage);
        }
        usage
    }

    /// The usage line: `/build log NAME [#N]`.
    pub fn usage(&self) -> String {
        format!("/{} {}", self.verb.word(), self.arguments_usage())
    }

    pub(super) fn has(&self, slot: Slot) -> bool {
        self.arguments.iter().any(|argument| argument.slot == slot)
    }
}

static FORMS: [&Form; 36] = [
    &repo::CREATE,
    &repo::CONNECT,
    &repo::LIST,
    &repo::SHOW,
    &repo::DELETE,
    &build::BUILD,
    &build::CANCEL,
    &build::RETRY,
    &build::LOG,
    &build::LIST,
    &deploy::DEPLOY,
    &deploy::PLAN,
    &deploy::CANCEL,
    &stage::LIST,
    &stage::ADD,
    &stage::SET,
    &stage::REMOVE,
    &stage::LOCK,
    &stage::UNLOCK,
    &promote::PROMOTE,
    &promote::DIFF,
    &promote::APPROVE,
    &promote::REJECT,
    &promote::CANCEL,
    &rollback::ROLLBACK,
    &pipeline::STATUS,
    &pipeline::HISTORY,
    &pipeline::MINE,
    &pipeline::CHECK,
    &pipeline::WATCH,
    &pipeline::UNWATCH,
    &pipeline::GRANT,
    &pipeline::REVOKE,
    &pipeline::WHO,
    &pipeline::TIDY,
    &pipeline::HELP,
];

/// Every form, in the order in which help shows them.
pub fn table() -> &'static [&'static Form] {
    &FORMS
}

/// The forms of a verb.
pub(super) fn forms(verb: Verb) -> impl Iterator<Item = &'static Form> {
    FORMS.iter().copied().filter(move |form| form.verb == verb)
}

/// The available forms of a verb in one line, for `manifest.yml`: `NAME[@REF] | log NAME [#N]`.
pub fn usage_hint(verb: Verb) -> String {
    let usages: Vec<_> = forms(verb).filter(|form| form.available).map(Form::arguments_usage).collect();
    usages.join(" | ")
}

impl Command {
    /// The form that it is an instance of.
    pub fn form(&self) -> &'static Form {
        match self {
            Command::RepoCreate { .. } => &repo::CREATE,
            Command::RepoConnect { .. } => &repo::CONNECT,
            Command::RepoList => &repo::LIST,
            Command::RepoShow { .. } => &repo::SHOW,
            Command::RepoDelete { .. } => &repo::DELETE,
            Command::Build { .. } => &build::BUILD,
            Command::BuildCancel { .. } => &build::CANCEL,
            Command::BuildRetry { .. } => &build::RETRY,
            Command::BuildLog { .. } => &build::LOG,
            Command::BuildList { .. } => &build::LIST,
            Command::Deploy { .. } => &deploy::DEPLOY,
            Command::DeployPlan { .. } => &deploy::PLAN,
            Command::DeployCancel { .. } => &deploy::CANCEL,
            Command::StageList { .. } => &stage::LIST,
            Command::StageAdd { .. } => &stage::ADD,
            Command::StageSet { .. } => &stage::SET,
            Command::StageRemove { .. } => &stage::REMOVE,
            Command::StageLock { .. } => &stage::LOCK,
            Command::StageUnlock { .. } => &stage::UNLOCK,
            Command::Promote { .. } => &promote::PROMOTE,
            Command::PromoteDiff { .. } => &promote::DIFF,
            Command::PromoteApprove { .. } => &promote::APPROVE,
            Command::PromoteReject { .. } => &promote::REJECT,
            Command::PromoteCancel { .. } => &promote::CANCEL,
            Command::Rollback { .. } => &rollback::ROLLBACK,
            Command::PipelineStatus { .. } => &pipeline::STATUS,
            Command::PipelineHistory { .. } => &pipeline::HISTORY,
            Command::PipelineMine => &pipeline::MINE,
            Command::PipelineCheck { .. } => &pipeline::CHECK,
            Command::PipelineWatch { .. } => &pipeline::WATCH,
            Command::PipelineUnwatch { .. } => &pipeline::UNWATCH,
            Command::PipelineGrant { .. } => &pipeline::GRANT,
            Command::PipelineRevoke { .. } => &pipeline::REVOKE,
            Command::PipelineWho { .. } => &pipeline::WHO,
            Command::PipelineTidy { .. } => &pipeline::TIDY,
            Command::Help { .. } => &pipeline::HELP,
        }
    }

    /// Its slash command.
    pub fn verb(&self) -> Verb {
        self.form().verb
    }

    /// Whether it can be carried out yet.
    pub fn available(&self) -> bool {
        self.not_yet().is_none()
    }

    /// What in it cannot be used yet, as a line or part of one: `/stage remove`, `from node`.
    pub fn not_yet(&self) -> Option<String> {
        let form = self.form();
        if !form.available {
            return Some(format!("/{}", form.topic()));
        }
        let part = match self {
            Command::RepoCreate { from: Some(language), .. } if !language.available() => {
                format!("from {language}")
            }
            _ => return None,
        };
        Some(part)
    }
}
