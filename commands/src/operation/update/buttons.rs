//! The buttons of every kind of operation.

use crate::operation::STAGE_REMOVE;
use sluice_engine::STUCK;
use sluice_model::{Button, ButtonStyle, Click, OperationId, Wait};

/// The button that stops a running operation.
pub(super) fn cancel(id: &OperationId, command: &str) -> Button {
    let text = format!("{command} stops. A stage that it already changed is restored.");
    Button::new(&Click::Cancel(id.clone()), "Cancel").asking(text, "Stop it")
}

/// The buttons of an operation of that kind that is stuck since that row.
pub(super) fn of_stuck(id: &OperationId, kind: &str, since: u64) -> Vec<Button> {
    let wait = Wait { operation: id.clone(), wait: format!("{STUCK}@{since}") };
    let again = "The failed steps are retried.".to_owned();
    let resolved = match kind {
        STAGE_REMOVE => "The removal ends as it is. The stage can then only be removed again.",
        _ => "Sluice checks what runs and records that. It undoes nothing more.",
    };
    let resolved = resolved.to_owned();
    let retry = Button::new(&Click::Retry(wait.clone()), "Retry").style(ButtonStyle::Primary);
    let resolve = Button::new(&Click::Resolve(wait), "Mark resolved").style(ButtonStyle::Danger);
    vec![retry.asking(again, "Retry"), resolve.asking(resolved, "Mark resolved")]
}
