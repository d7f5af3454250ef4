//! The buttons that every kind of operation has.

use crate::card::{Button, ButtonStyle, Confirm};
use crate::ids::OperationId;
use crate::operation::facts::{CANCEL, STUCK};

/// The fixed ids of the buttons (DESIGN 8).
pub const CANCEL_BUTTON: &str = "operation.cancel";
/// See [`CANCEL_BUTTON`].
pub const RETRY_BUTTON: &str = "operation.retry";
/// See [`CANCEL_BUTTON`].
pub const RESOLVE_BUTTON: &str = "operation.resolve";

/// Stops an operation that runs.
pub(super) fn cancel(id: &OperationId, command: &str) -> Button {
    let text = format!("{command} stops, and what it changed for others is taken back.");
    button(CANCEL_BUTTON, "Cancel", ButtonStyle::Default, format!("{id}|{CANCEL}"), text, "Stop it")
}

/// Gets a stuck operation on, which is so since that row.
pub(super) fn of_stuck(id: &OperationId, since: u64) -> Vec<Button> {
    let value = format!("{id}|{STUCK}@{since}");
    let again = "What could not be done is tried again.".to_owned();
    let resolved = "Sluice looks at what really runs, records that, and takes back nothing more.".to_owned();
    vec![
        button(RETRY_BUTTON, "Retry", ButtonStyle::Primary, value.clone(), again, "Retry"),
        button(RESOLVE_BUTTON, "Mark resolved", ButtonStyle::Danger, value, resolved, "Mark resolved"),
    ]
}

fn button(
    action: &str,
    label: &str,
    style: ButtonStyle,
    value: String,
    text: String,
    confirm: &str,
) -> Button {
    Button {
        action_id: action.to_owned(),
        label: label.to_owned(),
        style,
        value,
        confirm: Some(Confirm {
            title: format!("{label}?"),
            text,
            confirm: confirm.to_owned(),
            deny: "Not now".to_owned(),
        }),
    }
}
