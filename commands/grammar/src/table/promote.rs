//! `/promote`

use super::rows::rows;
use super::shared::{ANYWAY, MAYBE_REASON, NAME, REPLACE, STAGE};
use crate::form::{Action, Argument, ArgumentKind};
use crate::verb::Verb;
use sluice_model::{Permission, PipelineName, ReleaseNumber, StageName};

const TO: Argument =
    Argument::required(ArgumentKind::Stage, "[to] STAGE", "the stage to promote to").keyword(&["to"]);
const FROM: Argument = Argument::optional(
    ArgumentKind::From,
    "[from STAGE]",
    "the stage that runs it now; by default, the previous stage",
)
.only_after(&["from"]);
const RELEASE: Argument = Argument::optional(
    ArgumentKind::Release,
    "[rN]",
    "the release; by default, the one on the earlier stage",
);
const AGAIN: Argument = Argument::optional(
    ArgumentKind::Again,
    "[again]",
    "promote it although the stage was rolled back from it",
)
.only_after(&["again"]);
const OVERRIDE: Argument =
    Argument::optional(ArgumentKind::Override, "[override REASON]", "skip the gates, with a reason")
        .only_after(&["override"])
        .only_for(Permission::AdminsOrOncall);
const WHICH: Argument = Argument::optional(
    ArgumentKind::Release,
    "[rN]",
    "the release; needed only if several promotions are waiting",
);

rows! {
    /// A `/promote` command.
    PromoteCommand, Verb::Promote;

    /// `/promote orders prod from staging r7`
    Promote {
        name: PipelineName = NAME,
        to: StageName = TO,
        from: Option<StageName> = FROM,
        release: Option<ReleaseNumber> = RELEASE,
        again: bool = AGAIN,
        /// Let resources with data be replaced by empty ones.
        replace: bool = REPLACE,
        /// Promote although the stage was changed outside Sluice.
        anyway: bool = ANYWAY,
        override_reason: Option<String> = OVERRIDE,
    } => {
        word: None,
        summary: "Promote a release from an earlier stage",
        help: "By default, promotes the release that the previous stage runs. A promotion to a protected stage needs \
               someone else's approval, with the buttons on its message. `/pipeline check` shows what blocks it. Admins \
               and people on call can override the gates with a reason, which is announced.",
        examples: &[
            "/promote orders prod",
            "/promote orders to prod from staging",
            "/promote orders prod r7",
            "/promote orders prod override checkout is down",
        ],
        permission: Permission::Operators,
        action: Action::Start("promote"),
        available: true,
    }

    /// `/promote diff orders prod`
    Diff { name: PipelineName = NAME, to: StageName = TO } => {
        word: Some("diff"),
        summary: "Show what a promotion would change",
        help: "Compares what the stage runs with the release on the previous stage, as approvers would see it: functions, settings, \
               variables by name, permissions, routes, resources of the stack, commits, and the closed gates. Changes nothing.",
        examples: &["/promote diff orders prod", "/promote diff orders to prod"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/promote approve orders prod r7 looks good`
    Approve {
        name: PipelineName = NAME,
        stage: StageName = STAGE,
        release: Option<ReleaseNumber> = WHICH,
        reason: Option<String> = MAYBE_REASON,
    } => {
        word: Some("approve"),
        summary: "Approve a waiting promotion",
        help: "Does the same as the button on the promotion's message. If several promotions to the stage are waiting, name \
               the release. You cannot approve your own promotion.",
        examples: &[
            "/promote approve orders prod",
            "/promote approve orders prod r7",
            "/promote approve orders prod r7 looks good on staging",
        ],
        permission: Permission::Approvers,
        action: Action::Approve("promote"),
        available: true,
    }

    /// `/promote reject orders prod r7 checkout is slower`
    Reject {
        name: PipelineName = NAME,
        stage: StageName = STAGE,
        release: Option<ReleaseNumber> = WHICH,
        reason: Option<String> = MAYBE_REASON,
    } => {
        word: Some("reject"),
        summary: "Reject a waiting promotion",
        help: "Does the same as the button on the promotion's message. If several promotions to the stage are waiting, name \
               the release. Give a reason if you can.",
        examples: &[
            "/promote reject orders prod",
            "/promote reject orders prod r7",
            "/promote reject orders prod r7 checkout is slower",
        ],
        permission: Permission::Approvers,
        action: Action::End("promote"),
        available: true,
    }

    /// `/promote cancel orders prod r7 wrong release`
    Cancel {
        name: PipelineName = NAME,
        stage: StageName = STAGE,
        release: Option<ReleaseNumber> = WHICH,
        reason: Option<String> = MAYBE_REASON,
    } => {
        word: Some("cancel"),
        summary: "Withdraw a promotion",
        help: "Works while the promotion is waiting, and until it passes its point of no return. If there are several \
               promotions to the stage, name the release.",
        examples: &[
            "/promote cancel orders prod",
            "/promote cancel orders prod r7",
            "/promote cancel orders prod r7 wrong release",
        ],
        permission: Permission::Operators,
        action: Action::End("promote"),
        available: true,
    }
}
