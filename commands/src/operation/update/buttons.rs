//! The buttons of every kind of operation.

use crate::operation::state::{CANCEL, STUCK};
use sluice_model::{Button, ButtonStyle, OperationId};

/// The fixed ids of the buttons (DESIGN 8).
pub const CANCEL_BUTTON: &str = "operation.cancel";
/// See [`CANCEL_BUTTON`].
pub const RETRY_BUTTON: &str = "operation.retry";
/// See [`CANCEL_BUTTON`].
pub const RESOLVE_BUTTON: &str = "operation.resolve";

/// The button that stops a running operation.
pub(super) fn cancel(id: &OperationId, command: &str) -> Button {
    let text = format!("{command} stops, and its changes to stages are undone.");
    Button::new(CANCEL_BUTTON, "Cancel", format!("{id}|{CANCEL}")).asking(text, "Stop it")
}

/// The buttons of an operation that is stuck since that row.
pub(super) fn of_stuck(id: &OperationId, since: u64) -> Vec<Button> {
    let value = format!("{id}|{STUCK}@{since}");
    let again = "The failed steps are retried.".to_owned();
    let resolved = "Sluice checks what runs and records that. It undoes nothing more.".to_owned();
    let retry = Button::new(RETRY_BUTTON, "Retry", value.clone()).style(ButtonStyle::Primary);
    let resolve = Button::new(RESOLVE_BUTTON, "Mark resolved", value).style(ButtonStyle::Danger);
    vec![retry.asking(again, "Retry"), resolve.asking(resolved, "Mark resolved")]
}
