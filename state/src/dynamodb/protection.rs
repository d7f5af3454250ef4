//! Checks that these credentials cannot delete audit records.

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use sluice_commands::ports::{Key, StoreError};

use super::attempt::{Repeat, attempt};
use super::errors::classify;
use super::item::{PARTITION, encode_key};
use super::store::DynamoStore;

impl DynamoStore {
    /// Whether these credentials can delete audit records. The store sends a deletion of a record that does not exist, on
    /// the condition that it exists, so nothing is deleted even where IAM allows it.
    pub async fn may_delete_audit_records(&self) -> Result<bool, StoreError> {
        let absent = Key { partition: "probe".to_owned(), sort: "probe".to_owned() };
        let request = self
            .client
            .delete_item()
            .table_name(&self.tables.audit)
            .set_key(Some(encode_key(&absent)))
            .condition_expression("attribute_exists(#p)")
            .expression_attribute_names("#p", PARTITION);
        attempt(Repeat::Safe, || async {
            self.meter.sent();
            match request.clone().send().await {
                Ok(_) => Ok(true),
                Err(error) if error.code() == Some("AccessDeniedException") => Ok(false),
                Err(error) => match classify("DeleteItem", error) {
                    StoreError::Lost(_) => Ok(true),
                    other => Err(other),
                },
            }
        })
        .await
    }
}
