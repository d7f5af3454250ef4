//! [`DynamoStore`]: the store port over two DynamoDB tables, one for items and one for audit records. Sluice only puts
//! into the audit table and queries it. (`protection.rs` sends one deletion that matches no record, and expects a denial.)
//!
//! Beyond the port, the store guarantees that a write never fails on its own success. The SDK's retries are off, because
//! they would repeat a plain conditional write whose answer was lost. [`attempt`] repeats a request only where a token or
//! a read makes that safe, and never forgets that an earlier attempt may have taken effect.

mod attempt;
mod errors;
mod item;
mod meter;
mod protection;
mod read;
mod request;
mod store;
mod table;
mod write;

use async_trait::async_trait;
use jiff::Timestamp;
use sluice_commands::ports::{DueItem, Item, Key, Page, Query, Store, StoreError, Write};

pub use self::{meter::Consumed, store::DynamoStore, table::TableStatus};

#[async_trait]
impl Store for DynamoStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        read::get(self, key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        read::get_many(self, keys).await
    }

    async fn write(&self, write: Write) -> Result<(), StoreError> {
        write::write(self, write).await
    }

    async fn transact(&self, token: &str, writes: Vec<Write>) -> Result<(), StoreError> {
        write::transact(self, token, writes).await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        read::query(self, &self.tables.items, query).await
    }

    async fn audit_records(&self, query: Query) -> Result<Page, StoreError> {
        read::query(self, &self.tables.audit, query).await
    }

    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError> {
        read::due(self, until, limit).await
    }
}
