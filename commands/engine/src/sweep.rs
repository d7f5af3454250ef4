//! The sweep: what this replica may start, and the beats for updates that it still has to deliver.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};

use crate::engine::{Engine, lock};
use crate::head::{self, Head};
use crate::hooks::Hooks;
use crate::keys::Keys;
use crate::ports::{DueChange, Guard, Precondition, StoreError, Write, guards};
use sluice_model::OperationId;

/// How many due operations a sweep requests at first. If there are more, it requests all of them.
const SWEEP: u32 = 1000;
/// How many beats for undelivered updates a sweep writes side by side.
const SHOWN: usize = 8;
/// How many items one request reads (DynamoDB's `BatchGetItem`).
const BATCH: usize = 100;

impl<A: Hooks> Engine<A> {
    /// The due operations without an owner, for the runner to start. Call it about three times per lease.
    ///
    /// At most one of them is a suspect: an urgent one first, then the one with the fewest claims. This
    /// clears innocent operations before the next process dies. Processes that die for another reason spread
    /// their deaths over all suspects.
    pub async fn sweep(&self) -> Result<Vec<OperationId>, StoreError> {
        // Operations that could not be announced stay due, oldest first. They must not hide running ones.
        let mut limit = SWEEP;
        let due = loop {
            let due = self.world.store.due(self.world.clock.now(), limit).await?;
            if due.len() < limit as usize {
                break due;
            }
            limit = limit.saturating_mul(4);
        };
        let keys: Vec<_> = due.into_iter().map(|item| item.key).collect();
        let known: BTreeSet<_> = keys.iter().filter_map(Keys::operation_of).collect();
        lock(&self.seen).retain(|id, _| known.contains(id));
        lock(&self.strange).retain(|id, _| known.contains(id));
        if keys.is_empty() {
            return Ok(vec![]);
        }
        let (mut free, mut suspects) = (vec![], vec![]);
        let mut shown = vec![];
        let mut items = vec![];
        for batch in keys.chunks(BATCH) {
            items.extend(self.world.store.get_many(batch).await?);
        }
        for item in items {
            match Head::from_item(&item) {
                Ok(head) if self.is_driving(&head.id) => {}
                // It needs only an announcement or a check of the clock. Both need a replica that can notify.
                Ok(head) if head.status.is_delivered_once() && !self.world.settings.notifies => {}
                Ok(head) if head.owner == self.world.settings.replica && head.status.is_delivered_once() => {
                    shown.push(head);
                }
                Ok(head) if !self.is_free(&head) || self.is_left_to_others(&head) => {}
                Ok(head) if head.is_suspect() => suspects.push(head),
                Ok(head) => free.push(head.id),
                Err(error) => tracing::error!(%error, "a due item is no operation of ours"),
            }
        }
        if self.suspects.available_permits() > 0 {
            let next = suspects.into_iter().min_by_key(|head| (!self.is_urgent(head), head.claims));
            free.extend(next.map(|head| head.id));
        }
        stream::iter(&shown).for_each_concurrent(SHOWN, |head| self.show(head)).await;
        Ok(free)
    }

    /// Sends a beat for an operation without a driver whose update this replica still has to deliver. While
    /// Slack is unreachable, no other replica should post it too.
    async fn show(&self, head: &Head) {
        let write = Write::Update {
            key: self.world.keys.head(&head.id),
            set: guards([(head::BEAT, Guard::Number(head.beat + 1))]),
            due: DueChange::Keep,
            when: Precondition::Equals(guards([
                (head::FENCE, Guard::Number(head.fence)),
                (head::STATUS, Guard::Text(head.status.as_str().into())),
            ])),
        };
        match self.world.store.write(write).await {
            Ok(()) | Err(StoreError::Lost(_)) => {}
            Err(error) => tracing::warn!(operation = %head.id, %error, "the beat for an update failed"),
        }
    }
}
