//! What a row of the command table holds.

use sluice_model::Permission;

use super::verb::Verb;

/// Which argument of a command it is. The kind decides how the argument is read and printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the arguments of DESIGN 3, by their names there")]
pub enum ArgumentKind {
    Name,
    Reference,
    Build,
    Stage,
    From,
    After,
    Release,
    Again,
    Anyway,
    /// The word `replace`.
    Replace,
    /// Resources with data, as `STAGE/NAME`.
    Data,
    Hard,
    Now,
    Confirm,
    End,
    Until,
    Since,
    Person,
    Member,
    Role,
    Language,
    Reason,
    Override,
    Settings,
    Url,
    Topic,
}

impl ArgumentKind {
    /// A flag has no value: its keyword is all of it.
    pub fn is_flag(self) -> bool {
        use ArgumentKind::{Again, Anyway, Confirm, Hard, Now, Replace};
        matches!(self, Again | Anyway | Replace | Hard | Now | Confirm)
    }

    /// The argument waives a safeguard. People type it themselves; it is never suggested.
    pub fn waives(self) -> bool {
        self.is_flag() || matches!(self, ArgumentKind::Override | ArgumentKind::Data)
    }
}

/// An argument of a form.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Which argument it is.
    pub kind: ArgumentKind,
    /// The argument in a usage line: `[to STAGE]`.
    pub usage: &'static str,
    /// Its meaning, for help: "the stage to deploy to".
    pub meaning: &'static str,
    /// Keywords that may precede it; the first one is printed.
    pub keywords: &'static [&'static str],
    /// Without a keyword it is not recognised.
    pub needs_keyword: bool,
    /// The command needs it.
    pub required: bool,
    /// The permission to use it, where the command's own is not enough.
    pub permission: Option<Permission>,
}

impl Argument {
    /// An argument that must be given.
    pub(super) const fn required(kind: ArgumentKind, usage: &'static str, meaning: &'static str) -> Self {
        Self { kind, usage, meaning, keywords: &[], needs_keyword: false, required: true, permission: None }
    }

    /// An argument that may be left out.
    pub(super) const fn optional(kind: ArgumentKind, usage: &'static str, meaning: &'static str) -> Self {
        Self { required: false, ..Self::required(kind, usage, meaning) }
    }

    /// A keyword may precede it.
    pub(super) const fn keyword(self, keywords: &'static [&'static str]) -> Self {
        Self { keywords, ..self }
    }

    /// A keyword must precede it.
    pub(super) const fn only_after(self, keywords: &'static [&'static str]) -> Self {
        Self { keywords, needs_keyword: true, ..self }
    }

    /// Only these people may use it.
    pub(super) const fn only_for(self, permission: Permission) -> Self {
        Self { permission: Some(permission), ..self }
    }
}

/// What a command does, with the kind of the operation that it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answers a question and changes nothing.
    Read,
    /// Starts an operation of this kind.
    Start(&'static str),
    /// Approves a waiting operation of this kind.
    Approve(&'static str),
    /// Rejects or cancels an operation of this kind.
    End(&'static str),
}

impl Action {
    /// The kind of the operation; `None` for a command that only reads.
    pub fn operation(self) -> Option<&'static str> {
        match self {
            Action::Read => None,
            Action::Start(kind) | Action::Approve(kind) | Action::End(kind) => Some(kind),
        }
    }
}

/// One form of a command: `/build log NAME [#N]`.
#[derive(Debug)]
pub struct Form {
    /// The slash command.
    pub verb: Verb,
    /// The word after it; `None` for the verb's own form, as in `/build NAME`.
    pub word: Option<&'static str>,
    /// Its arguments in the order in which they are printed.
    pub arguments: &'static [Argument],
    /// What it does, in one line.
    pub summary: &'static str,
    /// What else its user should know.
    pub help: &'static str,
    /// Lines that can be typed; the pipeline in them is `orders`.
    pub examples: &'static [&'static str],
    /// The permission to use it.
    pub permission: Permission,
    /// What it does, for programs.
    pub action: Action,
    /// `false` if it is not implemented yet: it is parsed, and the answer says so.
    pub available: bool,
}

impl Form {
    /// The verb and its word: `build log`. It is also the topic of its help.
    pub fn topic(&self) -> String {
        match self.word {
            Some(word) => format!("{} {word}", self.verb.word()),
            None => self.verb.word().to_owned(),
        }
    }

    /// The usage line without the verb: `log NAME [#N]`.
    pub fn arguments_usage(&self) -> String {
        let mut usage = self.word.unwrap_or_default().to_owned();
        for argument in self.arguments {
            if argument.kind != ArgumentKind::Reference && !usage.is_empty() {
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

    /// The examples, a line each, with a person's name where Slack puts an id.
    pub(super) fn shown_examples(&self) -> String {
        shown(&self.examples.join("\n"))
    }

    /// The first example.
    pub(super) fn shown_example(&self) -> String {
        shown(self.examples.first().copied().unwrap_or_default())
    }

    pub(super) fn has(&self, kind: ArgumentKind) -> bool {
        self.arguments.iter().any(|argument| argument.kind == kind)
    }
}

fn shown(example: &str) -> String {
    example.replace("<@U012AB3CD>", "@ann")
}
