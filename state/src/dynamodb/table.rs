//! The table: whether it is there, and making it.
//!
//! Making it is safe to repeat: whatever is there already is left, whatever is missing is added, and a table that is
//! not ours is refused before anything about it is changed.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, GlobalSecondaryIndexDescription, IndexStatus,
    KeySchemaElement, KeyType, PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, Projection,
    ProjectionType, ScalarAttributeType, TableDescription, TableStatus as Status, TimeToLiveSpecification,
    TimeToLiveStatus,
};
use sluice_commands::ports::StoreError;

use super::DynamoStore;
use super::errors::classify;
use super::item::{DUE_INDEX, DUE_SHARD, DUE_TIME, EXPIRES, PARTITION, SORT};

/// How long a new table may take; ten seconds are usual.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks at it.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How a store's table stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableStatus {
    /// It takes requests.
    Ready,
    /// It is being made or changed; it will be ready shortly.
    Preparing,
    /// There is none: run `sluice init`.
    Missing,
    /// There is a table of that name which is not ours, and why we think so.
    Foreign(String),
}

impl DynamoStore {
    /// How the table stands. An error says that DynamoDB could not be asked: [`StoreError::Refused`] means that it does
    /// not let us, everything else that it could not be reached for now.
    pub async fn table_status(&self) -> Result<TableStatus, StoreError> {
        Ok(self.describe().await?.map_or(TableStatus::Missing, |table| judge(&table)))
    }

    /// Makes the table if it is not there, with on-demand billing, deletion protection, point-in-time recovery, expiry
    /// and the due index, and waits until it is ready. On a table of ours it adds what is missing.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        if self.describe().await?.is_none() {
            match self.request_table().await {
                // Somebody else was faster, or it takes its time: the wait shows.
                Ok(()) | Err(StoreError::Again(_) | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let table = self.until_ready().await?;
        self.protect(&table).await?;
        self.let_items_expire().await?;
        self.keep_history().await?;
        // Changing protection takes the table out of `ACTIVE` for a moment.
        self.until_ready().await.map(drop)
    }

    async fn describe(&self) -> Result<Option<TableDescription>, StoreError> {
        self.meter.sent();
        match self.client.describe_table().table_name(&self.table).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                Ok(None)
            }
            Err(error) => Err(classify("DescribeTable", error)),
        }
    }

    async fn request_table(&self) -> Result<(), StoreError> {
        let due_index = GlobalSecondaryIndex::builder()
            .index_name(DUE_INDEX)
            .key_schema(key(DUE_SHARD, KeyType::Hash)?)
            .key_schema(key(DUE_TIME, KeyType::Range)?)
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .map_err(incomplete)?;
        self.meter.sent();
        self.client
            .create_table()
            .table_name(&self.table)
            .attribute_definitions(attribute(PARTITION, ScalarAttributeType::S)?)
            .attribute_definitions(attribute(SORT, ScalarAttributeType::S)?)
            .attribute_definitions(attribute(DUE_SHARD, ScalarAttributeType::N)?)
            .attribute_definitions(attribute(DUE_TIME, ScalarAttributeType::N)?)
            .key_schema(key(PARTITION, KeyType::Hash)?)
            .key_schema(key(SORT, KeyType::Range)?)
            .global_secondary_indexes(due_index)
            .billing_mode(BillingMode::PayPerRequest)
            .deletion_protection_enabled(true)
            .send()
            .await
            .map_err(|error| classify("CreateTable", error))?;
        Ok(())
    }

    /// Waits for the table to take requests.
    async fn until_ready(&self) -> Result<TableDescription, StoreError> {
        let look = async {
            loop {
                if let Some(table) = self.describe().await? {
                    match judge(&table) {
                        TableStatus::Ready => return Ok(table),
                        TableStatus::Foreign(why) => return Err(StoreError::Refused(why)),
                        TableStatus::Preparing | TableStatus::Missing => {}
                    }
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let late = || StoreError::Again(format!("table {} is not ready after {PATIENCE:?}", self.table));
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| Err(late()))
    }

    /// The audit history lives in the table, so it is not deleted by a slip.
    async fn protect(&self, table: &TableDescription) -> Result<(), StoreError> {
        if table.deletion_protection_enabled() == Some(true) {
            return Ok(());
        }
        self.meter.sent();
        let request = self.client.update_table().table_name(&self.table).deletion_protection_enabled(true);
        request.send().await.map(drop).map_err(|error| classify("UpdateTable", error))
    }

    async fn let_items_expire(&self) -> Result<(), StoreError> {
        self.meter.sent();
        let request = self.client.describe_time_to_live().table_name(&self.table);
        let answer = request.send().await.map_err(|error| classify("DescribeTimeToLive", error))?;
        let status = answer.time_to_live_description().and_then(|ttl| ttl.time_to_live_status());
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
        self.meter.sent();
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES).build();
        let expiry = expiry.map_err(incomplete)?;
        let request =
            self.client.update_time_to_live().table_name(&self.table).time_to_live_specification(expiry);
        request.send().await.map(drop).map_err(|error| classify("UpdateTimeToLive", error))
    }

    /// Point-in-time recovery. A table that was just made does not take it at once.
    async fn keep_history(&self) -> Result<(), StoreError> {
        self.meter.sent();
        let request = self.client.describe_continuous_backups().table_name(&self.table);
        let answer = request.send().await.map_err(|error| classify("DescribeContinuousBackups", error))?;
        let status = answer
            .continuous_backups_description()
            .and_then(|backups| backups.point_in_time_recovery_description())
            .and_then(|recovery| recovery.point_in_time_recovery_status());
        if status == Some(&PointInTimeRecoveryStatus::Enabled) {
            return Ok(());
        }
        let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let on = on.map_err(incomplete)?;
        let request = self
            .client
            .update_continuous_backups()
            .table_name(&self.table)
            .point_in_time_recovery_specification(on);
        let turn_on = async {
            loop {
                self.meter.sent();
                match request.clone().send().await {
                    Ok(_) => return Ok(()),
                    Err(error)
                        if error
                            .as_service_error()
                            .is_some_and(|e| e.is_continuous_backups_unavailable_exception()) =>
                    {
                        tokio::time::sleep(LOOK_AGAIN).await;
                    }
                    Err(error) => return Err(classify("UpdateContinuousBackups", error)),
                }
            }
        };
        let late =
            || StoreError::Again(format!("backups of {} are not ready after {PATIENCE:?}", self.table));
        tokio::time::timeout(PATIENCE, turn_on).await.unwrap_or_else(|_| Err(late()))
    }
}

