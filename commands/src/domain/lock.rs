//! Locks: a stage stays as it is, until a time that is always named.
//!
//! A soft lock stops what is new: deploys and promotions. A hard one, which only admins set, stops a rollback too. A lock
//! whose time has come holds nobody, whether or not somebody took it away.
//!
//! A lock that replaces locks which its owner may not remove keeps them in its record, and is weaker than none of them.
//! When that owner removes it, the strongest of them applies again. So an operator cannot remove another person's lock
//! by extending it first.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Access, OPERATION, to_item};
use crate::ports::{Guard, Item, Key, StoreError};
use sluice_model::{Actor, OperationId, Refusal, StageName, UserId};

/// How many locks of other people one lock keeps.
const KEPT: usize = 8;

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
    pub hard: bool,
    /// The operation that set it.
    pub operation: OperationId,
    /// The locks of other people that it replaced and that apply again if its owner removes it. They keep none themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<Lock>,
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

    /// Each lock of this record, without those that it keeps: its own, and the kept ones.
    pub fn each(&self) -> impl Iterator<Item = Lock> {
        let own = Lock { over: vec![], ..self.clone() };
        std::iter::once(own).chain(self.over.iter().cloned())
    }

    /// This lock in the place of another one, and the locks that end with that: its owner's own ones, and those that the
    /// owner may remove. Any other lock is kept, and this one must not be weaker.
    pub fn in_place_of(self, other: &Lock, access: &Access) -> Result<(Self, Vec<Self>), Refusal> {
        let held = other.each().filter(|lock| lock.holds(self.since));
        let (gone, kept): (Vec<_>, Vec<_>) = held.partition(|lock| lock.ends_by(&self.owner.id, access));
        if let Some(stronger) = kept.iter().find(|lock| self.is_weaker_than(lock)) {
            access.unlock(&self.owner.id, &stronger.owner.id)?;
        }
        if kept.len() > KEPT {
            let Lock { stage, until, .. } = other;
            return Err(Refusal::new(
                "too-many-locks",
                format!(
                    "{} people have locked `{stage}`, until {} at the latest.",
                    kept.len(),
                    minute(*until)
                ),
                "Ask an admin to lock it: an admin's lock replaces all of them.",
            ));
        }
        Ok((Lock { over: kept, ..self }, gone))
    }

    /// The lock that applies again, if any, when a person who may remove this one removes it.
    pub fn removed_by(&self, who: &UserId, access: &Access, at: Timestamp) -> Option<Self> {
        let stays = |lock: &&Lock| lock.holds(at) && !lock.ends_by(who, access);
        let mut kept: Vec<Lock> = self.over.iter().filter(stays).cloned().collect();
        kept.sort_by_key(|lock| (lock.hard, lock.until));
        let strongest = kept.pop();
        strongest.map(|lock| Lock { over: kept, ..lock })
    }

    /// Whether that person may end it.
    fn ends_by(&self, who: &UserId, access: &Access) -> bool {
        *who == self.owner.id || access.unlock(who, &self.owner.id).is_ok()
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
