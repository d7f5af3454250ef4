//! `/stage`

use super::{Argument, Form, MAYBE_STAGE, NAME, STAGE, Slot};
use crate::{Command, Verb};
use sluice_model::Permission;

pub(super) static LIST: Form = Form {
    verb: Verb::Stage,
    word: Some("list"),
    arguments: &[NAME],
    summary: "List the stages and what they run",
    help: "In their order, with release, build, URL and whether they are protected.",
    examples: &["/stage list orders"],
    permission: Permission::Everyone,
    available: true,
    make: |v| Some(Command::StageList { name: v.name? }),
};

pub(super) static ADD: Form = Form {
    verb: Verb::Stage,
    word: Some("add"),
    arguments: &[
        NAME,
        Argument::required(Slot::Stage, "STAGE", "the stage's name: 2 to 20 of a-z, 0-9 and -"),
        Argument::optional(Slot::After, "[after STAGE]", "where it stands; last without it")
            .only_after(&["after"]),
    ],
    summary: "Add a stage",
    help: "It comes last, or after the stage that you name. Every stage after the first is protected: a promotion to \
           it needs an approval. Nothing runs there before the first promotion.",
    examples: &["/stage add orders staging", "/stage add orders staging after dev"],
    permission: Permission::Admins,
    available: true,
    make: |v| Some(Command::StageAdd { name: v.name?, stage: v.stage?, after: v.after }),
};

pub(super) static SET: Form = Form {
    verb: Verb::Stage,
    word: Some("set"),
    arguments: &[
        NAME,
        STAGE,
        Argument::required(Slot::Settings, "KEY=VALUE…", "what to set; quote values with spaces"),
        Argument::optional(Slot::Confirm, "[confirm]", "although the stage then needs fewer approvals")
            .only_after(&["confirm"]),
    ],
    summary: "Change a stage's policy and parameters",
    help: "Several can be set at once: `approvals`, `approvers`, `self_approval`, `expires`, `order`, `soak`, `window`, \
           `freeze`, `smoke`, `wild_rights`; `default` takes one back. Lowering the policy of a protected stage is announced, and fewer \
           approvals have to be confirmed. `param.NAME=VALUE` sets a parameter of the template for this stage, from the next \
           deploy or promotion on; `param.NAME=-` removes it. Names of parameters are case-sensitive, and values are shown to \
           everybody: never a secret. A smoke test is \
           a request to the stage, or a test event of a function, which must be one that may come more than once; it runs \
           right after a deploy or a promotion moved the stage, and what does not pass within 20 seconds goes back by itself. \
           `wild_rights=yes` accepts templates whose functions may do every action, or act on every resource.",
    examples: &[
        "/stage set orders prod approvals=2 order=strict soak=30m",
        "/stage set orders prod window=\"Mon-Fri 09:00-17:00 Europe/Berlin\"",
        "/stage set orders prod freeze=\"2026-12-20..2027-01-02 the fair is on\"",
        "/stage set orders prod smoke=\"GET /health 200\"",
        "/stage set orders prod smoke='invoke Hello {\"ping\":true}'",
        "/stage set orders prod param.LogLevel=debug",
    ],
    permission: Permission::Admins,
    available: true,
    make: |v| {
        let (settings, confirm) = (v.settings?, v.confirm);
        Some(Command::StageSet { name: v.name?, stage: v.stage?, settings, confirm })
    },
};

pub(super) static REMOVE: Form = Form {
    verb: Verb::Stage,
    word: Some("remove"),
    arguments: &[NAME, STAGE],
    summary: "Remove a stage and what runs there",
    help: "Asks first. Releases and history stay.",
    examples: &["/stage remove orders staging"],
    permission: Permission::Admins,
    available: false,
    make: |v| Some(Command::StageRemove { name: v.name?, stage: v.stage? }),
};

pub(super) static LOCK: Form = Form {
    verb: Verb::Stage,
    word: Some("lock"),
    arguments: &[
        NAME,
        MAYBE_STAGE,
        Argument::optional(
            Slot::End,
            "[for 2h]",
            "when the lock ends: for 2h, until 17:00, until tomorrow 9:00, until monday, until 2026-11-01",
        )
        .only_after(&["for", "until"]),
        Argument::optional(Slot::Hard, "[hard]", "a rollback is stopped, too; for admins")
            .only_after(&["hard"]),
        Argument::required(
            Slot::Reason,
            "REASON",
            "why, for those who meet the lock; quote it where no stage is named",
        ),
    ],
    summary: "Keep a stage, or all of them, as they are",
    help: "Blocks deploys and promotions until the lock ends or is removed; rollbacks still work, unless it is `hard`. \
           Without an end it lasts 2 hours. Times are in UTC, and a day without a time begins at 9:00. `until` always begins \
           an end: quote a reason that contains the word. The owner of a lock that is replaced is notified. A lock that you \
           may not remove is kept: it applies again when yours is removed.",
    examples: &[
        "/stage lock orders prod for 2h schema migration",
        "/stage lock orders prod schema migration for 2 hours",
        "/stage lock orders prod until tomorrow 9:00 schema migration",
        "/stage lock orders \"the fair is on\"",
    ],
    permission: Permission::OperatorsOrOncall,
    available: true,
    make: |v| {
        Some(Command::StageLock {
            name: v.name?,
            stage: v.stage,
            until: v.until,
            hard: v.hard,
            reason: v.reason?,
        })
    },
};

pub(super) static UNLOCK: Form = Form {
    verb: Verb::Stage,
    word: Some("unlock"),
    arguments: &[NAME, MAYBE_STAGE],
    summary: "Take a lock away",
    help: "Whose lock it is takes it away, or an admin.",
    examples: &["/stage unlock orders prod", "/stage unlock orders"],
    permission: Permission::OperatorsOrOncall,
    available: true,
    make: |v| Some(Command::StageUnlock { name: v.name?, stage: v.stage }),
};
