//! Granted roles. Grants for all pipelines are in one record, and grants for one pipeline are in a record of its partition.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::{Guard, Item, Key, StoreError, Write};
use crate::records::{REVISION, from_item, revised};
use sluice_model::{Actor, Member, Role};

/// A role that a person or group was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The person or group.
    pub person: Member,
    /// The role.
    pub role: Role,
    /// The person who granted it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// The grants for all pipelines, or for one: as read, or as they will be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// In the order in which they were granted.
    pub list: Vec<Grant>,
    /// The revision of the record that was read; 0 if there is none yet.
    pub(crate) revision: u64,
}

impl Grants {
    /// Reads the record.
    pub fn of(item: Option<&Item>) -> Result<Self, StoreError> {
        let Some(item) = item else { return Ok(Self::default()) };
        let revision = match item.guards.get(REVISION) {
            Some(Guard::Number(revision)) => *revision,
            _ => 0,
        };
        Ok(Self { list: from_item(item)?, revision })
    }

    /// The write that replaces the record that was read. It fails if the record changed meanwhile.
    pub fn put(&self, key: Key) -> Result<Write, StoreError> {
        revised(key, self.revision, &self.list)
    }

    /// The grant of a role to a person or group.
    pub fn get(&self, person: &Member, role: Role) -> Option<&Grant> {
        self.list.iter().find(|grant| grant.person == *person && grant.role == role)
    }
}
