//! The durable record of posted messages.

use async_trait::async_trait;
use sluice_commands::operation::Posted;
use sluice_commands::ports::{StoreError, Update};
use sluice_model::OperationId;

/// Implemented over the engine's records, and by a fake in tests.
#[async_trait]
pub(crate) trait MessageStore: Send + Sync {
    /// The recorded message of that name (`message/C0GENERAL`), if there is one.
    async fn find(&self, operation: &OperationId, name: &str) -> Result<Option<Posted>, StoreError>;
    async fn record(&self, operation: &OperationId, name: &str, posted: &Posted) -> Result<(), StoreError>;
    /// The newest row of the operation's journal; 0 if it has none.
    async fn newest_row(&self, operation: &OperationId) -> Result<u64, StoreError>;
    /// Records that the final update was posted in all channels.
    async fn record_delivered(&self, update: &Update) -> Result<(), StoreError>;
    /// Leaves the operation to another process, which posts what this one could not. This process has posted nothing for the
    /// rows of the journal from `undelivered_since` on.
    async fn record_undelivered(&self, update: &Update, undelivered_since: u64) -> Result<(), StoreError>;
}
