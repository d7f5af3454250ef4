//! The tables: whether they are there, and making them.
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

/// How a store's tables stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableStatus {
    /// Both take requests.
    Ready,
    /// The one of that name is being made or changed; it will be ready shortly.
    Preparing(String),
    /// There is none of that name: run `sluice init`.
    Missing(String),
    /// There is a table of our name which is not ours, and why we think so.
    Foreign(String),
}

/// One of the two tables, with what sets it apart.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    name: &'a str,
    /// The table for items has the due index, and items expire there. Audit records have neither.
    is_for_items: bool,
}

impl DynamoStore {
    fn wanted(&self) -> [Wanted<'_>; 2] {
        [(&self.tables.items, true), (&self.tables.audit, false)]
            .map(|(name, is_for_items)| Wanted { name, is_for_items })
    }

    /// How the tables stand: the first that is not ready decides. An error says that DynamoDB could not be asked: [`StoreError::Refused`] means that it does
    /// not let us, everything else that it could not be reached for now.
    pub async fn table_status(&self) -> Result<TableStatus, StoreError> {
        for wanted in self.wanted() {
            let status = match self.describe(wanted).await? {
                Some(table) => judge(&table, wanted),
                None => TableStatus::Missing(wanted.name.to_owned()),
            };
            if status != TableStatus::Ready {
                return Ok(status);
            }
        }
        Ok(TableStatus::Ready)
    }

    /// Makes the tables that are not there, with on-demand billing, deletion protection and point-in-time recovery (the
    /// one for items with expiry and the due index), and waits until they are ready. On tables of ours it adds what is
    /// missing.
    pub async fn create_tables(&self) -> Result<(), StoreError> {
        let [items, audit] = self.wanted();
        tokio::try_join!(self.create_table(items), self.create_table(audit)).map(drop)
    }

    async fn create_table(&self, wanted: Wanted<'_>) -> Result<(), StoreError> {
        if self.describe(wanted).await?.is_none() {
            match self.request_table(wanted).await {
                // Somebody else was faster, or it takes its time: the wait shows.
                Ok(()) | Err(StoreError::Again(_) | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let table = self.until_ready(wanted).await?;
        self.protect(&table, wanted).await?;
        if wanted.is_for_items {
            self.let_items_expire(wanted).await?;
        }
        self.keep_history(wanted).await?;
        // Changing protection takes the table out of `ACTIVE` for a moment.
        self.until_ready(wanted).await.map(drop)
    }

    async fn describe(&self, wanted: Wanted<'_>) -> Result<Option<TableDescription>, StoreError> {
        self.meter.sent();
        match self.client.describe_table().table_name(wanted.name).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                Ok(None)
            }
            Err(error) => Err(classify("DescribeTable", error)),
        }
    }

    async fn request_table(&self, wanted: Wanted<'_>) -> Result<(), StoreError> {
        let due_index = GlobalSecondaryIndex::builder()
            .index_name(DUE_INDEX)
            .key_schema(key(DUE_SHARD, KeyType::Hash)?)
            .key_schema(key(DUE_TIME, KeyType::Range)?)
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .map_err(incomplete)?;
        self.meter.sent();
        let mut request = self
            .client
            .create_table()
            .table_name(wanted.name)
            .attribute_definitions(attribute(PARTITION, ScalarAttributeType::S)?)
            .attribute_definitions(attribute(SORT, ScalarAttributeType::S)?)
            .key_schema(key(PARTITION, KeyType::Hash)?)
            .key_schema(key(SORT, KeyType::Range)?)
            .billing_mode(BillingMode::PayPerRequest)
            .deletion_protection_enabled(true);
        if wanted.is_for_items {
            request = request
                .attribute_definitions(attribute(DUE_SHARD, ScalarAttributeType::N)?)
                .attribute_definitions(attribute(DUE_TIME, ScalarAttributeType::N)?)
                .global_secondary_indexes(due_index);
        }
        request.send().await.map(drop).map_err(|error| classify("CreateTable", error))
    }

    /// Waits for the table to take requests.
    async fn until_ready(&self, wanted: Wanted<'_>) -> Result<TableDescription, StoreError> {
        let look = async {
            loop {
                if let Some(table) = self.describe(wanted).await? {
                    match judge(&table, wanted) {
                        TableStatus::Ready => return Ok(table),
                        TableStatus::Foreign(why) => return Err(StoreError::Refused(why)),
                        TableStatus::Preparing(_) | TableStatus::Missing(_) => {}
                    }
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let late = || StoreError::Again(format!("table {} is not ready after {PATIENCE:?}", wanted.name));
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| Err(late()))
    }

    /// Neither the audit records nor the items are deleted by a slip.
    async fn protect(&self, table: &TableDescription, wanted: Wanted<'_>) -> Result<(), StoreError> {
        if table.deletion_protection_enabled() == Some(true) {
            return Ok(());
        }
        self.meter.sent();
        let request = self.client.update_table().table_name(wanted.name).deletion_protection_enabled(true);
        request.send().await.map(drop).map_err(|error| classify("UpdateTable", error))
    }

    async fn let_items_expire(&self, wanted: Wanted<'_>) -> Result<(), StoreError> {
        self.meter.sent();
        let request = self.client.describe_time_to_live().table_name(wanted.name);
        let answer = request.send().await.map_err(|error| classify("DescribeTimeToLive", error))?;
        let status = answer.time_to_live_description().and_then(|ttl| ttl.time_to_live_status());
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
        self.meter.sent();
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES).build();
        let expiry = expiry.map_err(incomplete)?;
        let request =
            self.client.update_time_to_live().table_name(wanted.name).time_to_live_specification(expiry);
        request.send().await.map(drop).map_err(|error| classify("UpdateTimeToLive", error))
    }

    /// Point-in-time recovery. A table that was just made does not take it at once.
    async fn keep_history(&self, wanted: Wanted<'_>) -> Result<(), StoreError> {
        self.meter.sent();
        let request = self.client.describe_continuous_backups().table_name(wanted.name);
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
            .table_name(wanted.name)
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
            || StoreError::Again(format!("backups of {} are not ready after {PATIENCE:?}", wanted.name));
        tokio::time::timeout(PATIENCE, turn_on).await.unwrap_or_else(|_| Err(late()))
    }
}

fn judge(table: &TableDescription, wanted: Wanted<'_>) -> TableStatus {
    let name = table.table_name().unwrap_or_default();
    if !has_keys(table.key_schema(), PARTITION, SORT) {
        return TableStatus::Foreign(format!("table {name} has other keys than {PARTITION} and {SORT}"));
    }
    let mut is_usable = true;
    if wanted.is_for_items {
        let mut indexes = table.global_secondary_indexes().iter();
        let index = indexes.find(|index| index.index_name() == Some(DUE_INDEX));
        let Some(index) = index.filter(|index| has_keys(index.key_schema(), DUE_SHARD, DUE_TIME)) else {
            return TableStatus::Foreign(format!(
                "table {name} has no index {DUE_INDEX} of {DUE_SHARD} and {DUE_TIME}"
            ));
        };
        is_usable = is_index_usable(index);
    }
    match table.table_status() {
        Some(Status::Active | Status::Updating) if is_usable => TableStatus::Ready,
        Some(Status::Active | Status::Updating | Status::Creating) => {
            TableStatus::Preparing(wanted.name.to_owned())
        }
        // Being deleted, archived, locked out of its key: nothing that waiting mends.
        other => TableStatus::Foreign(format!("table {name} is {}", other.map_or("unknown", Status::as_str))),
    }
}

fn is_index_usable(index: &GlobalSecondaryIndexDescription) -> bool {
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
