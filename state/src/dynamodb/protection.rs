//! Whether the audit records are protected from this very process.

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use sluice_commands::ports::{Key, StoreError};

use super::DynamoStore;
use super::attempt::{Repeat, attempt};
use super::errors::classify;
use super::item::{PARTITION, encode_key};

impl DynamoStore {
    /// Whether these credentials may delete audit records. It asks for the deletion of a record that does not exist, on
    /// the condition that it does, so that nothing is deleted even where it is allowed.
    pub async fn may_delete_audit_records(&self) -> Result<bool, StoreError> {
        let nobody = Key { partition: "probe".to_owned(), sort: "probe".to_owned() };
        let request = self
            .client
            .delete_item()
            .table_name(&self.tables.audit)
            .set_key(Some(encode_key(&nobody)))
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
