//! What a card says about drift that its requester accepted.

use crate::operation::{OperationState, marked};
use crate::rules::Drift;
use sluice_grammar::{Names, parse_line};
use sluice_model::{StageName, Text};

/// The command line that accepts the drift of a stage.
pub(crate) fn drift_note(op: &OperationState) -> String {
    let command = &op.spec.command;
    parse_line(command, &Names::default()).map_or(command.clone(), |parsed| parsed.anyway().to_string())
}

/// The accepted drift.
pub(crate) fn gone_on(outside: &Drift, stage: &StageName, op: &OperationState) -> Text {
    marked(&outside.words(stage)).then("; ").join(op.spec.actor.attribution()).then(" goes on anyway")
}
