//! `/pipeline`

use super::{Argument, Form, MAYBE_STAGE, NAME, Slot};
use crate::{Command, Verb};
use sluice_model::Permission;

const MAYBE_NAME: Argument =
    Argument::optional(Slot::Name, "[NAME]", "the pipeline; all of them without one");
const WHOM: Argument =
    Argument::required(Slot::Member, "@person|@group", "somebody, or a user group, picked from Slack's list");
const ROLE: Argument = Argument::required(Slot::Role, "ROLE", "operators, admins, oncall or approvers");

pub(super) static STATUS: Form = Form {
    verb: Verb::Pipeline,
    word: Some("status"),
    arguments: &[MAYBE_NAME],
    summary: "Show what runs where, and what is going on",
    help: "Of one pipeline, or of all.",
    examples: &["/pipeline status", "/pipeline status orders"],
    permission: Permission::Everyone,
    available: true,
    make: |v| Some(Command::PipelineStatus { name: v.name }),
};

pub(super) static HISTORY: Form = Form {
    verb: Verb::Pipeline,
    word: Some("history"),
    arguments: &[
        NAME,
        MAYBE_STAGE,
        Argument::optional(Slot::Person, "[@person]", "what this person did"),
        Argument::optional(Slot::Since, "[since 7d]", "from when: 7d, 2026-11-01").word(&["since"]),
        Argument::optional(Slot::Until, "[until DATE]", "until when: 2026-12-01 is the end of November")
            .word(&["until"]),
    ],
    summary: "Show who did what, and when",
    help: "The newest first, of the whole pipeline or of one stage, a page at a time; also of a pipeline that is gone. Times are in UTC.",
    examples: &[
        "/pipeline history orders",
        "/pipeline history orders prod",
        "/pipeline history orders prod since 2026-03-01 until 2026-04-01",
    ],
    permission: Permission::Everyone,
    available: true,
    make: |v| {
        let (since, until) = (v.since, v.until);
        Some(Command::PipelineHistory { name: v.name?, stage: v.stage, person: v.person, since, until })
    },
};

pub(super) static MINE: Form = Form {
    verb: Verb::Pipeline,
    word: Some("mine"),
    arguments: &[],
    summary: "Show what waits for you",
    help: "Approvals that you can give, and what you asked for and is not done.",
    examples: &["/pipeline mine"],
    permission: Permission::Everyone,
    available: false,
    make: |_| Some(Command::PipelineMine),
};

pub(super) static CHECK: Form = Form {
    verb: Verb::Pipeline,
    word: Some("check"),
    arguments: &[NAME, MAYBE_STAGE],
    summary: "Say why a promotion can, or cannot, be",
    help: "Every gate of the stage and how it stands, for you. Changes nothing.",
    examples: &["/pipeline check orders", "/pipeline check orders prod"],
    permission: Permission::Everyone,
    available: true,
    make: |v| Some(Command::PipelineCheck { name: v.name?, stage: v.stage }),
};

pub(super) static WATCH: Form = Form {
    verb: Verb::Pipeline,
    word: Some("watch"),
    arguments: &[NAME],
    summary: "Tell this channel what happens to a pipeline",
    help: "In addition to its home channel.",
    examples: &["/pipeline watch orders"],
    permission: Permission::Everyone,
    available: false,
    make: |v| Some(Command::PipelineWatch { name: v.name? }),
};

pub(super) static UNWATCH: Form = Form {
    verb: Verb::Pipeline,
    word: Some("unwatch"),
    arguments: &[NAME],
    summary: "Tell this channel no more about a pipeline",
    help: "The home channel is told on.",
    examples: &["/pipeline unwatch orders"],
    permission: Permission::Everyone,
    available: false,
    make: |v| Some(Command::PipelineUnwatch { name: v.name? }),
};

pub(super) static GRANT: Form = Form {
    verb: Verb::Pipeline,
    word: Some("grant"),
    arguments: &[WHOM, ROLE, MAYBE_NAME],
    summary: "Give a person or a group a role",
    help: "For one pipeline, or for all. It is announced, and recorded. Who is in a group, Slack says at each decision.",
    examples: &["/pipeline grant <@U012AB3CD> operators", "/pipeline grant <@U012AB3CD> approvers orders"],
    permission: Permission::Admins,
    available: true,
    make: |v| Some(Command::PipelineGrant { person: v.member?, role: v.role?, name: v.name }),
};

pub(super) static REVOKE: Form = Form {
    verb: Verb::Pipeline,
    word: Some("revoke"),
    arguments: &[WHOM, ROLE, MAYBE_NAME],
    summary: "Take a role from a person or a group",
    help: "For one pipeline, or for all. Roles written in `sluice.toml` are changed there.",
    examples: &["/pipeline revoke <@U012AB3CD> operators", "/pipeline revoke <@U012AB3CD> approvers orders"],
    permission: Permission::Admins,
    available: true,
    make: |v| Some(Command::PipelineRevoke { person: v.member?, role: v.role?, name: v.name }),
};

pub(super) static WHO: Form = Form {
    verb: Verb::Pipeline,
    word: Some("who"),
    arguments: &[MAYBE_NAME],
    summary: "Show who may do what",
    help: "The roles, and where each comes from.",
    examples: &["/pipeline who", "/pipeline who orders"],
    permission: Permission::Everyone,
    available: true,
    make: |v| Some(Command::PipelineWho { name: v.name }),
};

pub(super) static TIDY: Form = Form {
    verb: Verb::Pipeline,
    word: Some("tidy"),
    arguments: &[
        NAME,
        Argument::optional(Slot::Now, "[now]", "delete it; without it, it is only listed")
            .only_after(&["now"]),
    ],
    summary: "Delete versions and roles that nothing needs any more",
    help: "What a stage runs, and the ten releases before it, stay; so does everything while a deploy or promotion is open, and for an hour after a stage moved. Logs that never expire are kept for 90 days from then on. Sluice does this by itself after every ten releases.",
    examples: &["/pipeline tidy orders", "/pipeline tidy orders now"],
    permission: Permission::Admins,
    available: true,
    make: |v| Some(Command::PipelineTidy { name: v.name?, now: v.now }),
};

pub(super) static HELP: Form = Form {
    verb: Verb::Pipeline,
    word: Some("help"),
    arguments: &[Argument::optional(Slot::Topic, "[COMMAND]", "a command, as in `build` or `build log`")],
    summary: "Show what one can type",
    help: "All commands, or one of them. Each command also has its own: `/build help`.",
    examples: &["/pipeline help", "/pipeline help build", "/pipeline help stage add"],
    permission: Permission::Everyone,
    available: true,
    make: |v| Some(Command::Help { command: v.topic }),
};
