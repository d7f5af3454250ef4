//! `/build`

use super::{Argument, Form, MAYBE_BUILD, NAME, Slot};
use crate::{Command, Verb};
use sluice_model::Permission;

pub(super) static BUILD: Form = Form {
    verb: Verb::Build,
    word: None,
    arguments: &[
        NAME,
        Argument::optional(
            Slot::Reference,
            "[@REF]",
            "a branch, tag or commit; the default branch without one",
        ),
    ],
    summary: "Build a branch, tag or commit",
    help: "The commit is resolved once, when the build is accepted. A green build has a number, and can be deployed. \
           The branch may also stand apart: `/build orders main`.",
    examples: &["/build orders", "/build orders@main", "/build orders@feature/checkout"],
    permission: Permission::Operators,
    available: true,
    make: |v| Some(Command::Build { name: v.name?, reference: v.reference }),
};

pub(super) static CANCEL: Form = Form {
    verb: Verb::Build,
    word: Some("cancel"),
    arguments: &[NAME, MAYBE_BUILD],
    summary: "Stop a build that runs",
    help: "Without a number, the newest build is stopped.",
    examples: &["/build cancel orders", "/build cancel orders #12"],
    permission: Permission::Operators,
    available: true,
    make: |v| Some(Command::BuildCancel { name: v.name?, build: v.build }),
};

pub(super) static RETRY: Form = Form {
    verb: Verb::Build,
    word: Some("retry"),
    arguments: &[NAME, MAYBE_BUILD],
    summary: "Build the same commit again",
    help: "The new build has a number of its own.",
    examples: &["/build retry orders", "/build retry orders #12"],
    permission: Permission::Operators,
    available: false,
    make: |v| Some(Command::BuildRetry { name: v.name?, build: v.build }),
};

pub(super) static LOG: Form = Form {
    verb: Verb::Build,
    word: Some("log"),
    arguments: &[NAME, MAYBE_BUILD],
    summary: "Show the end of a build's log",
    help: "Without a number, of the newest build. The whole log is linked.",
    examples: &["/build log orders", "/build log orders #12"],
    permission: Permission::Everyone,
    available: true,
    make: |v| Some(Command::BuildLog { name: v.name?, build: v.build }),
};

pub(super) static LIST: Form = Form {
    verb: Verb::Build,
    word: Some("list"),
    arguments: &[NAME],
    summary: "List the newest builds",
    help: "Each with its commit, who asked for it, and how it ended.",
    examples: &["/build list orders"],
    permission: Permission::Everyone,
    available: true,
    make: |v| Some(Command::BuildList { name: v.name? }),
};
