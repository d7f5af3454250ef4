//! Helpers for tests of operations, and for the engine's own tests an application without a world.

use serde_json::Value;

use crate::head::{Head, OperationSpec};
use crate::journal::{Entry, Row};
use crate::keys::Keys;
use crate::ports::{Store, StoreError};
use sluice_model::{Actor, OperationId};

/// The schema version of heads.
pub const HEAD_SCHEMA: u32 = crate::head::HEAD_SCHEMA;
/// The schema version of journal rows.
pub const ROW_SCHEMA: u32 = crate::journal::ROW_SCHEMA;

/// The id of the `n`-th operation of a test.
pub fn operation_id(n: u64) -> OperationId {
    let id = ulid::Ulid::from_parts(1_700_000_000_000 + n, 1);
    OperationId::new(id.to_string()).expect("a ULID is an operation id")
}

/// The spec of an operation of that kind on `orders`, requested by ann.
pub fn spec(kind: &str) -> OperationSpec {
    let channel: sluice_model::ChannelId = "C0GENERAL1".parse().expect("a channel");
    OperationSpec {
        kind: kind.into(),
        version: 1,
        params: Value::Null,
        actor: Actor::in_slack("U0ANN0001".parse().expect("a person"), "ann"),
        command: format!("/{kind}"),
        channel: channel.clone(),
        home: channel,
        pipeline: "orders".parse().expect("a pipeline"),
        ticket: 1,
        accepted: "2026-03-01T12:00:00Z".parse().expect("a time"),
    }
}

/// A journal row, a second after acceptance.
pub fn row(sequence: u64, entries: Vec<Entry>) -> Row {
    Row {
        sequence,
        at: "2026-03-01T12:00:01Z".parse().expect("a time"),
        token: format!("t{sequence}"),
        entries,
    }
}

/// Claims an operation for a replica that can notify, as the engine does before it reads the journal.
pub async fn claim(
    store: &dyn Store,
    keys: &Keys,
    head: &Head,
    replica: &str,
) -> Result<Option<Head>, StoreError> {
    crate::log::claim(store, keys, head, replica, true).await
}

/// An application whose operations need no ports.
#[cfg(test)]
pub(crate) struct NoApplication;

#[cfg(test)]
impl crate::application::Application for NoApplication {
    type Ports = ();
    type Keys = NoKeys;
    type Snapshot = ();
    type AuditSubject = ();
}

/// The keys of an application without records.
#[cfg(test)]
#[derive(Clone)]
pub(crate) struct NoKeys(Keys);

#[cfg(test)]
impl std::ops::Deref for NoKeys {
    type Target = Keys;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
