//! `/deploy`

use super::{ANYWAY, Argument, Form, NAME, Slot};
use crate::{Command, Verb};
use sluice_model::Permission;

const BUILD: Argument = Argument::optional(Slot::Build, "[#N]", "the build; the newest green one without it");

pub(super) static DEPLOY: Form = Form {
    verb: Verb::Deploy,
    word: None,
    arguments: &[
        NAME,
        BUILD,
        Argument::optional(Slot::Stage, "[to STAGE]", "the stage; the first one without it").word(&["to"]),
        ANYWAY,
    ],
    summary: "Make a build a release and run it on a stage",
    help: "Deploys the newest green build to the first stage unless told otherwise. Only what changed is touched; \
           deploying what already runs says so. A protected stage is reached with `/promote` instead.",
    examples: &["/deploy orders", "/deploy orders #12", "/deploy orders #12 to dev"],
    permission: Permission::Operators,
    available: true,
    make: |v| Some(Command::Deploy { name: v.name?, build: v.build, stage: v.stage, anyway: v.anyway }),
};

pub(super) static PLAN: Form = Form {
    verb: Verb::Deploy,
    word: Some("plan"),
    arguments: &[NAME, BUILD],
    summary: "Show what a deploy would change",
    help: "Changes nothing.",
    examples: &["/deploy plan orders", "/deploy plan orders #12"],
    permission: Permission::Everyone,
    available: false,
    make: |v| Some(Command::DeployPlan { name: v.name?, build: v.build }),
};

pub(super) static CANCEL: Form = Form {
    verb: Verb::Deploy,
    word: Some("cancel"),
    arguments: &[NAME],
    summary: "Cancel a deploy before its point of no return",
    help: "What it did already is taken back.",
    examples: &["/deploy cancel orders"],
    permission: Permission::Operators,
    available: true,
    make: |v| Some(Command::DeployCancel { name: v.name? }),
};
