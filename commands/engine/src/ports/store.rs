use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

/// The place of an item. Items of one partition are read together, in the order of `sort`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition: `123456789012/eu-central-1/pipeline/orders`.
    pub partition: String,
    /// The order within it: `stage/prod`.
    pub sort: String,
}

/// A value that a precondition can compare and an update can set without rewriting the body.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// A counter, a fence, a sequence.
    Number(u64),
    /// An owner, a status.
    Text(String),
}

/// The guards of an item by name. An absent guard equals nothing.
pub type Guards = BTreeMap<String, Guard>;

/// Makes guards of pairs.
pub fn guards<const N: usize>(pairs: [(&str, Guard); N]) -> Guards {
    pairs.into_iter().map(|(name, guard)| (name.to_owned(), guard)).collect()
}

/// The value of a number guard; zero if it is absent.
pub fn number_guard(guards: &Guards, name: &str) -> u64 {
    match guards.get(name) {
        Some(Guard::Number(number)) => *number,
        _ => 0,
    }
}

/// The value of a text guard; empty if it is absent.
pub fn text_guard(guards: &Guards, name: &str) -> String {
    match guards.get(name) {
        Some(Guard::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

/// A stored item. The store does not interpret it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its key.
    pub key: Key,
    /// The schema version of `body`; old versions stay readable.
    pub schema: u32,
    /// The values that preconditions compare.
    pub guards: Guards,
    /// The content.
    pub body: Value,
    /// When a replica must look at it. Items with a time are in the due index.
    pub due: Option<Timestamp>,
    /// When it may be deleted. Deletion is late: an expired item may still be read.
    pub expires: Option<Timestamp>,
}

/// An audit record as stored: a key, a schema version and a body. It has no part that could change later: no
/// guard, no due time, no expiry.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditItem {
    /// Its key, in the separate key space of audit records.
    pub key: Key,
    /// The schema version of `body`; old versions stay readable.
    pub schema: u32,
    /// The content.
    pub body: Value,
}

impl From<AuditItem> for Item {
    fn from(AuditItem { key, schema, body }: AuditItem) -> Self {
        Self { key, schema, guards: Guards::new(), body, due: None, expires: None }
    }
}

/// The condition of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Precondition {
    /// Nothing.
    Any,
    /// No item with that key.
    Absent,
    /// An item with that key.
    Present,
    /// There is an item with that key, and its named guards have exactly these values.
    Equals(Guards),
}

/// The change of an item's place in the due index.
#[derive(Debug, Clone, PartialEq)]
pub enum DueChange {
    /// Unchanged.
    Keep,
    /// The item becomes due at that time.
    At(Timestamp),
    /// The item leaves the due index.
    Never,
}

/// One conditional write.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Writes the whole item.
    Put {
        /// The item.
        item: Item,
        /// The condition.
        when: Precondition,
    },
    /// Sets guards and the due time of an existing item, and leaves its body alone. Fails if the item is
    /// absent.
    Update {
        /// The item.
        key: Key,
        /// The guards to set; others stay.
        set: Guards,
        /// The change of its due time.
        due: DueChange,
        /// The condition.
        when: Precondition,
    },
    /// Adds an audit record, unless one with that key exists. Audit records are separate from the items, and
    /// no other write reaches them: through this port none can be changed or deleted.
    Audit {
        /// The record.
        item: AuditItem,
    },
    /// Deletes an item. Deleting an absent item is no error under [`Precondition::Any`].
    Delete {
        /// The item.
        key: Key,
        /// The condition.
        when: Precondition,
    },
    /// Writes nothing, but fails the transaction unless the precondition holds.
    Check {
        /// The item.
        key: Key,
        /// The condition.
        when: Precondition,
    },
}

/// The direction of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest `sort` first.
    Ascending,
    /// Largest `sort` first: the newest, where sort keys are times or numbers.
    Descending,
}

/// A range of one partition.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The partition.
    pub partition: String,
    /// The prefix of the sort keys; empty for all.
    pub prefix: String,
    /// The direction.
    pub order: Order,
    /// The maximum number of items; `None` for all of them (the adapter follows pages).
    pub limit: Option<u32>,
    /// Start after this sort key (in the query's direction), as returned in [`Page::more`].
    pub after: Option<String>,
}

/// The result of a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The items, in the query's order.
    pub items: Vec<Item>,
    /// Where the next page starts, if the limit cut this one.
    pub more: Option<String>,
}

/// An entry of the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueItem {
    /// The item.
    pub key: Key,
    /// The time since which it is due.
    pub due: Timestamp,
}

/// Why a call to the store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A precondition failed, so nothing was written. The indices of the failed writes, as far as known.
    #[error("precondition failed for writes {0:?}")]
    Lost(Vec<usize>),
    /// Nothing was written: throttled, or in conflict with another transaction. The same call may succeed
    /// shortly.
    #[error("try again: {0}")]
    Again(String),
    /// The answer was lost, or the store was unreachable: the write may or may not have happened. The same
    /// transaction with the same token is safe to repeat.
    #[error("unknown outcome: {0}")]
    Unknown(String),
    /// Larger than the store accepts: an item above 400 KB, or more than 100 writes or 4 MB in a transaction.
    /// Nothing was written, and a retry cannot succeed.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The store is missing or denies access: there is no table, or the credentials are not allowed to use
    /// it.
    #[error("refused: {0}")]
    Refused(String),
    /// The content was not written by Sluice.
    #[error("corrupt: {0}")]
    Corrupt(String),
}

/// The durable store: few primitives with preconditions, so every backend can pass the same suite (`state`'s
/// conformance tests). All reads except [`Store::due`] are strongly consistent.
#[async_trait]
pub trait Store: Send + Sync {
    /// One item; `None` if it does not exist.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;
    /// Several items (at most 100) in one request. Missing items are omitted, and the order is not kept.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError>;
    /// One conditional write. After an unknown outcome the caller reads back before it writes again.
    async fn write(&self, write: Write) -> Result<(), StoreError>;
    /// All of the writes (at most 100, with distinct keys) or none. The same token and writes again within
    /// ten minutes succeed without writing twice.
    async fn transact(&self, token: &str, writes: Vec<Write>) -> Result<(), StoreError>;
    /// A range of one partition of the items.
    async fn query(&self, query: Query) -> Result<Page, StoreError>;
    /// A range of one partition of the audit records.
    async fn audit_records(&self, query: Query) -> Result<Page, StoreError>;
    /// The items due at or before that time, the longest due first, at most `limit`. May lag by a moment:
    /// code that acts on a result reads the item first.
    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError>;
}
