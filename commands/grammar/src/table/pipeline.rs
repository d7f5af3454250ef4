//! `/pipeline`

use super::rows::rows;
use super::shared::{MAYBE_STAGE, NAME};
use crate::form::{Action, Argument, ArgumentKind};
use crate::period::Period;
use crate::verb::Verb;
use sluice_model::{Member, Permission, PipelineName, Role, StageName, UserId};

const MAYBE_NAME: Argument =
    Argument::optional(ArgumentKind::Name, "[NAME]", "the pipeline; by default, all of them");
const WHOM: Argument = Argument::required(
    ArgumentKind::Member,
    "@person|@group",
    "a person or a user group, picked from Slack's list",
);
const ROLE: Argument =
    Argument::required(ArgumentKind::Role, "ROLE", "operators, admins, oncall or approvers");
const PERSON: Argument = Argument::optional(ArgumentKind::Person, "[@person]", "only what this person did");
const SINCE: Argument =
    Argument::optional(ArgumentKind::Since, "[since 7d]", "the start: 7d, 2026-11-01").keyword(&["since"]);
const LOGS_OF: Argument =
    Argument::optional(ArgumentKind::Stage, "[STAGE]", "the stage; by default, the first one");
const LOGS_SINCE: Argument = Argument::optional(
    ArgumentKind::Since,
    "[since 10m]",
    "the start, at most 24 hours ago; by default, 10 minutes ago",
)
.keyword(&["since"]);
const UNTIL: Argument = Argument::optional(
    ArgumentKind::Until,
    "[until DATE]",
    "the end, exclusive: 2026-12-01 ends with November",
)
.keyword(&["until"]);
const NOW: Argument = Argument::optional(
    ArgumentKind::Now,
    "[now]",
    "delete them; without this word, the command only lists them",
)
.only_after(&["now"]);
const DATA: Argument = Argument::optional(
    ArgumentKind::Data,
    "[with STAGE/NAME,…]",
    "also delete these tables, buckets and queues that no release needs, with their data",
)
.only_after(&["with"]);
const TOPIC: Argument =
    Argument::optional(ArgumentKind::Topic, "[COMMAND]", "a command, as in `build` or `build log`");

