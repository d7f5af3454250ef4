//! Locks: a stage stays as it is, until a time that is always named.
//!
//! A soft lock stops what is new: deploys and promotions. A hard one, which only admins set, stops a rollback too. A lock
//! whose time has come holds nobody, whether or not somebody took it away.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Access, OPERATION, to_item};
use crate::ids::{OperationId, StageName};
use crate::operation::Refusal;
use crate::ports::{Guard, Item, Key, StoreError};
use crate::service::Actor;

/// A stage's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The stage.
    pub stage: StageName,
    /// Who set it.
    pub owner: Actor,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Whether it stops a rollback too.
    #[serde(default)]
    pub hard: bool,
    /// The operation that set it.
    pub operation: OperationId,
}

impl Lock {
    /// Its item. It is guarded by the operation that set it and not by a count, which begins anew when a lock is lifted:
    /// who read one lock can neither lift nor replace another.
    pub fn to_item(&self, key: Key) -> Result<Item, StoreError> {
        let guard = (OPERATION.to_owned(), Guard::Text(self.operation.to_string()));
        to_item(key, [guard].into(), self)
    }

    /// Whether it holds at that time.
    pub fn holds(&self, at: Timestamp) -> bool {
        at < self.until
    }

    /// Whether it would hold less than another lock does: shorter, or not against a rollback.
    pub fn is_weaker_than(&self, other: &Lock) -> bool {
        self.until < other.until || other.hard && !self.hard
    }

    /// Whether it may take the place of another: of one's own always, of somebody else's if it holds no less, or by who
    /// may take that one away.
    pub fn may_replace(&self, other: &Lock, access: &Access) -> Result<(), Refusal> {
        match self.is_weaker_than(other) && self.owner.id != other.owner.id {
            true => access.unlock(&self.owner.id, &other.owner.id).map(drop),
            false => Ok(()),
        }
    }

    /// What somebody is told who meets it.
    pub fn refusal(&self, pipeline: &impl std::fmt::Display) -> Refusal {
        let Self { stage, owner, reason, until, hard, .. } = self;
        let (kind, who) = match hard {
            true => ("hard-locked", "An admin lifts it"),
            false => ("locked", "They or an admin lift it"),
        };
        let reason = plain(reason);
        Refusal::new(
            kind,
            format!("<@{}> locked `{stage}` until {}: {reason}.", owner.id, minute(*until),),
            format!("{who}: `/stage unlock {pipeline} {stage}`."),
        )
    }
}

/// What somebody typed, within a sentence of ours: without the marks by which ours name code and people.
pub fn plain(words: &str) -> String {
    words.replace('`', "'").replace("<@", "@").replace("<!subteam^", "!subteam^")
}

/// A time as refusals name it, which are kept as text: to the minute, in UTC.
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
