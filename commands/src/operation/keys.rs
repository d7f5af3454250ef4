//! The only place that builds the store's keys. `docs/state.md` lists each access pattern with its cost.
//!
//! Every key contains its target, so a second account needs no new table. Items that one decision reads
//! together are in one partition: a pipeline with its stages, their policies and locks, its roles, slots and
//! open tickets is one query.

use jiff::Timestamp;

use crate::operation::slot::Slot;
use crate::ports::Key;
use sluice_model::{BuildNumber, OperationId, PipelineName, ReleaseNumber, Role, StageName, Target, UserId};

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

    fn key(&self, partition: impl std::fmt::Display, sort: impl Into<String>) -> Key {
        Key { partition: format!("{}/{partition}", self.prefix), sort: sort.into() }
    }

    /// The account and region that `sluice init` recorded. The key contains no target, because this item
    /// names it.
    pub fn installation() -> Key {
        Key { partition: "installation".into(), sort: "target".into() }
    }
    /// The roles that are granted for all pipelines.
    pub fn grants(&self) -> Key {
        self.key("roles", "roles")
    }
    /// A person's request for a role, for one pipeline or for all. There is at most one at a time.
    pub fn role_request(&self, person: &UserId, role: Role, name: Option<&PipelineName>) -> Key {
        let scope = name.map_or(String::new(), |name| format!("/{name}"));
        self.key("requests", format!("{person}/{}{scope}", role.word()))
    }
    /// The partition of the audit records that belong to no pipeline.
    pub fn installation_audit_partition(&self) -> String {
        format!("{}/audit", self.prefix)
    }
    /// An audit record that belongs to no pipeline: by time, then by subject.
    pub fn installation_audit(&self, at: Timestamp, about: &str) -> Key {
        self.key("audit", format!("{}/{about}", Self::audit_time(at)))
    }
    /// The partition of a pipeline: its record, stages, roles, slots and open tickets.
    pub fn pipeline_partition(&self, name: &PipelineName) -> String {
        format!("{}/pipeline/{name}", self.prefix)
    }
    /// A pipeline's record.
    pub fn pipeline(&self, name: &PipelineName) -> Key {
        self.key(format_args!("pipeline/{name}"), "pipeline")
    }
    /// A stage's record.
    pub fn stage(&self, name: &PipelineName, stage: &StageName) -> Key {
        self.key(format_args!("pipeline/{name}"), format!("stage/{stage}"))
    }
    /// A stage's policy, if one was set.
    pub fn policy(&self, name: &PipelineName, stage: &StageName) -> Key {
        self.key(format_args!("pipeline/{name}"), format!("policy/{stage}"))
    }
    /// A stage's lock.
    pub fn lock(&self, name: &PipelineName, stage: &StageName) -> Key {
        self.key(format_args!("pipeline/{name}"), format!("lock/{stage}"))
    }
    /// The drift of a stage: changes outside Sluice that were seen.
    pub fn drift(&self, name: &PipelineName, stage: &StageName) -> Key {
        self.key(format_args!("pipeline/{name}"), format!("drift/{stage}"))
    }
    /// The roles that are granted for a pipeline.
    pub fn pipeline_grants(&self, name: &PipelineName) -> Key {
        self.key(format_args!("pipeline/{name}"), "roles")
    }
    /// When a pipeline was last tidied.
    pub fn tidied(&self, name: &PipelineName) -> Key {
        self.key(format_args!("pipeline/{name}"), "tidied")
    }
    /// The holder of a slot.
    pub fn slot(&self, name: &PipelineName, slot: &Slot) -> Key {
        self.key(format_args!("pipeline/{name}"), format!("slot/{slot}"))
    }
    /// A ticket. Tickets sort in the order of acceptance.
    pub fn ticket(&self, name: &PipelineName, number: u64) -> Key {
        self.key(format_args!("pipeline/{name}"), format!("ticket/{number:010}"))
    }
    /// The partition of the catalog of pipelines.
    pub fn catalog_partition(&self) -> String {
        format!("{}/catalog", self.prefix)
    }
    /// A pipeline's row in the catalog.
    pub fn catalog(&self, name: &PipelineName) -> Key {
        self.key("catalog", name.as_str())
    }
    /// The partition of a pipeline's builds.
    pub fn builds_partition(&self, name: &PipelineName) -> String {
        format!("{}/builds/{name}", self.prefix)
    }
    /// A build's record.
    pub fn build(&self, name: &PipelineName, number: BuildNumber) -> Key {
        self.key(format_args!("builds/{name}"), format!("{:010}", number.0))
    }
    /// A release's record.
    pub fn release(&self, name: &PipelineName, number: ReleaseNumber) -> Key {
        self.key(format_args!("releases/{name}"), format!("{:010}", number.0))
    }
    /// The version set of a release on a stage.
    pub fn version_set(&self, name: &PipelineName, number: ReleaseNumber, stage: &StageName) -> Key {
        self.key(format_args!("releases/{name}"), format!("{:010}/{stage}", number.0))
    }
    /// The partition of a pipeline's audit records.
    pub fn audit_partition(&self, name: &PipelineName) -> String {
        format!("{}/audit/{name}", self.prefix)
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
    /// One of the two items that `sluice check --account` writes and deletes.
    pub fn probe(&self, id: &str, half: &str) -> Key {
        self.key(format_args!("probe/{id}"), half)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_contain_their_target_and_sort_by_number() {
        let keys = Keys::new(&Target { account: "123456789012".into(), region: "eu-central-1".into() });
        let orders = PipelineName::new("orders").unwrap();
        let key = keys.build(&orders, BuildNumber(12));
        assert_eq!(key.partition, "123456789012/eu-central-1/builds/orders");
        assert!(keys.build(&orders, BuildNumber(9)).sort < key.sort);
        let id = OperationId::new("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        assert_eq!(Keys::operation_of(&keys.head(&id)), Some(id));
        assert_eq!(Keys::operation_of(&key), None);
    }
}