rows! {
    /// A `/pipeline` command.
    PipelineCommand, Verb::Pipeline;

    /// `/pipeline status orders`
    Status { name: Option<PipelineName> = MAYBE_NAME } => {
        word: Some("status"),
        summary: "Show what runs where, and what is in progress",
        help: "Shows one pipeline, or all of them.",
        examples: &["/pipeline status", "/pipeline status orders"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/pipeline history orders prod @ann since 7d`
    History {
        name: PipelineName = NAME,
        stage: Option<StageName> = MAYBE_STAGE,
        person: Option<UserId> = PERSON,
        since: Option<Period> = SINCE,
        until: Option<Period> = UNTIL,
    } => {
        word: Some("history"),
        summary: "Show who did what, and when",
        help: "Lists the newest entries first, a page at a time, for the whole pipeline or for one stage. It also works for \
               a deleted pipeline. Times are in UTC.",
        examples: &[
            "/pipeline history orders",
            "/pipeline history orders prod",
            "/pipeline history orders prod since 2026-03-01 until 2026-04-01",
        ],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/pipeline logs orders prod since 1h`
    Logs {
        name: PipelineName = NAME,
        stage: Option<StageName> = LOGS_OF,
        since: Option<Period> = LOGS_SINCE,
    } => {
        word: Some("logs"),
        summary: "Show the newest log lines of a stage's functions",
        help: "Shows the last 10 minutes, or up to 24 hours, the oldest line first, and links to the whole logs. Secrets are \
               redacted as far as they can be recognised. In the pipeline's home channel everybody can read them; elsewhere, \
               people with a role.",
        examples: &["/pipeline logs orders", "/pipeline logs orders prod", "/pipeline logs orders prod since 1h"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/pipeline mine`
    Mine {} => {
        word: Some("mine"),
        summary: "Show what is waiting for you",
        help: "Lists approvals that you can give, and your requests that are not finished.",
        examples: &["/pipeline mine"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: false,
    }

    /// `/pipeline check orders prod`
    Check { name: PipelineName = NAME, stage: Option<StageName> = MAYBE_STAGE } => {
        word: Some("check"),
        summary: "Explain whether a stage can be promoted to, and why",
        help: "Shows every gate of the stage and whether it would let you through. Changes nothing.",
        examples: &["/pipeline check orders", "/pipeline check orders prod"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/pipeline watch orders`
    Watch { name: PipelineName = NAME } => {
        word: Some("watch"),
        summary: "Post a pipeline's messages in this channel too",
        help: "The home channel is still notified.",
        examples: &["/pipeline watch orders"],
        permission: Permission::Everyone,
        action: Action::Start("watch"),
        available: false,
    }

    /// `/pipeline unwatch orders`
    Unwatch { name: PipelineName = NAME } => {
        word: Some("unwatch"),
        summary: "Stop posting a pipeline's messages in this channel",
        help: "The home channel is still notified.",
        examples: &["/pipeline unwatch orders"],
        permission: Permission::Everyone,
        action: Action::Start("unwatch"),
        available: false,
    }

    /// `/pipeline grant @ann operators orders`
    Grant {
        person: Member = WHOM,
        role: Role = ROLE,
        name: Option<PipelineName> = MAYBE_NAME,
    } => {
        word: Some("grant"),
        summary: "Give a person or a group a role",
        help: "Applies to one pipeline, or to all. The change is announced and recorded. Sluice asks Slack for a group's \
               members at each decision.",
        examples: &["/pipeline grant <@U012AB3CD> operators", "/pipeline grant <@U012AB3CD> approvers orders"],
        permission: Permission::Admins,
        action: Action::Start("access-grant"),
        available: true,
    }

    /// `/pipeline revoke @ann operators orders`
    Revoke {
        person: Member = WHOM,
        role: Role = ROLE,
        name: Option<PipelineName> = MAYBE_NAME,
    } => {
        word: Some("revoke"),
        summary: "Take a role from a person or a group",
        help: "Applies to one pipeline, or to all. To change a role from `sluice.toml`, edit the file.",
        examples: &["/pipeline revoke <@U012AB3CD> operators", "/pipeline revoke <@U012AB3CD> approvers orders"],
        permission: Permission::Admins,
        action: Action::Start("access-revoke"),
        available: true,
    }

    /// `/pipeline who orders`
    Who { name: Option<PipelineName> = MAYBE_NAME } => {
        word: Some("who"),
        summary: "Show who may do what",
        help: "Lists the roles, and the source of each.",
        examples: &["/pipeline who", "/pipeline who orders"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/pipeline tidy orders now`; without `now` it only lists.
    Tidy { name: PipelineName = NAME, now: bool = NOW, data: Option<String> = DATA } => {
        word: Some("tidy"),
        summary: "Delete versions, roles and resources of stacks that are no longer needed",
        help: "Keeps what each stage runs and the ten releases before it. Keeps everything while a deploy or promotion is \
               open, and for an hour after a stage moved. Logs without an expiry are kept for 90 days from then on. What \
               holds data stays until you name it. Sluice does this by itself after every ten releases.",
        examples: &[
            "/pipeline tidy orders",
            "/pipeline tidy orders now",
            "/pipeline tidy orders now with prod/Archive",
        ],
        permission: Permission::Admins,
        action: Action::Start("tidy"),
        available: true,
    }

    /// `help`, alone or with a topic as [`topics`](crate::topics) lists them: `build`, `build log`.
    Help { command: Option<String> = TOPIC } => {
        word: Some("help"),
        summary: "Show the commands",
        help: "Shows all commands, or one of them. Each command also has its own help: `/build help`.",
        examples: &["/pipeline help", "/pipeline help build", "/pipeline help stage add"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }
}
