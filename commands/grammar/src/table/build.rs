//! `/build`

use super::rows::rows;
use super::shared::{MAYBE_BUILD, NAME};
use crate::form::{Action, Argument, ArgumentKind};
use crate::verb::Verb;
use sluice_model::{BuildNumber, Permission, PipelineName};

const REFERENCE: Argument = Argument::optional(
    ArgumentKind::Reference,
    "[@REF]",
    "a branch, tag or commit; by default, the default branch",
);

rows! {
    /// A `/build` command.
    BuildCommand, Verb::Build;

    /// `/build orders@main`; without a reference the default branch is built.
    Build { name: PipelineName = NAME, reference: Option<String> = REFERENCE } => {
        word: None,
        summary: "Build a branch, tag or commit",
        help: "Sluice resolves the commit once, when it accepts the command. A successful build gets a number and can be \
               deployed. You can also write the branch as a separate word: `/build orders main`.",
        examples: &["/build orders", "/build orders@main", "/build orders@feature/checkout"],
        permission: Permission::Operators,
        action: Action::Start("build"),
        available: true,
    }

    /// `/build cancel orders #12`
    Cancel { name: PipelineName = NAME, build: Option<BuildNumber> = MAYBE_BUILD } => {
        word: Some("cancel"),
        summary: "Stop a running build",
        help: "Without a number, stops the newest build.",
        examples: &["/build cancel orders", "/build cancel orders #12"],
        permission: Permission::Operators,
        action: Action::End("build"),
        available: true,
    }

    /// `/build retry orders #12`
    Retry { name: PipelineName = NAME, build: Option<BuildNumber> = MAYBE_BUILD } => {
        word: Some("retry"),
        summary: "Build the same commit again",
        help: "Without a number, builds the commit of the newest build again. The new build gets its own number.",
        examples: &["/build retry orders", "/build retry orders #12"],
        permission: Permission::Operators,
        action: Action::Start("build"),
        available: true,
    }

    /// `/build log orders #12`
    Log { name: PipelineName = NAME, build: Option<BuildNumber> = MAYBE_BUILD } => {
        word: Some("log"),
        summary: "Show the end of a build's log",
        help: "Without a number, shows the log of the newest build. The answer links to the whole log.",
        examples: &["/build log orders", "/build log orders #12"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/build list orders`
    List { name: PipelineName = NAME } => {
        word: Some("list"),
        summary: "List the newest builds",
        help: "Shows each build's commit, who requested it, and its result.",
        examples: &["/build list orders"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }
}
