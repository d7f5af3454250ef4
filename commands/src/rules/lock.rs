//! Locks keep a stage as it is, and always have an end time.
//!
//! A soft lock blocks deploys and promotions. A hard lock, which only admins can set, blocks rollbacks too. A lock that has
//! expired has no effect, even if its record still exists.
//!
//! A lock may replace locks that its owner may not remove. It then keeps them in its record and must not be weaker than any
//! of them. When its owner removes it, the strongest of them applies again. Without this rule, an operator could remove
//! another person's lock by extending it first.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::{Guard, Item, Key, StoreError};
use crate::records::{OPERATION, to_item};
use crate::rules::Access;
use sluice_model::{Actor, OperationId, Refusal, StageName, UserId};

/// How many locks of other people one lock can keep.
const KEPT: usize = 8;

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

    /// Whether it protects less than another lock: it ends earlier, or it does not block rollbacks.
    pub fn is_weaker_than(&self, other: &Lock) -> bool {
        self.until < other.until || other.hard && !self.hard
    }

    /// All locks of this record, each without kept locks: the lock itself, then those that it keeps.
    pub fn each(&self) -> impl Iterator<Item = Lock> {
        let own = Lock { over: vec![], ..self.clone() };
        std::iter::once(own).chain(self.over.iter().cloned())
    }

    /// Replaces `other` with this lock. Also returns the locks that end: those of the same owner, and those that the owner
    /// may remove. All others are kept, and this lock must not be weaker than any of them.
    pub fn in_place_of(self, other: &Lock, access: &Access) -> Result<(Self, Vec<Self>), Refusal> {
        let held = other.each().filter(|lock| lock.holds(self.since));
        let (ended, kept): (Vec<_>, Vec<_>) = held.partition(|lock| lock.ends_by(&self.owner.id, access));
        if let Some(stronger) = kept.iter().find(|lock| self.is_weaker_than(lock)) {
            access.unlock(&self.owner.id, &stronger.owner.id)?;
        }
        if kept.len() > KEPT {
            let Lock { stage, until, .. } = other;
            return Err(Refusal::new(
                "too-many-locks",
                format!(
                    "{} people have locked `{stage}`. The last lock ends at {}.",
                    kept.len(),
                    minute(*until)
                ),
                "Ask an admin to lock it: an admin's lock replaces all of them.",
            ));
        }
        Ok((Lock { over: kept, ..self }, ended))
    }

    /// The lock that applies again, if any, when a person who may remove this one removes it.
    pub fn removed_by(&self, who: &UserId, access: &Access, at: Timestamp) -> Option<Self> {
        let stays = |lock: &&Lock| lock.holds(at) && !lock.ends_by(who, access);
        let mut kept: Vec<Lock> = self.over.iter().filter(stays).cloned().collect();
        kept.sort_by_key(|lock| (lock.hard, lock.until));
        let strongest = kept.pop();
        strongest.map(|lock| Lock { over: kept, ..lock })
    }

    /// Whether that person may remove it.
    fn ends_by(&self, who: &UserId, access: &Access) -> bool {
        *who == self.owner.id || access.unlock(who, &self.owner.id).is_ok()
    }

    /// The refusal of a change that it blocks.
    pub fn refusal(&self, pipeline: &impl std::fmt::Display) -> Refusal {
        let Self { stage, owner, reason, until, hard, .. } = self;
        let (code, who) = match hard {
            true => ("hard-locked", "Only an admin can remove the lock"),
            false => ("locked", "Only the lock's owner or an admin can remove it"),
        };
        let reason = plain(reason);
        Refusal::new(
            code,
            format!("<@{}> locked `{stage}` until {}: {reason}.", owner.id, minute(*until)),
            format!("{who}: `/stage unlock {pipeline} {stage}`."),
        )
    }
}

/// Text that a person typed, for use within a message: without the marks that messages use for code and mentions.
pub fn plain(words: &str) -> String {
    words.replace('`', "'").replace("<@", "@").replace("<!subteam^", "!subteam^")
}

/// A time in UTC, to the minute. Refusals are stored as text, so they cannot show the reader's own time zone.
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
