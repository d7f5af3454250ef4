//! Creates the tables and reports their status.
//!
//! Creation is safe to repeat: it keeps what exists, adds what is missing, and refuses a foreign table before it changes
//! it.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, GlobalSecondaryIndexDescription, IndexStatus,
    KeySchemaElement, KeyType, PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, Projection,
    ProjectionType, ScalarAttributeType, TableDescription, TableStatus as Status, TimeToLiveSpecification,
    TimeToLiveStatus,
};
use backon::{ConstantBuilder, Retryable as _};
use sluice_commands::ports::StoreError;

use super::errors::{classify, incomplete};
use super::item::{DUE_INDEX, DUE_SHARD, DUE_TIME, EXPIRES, PARTITION, SORT};
use super::store::DynamoStore;

/// How long a new table may take. Ten seconds are usual.
const CREATE_TIMEOUT: Duration = Duration::from_secs(180);
/// The pause between two polls.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The status of a store's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableStatus {
    /// Both tables accept requests.
    Ready,
    /// The named table is being created or changed and will be ready shortly.
    Preparing(String),
    /// The named table does not exist: run `sluice init`.
    Missing(String),
    /// A table with the name is not one of Sluice, with the reason.
    Foreign(String),
}

/// One of the two tables.
#[derive(Clone, Copy)]
struct Spec<'a> {
    name: &'a str,
    /// The items table has the due index and expiry; the audit table has neither.
    is_for_items: bool,
}

impl DynamoStore {
    fn specs(&self) -> [Spec<'_>; 2] {
        [(&self.tables.items, true), (&self.tables.audit, false)]
            .map(|(name, is_for_items)| Spec { name, is_for_items })
    }

    /// The status of the tables; the first one that is not ready decides. [`StoreError::Refused`] means that these
    /// credentials cannot read it; any other error means that DynamoDB is unreachable for now.
    pub async fn table_status(&self) -> Result<TableStatus, StoreError> {
        for spec in self.specs() {
            let status = match self.describe(spec).await? {
                Some(table) => status_of(&table, spec),
                None => TableStatus::Missing(spec.name.to_owned()),
            };
            if status != TableStatus::Ready {
                return Ok(status);
            }
        }
        Ok(TableStatus::Ready)
    }

    /// Creates missing tables with on-demand billing, deletion protection and point-in-time recovery, and waits until they
    /// are ready. The items table also gets expiry and the due index. Existing tables get what they lack.
    pub async fn create_tables(&self) -> Result<(), StoreError> {
        let [items, audit] = self.specs();
        tokio::try_join!(self.create_table(items), self.create_table(audit)).map(drop)
    }

