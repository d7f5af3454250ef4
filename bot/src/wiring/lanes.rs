//! Two lanes to the store: who answers a person goes at once, work goes up to [`WORK`] calls side by side.
//!
//! A replica carries many operations; without a bound, all of their calls may stand before the two that somebody in
//! Slack waits for. Nothing waits here for longer than [`LONGEST`]: a store that is slow must not cost an owner its
//! lease.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sluice_commands::ports::{DueItem, Item, Key, Page, Query, Store, StoreError, Write};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::tasks::answers_somebody;

/// So many calls of work at once. DynamoDB answers within some 5 ms: about 800 calls a second, of which an operation has
/// a dozen in its whole life.
const WORK: usize = 4;
/// So long a call of work waits for its turn at most. Owners show that they live every third of a lease of 15 s.
const LONGEST: Duration = Duration::from_secs(2);

/// A store, reached by lanes.
pub(super) struct Lanes {
    store: Arc<dyn Store>,
    work: Semaphore,
}

impl Lanes {
    /// Lanes to that store.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, work: Semaphore::new(WORK) }
    }

    /// Held while a call is under way.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        if answers_somebody() {
            return None;
        }
        tokio::time::timeout(LONGEST, self.work.acquire()).await.ok()?.ok()
    }
}

#[async_trait]
impl Store for Lanes {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let _turn = self.turn().await;
        self.store.get(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let _turn = self.turn().await;
        self.store.get_many(keys).await
    }
    async fn write(&self, write: Write) -> Result<(), StoreError> {
        let _turn = self.turn().await;
        self.store.write(write).await
    }
    async fn transact(&self, token: &str, writes: Vec<Write>) -> Result<(), StoreError> {
        let _turn = self.turn().await;
        self.store.transact(token, writes).await
    }
    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let _turn = self.turn().await;
        self.store.query(query).await
    }
    async fn audit_records(&self, query: Query) -> Result<Page, StoreError> {
        let _turn = self.turn().await;
        self.store.audit_records(query).await
    }
    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError> {
        let _turn = self.turn().await;
        self.store.due(until, limit).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::tasks::{Kind, Tasks};

    /// A store that answers nobody.
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
    async fn people_pass_work_and_work_waits_no_longer_than_a_lease_bears() {
        let stuck = Arc::new(Stuck::default());
        let lanes = Arc::new(Lanes::new(Arc::clone(&stuck) as Arc<dyn Store>));
        let tasks = Tasks::new();
        let ask = |kind| {
            let lanes = Arc::clone(&lanes);
            tasks.spawn(kind, async move {
                let key = Key { partition: "p".into(), sort: "s".into() };
                drop(lanes.get(&key).await);
            });
        };
        let arrived = async |after: Duration| {
            tokio::time::sleep(after).await;
            stuck.0.load(Ordering::SeqCst)
        };
        for _ in 0..3 * WORK {
            ask(Kind::Operation);
        }
        assert_eq!(arrived(LONGEST / 2).await, WORK, "the rest waits for its turn");
        ask(Kind::Delivery);
        assert_eq!(arrived(LONGEST / 4).await, WORK + 1, "who answers somebody waits for nobody");
        assert_eq!(arrived(LONGEST / 2).await, 3 * WORK + 1, "nothing waits for ever");
    }
}
