//! `/stage`

use super::rows::rows;
use super::shared::{MAYBE_STAGE, NAME, STAGE};
use crate::form::{Action, Argument, ArgumentKind};
use crate::period::Period;
use crate::verb::Verb;
use sluice_model::{Permission, PipelineName, StageName};

const NEW_STAGE: Argument = Argument::required(
    ArgumentKind::Stage,
    "STAGE",
    "the stage's name: 2 to 20 characters of a-z, 0-9 and -",
);
const AFTER: Argument =
    Argument::optional(ArgumentKind::After, "[after STAGE]", "the stage before it; by default, the last one")
        .only_after(&["after"]);
const SETTINGS: Argument =
    Argument::required(ArgumentKind::Settings, "KEY=VALUE…", "what to set; quote values with spaces");
const CONFIRM: Argument =
    Argument::optional(ArgumentKind::Confirm, "[confirm]", "accept that the stage will need fewer approvals")
        .only_after(&["confirm"]);
const NOW: Argument =
    Argument::optional(ArgumentKind::Now, "[now]", "remove it; without this word, Sluice asks first")
        .only_after(&["now"]);
const END: Argument = Argument::optional(
    ArgumentKind::End,
    "[for 2h]",
    "when the lock ends: for 2h, until 17:00, until tomorrow 9:00, until monday, until 2026-11-01",
)
.only_after(&["for", "until"]);
const HARD: Argument = Argument::optional(ArgumentKind::Hard, "[hard]", "also block rollbacks; for admins")
    .only_after(&["hard"])
    .only_for(Permission::Admins);
const REASON: Argument = Argument::required(
    ArgumentKind::Reason,
    "REASON",
    "why, for the people it blocks; quote it if you name no stage",
);

rows! {
    /// A `/stage` command.
    StageCommand, Verb::Stage;

    /// `/stage list orders`
    List { name: PipelineName = NAME } => {
        word: Some("list"),
        summary: "List the stages and what they run",
        help: "Shows the stages in their order, with release, build, URL and protection.",
        examples: &["/stage list orders"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/stage add orders staging after dev`
    Add {
        name: PipelineName = NAME,
        stage: StageName = NEW_STAGE,
        after: Option<StageName> = AFTER,
    } => {
        word: Some("add"),
        summary: "Add a stage",
        help: "The new stage is the last one, or follows the stage that you name. Every stage after the first is \
               protected: a promotion to it needs an approval. The stage runs nothing until the first promotion.",
        examples: &["/stage add orders staging", "/stage add orders staging after dev"],
        permission: Permission::Admins,
        action: Action::Start("stage-add"),
        available: true,
    }

    /// `/stage set orders prod approvals=2`; at least one setting, and keys keep their case.
    Set {
        name: PipelineName = NAME,
        stage: StageName = STAGE,
        settings: Vec<(String, String)> = SETTINGS,
        /// Accept that the stage needs fewer approvals.
        confirm: bool = CONFIRM,
    } => {
        word: Some("set"),
        summary: "Change a stage's policy and parameters",
        help: "You can change several settings at once: `approvals`, `approvers`, `self_approval`, `expires`, `order`, \
               `soak`, `window`, `freeze`, `smoke`, `wild_rights`, `images`, `events`. The value `default` resets a setting. A weaker policy \
               of a protected stage is announced, and a change to fewer approvals has to be confirmed. `param.NAME=VALUE` \
               sets a template parameter for this stage, starting with the next deploy or promotion; `param.NAME=-` \
               removes it. Parameter names are case-sensitive, and everybody can see the values: never use a secret. \
               A smoke test is a request to the stage, or a test event for a function, which must tolerate receiving it \
               more than once. The test runs right after a deploy or a promotion moved the stage; if it does not pass \
               within 20 seconds, Sluice moves the stage back. `wild_rights=yes` accepts templates whose functions may \
               perform every action, or act on every resource. `images=NAME,NAME` accepts container images from these repositories \
               beside those named after the pipeline. `events=off` keeps the stage's triggers from delivering, starting \
               with the next deploy or promotion.",
        examples: &[
            "/stage set orders prod approvals=2 order=strict soak=30m",
            "/stage set orders prod window=\"Mon-Fri 09:00-17:00 Europe/Berlin\"",
            "/stage set orders prod freeze=\"2026-12-20..2027-01-02 holiday season\"",
            "/stage set orders prod smoke=\"GET /health 200\"",
            "/stage set orders prod smoke='invoke Hello {\"ping\":true}'",
            "/stage set orders prod param.LogLevel=debug",
        ],
        permission: Permission::Admins,
        action: Action::Start("stage-set"),
        available: true,
    }

    /// `/stage remove orders staging`; without `now` it asks first.
    Remove { name: PipelineName = NAME, stage: StageName = STAGE, now: bool = NOW } => {
        word: Some("remove"),
        summary: "Remove a stage and what runs there",
        help: "Shows what would go and what would stay, and asks for confirmation; `now` confirms it at once. Its APIs stop \
               answering first. Then its stack, functions, roles and APIs are deleted, and the stage leaves the pipeline. \
               Resources with data, such as tables and buckets, stay in the account and are listed, and so do log groups. \
               Releases and history are kept. The first stage stays, because deploys go there.",
        examples: &["/stage remove orders staging", "/stage remove orders staging now"],
        permission: Permission::Admins,
        action: Action::Start("stage-remove"),
        available: true,
    }

    /// `/stage lock orders prod for 2h "schema migration"`
    Lock {
        name: PipelineName = NAME,
        stage: Option<StageName> = MAYBE_STAGE,
        until: Option<Period> = END,
        /// It also blocks rollbacks.
        hard: bool = HARD,
        reason: String = REASON,
    } => {
        word: Some("lock"),
        summary: "Block changes to a stage, or to all stages",
        help: "Blocks deploys and promotions until the lock ends or is removed; rollbacks still work, unless the lock is \
               `hard`. Without an end it lasts 2 hours. Times are in UTC, and a day without a time begins at 9:00. `until` \
               always begins an end: quote a reason that contains the word. The owner of a lock that is replaced is \
               notified. A lock that you may not remove is kept: it applies again when yours is removed.",
        examples: &[
            "/stage lock orders prod for 2h schema migration",
            "/stage lock orders prod schema migration for 2 hours",
            "/stage lock orders prod until tomorrow 9:00 schema migration",
            "/stage lock orders \"holiday season\"",
        ],
        permission: Permission::OperatorsOrOncall,
        action: Action::Start("stage-lock"),
        available: true,
    }

    /// `/stage unlock orders prod`
    Unlock { name: PipelineName = NAME, stage: Option<StageName> = MAYBE_STAGE } => {
        word: Some("unlock"),
        summary: "Remove a lock",
        help: "Only the lock's owner or an admin can remove it.",
        examples: &["/stage unlock orders prod", "/stage unlock orders"],
        permission: Permission::OperatorsOrOncall,
        action: Action::Start("stage-unlock"),
        available: true,
    }
}
