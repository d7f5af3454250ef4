//! The keys of operations in the store. `docs/state.md` lists each access pattern with its cost.
//!
//! Every key contains its target, so a second account needs no new table. Items that one decision reads
//! together are in one partition: a pipeline with its slots and open tickets is one query, together with
//! whatever the application keeps there.

use std::fmt;

use jiff::Timestamp;

use crate::ports::Key;
use crate::slot::Slot;
use sluice_model::{OperationId, PipelineName, Target, UserId};

/// Builds the keys of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// The keys of an account and region.
    pub fn new(target: &Target) -> Self {
        Self { prefix: target.to_string() }
    }

    /// A key with these parts, in this target.
    pub fn key(&self, partition: impl fmt::Display, sort: impl Into<String>) -> Key {
        Key { partition: format!("{}/{partition}", self.prefix), sort: sort.into() }
    }

    /// An audit record that belongs to no pipeline: by time, then by subject.
    pub fn installation_audit(&self, at: Timestamp, about: &str) -> Key {
        self.key("audit", format!("{}/{about}", Self::audit_time(at)))
    }
    /// The partition of a pipeline: its record, slots and open tickets, and what the application keeps there.
    pub fn pipeline_partition(&self, name: &PipelineName) -> String {
        format!("{}/pipeline/{name}", self.prefix)
    }
    /// A pipeline's record, which counts its tickets.
    pub fn pipeline(&self, name: &PipelineName) -> Key {
        self.key(format_args!("pipeline/{name}"), PIPELINE)
    }
    /// The holder of a slot.
    pub fn slot(&self, name: &PipelineName, slot: &Slot) -> Key {
        self.key(format_args!("pipeline/{name}"), format!("{SLOT}{slot}"))
    }
    /// A ticket. Tickets sort in the order of acceptance.
    pub fn ticket(&self, name: &PipelineName, number: u64) -> Key {
        self.key(format_args!("pipeline/{name}"), format!("{TICKET}{number:010}"))
    }
    /// The prefix of the audit keys of a millisecond. Keys of earlier records sort before it, keys of this
    /// millisecond and later ones after it.
    pub fn audit_time(at: Timestamp) -> String {
        format!("{:015}", at.as_millisecond().max(0))
    }
    /// An audit record: by time, then by subject.
    pub fn audit(&self, name: &PipelineName, at: Timestamp, about: &str) -> Key {
        self.key(format_args!("audit/{name}"), format!("{}/{about}", Self::audit_time(at)))
    }
    /// The inbox row of a delivery.
    pub fn inbox(&self, delivery: &str) -> Key {
        self.key(format_args!("inbox/{delivery}"), "inbox")
    }
    /// The partition of an operation: head, journal, signals, messages. Loading an operation reads all of it.
    pub fn operation_partition(&self, id: &OperationId) -> String {
        format!("{}/operation/{id}", self.prefix)
    }
    /// An operation's head.
    pub fn head(&self, id: &OperationId) -> Key {
        self.key(format_args!("operation/{id}"), HEAD)
    }
    /// A journal row.
    pub fn row(&self, id: &OperationId, sequence: u64) -> Key {
        self.key(format_args!("operation/{id}"), format!("{ROW}{sequence:06}"))
    }
    /// A person's signal to a wait; one per person.
    pub fn signal(&self, id: &OperationId, awaiting: &str, actor: &UserId) -> Key {
        self.key(format_args!("operation/{id}"), format!("{SIGNAL}{awaiting}/{actor}"))
    }
    /// The record of a message of the operation.
    pub fn message(&self, id: &OperationId, what: &str) -> Key {
        self.key(format_args!("operation/{id}"), format!("message/{what}"))
    }
    /// The operation whose head has that key.
    pub fn operation_of(key: &Key) -> Option<OperationId> {
        let id = key.partition.rsplit_once("/operation/")?.1;
        OperationId::new(id).ok()
    }
}

pub(crate) const HEAD: &str = "head";
pub(crate) const ROW: &str = "row/";
pub(crate) const SIGNAL: &str = "signal/";
/// The guard of a pipeline's record that counts its tickets.
pub const TICKETS: &str = "tickets";
pub(crate) const PIPELINE: &str = "pipeline";
pub(crate) const SLOT: &str = "slot/";
pub(crate) const TICKET: &str = "ticket/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_head_names_its_operation() {
        let keys = Keys::new(&Target { account: "123456789012".into(), region: "eu-central-1".into() });
        let id = OperationId::new("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        assert_eq!(keys.head(&id).partition, format!("123456789012/eu-central-1/operation/{id}"));
        assert_eq!(Keys::operation_of(&keys.head(&id)), Some(id));
        let orders = PipelineName::new("orders").unwrap();
        assert_eq!(Keys::operation_of(&keys.pipeline(&orders)), None);
    }
}
