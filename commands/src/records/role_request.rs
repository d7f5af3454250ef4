//! Role requests: a person whose command was refused asks the admins for the missing role.
//!
//! A person has at most one request for each role and scope. The first decision of an admin counts, and only while the
//! request is open: a click on last month's message grants nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::operation::Keys;
use crate::ports::{Item, Key, StoreError, Write, number_guard};
use crate::records::{REVISION, from_item, revised};
use sluice_model::{Actor, ChannelId, OperationId, PipelineName, Role};

/// The kind of role requests in the history.
pub(crate) const ACCESS_REQUEST: &str = "access-request";

/// How long a request stays open. A week covers most absences.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long after a rejection the same request is refused.
const NO_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A request for a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRequest {
    /// The id in its buttons.
    pub id: OperationId,
    /// The person who requests the role for themselves.
    pub person: Actor,
    /// The role.
    pub role: Role,
    /// The pipeline; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PipelineName>,
    /// The refused command, as typed.
    pub wanted: String,
    /// The channel of the request.
    pub channel: ChannelId,
    /// When it was made.
    pub asked: Timestamp,
    /// The decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// The decision on a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The admin.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Whether the role was granted.
    pub granted: bool,
}

/// The state of a request at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState<'a> {
    /// It can be decided.
    Open,
    /// Nobody decided within seven days.
    Expired,
    /// An admin decided.
    Decided(&'a Decided),
}

impl RoleRequest {
    /// Its state at that time.
    pub fn state(&self, at: Timestamp) -> RequestState<'_> {
        match &self.decided {
            Some(decided) => RequestState::Decided(decided),
            None if at.duration_since(self.asked) >= OPEN_FOR => RequestState::Expired,
            None => RequestState::Open,
        }
    }

    /// Whether the same request can be made again: not while it is open or within a day after a rejection.
    pub fn can_be_repeated(&self, at: Timestamp) -> bool {
        match self.state(at) {
            RequestState::Open => false,
            RequestState::Expired => true,
            RequestState::Decided(decided) => decided.granted || at.duration_since(decided.at) >= NO_FOR,
        }
    }

    /// Its key.
    pub fn key(&self, keys: &Keys) -> Key {
        keys.role_request(&self.person.id, self.role, self.name.as_ref())
    }

    /// Reads the record, with its revision.
    pub fn read(item: &Item) -> Result<(Self, u64), StoreError> {
        Ok((from_item(item)?, number_guard(&item.guards, REVISION)))
    }

    /// The write that replaces the record at that revision; 0 if there is none.
    pub fn put(&self, keys: &Keys, revision: u64) -> Result<Write, StoreError> {
        revised(self.key(keys), revision, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_open_for_a_week_and_can_be_repeated_a_day_after_a_rejection() {
        let asked: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let eve = Actor::in_slack("U0EVE".parse().unwrap(), "eve");
        let request = RoleRequest {
            id: crate::operation::testing::operation_id(1),
            person: Actor::in_slack("U0ZOE".parse().unwrap(), "zoe"),
            role: Role::Operators,
            name: None,
            wanted: "/repo create orders".into(),
            channel: "C0GENERAL1".parse().unwrap(),
            asked,
            decided: None,
        };
        let hours = SignedDuration::from_hours;
        assert_eq!(request.state(asked + hours(167)), RequestState::Open);
        assert_eq!(request.state(asked + hours(168)), RequestState::Expired);
        assert!(!request.can_be_repeated(asked + hours(167)) && request.can_be_repeated(asked + hours(168)));
        let decided = |granted| {
            let decided = Some(Decided { by: eve.clone(), at: asked + hours(1), granted });
            RoleRequest { decided, ..request.clone() }
        };
        let (yes, no) = (decided(true), decided(false));
        assert!(matches!(no.state(asked + hours(2)), RequestState::Decided(_)));
        assert!(!no.can_be_repeated(asked + hours(24)) && no.can_be_repeated(asked + hours(25)));
        assert!(yes.can_be_repeated(asked + hours(2)), "the role may have been revoked since");
    }
}
