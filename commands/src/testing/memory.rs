//! [`MemoryStore`]: the store port in a map, deterministic, with a log of calls and faults on demand.
//!
//! It has DynamoDB's limits. It keeps tokens until [`MemoryStore::forget_tokens`], because it has no clock. Every call yields
//! once before it acts: concurrent callers really interleave.

mod limits;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use self::limits::{check_key, check_reads, check_writes, refuse};
use crate::ports::{
    DueChange, DueItem, Item, Key, Order, Page, Precondition, Query, Store, StoreError, Write,
};

/// One call that a [`MemoryStore`] received, as its log keeps it.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreCall {
    /// [`Store::get`].
    Get(Key),
    /// [`Store::get_many`].
    GetMany(Vec<Key>),
    /// [`Store::write`].
    Write(Write),
    /// [`Store::transact`].
    Transact {
        /// The client's token.
        token: String,
        /// What to write.
        writes: Vec<Write>,
    },
    /// [`Store::query`].
    Query(Query),
    /// [`Store::audit_records`].
    AuditRecords(Query),
    /// [`Store::due`].
    Due {
        /// Due at or before.
        until: Timestamp,
        /// How many.
        limit: u32,
    },
}

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreFault {
    /// The call fails before it does anything.
    Before(StoreError),
    /// The call does its work, and then its answer is lost: the caller gets this error, usually
    /// [`StoreError::Unknown`]. If the call itself fails, its own error is what the caller gets.
    After(StoreError),
}

