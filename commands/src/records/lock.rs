//! The lock of a stage.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::{Guard, Item, Key, StoreError};
use crate::records::{OPERATION, to_item};
use sluice_model::{Actor, OperationId, StageName};

/// A stage's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The stage.
    pub stage: StageName,
    /// The person who set it.
    pub owner: Actor,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Whether it blocks rollbacks too.
    pub hard: bool,
    /// The operation that set it.
    pub operation: OperationId,
    /// The locks of other people that it replaced and that apply again if its owner removes it. They keep none themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<Lock>,
}

impl Lock {
    /// Its item. The guard is the operation that set the lock. A counter would start again after a lock is removed, so a
    /// reader of one lock could then remove or replace another.
    pub fn to_item(&self, key: Key) -> Result<Item, StoreError> {
        let guard = (OPERATION.to_owned(), Guard::Text(self.operation.to_string()));
        to_item(key, [guard].into(), self)
    }

    /// Whether it is in effect at that time.
    pub fn holds(&self, at: Timestamp) -> bool {
        at < self.until
    }

    /// All locks of this record, each without kept locks: the lock itself, then those that it keeps.
    pub fn each(&self) -> impl Iterator<Item = Lock> {
        let own = Lock { over: vec![], ..self.clone() };
        std::iter::once(own).chain(self.over.iter().cloned())
    }
}
