//! Priority for store calls that a person in Slack waits for. Other calls are limited to [`CONCURRENT`] at the same time.
//!
//! A replica drives many operations. Without a limit, all of their calls could be queued before the two that answer a person. No
//! call waits here longer than [`MAX_WAIT`], because an owner of an operation must not lose its lease to a slow store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sluice_commands::ports::{DueItem, Item, Key, Page, Query, Store, StoreError, Write};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::tasks::answers_somebody;

/// Concurrent calls of operations. DynamoDB answers in about 5 ms: 800 calls a second, of which an operation needs a dozen in
/// total.
const CONCURRENT: usize = 4;
/// Owners write a heartbeat every third of their lease, which is 15 s by default.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// A store with priorities.
pub(super) struct PriorityStore {
    store: Arc<dyn Store>,
    slots: Semaphore,
}

impl PriorityStore {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, slots: Semaphore::new(CONCURRENT) }
    }

    /// Held during a call.
    async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        if answers_somebody() {
            return None;
        }
        tokio::time::timeout(MAX_WAIT, self.slots.acquire()).await.ok()?.ok()
    }
}

#[async_trait]
impl Store for PriorityStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let _slot = self.slot().await;
        self.store.get(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let _slot = self.slot().await;
        self.store.get_many(keys).await
    }
    async fn write(&self, write: Write) -> Result<(), StoreError> {
        let _slot = self.slot().await;
        self.store.write(write).await
    }
    async fn transact(&self, token: &str, writes: Vec<Write>) -> Result<(), StoreError> {
        let _slot = self.slot().await;
        self.store.transact(token, writes).await
    }
    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let _slot = self.slot().await;
        self.store.query(query).await
    }
    async fn audit_records(&self, query: Query) -> Result<Page, StoreError> {
        let _slot = self.slot().await;
        self.store.audit_records(query).await
    }
    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError> {
        let _slot = self.slot().await;
        self.store.due(until, limit).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::tasks::{Kind, Tasks};

    /// A store that never answers.
    #[derive(Default)]
    struct Stuck(AtomicUsize);

    #[async_trait]
    impl Store for Stuck {
        async fn get(&self, _: &Key) -> Result<Option<Item>, StoreError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }
        async fn get_many(&self, _: &[Key]) -> Result<Vec<Item>, StoreError> {
            unreachable!()
        }
        async fn write(&self, _: Write) -> Result<(), StoreError> {
            unreachable!()
        }
        async fn transact(&self, _: &str, _: Vec<Write>) -> Result<(), StoreError> {
            unreachable!()
        }
        async fn query(&self, _: Query) -> Result<Page, StoreError> {
            unreachable!()
        }
        async fn audit_records(&self, _: Query) -> Result<Page, StoreError> {
            unreachable!()
        }
        async fn due(&self, _: Timestamp, _: u32) -> Result<Vec<DueItem>, StoreError> {
            unreachable!()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_for_people_are_not_limited_and_other_calls_wait_a_bounded_time() {
        let stuck = Arc::new(Stuck::default());
        let store = Arc::new(PriorityStore::new(Arc::clone(&stuck) as Arc<dyn Store>));
        let tasks = Tasks::new();
        let ask = |kind| {
            let store = Arc::clone(&store);
            tasks.spawn(kind, async move {
                let key = Key { partition: "p".into(), sort: "s".into() };
                drop(store.get(&key).await);
            });
        };
        let arrived = async |after: Duration| {
            tokio::time::sleep(after).await;
            stuck.0.load(Ordering::SeqCst)
        };
        for _ in 0..3 * CONCURRENT {
            ask(Kind::Operation);
        }
        assert_eq!(arrived(MAX_WAIT / 2).await, CONCURRENT, "the others wait for a slot");
        ask(Kind::Delivery);
        assert_eq!(arrived(MAX_WAIT / 4).await, CONCURRENT + 1, "a call for a person does not wait");
        assert_eq!(arrived(MAX_WAIT / 2).await, 3 * CONCURRENT + 1, "no call waits longer than the limit");
    }
}
