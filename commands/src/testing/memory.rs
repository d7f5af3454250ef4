//! [`MemoryStore`]: the store port in a map, deterministic, with a log of calls and faults on demand.
//!
//! It refuses what DynamoDB refuses (empty keys, a key twice in a transaction, an item over 400 KB, more than 100 writes
//! or 4 MB in a transaction), measured as the adapter measures it, so that a domain that fits into it fits into the real
//! store too. It keeps tokens until [`MemoryStore::forget_tokens`], because it has
//! no clock. Every call yields once before it acts, so that concurrent callers really interleave.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use crate::ports::{
    DueChange, DueItem, Guard, Item, Key, Order, Page, Precondition, Query, Store, StoreError, Write,
};

const MAX_WRITES: usize = 100;
const MAX_READS: usize = 100;
const MAX_ITEM_BYTES: usize = 400 * 1024;
const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;
const MAX_PARTITION_BYTES: usize = 2048;
const MAX_SORT_BYTES: usize = 1024;

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

    /// Nothing that was planned to go wrong goes wrong any more.
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

    /// Whether any item is such: cheaper than [`MemoryStore::items`] for who looks often. Not logged as a call.
    pub fn any(&self, such: impl Fn(&Item) -> bool) -> bool {
        self.lock().items.values().any(such)
    }

    /// The items that are such, in the order of the keys. Not logged as a call.
    pub fn such(&self, such: impl Fn(&Item) -> bool) -> Vec<Item> {
        self.lock().items.values().filter(|item| such(item)).cloned().collect()
    }

    /// The item of that key. Not logged as a call, and nothing goes wrong with it.
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
            if keys.len() > MAX_READS {
                return refuse(format!("{} keys in one read, at most {MAX_READS}", keys.len()));
            }
            keys.iter().try_for_each(check_key)?;
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

fn check_writes(writes: &[Write]) -> Result<(), StoreError> {
    if writes.is_empty() {
        return refuse("no writes in a transaction".into());
    }
    if writes.len() > MAX_WRITES {
        let why = format!("{} writes in one transaction, at most {MAX_WRITES} are possible", writes.len());
        return Err(StoreError::TooLarge(why));
    }
    let mut bytes = 0;
    let mut seen = BTreeSet::new();
    for write in writes {
        let key = match write {
            Write::Put { item, .. } => {
                bytes += check_size(item)?;
                &item.key
            }
            Write::Audit { item } => {
                check_size(&item.clone().into())?;
                &item.key
            }
            Write::Update { key, .. } | Write::Delete { key, .. } | Write::Check { key, .. } => key,
        };
        check_key(key)?;
        // An audit record and an item may have one key: they live apart.
        if !seen.insert((matches!(write, Write::Audit { .. }), key)) {
            return refuse(format!("{}/{} twice in one transaction", key.partition, key.sort));
        }
    }
    if bytes > MAX_TRANSACTION_BYTES {
        return Err(StoreError::TooLarge(format!("a transaction of {bytes} bytes")));
    }
    Ok(())
}

fn check_key(key: &Key) -> Result<(), StoreError> {
    let fits = |text: &str, most: usize| (1..=most).contains(&text.len());
    if fits(&key.partition, MAX_PARTITION_BYTES) && fits(&key.sort, MAX_SORT_BYTES) {
        Ok(())
    } else {
        refuse(format!("a key that is empty or too long: {}/{}", key.partition, key.sort))
    }
}

/// The size of an item as DynamoDB counts it: names and values of all its attributes, the body not deflated.
fn check_size(item: &Item) -> Result<usize, StoreError> {
    // "g_" stands before a guard's name; numbers of ours have at most 21 digits.
    let guards: usize = item
        .guards
        .iter()
        .map(|(name, guard)| 2 + name.len() + if let Guard::Text(text) = guard { text.len() } else { 21 })
        .sum();
    // pk, sk, v and its number, b; ds and du with theirs; ttl and its second.
    let names = 2 + 2 + 2 + 1 + 2 + item.due.map_or(0, |_| 30) + item.expires.map_or(0, |_| 14);
    let bytes = names + item.body.to_string().len() + item.key.partition.len() + item.key.sort.len() + guards;
    if bytes > MAX_ITEM_BYTES {
        return Err(StoreError::TooLarge(format!(
            "{}/{} has {bytes} bytes",
            item.key.partition, item.key.sort
        )));
    }
    Ok(bytes)
}

/// Expiry is kept to the second and rounded up, so that nothing is deleted early.
fn whole_second(time: Timestamp) -> Timestamp {
    time.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil)).unwrap_or(time)
}

fn refuse<T>(why: String) -> Result<T, StoreError> {
    Err(StoreError::Refused(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Guards;

    fn item(sort: &str) -> Item {
        Item {
            key: Key { partition: "p".into(), sort: sort.into() },
            schema: 1,
            guards: Guards::new(),
            body: serde_json::json!({}),
            due: None,
            expires: None,
        }
    }

    fn put(sort: &str) -> Write {
        Write::Put { item: item(sort), when: Precondition::Absent }
    }

    #[tokio::test]
    async fn a_fault_before_does_nothing_and_a_fault_after_does_its_work() {
        let store = MemoryStore::new();
        store.fail_next(StoreError::Again("throttled".into()));
        store.lose_next_answer();

        assert_eq!(store.write(put("a")).await, Err(StoreError::Again("throttled".into())));
        assert!(store.items().is_empty());
        assert!(matches!(store.write(put("a")).await, Err(StoreError::Unknown(_))));
        assert_eq!(store.items(), [item("a")]);
        assert_eq!(store.write(put("a")).await, Err(StoreError::Lost(vec![0])));
        assert_eq!(store.calls().len(), 3);
    }

    #[tokio::test]
    async fn a_lost_answer_is_settled_by_the_same_token() {
        let store = MemoryStore::new();
        store.fault_at(0, StoreFault::After(StoreError::Unknown("gone".into())));

        assert!(store.transact("t", vec![put("a")]).await.is_err());
        assert_eq!(store.transact("t", vec![put("a")]).await, Ok(()));
        store.forget_tokens();
        assert_eq!(store.transact("t", vec![put("a")]).await, Err(StoreError::Lost(vec![0])));
    }

    #[tokio::test]
    async fn it_takes_no_more_than_the_real_one() {
        let store = MemoryStore::new();
        let sized = |sort: &str, bytes: usize| {
            let item = Item { body: serde_json::json!("x".repeat(bytes)), ..item(sort) };
            Write::Put { item, when: Precondition::Any }
        };
        let all = |count: usize, bytes: usize| (0..count).map(|nth| sized(&nth.to_string(), bytes)).collect();
        let is_too_large = |answer| matches!(answer, Err(StoreError::TooLarge(_)));
        assert!(is_too_large(store.write(sized("a", 410_000)).await), "an item");
        assert!(is_too_large(store.transact("many", all(101, 1)).await), "writes");
        assert!(is_too_large(store.transact("large", all(11, 400_000)).await), "a transaction");
        assert_eq!(store.transact("fits", all(10, 400_000)).await, Ok(()));
    }
}
