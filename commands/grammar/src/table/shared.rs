//! Arguments that several commands have.

use crate::form::{Argument, ArgumentKind};
use sluice_model::Permission;

pub(super) const NAME: Argument = Argument::required(ArgumentKind::Name, "NAME", "the pipeline");
pub(super) const STAGE: Argument = Argument::required(ArgumentKind::Stage, "STAGE", "the stage");
pub(super) const MAYBE_STAGE: Argument =
    Argument::optional(ArgumentKind::Stage, "[STAGE]", "the stage; by default, all of them");
pub(super) const MAYBE_BUILD: Argument =
    Argument::optional(ArgumentKind::Build, "[#N]", "the build; by default, the newest");
pub(super) const ANYWAY: Argument = Argument::optional(
    ArgumentKind::Anyway,
    "[anyway]",
    "continue although somebody changed the stage outside Sluice",
)
.only_after(&["anyway"]);
pub(super) const REPLACE: Argument = Argument::optional(
    ArgumentKind::Replace,
    "[replace]",
    "let resources with data be replaced by empty ones; the former ones stay in the account",
)
.only_after(&["replace"])
.only_for(Permission::Admins);
pub(super) const MAYBE_REASON: Argument =
    Argument::optional(ArgumentKind::Reason, "[REASON]", "why, for the record");
