//! The store as one process reaches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::Death;
use crate::operation::*;
use crate::ports::{DueItem, Item, Key, Page, Query, Store, StoreError, Write};
use crate::testing::fake_aws::DeathPoint;
use crate::testing::{MemoryStore, Moment};

/// The store as one process reaches it: the process dies at one of its calls, and tests can disconnect it.
pub(in super::super) struct StoreProxy {
    pub(super) store: Arc<MemoryStore>,
    calls: DeathPoint,
    /// From that call on the process is asked to stop.
    stop: Option<usize>,
    pub(super) stop_asked: Notify,
    disconnected: AtomicBool,
}

impl StoreProxy {
    pub(super) fn new(store: Arc<MemoryStore>, death: &Death, died: Arc<Notify>) -> Self {
        Self {
            store,
            calls: DeathPoint::new(death.store, died),
            stop: death.stop,
            stop_asked: Notify::new(),
            disconnected: AtomicBool::new(false),
        }
    }
    /// From now on no call reaches the store.
    pub(in super::super) fn disconnect(&self) {
        self.disconnected.store(true, Ordering::SeqCst);
    }
    pub(in super::super) fn reconnect(&self) {
        self.disconnected.store(false, Ordering::SeqCst);
    }
    /// A new journal row whose writer no longer holds the operation: the fence in its token, and the head's.
    fn after_a_claim(&self, writes: &[Write]) -> Option<(String, u64)> {
        let mut rows = writes.iter().filter_map(|write| match write {
            Write::Put { item, .. } if item.key.sort.starts_with("row/") => Some(item),
            _ => None,
        });
        let item = rows.next().filter(|item| self.store.item(&item.key).is_none())?;
        let head = self.store.item(&Key { sort: "head".into(), ..item.key.clone() })?;
        let (row, head) = (Row::from_item(item).unwrap(), Head::from_item(&head).unwrap());
        let fence = row.token.strip_prefix(&format!("{}-", head.id))?.split('-').nth(1)?.to_owned();
        (fence != head.fence.to_string()).then_some((row.token, head.fence))
    }
    async fn call<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.disconnected.load(Ordering::SeqCst) {
            return Err(StoreError::Unknown("the process is disconnected".into()));
        }
        let number = self.calls.count();
        if self.stop.is_some_and(|stop| stop <= number) {
            self.stop_asked.notify_one();
        }
        self.calls.pass(number, Moment::Before).await;
        let answer = call.await;
        self.calls.pass(number, Moment::After).await;
        answer
    }
}

#[async_trait]
impl Store for StoreProxy {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.call(self.store.get(key)).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.call(self.store.get_many(keys)).await
    }
    async fn write(&self, write: Write) -> Result<(), StoreError> {
        self.call(self.store.write(write)).await
    }
    async fn transact(&self, token: &str, writes: Vec<Write>) -> Result<(), StoreError> {
        let after_claim = self.after_a_claim(&writes);
        let answer = self.call(self.store.transact(token, writes)).await;
        // The new owner may be doing what this row records.
        assert!(!(answer.is_ok() && after_claim.is_some()), "appended after a claim: {after_claim:?}");
        answer
    }
    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.call(self.store.query(query)).await
    }
    async fn audit_records(&self, query: Query) -> Result<Page, StoreError> {
        self.call(self.store.audit_records(query)).await
    }
    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError> {
        self.call(self.store.due(until, limit)).await
    }
}
