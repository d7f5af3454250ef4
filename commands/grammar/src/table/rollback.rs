//! `/rollback`

use super::rows::rows;
use super::shared::{ANYWAY, MAYBE_REASON, NAME, STAGE};
use crate::form::{Action, Argument, ArgumentKind};
use crate::verb::Verb;
use sluice_model::{Permission, PipelineName, ReleaseNumber, StageName};

const TO: Argument = Argument::optional(
    ArgumentKind::Release,
    "[[to] rN]",
    "a release that ran there; by default, the previous one",
)
.keyword(&["to"]);

rows! {
    /// A `/rollback` command.
    RollbackCommand, Verb::Rollback;

    /// `/rollback orders prod to r6 checkout is down`
    Rollback {
        name: PipelineName = NAME,
        stage: StageName = STAGE,
        release: Option<ReleaseNumber> = TO,
        /// Roll back although the stage was changed outside Sluice.
        anyway: bool = ANYWAY,
        reason: Option<String> = MAYBE_REASON,
    } => {
        word: None,
        summary: "Move a stage back to an earlier release",
        help: "Needs no approval, and goes ahead of everything that waits for the stage. You can name any release that ran \
               there successfully.",
        examples: &[
            "/rollback orders prod",
            "/rollback orders prod to r6",
            "/rollback orders prod r6 checkout is down",
            "/rollback orders prod checkout is down",
        ],
        permission: Permission::OperatorsOrOncall,
        action: Action::Start("rollback"),
        available: true,
    }
}
