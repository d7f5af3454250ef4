//! Drift that a requester accepted.

use crate::operation::OperationState;
use sluice_grammar::{Names, parse_line};

/// The command line that accepts the drift of a stage.
pub(crate) fn drift_note(op: &OperationState) -> String {
    let command = &op.spec.command;
    parse_line(command, &Names::default()).map_or(command.clone(), |parsed| parsed.anyway().to_string())
}
