//! A command that can be typed, and the table of all of them.

use super::form::{ArgumentKind, Form};
use super::table::{
    BuildCommand, DeployCommand, PipelineCommand, PromoteCommand, RepoCommand, RollbackCommand, StageCommand,
};
use super::values::{ArgumentType as _, Value, Values};
use super::verb::Verb;
use sluice_model::{Permission, PipelineName, StageName};

/// A parsed command. Its texts are normalised: see [`normalise`](super::normalise()) and [`reason`](super::reason). Its
/// `Display` is a command line that parses to the same value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `/repo`
    Repo(RepoCommand),
    /// `/build`
    Build(BuildCommand),
    /// `/deploy`
    Deploy(DeployCommand),
    /// `/stage`
    Stage(StageCommand),
    /// `/promote`
    Promote(PromoteCommand),
    /// `/rollback`
    Rollback(RollbackCommand),
    /// `/pipeline`
    Pipeline(PipelineCommand),
}

/// The forms of a verb, in the order in which help lists them.
pub(super) fn forms(verb: Verb) -> impl Iterator<Item = &'static Form> + Clone {
    let forms: &'static [&'static Form] = match verb {
        Verb::Repo => RepoCommand::FORMS,
        Verb::Build => BuildCommand::FORMS,
        Verb::Deploy => DeployCommand::FORMS,
        Verb::Stage => StageCommand::FORMS,
        Verb::Promote => PromoteCommand::FORMS,
        Verb::Rollback => RollbackCommand::FORMS,
        Verb::Pipeline => PipelineCommand::FORMS,
    };
    forms.iter().copied()
}

/// Every form, in the order in which help lists them.
pub fn table() -> impl Iterator<Item = &'static Form> + Clone {
    Verb::ALL.into_iter().flat_map(forms)
}

/// The available forms of a verb in one line, for `manifest.yml`: `NAME[@REF] | log NAME [#N]`.
pub fn usage_hint(verb: Verb) -> String {
    let usages: Vec<_> = forms(verb).filter(|form| form.available).map(Form::arguments_usage).collect();
    usages.join(" | ")
}

impl Command {
    /// The row of the table for this command.
    pub fn form(&self) -> &'static Form {
        match self {
            Command::Repo(command) => command.form(),
            Command::Build(command) => command.form(),
            Command::Deploy(command) => command.form(),
            Command::Stage(command) => command.form(),
            Command::Promote(command) => command.form(),
            Command::Rollback(command) => command.form(),
            Command::Pipeline(command) => command.form(),
        }
    }

    pub(super) fn values(&self) -> Values {
        match self {
            Command::Repo(command) => command.values(),
            Command::Build(command) => command.values(),
            Command::Deploy(command) => command.values(),
            Command::Stage(command) => command.values(),
            Command::Promote(command) => command.values(),
            Command::Rollback(command) => command.values(),
            Command::Pipeline(command) => command.values(),
        }
    }

    /// The command of a form with these arguments. `None` if a required one is missing.
    pub(super) fn from_values(form: &'static Form, values: &Values) -> Option<Self> {
        Some(match form.verb {
            Verb::Repo => Command::Repo(RepoCommand::from_values(form, values)?),
            Verb::Build => Command::Build(BuildCommand::from_values(form, values)?),
            Verb::Deploy => Command::Deploy(DeployCommand::from_values(form, values)?),
            Verb::Stage => Command::Stage(StageCommand::from_values(form, values)?),
            Verb::Promote => Command::Promote(PromoteCommand::from_values(form, values)?),
            Verb::Rollback => Command::Rollback(RollbackCommand::from_values(form, values)?),
            Verb::Pipeline => Command::Pipeline(PipelineCommand::from_values(form, values)?),
        })
    }

    /// The promotion of the release that the previous stage runs.
    pub fn promotion(name: PipelineName, to: StageName) -> Self {
        let (from, release, override_reason) = (None, None, None);
        Command::Promote(PromoteCommand::Promote {
            name,
            to,
            from,
            release,
            again: false,
            replace: false,
            anyway: false,
            override_reason,
        })
    }

    /// The help of a topic, or of everything.
    pub fn help(topic: Option<String>) -> Self {
        Command::Pipeline(PipelineCommand::Help { command: topic })
    }

    /// The pipeline that it names.
    pub fn pipeline(&self) -> Option<PipelineName> {
        self.values().read(ArgumentKind::Name)
    }

    /// The stage that it names; for a promotion, the stage that it promotes to.
    pub fn stage(&self) -> Option<StageName> {
        self.values().read(ArgumentKind::Stage)
    }

    /// The permission to use it: its form's, or that of an argument that needs more.
    pub fn permission(&self) -> Permission {
        let (form, values) = (self.form(), self.values());
        let mut given = form.arguments.iter().filter(|argument| values.has(argument.kind));
        given.find_map(|argument| argument.permission).unwrap_or(form.permission)
    }

    /// Whether it is implemented.
    pub fn available(&self) -> bool {
        self.not_yet().is_none()
    }

    /// The form that is not implemented yet: `/repo delete`.
    pub fn not_yet(&self) -> Option<String> {
        let form = self.form();
        (!form.available).then(|| format!("/{}", form.topic()))
    }

    /// The same command with pipeline and stage exchanged, and their new values. `None` if it does not name both, names a
    /// new stage, or waives a safeguard.
    pub fn swapped(&self) -> Option<(PipelineName, StageName, Self)> {
        if self.waives() || self.form().has(ArgumentKind::After) {
            return None;
        }
        let mut values = self.values();
        let name = PipelineName::new(self.stage()?.to_string()).ok()?;
        let stage = StageName::new(self.pipeline()?.to_string()).ok()?;
        values.set(ArgumentKind::Name, Some(name.clone().into_value()));
        values.set(ArgumentKind::Stage, Some(stage.clone().into_value()));
        Some((name, stage, Self::from_values(self.form(), &values)?))
    }

    /// The same command, with `anyway` if it has this argument.
    pub fn anyway(self) -> Self {
        if !self.form().has(ArgumentKind::Anyway) {
            return self;
        }
        let mut values = self.values();
        values.set(ArgumentKind::Anyway, Some(Value::Flag));
        Self::from_values(self.form(), &values).unwrap_or(self)
    }

    /// Whether it waives a safeguard: `override`, `again`, `anyway`, `hard`, `confirm`, `now`. People type these themselves;
    /// they are never suggested.
    pub fn waives(&self) -> bool {
        self.values().kinds().any(ArgumentKind::waives)
    }

    /// Whether it proceeds although its stage was changed outside Sluice; `None` if it has no such word.
    pub fn accepts_drift(&self) -> Option<bool> {
        self.form().has(ArgumentKind::Anyway).then(|| self.values().has(ArgumentKind::Anyway))
    }
}