/// The store in memory.
#[derive(Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    items: BTreeMap<Key, Item>,
    audit: BTreeMap<Key, Item>,
    tokens: BTreeMap<String, Vec<Write>>,
    calls: Vec<StoreCall>,
    faults: BTreeMap<usize, StoreFault>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that holds these already, with no call in its log.
    pub fn holding(items: impl IntoIterator<Item = Item>) -> Self {
        let items = items.into_iter().map(|item| (item.key.clone(), item)).collect();
        Self { inner: Mutex::new(Inner { items, ..Inner::default() }) }
    }

    /// The same store, holding these audit records too.
    pub fn with_audit(self, records: impl IntoIterator<Item = Item>) -> Self {
        self.lock().audit.extend(records.into_iter().map(|record| (record.key.clone(), record)));
        self
    }

    /// Every audit record, in the order of the keys. Not logged as a call.
    pub fn audit(&self) -> Vec<Item> {
        self.lock().audit.values().cloned().collect()
    }

    /// The next call fails with `error` before it does anything. Twice in a row: the next two calls.
    pub fn fail_next(&self, error: StoreError) {
        self.fault_next(StoreFault::Before(error));
    }

    /// The next call takes effect, but its caller gets [`StoreError::Unknown`].
    pub fn lose_next_answer(&self) {
        self.fault_next(StoreFault::After(StoreError::Unknown("the answer was lost".into())));
    }

    /// Plans `fault` for the call after those that have a fault planned already.
    pub fn fault_next(&self, fault: StoreFault) {
        let mut inner = self.lock();
        let next = inner.faults.keys().next_back().map_or(0, |last| last + 1).max(inner.calls.len());
        inner.faults.insert(next, fault);
    }

    /// Plans `fault` for the call number `index`, counted from 0 as in [`MemoryStore::calls`]: for tests that break
    /// every call of a recorded run in turn.
    pub fn fault_at(&self, index: usize, fault: StoreFault) {
        self.lock().faults.insert(index, fault);
    }

    /// Removes all planned faults.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Every call so far, those that failed included.
    pub fn calls(&self) -> Vec<StoreCall> {
        self.lock().calls.clone()
    }

    /// How many calls there were so far.
    pub fn count(&self) -> usize {
        self.lock().calls.len()
    }

    /// Every item, in the order of the keys. Not logged as a call.
    pub fn items(&self) -> Vec<Item> {
        self.lock().items.values().cloned().collect()
    }

    /// Whether any item matches: cheaper than [`MemoryStore::items`] in a loop. Not logged as a call.
    pub fn any(&self, matches: impl Fn(&Item) -> bool) -> bool {
        self.lock().items.values().any(matches)
    }

    /// The items that match, in the order of the keys. Not logged as a call.
    pub fn matching(&self, matches: impl Fn(&Item) -> bool) -> Vec<Item> {
        self.lock().items.values().filter(|item| matches(item)).cloned().collect()
    }

    /// The item of that key. Not logged as a call, and no fault applies.
    pub fn item(&self, key: &Key) -> Option<Item> {
        self.lock().items.get(key).cloned()
    }

    /// Forgets the transactions' tokens, as ten minutes do.
    pub fn forget_tokens(&self) {
        self.lock().tokens.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A poisoned map is still a map: the test that panicked has failed anyway.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call<T>(
        &self,
        call: StoreCall,
        act: impl FnOnce(&mut Inner) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        tokio::task::yield_now().await;
        let mut inner = self.lock();
        let fault = {
            let index = inner.calls.len();
            inner.faults.remove(&index)
        };
        inner.calls.push(call);
        match fault {
            Some(StoreFault::Before(error)) => Err(error),
            Some(StoreFault::After(error)) => act(&mut inner).and(Err(error)),
            None => act(&mut inner),
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.call(StoreCall::Get(key.clone()), |inner| {
            check_key(key)?;
            Ok(inner.items.get(key).cloned())
        })
        .await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.call(StoreCall::GetMany(keys.to_vec()), |inner| {
            check_reads(keys)?;
            let distinct: BTreeSet<&Key> = keys.iter().collect();
            Ok(distinct.into_iter().filter_map(|key| inner.items.get(key).cloned()).collect())
        })
        .await
    }

    async fn write(&self, write: Write) -> Result<(), StoreError> {
        self.call(StoreCall::Write(write.clone()), |inner| inner.apply(vec![write])).await
    }

    async fn transact(&self, token: &str, writes: Vec<Write>) -> Result<(), StoreError> {
        let call = StoreCall::Transact { token: token.to_owned(), writes: writes.clone() };
        self.call(call, |inner| match inner.tokens.get(token) {
            Some(before) if *before == writes => Ok(()),
            Some(_) => refuse(format!("token {token} was used for other writes")),
            None => {
                inner.apply(writes.clone())?;
                inner.tokens.insert(token.to_owned(), writes);
                Ok(())
            }
        })
        .await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.call(StoreCall::Query(query.clone()), |inner| Ok(range(&inner.items, &query))).await
    }

    async fn audit_records(&self, query: Query) -> Result<Page, StoreError> {
        self.call(StoreCall::AuditRecords(query.clone()), |inner| Ok(range(&inner.audit, &query))).await
    }

    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError> {
        self.call(StoreCall::Due { until, limit }, |inner| {
            let mut found: Vec<DueItem> = inner
                .items
                .values()
                .filter_map(|item| Some(DueItem { key: item.key.clone(), due: item.due? }))
                .filter(|entry| entry.due <= until)
                .collect();
            // Stable, so equal times stay in the order of their keys.
            found.sort_by_key(|entry| entry.due);
            found.truncate(limit as usize);
            Ok(found)
        })
        .await
    }
}

impl Inner {
    /// All of the writes or none.
    fn apply(&mut self, writes: Vec<Write>) -> Result<(), StoreError> {
        check_writes(&writes)?;
        let lost: Vec<usize> = writes
            .iter()
            .enumerate()
            .filter(|(_, write)| !self.allows(write))
            .map(|(index, _)| index)
            .collect();
        if !lost.is_empty() {
            return Err(StoreError::Lost(lost));
        }
        writes.into_iter().for_each(|write| self.carry_out(write));
        Ok(())
    }

    fn allows(&self, write: &Write) -> bool {
        let (key, when, must_exist) = match write {
            Write::Audit { item } => return !self.audit.contains_key(&item.key),
            Write::Put { item, when } => (&item.key, when, false),
            Write::Update { key, when, .. } => (key, when, true),
            Write::Delete { key, when } | Write::Check { key, when } => (key, when, false),
        };
        let item = self.items.get(key);
        if must_exist && item.is_none() {
            return false;
        }
        match when {
            Precondition::Any => true,
            Precondition::Absent => item.is_none(),
            Precondition::Present => item.is_some(),
            Precondition::Equals(guards) => item.is_some_and(|item| {
                guards.iter().all(|(name, wanted)| item.guards.get(name).is_some_and(|is| is == wanted))
            }),
        }
    }

    fn carry_out(&mut self, write: Write) {
        match write {
            Write::Put { mut item, .. } => {
                item.expires = item.expires.map(whole_second);
                self.items.insert(item.key.clone(), item);
            }
            Write::Update { key, set, due, .. } => {
                if let Some(item) = self.items.get_mut(&key) {
                    item.guards.extend(set);
                    match due {
                        DueChange::Keep => {}
                        DueChange::At(time) => item.due = Some(time),
                        DueChange::Never => item.due = None,
                    }
                }
            }
            Write::Delete { key, .. } => {
                self.items.remove(&key);
            }
            Write::Audit { item } => {
                self.audit.insert(item.key.clone(), item.into());
            }
            Write::Check { .. } => {}
        }
    }
}

fn range(all: &BTreeMap<Key, Item>, query: &Query) -> Page {
    let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
    let after = query.after.as_deref();
    let from = Key { partition: query.partition.clone(), sort: query.prefix.clone() };
    let matching = all
        .range((Bound::Included(from), Bound::Unbounded))
        .map(|(_, item)| item)
        .take_while(|item| item.key.partition == query.partition && item.key.sort.starts_with(&query.prefix));
    let mut items: Vec<Item> = match query.order {
        Order::Ascending => matching
            .filter(|item| after.is_none_or(|after| item.key.sort.as_str() > after))
            .cloned()
            .collect(),
        Order::Descending => matching
            .filter(|item| after.is_none_or(|after| item.key.sort.as_str() < after))
            .cloned()
            .collect(),
    };
    if query.order == Order::Descending {
        items.reverse();
    }
    let cut = items.len() > limit;
    items.truncate(limit);
    let more = items.last().filter(|_| cut).map(|last| last.key.sort.clone());
    Page { items, more }
}

/// Expiry is kept to the second and rounded up: nothing is deleted early.
fn whole_second(time: Timestamp) -> Timestamp {
    time.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil)).unwrap_or(time)
}
