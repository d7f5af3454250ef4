//! `/promote`

use super::{ANYWAY, Argument, Form, MAYBE_REASON, NAME, STAGE, Slot};
use crate::{Command, Verb};
use sluice_model::Permission;

const TO: Argument =
    Argument::required(Slot::Stage, "[to] STAGE", "the stage that shall run the release").word(&["to"]);

const WHICH: Argument =
    Argument::optional(Slot::Release, "[rN]", "the release; needed only where several promotions wait");

pub(super) static PROMOTE: Form = Form {
    verb: Verb::Promote,
    word: None,
    arguments: &[
        NAME,
        TO,
        Argument::optional(
            Slot::From,
            "[from STAGE]",
            "the stage that runs it now; the one before without it",
        )
        .only_after(&["from"]),
        Argument::optional(Slot::Release, "[rN]", "the release; what the earlier stage runs without it"),
        Argument::optional(Slot::Again, "[again]", "though it was rolled back there").only_after(&["again"]),
        ANYWAY,
        Argument::optional(Slot::Override, "[override REASON]", "pass the gates, and say why")
            .only_after(&["override"]),
    ],
    summary: "Ask that a stage runs the release of an earlier one",
    help: "Takes what the stage before it runs, unless told otherwise. A protected stage needs an approval of somebody \
           else; the message has the buttons. `/pipeline check` says what stands in the way. Admins and people on call \
           can override it, with a reason: that is told to everybody.",
    examples: &[
        "/promote orders prod",
        "/promote orders to prod from staging",
        "/promote orders prod r7",
        "/promote orders prod override checkout is down",
    ],
    permission: Permission::Operators,
    available: true,
    make: |v| {
        Some(Command::Promote {
            name: v.name?,
            to: v.stage?,
            from: v.from,
            release: v.release,
            again: v.again,
            anyway: v.anyway,
            override_reason: v.override_reason,
        })
    },
};

pub(super) static DIFF: Form = Form {
    verb: Verb::Promote,
    word: Some("diff"),
    arguments: &[NAME, TO],
    summary: "Show what a promotion would change",
    help: "The commits and the configuration between what the stage runs and what it would run. Changes nothing.",
    examples: &["/promote diff orders prod", "/promote diff orders to prod"],
    permission: Permission::Everyone,
    available: false,
    make: |v| Some(Command::PromoteDiff { name: v.name?, to: v.stage? }),
};

pub(super) static APPROVE: Form = Form {
    verb: Verb::Promote,
    word: Some("approve"),
    arguments: &[NAME, STAGE, WHICH, MAYBE_REASON],
    summary: "Approve the promotion that waits for a stage",
    help: "The same as the button on its message. If several promotions wait for the stage, name the release. You cannot \
           approve your own promotion.",
    examples: &[
        "/promote approve orders prod",
        "/promote approve orders prod r7",
        "/promote approve orders prod r7 looks good on staging",
    ],
    permission: Permission::Approvers,
    available: true,
    make: |v| {
        Some(Command::PromoteApprove { name: v.name?, stage: v.stage?, release: v.release, reason: v.reason })
    },
};

pub(super) static REJECT: Form = Form {
    verb: Verb::Promote,
    word: Some("reject"),
    arguments: &[NAME, STAGE, WHICH, MAYBE_REASON],
    summary: "Reject the promotion that waits for a stage",
    help: "The same as the button on its message. If several promotions wait for the stage, name the release. Say why, if \
           you can.",
    examples: &[
        "/promote reject orders prod",
        "/promote reject orders prod r7",
        "/promote reject orders prod r7 checkout is slower",
    ],
    permission: Permission::Approvers,
    available: true,
    make: |v| {
        Some(Command::PromoteReject { name: v.name?, stage: v.stage?, release: v.release, reason: v.reason })
    },
};

pub(super) static CANCEL: Form = Form {
    verb: Verb::Promote,
    word: Some("cancel"),
    arguments: &[NAME, STAGE, WHICH, MAYBE_REASON],
    summary: "Withdraw a promotion",
    help: "Works while it waits, or until it passes its point of no return. If there are several promotions to the stage, \
           name the release.",
    examples: &[
        "/promote cancel orders prod",
        "/promote cancel orders prod r7",
        "/promote cancel orders prod r7 wrong release",
    ],
    permission: Permission::Operators,
    available: true,
    make: |v| {
        Some(Command::PromoteCancel { name: v.name?, stage: v.stage?, release: v.release, reason: v.reason })
    },
};
