//! A request for a role: somebody was refused for want of it, and asks those who can give it.
//!
//! A person has one request for a role and a scope at a time. It is decided once, by the first admin who decides, and only
//! while it is open: a click on a message of last month gives nobody anything.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{REVISION, from_item, revised};
use crate::operation::Keys;
use crate::operation::head::number;
use crate::ports::{Item, Key, StoreError, Write};
use sluice_model::{Actor, ChannelId, OperationId, PipelineName, Role};

/// How long a request can be decided: people have holidays.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a *no* holds before the same can be asked again.
const NO_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A request for a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRequest {
    /// What its buttons are bound to.
    pub id: OperationId,
    /// Who asks, for themselves.
    pub person: Actor,
    /// For which role.
    pub role: Role,
    /// For which pipeline; for all without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PipelineName>,
    /// What they were refused, as they typed it.
    pub wanted: String,
    /// Where they asked.
    pub channel: ChannelId,
    /// When.
    pub asked: Timestamp,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// By whom.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Whether they got the role.
    pub granted: bool,
}

/// How a request stands at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It can be decided.
    Open,
    /// Nobody decided in time.
    Expired,
    /// It was decided so.
    Decided(&'a Decided),
}

impl RoleRequest {
    /// How it stands.
    pub fn stands(&self, at: Timestamp) -> Standing<'_> {
        match &self.decided {
            Some(decided) => Standing::Decided(decided),
            None if at.duration_since(self.asked) >= OPEN_FOR => Standing::Expired,
            None => Standing::Open,
        }
    }

    /// Whether the same may be asked for anew: not while it is open, nor soon after a *no*.
    pub fn can_be_repeated(&self, at: Timestamp) -> bool {
        match self.stands(at) {
            Standing::Open => false,
            Standing::Expired => true,
            Standing::Decided(decided) => decided.granted || at.duration_since(decided.at) >= NO_FOR,
        }
    }

    /// Its key.
    pub fn key(&self, keys: &Keys) -> Key {
        keys.role_request(&self.person.id, self.role, self.name.as_ref())
    }

    /// From its record, with the revision of that.
    pub fn read(item: &Item) -> Result<(Self, u64), StoreError> {
        Ok((from_item(item)?, number(&item.guards, REVISION)))
    }

    /// The write that puts it in place of what was read at that revision, 0 if there was nothing.
    pub fn put(&self, keys: &Keys, revision: u64) -> Result<Write, StoreError> {
        revised(self.key(keys), revision, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_open_for_a_week_and_a_no_holds_for_a_day() {
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
        assert_eq!(request.stands(asked + hours(167)), Standing::Open);
        assert_eq!(request.stands(asked + hours(168)), Standing::Expired);
        assert!(!request.can_be_repeated(asked + hours(167)) && request.can_be_repeated(asked + hours(168)));
        let decided = |granted| {
            let decided = Some(Decided { by: eve.clone(), at: asked + hours(1), granted });
            RoleRequest { decided, ..request.clone() }
        };
        let (yes, no) = (decided(true), decided(false));
        assert!(matches!(no.stands(asked + hours(2)), Standing::Decided(_)));
        assert!(!no.can_be_repeated(asked + hours(24)) && no.can_be_repeated(asked + hours(25)));
        assert!(yes.can_be_repeated(asked + hours(2)), "it may have been taken away since");
    }
}
