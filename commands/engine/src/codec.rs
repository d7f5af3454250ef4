//! Records as items: a body with a schema version, and guards.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::{Guards, Item, Key, StoreError};

/// The schema version of the records that this version of Sluice writes.
pub const RECORD_SCHEMA: u32 = 1;

/// Makes an item of a record.
pub fn to_item<T: Serialize>(key: Key, guards: Guards, record: &T) -> Result<Item, StoreError> {
    let body = serde_json::to_value(record).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Item { key, schema: RECORD_SCHEMA, guards, body, due: None, expires: None })
}

/// Reads a record back; a schema from the future or a body that is none of ours is corrupt.
pub fn from_item<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    let place = || format!("{}/{}", item.key.partition, item.key.sort);
    if item.schema > RECORD_SCHEMA {
        return Err(StoreError::Corrupt(format!(
            "{}: schema {} is newer than this Sluice",
            place(),
            item.schema
        )));
    }
    serde_json::from_value(item.body.clone())
        .map_err(|error| StoreError::Corrupt(format!("{}: {error}", place())))
}