    async fn create_table(&self, spec: Spec<'_>) -> Result<(), StoreError> {
        if self.describe(spec).await?.is_none() {
            match self.request_table(spec).await {
                // Another process created it, or its creation takes longer: the poll below decides.
                Ok(()) | Err(StoreError::Again(_) | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let table = self.until_ready(spec).await?;
        self.protect(&table, spec).await?;
        if spec.is_for_items {
            self.enable_expiry(spec).await?;
        }
        self.enable_recovery(spec).await?;
        // A change of the protection takes the table out of `ACTIVE` briefly.
        self.until_ready(spec).await.map(drop)
    }

    async fn describe(&self, spec: Spec<'_>) -> Result<Option<TableDescription>, StoreError> {
        self.meter.sent();
        match self.client.describe_table().table_name(spec.name).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                Ok(None)
            }
            Err(error) => Err(classify("DescribeTable", error)),
        }
    }

    async fn request_table(&self, spec: Spec<'_>) -> Result<(), StoreError> {
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
            .table_name(spec.name)
            .attribute_definitions(attribute(PARTITION, ScalarAttributeType::S)?)
            .attribute_definitions(attribute(SORT, ScalarAttributeType::S)?)
            .key_schema(key(PARTITION, KeyType::Hash)?)
            .key_schema(key(SORT, KeyType::Range)?)
            .billing_mode(BillingMode::PayPerRequest)
            .deletion_protection_enabled(true);
        if spec.is_for_items {
            request = request
                .attribute_definitions(attribute(DUE_SHARD, ScalarAttributeType::N)?)
                .attribute_definitions(attribute(DUE_TIME, ScalarAttributeType::N)?)
                .global_secondary_indexes(due_index);
        }
        request.send().await.map(drop).map_err(|error| classify("CreateTable", error))
    }

    /// Waits until the table accepts requests.
    async fn until_ready(&self, spec: Spec<'_>) -> Result<TableDescription, StoreError> {
        let poll = async {
            loop {
                if let Some(table) = self.describe(spec).await? {
                    match status_of(&table, spec) {
                        TableStatus::Ready => return Ok(table),
                        TableStatus::Foreign(why) => return Err(StoreError::Refused(why)),
                        TableStatus::Preparing(_) | TableStatus::Missing(_) => {}
                    }
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let late = || StoreError::Again(format!("table {} is not ready after {CREATE_TIMEOUT:?}", spec.name));
        tokio::time::timeout(CREATE_TIMEOUT, poll).await.unwrap_or_else(|_| Err(late()))
    }

    /// Enables deletion protection, so nobody deletes a table by mistake.
    async fn protect(&self, table: &TableDescription, spec: Spec<'_>) -> Result<(), StoreError> {
        if table.deletion_protection_enabled() == Some(true) {
            return Ok(());
        }
        self.meter.sent();
        let request = self.client.update_table().table_name(spec.name).deletion_protection_enabled(true);
        request.send().await.map(drop).map_err(|error| classify("UpdateTable", error))
    }

    async fn enable_expiry(&self, spec: Spec<'_>) -> Result<(), StoreError> {
        self.meter.sent();
        let request = self.client.describe_time_to_live().table_name(spec.name);
        let answer = request.send().await.map_err(|error| classify("DescribeTimeToLive", error))?;
        let status = answer.time_to_live_description().and_then(|ttl| ttl.time_to_live_status());
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
        self.meter.sent();
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES).build();
        let expiry = expiry.map_err(incomplete)?;
        let request =
            self.client.update_time_to_live().table_name(spec.name).time_to_live_specification(expiry);
        request.send().await.map(drop).map_err(|error| classify("UpdateTimeToLive", error))
    }

    /// Enables point-in-time recovery. DynamoDB refuses it for a while on a new table.
    async fn enable_recovery(&self, spec: Spec<'_>) -> Result<(), StoreError> {
        self.meter.sent();
        let request = self.client.describe_continuous_backups().table_name(spec.name);
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
            .table_name(spec.name)
            .point_in_time_recovery_specification(on);
        let turn_on = || {
            self.meter.sent();
            request.clone().send()
        };
        let polls = ConstantBuilder::new().with_delay(POLL_INTERVAL).without_max_times();
        let turned_on = turn_on.retry(polls).when(|error| {
            error.as_service_error().is_some_and(|e| e.is_continuous_backups_unavailable_exception())
        });
        let late =
            |_| StoreError::Again(format!("backups of {} are not ready after {CREATE_TIMEOUT:?}", spec.name));
        let answer = tokio::time::timeout(CREATE_TIMEOUT, turned_on).await.map_err(late)?;
        answer.map(drop).map_err(|error| classify("UpdateContinuousBackups", error))
    }
}

fn status_of(table: &TableDescription, spec: Spec<'_>) -> TableStatus {
    let name = table.table_name().unwrap_or_default();
    if !has_keys(table.key_schema(), PARTITION, SORT) {
        return TableStatus::Foreign(format!("table {name} has other keys than {PARTITION} and {SORT}"));
    }
    let mut is_usable = true;
    if spec.is_for_items {
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
            TableStatus::Preparing(spec.name.to_owned())
        }
        // Deleting, archived, or without access to its key: it does not become ready by itself.
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