fn judge(table: &TableDescription) -> TableStatus {
    let name = table.table_name().unwrap_or_default();
    if !has_keys(table.key_schema(), PARTITION, SORT) {
        return TableStatus::Foreign(format!("table {name} has other keys than {PARTITION} and {SORT}"));
    }
    let index = table.global_secondary_indexes().iter().find(|index| index.index_name() == Some(DUE_INDEX));
    let Some(index) = index.filter(|index| has_keys(index.key_schema(), DUE_SHARD, DUE_TIME)) else {
        return TableStatus::Foreign(format!(
            "table {name} has no index {DUE_INDEX} of {DUE_SHARD} and {DUE_TIME}"
        ));
    };
    match table.table_status() {
        Some(Status::Active | Status::Updating) if is_usable(index) => TableStatus::Ready,
        Some(Status::Active | Status::Updating | Status::Creating) => TableStatus::Preparing,
        // Being deleted, archived, locked out of its key: nothing that waiting mends.
        other => TableStatus::Foreign(format!("table {name} is {}", other.map_or("unknown", Status::as_str))),
    }
}

fn is_usable(index: &GlobalSecondaryIndexDescription) -> bool {
    matches!(index.index_status(), Some(IndexStatus::Active | IndexStatus::Updating))
}

fn has_keys(schema: &[KeySchemaElement], hash: &str, range: &str) -> bool {
    let is = |name: &str, kind: KeyType| {
        schema.iter().any(|element| element.attribute_name() == name && *element.key_type() == kind)
    };
    schema.len() == 2 && is(hash, KeyType::Hash) && is(range, KeyType::Range)
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, StoreError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().map_err(incomplete)
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, StoreError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(incomplete)
}

/// The SDK's builders check that the required parts are there, and here they always are.
fn incomplete(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Refused(error.to_string())
}
