use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

/// Where an item lives. Items of one partition are read together, in the order of `sort`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which items are together: `123456789012/eu-central-1/pipeline/orders`.
    pub partition: String,
    /// Their order within it: `stage/prod`.
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

/// The guards of an item by name. A guard that is not there equals nothing.
pub type Guards = BTreeMap<String, Guard>;

/// One stored thing. The store interprets none of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Where it lives.
    pub key: Key,
    /// The schema version of `body`; old versions stay readable.
    pub schema: u32,
    /// What preconditions compare.
    pub guards: Guards,
    /// What it says.
    pub body: Value,
    /// When somebody should look at it; items with a time are in the due index.
    pub due: Option<Timestamp>,
    /// When it may be deleted. Deletion is late: an expired item may still be read.
    pub expires: Option<Timestamp>,
}

/// An audit record as it is stored: a key, a schema version and a body. It has nothing that could change later: no guard,
/// no due time, no expiry.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditItem {
    /// Where it lives, among the audit records alone.
    pub key: Key,
    /// The schema version of `body`; old versions stay readable.
    pub schema: u32,
    /// What it says.
    pub body: Value,
}

impl From<AuditItem> for Item {
    fn from(AuditItem { key, schema, body }: AuditItem) -> Self {
        Self { key, schema, guards: Guards::new(), body, due: None, expires: None }
    }
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Precondition {
    /// Nothing.
    Any,
    /// No item with that key.
    Absent,
    /// An item with that key.
    Present,
    /// An item with that key and exactly these values in the guards named.
    Equals(Guards),
}

/// What becomes of an item's place in the due index.
#[derive(Debug, Clone, PartialEq)]
pub enum DueChange {
    /// It stays as it is.
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
        /// What must hold before.
        when: Precondition,
    },
    /// Sets guards and the due time of an item that exists, and leaves its body alone. Fails on an absent item.
    Update {
        /// Which item.
        key: Key,
        /// The guards to set; others stay.
        set: Guards,
        /// What becomes of its due time.
        due: DueChange,
        /// What must hold before.
        when: Precondition,
    },
    /// Adds an audit record, unless there is one of that key. Audit records live apart from the items, and no other write
    /// reaches them: through this port none can be changed or deleted.
    Audit {
        /// The record.
        item: AuditItem,
    },
    /// Deletes an item; deleting an absent one is no error under [`Precondition::Any`].
    Delete {
        /// Which item.
        key: Key,
        /// What must hold before.
        when: Precondition,
    },
    /// Writes nothing, but fails the transaction unless the precondition holds.
    Check {
        /// Which item.
        key: Key,
        /// What must hold.
        when: Precondition,
    },
}

/// In which direction a query walks.
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
    /// Only sort keys that begin so; empty for all.
    pub prefix: String,
    /// The direction.
    pub order: Order,
    /// At most so many items; `None` for all of them (the adapter follows pages).
    pub limit: Option<u32>,
    /// Begin behind this sort key (in the query's direction), as [`Page::more`] gave it.
    pub after: Option<String>,
}

/// What a query found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The items, in the query's order.
    pub items: Vec<Item>,
    /// Where the next page begins, if the limit cut this one.
    pub more: Option<String>,
}

/// An entry of the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueItem {
    /// Which item.
    pub key: Key,
    /// Since when it is due.
    pub due: Timestamp,
}

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A precondition did not hold, so nothing was written. The indices of the writes that failed, as far as known.
    #[error("precondition failed for writes {0:?}")]
    Lost(Vec<usize>),
    /// Nothing was written: throttled, or another transaction was at it. The same call may succeed shortly.
    #[error("try again: {0}")]
    Again(String),
    /// The answer was lost, or the store could not be reached: the write may or may not have happened. The same
    /// transaction with the same token is safe to repeat.
    #[error("unknown outcome: {0}")]
    Unknown(String),
    /// More than the store takes: an item above 400 KB, more than 100 writes or 4 MB in a transaction. Nothing was
    /// written, and the same will never be.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The store is not there or refuses us: the table is missing, the credentials are not allowed.
    #[error("refused: {0}")]
    Refused(String),
    /// What was read is not what was ever written by us.
    #[error("corrupt: {0}")]
    Corrupt(String),
}

/// The durable memory: few primitives with preconditions, so that every backend can be held to the same suite
/// (`state`'s conformance tests). All reads are strongly consistent but [`Store::due`].
#[async_trait]
pub trait Store: Send + Sync {
    /// One item.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;
    /// Several items (at most 100) in one request; those that do not exist are left out, the order is not kept.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError>;
    /// One conditional write. After an unknown outcome the caller reads back before it writes again.
    async fn write(&self, write: Write) -> Result<(), StoreError>;
    /// All of the writes (at most 100, of distinct keys) or none. The same token and writes again within ten minutes
    /// succeed without writing twice.
    async fn transact(&self, token: &str, writes: Vec<Write>) -> Result<(), StoreError>;
    /// A range of one partition of the items.
    async fn query(&self, query: Query) -> Result<Page, StoreError>;
    /// A range of one partition of the audit records.
    async fn audit_records(&self, query: Query) -> Result<Page, StoreError>;
    /// The items due at or before that time, the longest due first, at most `limit`. May lag by a moment: code that acts
    /// on it reads the item first.
    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError>;
}
