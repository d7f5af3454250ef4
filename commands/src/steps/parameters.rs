//! The values of a template's parameters: those with which an operation was asked are those with which it ends, and its
//! message shows them.

use crate::operation::{OperationState, Summary, VOID};
use crate::rules::{Parameters, Policy, parameters_changed, parameters_text};
use crate::steps::read_artifact;
use sluice_model::{Refusal, StageName, Text};

/// Whether a stage's values are still those that an operation was asked with: other versions were made and approved.
pub(crate) fn same_parameters(asked: &Parameters, policy: &Policy, stage: &StageName) -> Result<(), Refusal> {
    if policy.parameters == *asked {
        return Ok(());
    }
    Err(Refusal::new(
        VOID,
        format!("The parameters of `{stage}` changed since this was asked."),
        "Ask again if you still want it.",
    ))
}

/// Shows them: what changes, what stays, and what the template does not know.
pub(crate) fn of_parameters(
    mut summary: Summary,
    op: &OperationState,
    before: &Parameters,
    now: &Parameters,
) -> Summary {
    if let Some(changed) = parameters_changed(before, now) {
        summary = summary.field("Parameters", changed);
    } else if !now.is_empty() {
        summary = summary.field("Parameters", parameters_text(now));
    }
    let unknown = read_artifact(op).ok().flatten().map(|artifact| artifact.unknown_parameters);
    let unknown = unknown.unwrap_or_default().into_iter().fold(Text::default(), |text, name| {
        if text.is_empty() { text.code(name) } else { text.then(", ").code(name) }
    });
    match unknown.is_empty() {
        true => summary,
        false => summary.field("Not in the template", unknown.then(": set on the stage, and not used")),
    }
}
