//! [`DynamoStore`]: the store port over two DynamoDB tables: one for the items, one for the audit records, on which nothing
//! but puts and queries is ever asked for. (`protection.rs` asks for one deletion, of nothing, to see it denied.)
//!
//! What it guarantees beyond the port: a write never fails on its own success. The SDK's retries are off, because they
//! would repeat a plain conditional write whose answer was lost; [`attempt`] repeats only what a token or the nature of
//! a read makes safe, and never forgets that an earlier attempt may have taken effect.

mod attempt;
mod errors;
mod item;
mod meter;
mod protection;
mod read;
mod request;
mod table;

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, TransactWriteItem};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sluice_commands::ports::{DueItem, Item, Key, Page, Query, Store, StoreError, Write};

use self::attempt::{Repeat, attempt};
use self::errors::classify;
use self::meter::Meter;
use self::request::Request;
pub use self::{meter::Consumed, table::TableStatus};

/// What the name of the table for audit records ends with, behind the name of the table for items.
const AUDIT_SUFFIX: &str = "-audit";

/// A connection that does not stand within this time counts as lost.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// An answer that is not whole within this time counts as lost. Two attempts stay well under a lease of 15 s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// What DynamoDB takes for a client request token.
const MAX_TOKEN_CHARS: usize = 36;
/// What one transaction takes.
const MAX_WRITES: usize = 100;

/// The names of the two tables.
#[derive(Debug)]
struct Tables {
    items: String,
    audit: String,
}

/// The store over DynamoDB. Cheap to share behind an `Arc`; holds connections, no data.
#[derive(Debug)]
pub struct DynamoStore {
    client: Client,
    tables: Tables,
    meter: Meter,
}

impl DynamoStore {
    /// A store on `table` and `table-audit`, which [`DynamoStore::create_tables`] makes. Nothing is sent yet.
    ///
    /// Region, credentials, HTTP client and endpoint (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_DYNAMODB`) are those of
    /// `config`; its retries and timeouts are replaced by the store's own.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config =
            Builder::from(config).retry_config(RetryConfig::disabled()).timeout_config(timeouts).build();
        let items = table.into();
        let tables = Tables { audit: Self::audit_table_of(&items), items };
        Self { client: Client::from_conf(config), tables, meter: Meter::default() }
    }

    /// The name of the table for items.
    pub fn table(&self) -> &str {
        &self.tables.items
    }

    /// The name of the table for audit records.
    pub fn audit_table(&self) -> &str {
        &self.tables.audit
    }

    /// The name of the table for audit records beside that table for items.
    pub fn audit_table_of(table: &str) -> String {
        format!("{table}{AUDIT_SUFFIX}")
    }

    /// The capacity that this store's requests consumed since it was made. Requests that failed consume too, but no
    /// answer says how much.
    pub fn consumed(&self) -> Consumed {
        self.meter.total()
    }

    /// Sends prepared writes as one transaction. Without a token the SDK makes one up for each attempt, so a lost answer
    /// must not be followed by a second one.
    async fn send_transaction(
        &self,
        partition: &str,
        token: Option<String>,
        items: Vec<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        let repeat = if token.is_some() { Repeat::Safe } else { Repeat::IfNothingHappened };
        let request = self
            .client
            .transact_write_items()
            .set_client_request_token(token)
            .set_transact_items(Some(items))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = attempt(repeat, || async {
            self.meter.sent();
            request.clone().send().await.map_err(|error| classify("TransactWriteItems", error))
        })
        .await?;
        self.meter.transaction("TransactWriteItems", partition, answer.consumed_capacity());
        Ok(())
    }

    /// Sends one prepared write by the request that is cheapest for it: half of what a transaction of one costs.
    async fn send_write(&self, partition: &str, request: Request) -> Result<(), StoreError> {
        let capacity = ReturnConsumedCapacity::Total;
        let (call, consumed) = match request {
            Request::Put(parts) => {
                let request = parts.put(&self.client).return_consumed_capacity(capacity);
                let answer = attempt(Repeat::IfNothingHappened, || async {
                    self.meter.sent();
                    request.clone().send().await.map_err(|error| classify("PutItem", error))
                })
                .await?;
                ("PutItem", answer.consumed_capacity)
            }
            Request::Update(parts) => {
                let request = parts.update(&self.client).return_consumed_capacity(capacity);
                let answer = attempt(Repeat::IfNothingHappened, || async {
                    self.meter.sent();
                    request.clone().send().await.map_err(|error| classify("UpdateItem", error))
                })
                .await?;
                ("UpdateItem", answer.consumed_capacity)
            }
            Request::Delete(parts) => {
                let request = parts.delete(&self.client).return_consumed_capacity(capacity);
                let answer = attempt(Repeat::IfNothingHappened, || async {
                    self.meter.sent();
                    request.clone().send().await.map_err(|error| classify("DeleteItem", error))
                })
                .await?;
                ("DeleteItem", answer.consumed_capacity)
            }
            // There is no plain request that only checks.
            check @ Request::Check(_) => {
                return self.send_transaction(partition, None, vec![check.into_transaction()?]).await;
            }
        };
        self.meter.write(call, partition, consumed.as_ref());
        Ok(())
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        read::get(self, key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        read::get_many(self, keys).await
    }

    async fn write(&self, write: Write) -> Result<(), StoreError> {
        let partition = partition_of(&write).to_owned();
        let request = Request::prepare(&self.tables, write)?;
        self.send_write(&partition, request).await
    }

    async fn transact(&self, token: &str, writes: Vec<Write>) -> Result<(), StoreError> {
        let partition = writes.first().map(partition_of).unwrap_or_default().to_owned();
        if writes.len() > MAX_WRITES {
            let why =
                format!("{} writes in one transaction, at most {MAX_WRITES} are possible", writes.len());
            return Err(StoreError::TooLarge(why));
        }
        let items = writes
            .into_iter()
            .map(|write| Request::prepare(&self.tables, write)?.into_transaction())
            .collect::<Result<Vec<_>, _>>()?;
        self.send_transaction(&partition, Some(request_token(token)), items).await
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

fn partition_of(write: &Write) -> &str {
    match write {
        Write::Put { item, .. } => &item.key.partition,
        Write::Audit { item } => &item.key.partition,
        Write::Update { key, .. } | Write::Delete { key, .. } | Write::Check { key, .. } => &key.partition,
    }
}

/// The caller's token as DynamoDB takes it: a longer one is replaced by its digest, 144 bits of it.
fn request_token(token: &str) -> String {
    if token.chars().count() <= MAX_TOKEN_CHARS {
        return token.to_owned();
    }
    let mut digest = hex::encode(Sha256::digest(token.as_bytes()));
    digest.truncate(MAX_TOKEN_CHARS);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_token_is_digested_and_a_short_one_is_kept() {
        let long = "T012/deploy/01JD6W3V5Q9Z0000000000000000/append/17";
        assert_eq!(request_token(long).len(), MAX_TOKEN_CHARS);
        assert_eq!(request_token(long), request_token(long));
        assert_ne!(request_token(long), request_token(&format!("{long}8")));
        assert_eq!(request_token("01JD6W3V5Q9Z/17"), "01JD6W3V5Q9Z/17");
    }
}
