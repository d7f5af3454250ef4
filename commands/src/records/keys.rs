//! The keys of pipelines in the store; those of operations are in [`sluice_engine::Keys`]. `docs/state.md` lists each access pattern with its cost.
//!
//! Every key contains its target, so a second account needs no new table. Items that one decision reads
//! together are in one partition: a pipeline with its stages, their policies and locks, its roles, slots and
//! open tickets is one query.

use std::ops::Deref;

use crate::ports::Key;
use sluice_model::{BuildNumber, PipelineName, ReleaseNumber, Role, StageName, Target, UserId};

/// Builds the keys of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(sluice_engine::Keys);

impl Deref for Keys {
    type Target = sluice_engine::Keys;
    fn deref(&self) -> &sluice_engine::Keys {
        &self.0
    }
}

impl Keys {
    /// The keys of an account and region.
    pub fn new(target: &Target) -> Self {
        Self(sluice_engine::Keys::new(target))
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
        self.key("audit", "").partition
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
    /// The partition of the catalog of pipelines.
    pub fn catalog_partition(&self) -> String {
        self.key("catalog", "").partition
    }
    /// A pipeline's row in the catalog.
    pub fn catalog(&self, name: &PipelineName) -> Key {
        self.key("catalog", name.as_str())
    }
    /// The partition of a pipeline's builds.
    pub fn builds_partition(&self, name: &PipelineName) -> String {
        self.key(format_args!("builds/{name}"), "").partition
    }
    /// A build's record.
    pub fn build(&self, name: &PipelineName, number: BuildNumber) -> Key {
        self.key(format_args!("builds/{name}"), format!("{:010}", number.0))
    }
    /// A release's record.
    pub fn release(&self, name: &PipelineName, number: ReleaseNumber) -> Key {
        self.key(format_args!("releases/{name}"), format!("{:010}", number.0))
    }
    /// The partition of a pipeline's releases and version sets.
    pub fn releases_partition(&self, name: &PipelineName) -> String {
        self.key(format_args!("releases/{name}"), "").partition
    }
    /// The version set of a release on a stage.
    pub fn version_set(&self, name: &PipelineName, number: ReleaseNumber, stage: &StageName) -> Key {
        self.key(format_args!("releases/{name}"), format!("{:010}/{stage}", number.0))
    }
    /// The partition of a pipeline's audit records.
    pub fn audit_partition(&self, name: &PipelineName) -> String {
        self.key(format_args!("audit/{name}"), "").partition
    }
    /// One of the two items that `sluice check --account` writes and deletes.
    pub fn probe(&self, id: &str, half: &str) -> Key {
        self.key(format_args!("probe/{id}"), half)
    }
}

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
    }
}
