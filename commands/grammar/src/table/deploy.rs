//! `/deploy`

use super::rows::rows;
use super::shared::{ANYWAY, NAME, REPLACE};
use crate::form::{Action, Argument, ArgumentKind};
use crate::verb::Verb;
use sluice_model::{BuildNumber, Permission, PipelineName, StageName};

const BUILD: Argument =
    Argument::optional(ArgumentKind::Build, "[#N]", "the build; by default, the newest successful one");
const TO: Argument =
    Argument::optional(ArgumentKind::Stage, "[to STAGE]", "the stage; by default, the first one")
        .keyword(&["to"]);

rows! {
    /// A `/deploy` command.
    DeployCommand, Verb::Deploy;

    /// `/deploy orders #12 to dev`
    Deploy {
        name: PipelineName = NAME,
        build: Option<BuildNumber> = BUILD,
        stage: Option<StageName> = TO,
        /// Let resources with data be replaced by empty ones.
        replace: bool = REPLACE,
        /// Deploy although the stage was changed outside Sluice.
        anyway: bool = ANYWAY,
    } => {
        word: None,
        summary: "Create a release from a build and run it on a stage",
        help: "By default, deploys the newest successful build to the first stage. Only what changed is updated; if the \
               stage already runs the build, the answer says so. To change a protected stage, use `/promote`.",
        examples: &["/deploy orders", "/deploy orders #12", "/deploy orders #12 to dev"],
        permission: Permission::Operators,
        action: Action::Start("deploy"),
        available: true,
    }

    /// `/deploy plan orders #12`
    Plan { name: PipelineName = NAME, build: Option<BuildNumber> = BUILD } => {
        word: Some("plan"),
        summary: "Show what a deploy would change",
        help: "Lists the functions, settings, variables by name, permissions, routes and resources of the stack that would change, \
               the commits in between, and the closed gates. It refuses what the deploy would refuse, and changes nothing.",
        examples: &["/deploy plan orders", "/deploy plan orders #12"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/deploy cancel orders`
    Cancel { name: PipelineName = NAME } => {
        word: Some("cancel"),
        summary: "Cancel a deploy before its point of no return",
        help: "If the deploy already changed the stage, the change is undone.",
        examples: &["/deploy cancel orders"],
        permission: Permission::Operators,
        action: Action::End("deploy"),
        available: true,
    }
}
