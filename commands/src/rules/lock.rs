//! Locks keep a stage as it is, and always have an end time.
//!
//! A soft lock blocks deploys and promotions. A hard lock, which only admins can set, blocks rollbacks too. A lock that has
//! expired has no effect, even if its record still exists.
//!
//! A lock may replace locks that its owner may not remove. It then keeps them in its record and must not be weaker than any
//! of them. When its owner removes it, the strongest of them applies again. Without this rule, an operator could remove
//! another person's lock by extending it first.

use jiff::Timestamp;

use crate::records::Lock;
use crate::rules::{Access, messages};
use sluice_model::{Refusal, UserId};

/// How many locks of other people one lock can keep.
const KEPT: usize = 8;

impl Lock {
    /// Whether it protects less than another lock: it ends earlier, or it does not block rollbacks.
    pub fn is_weaker_than(&self, other: &Lock) -> bool {
        self.until < other.until || other.hard && !self.hard
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
            return Err(messages::too_many_locks(other, kept.len()));
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
}
