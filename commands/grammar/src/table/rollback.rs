//! `/rollback`

use super::{ANYWAY, Argument, Form, MAYBE_REASON, NAME, STAGE, Slot};
use crate::{Command, Verb};
use sluice_model::Permission;

pub(super) static ROLLBACK: Form = Form {
    verb: Verb::Rollback,
    word: None,
    arguments: &[
        NAME,
        STAGE,
        Argument::optional(Slot::Release, "[[to] rN]", "a release that ran there; the one before without it")
            .word(&["to"]),
        ANYWAY,
        MAYBE_REASON,
    ],
    summary: "Take a stage back to the release it ran before",
    help: "Needs no approval, and goes before everything that waits for the stage. Any release that ran well there can \
           be named.",
    examples: &[
        "/rollback orders prod",
        "/rollback orders prod to r6",
        "/rollback orders prod r6 checkout is down",
        "/rollback orders prod checkout is down",
    ],
    permission: Permission::OperatorsOrOncall,
    available: true,
    make: |v| {
        Some(Command::Rollback {
            name: v.name?,
            stage: v.stage?,
            release: v.release,
            anyway: v.anyway,
            reason: v.reason,
        })
    },
};
