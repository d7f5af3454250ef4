//! Helpers for the engine's own tests.

use serde_json::Value;

use crate::operation::head::OperationSpec;
use crate::operation::journal::{Entry, Row};
use sluice_model::{Actor, OperationId};

pub(crate) fn operation_id(n: u64) -> OperationId {
    OperationId::new(ulid::Ulid::from_parts(1_700_000_000_000 + n, 1).to_string()).unwrap()
}

pub(crate) fn spec(kind: &str) -> OperationSpec {
    OperationSpec {
        kind: kind.into(),
        version: 1,
        params: Value::Null,
        actor: Actor::in_slack("U0ANN0001".parse().unwrap(), "ann"),
        command: format!("/{kind}"),
        channel: "C0GENERAL1".parse().unwrap(),
        home: "C0GENERAL1".parse().unwrap(),
        pipeline: "orders".parse().unwrap(),
        ticket: 1,
        accepted: "2026-03-01T12:00:00Z".parse().unwrap(),
    }
}

pub(crate) fn row(sequence: u64, entries: Vec<Entry>) -> Row {
    Row { sequence, at: "2026-03-01T12:00:01Z".parse().unwrap(), token: format!("t{sequence}"), entries }
}
