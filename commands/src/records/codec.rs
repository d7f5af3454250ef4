//! Records as items: a body with a schema version, and guards.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::{Guard, Guards, Item, Key, Precondition, StoreError, Write};

// The names of guards.
pub(crate) const REVISION: &str = "rev";
pub(crate) const TOUCHED: &str = "touched";
pub(crate) const TICKETS: &str = "tickets";
pub(crate) const BUILDS: &str = "builds";
pub(crate) const RELEASES: &str = "releases";
pub(crate) const GREEN: &str = "green";
pub(crate) const OPERATION: &str = "op";
pub(crate) const KIND: &str = "kind";
pub(crate) const FINGERPRINT: &str = "print";
pub(crate) const QUEUED: &str = "queued";
pub(crate) const STUCK: &str = "stuck";

/// The schema version of the records that this version of Sluice writes.
pub const RECORD_SCHEMA: u32 = 1;

/// Makes an item of a record.
pub fn to_item<T: Serialize>(key: Key, guards: Guards, record: &T) -> Result<Item, StoreError> {
    let body = serde_json::to_value(record).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Item { key, schema: RECORD_SCHEMA, guards, body, due: None, expires: None })
}

/// The write of a record that counts its own revisions: it fails if somebody wrote the record since it was read at that
/// revision, 0 if it was not there.
pub fn revised<T: Serialize>(key: Key, revision: u64, record: &T) -> Result<Write, StoreError> {
    let guard = |revision| Guards::from([(REVISION.to_owned(), Guard::Number(revision))]);
    let when = match revision {
        0 => Precondition::Absent,
        revision => Precondition::Equals(guard(revision)),
    };
    Ok(Write::Put { item: to_item(key, guard(revision + 1), record)?, when })
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

/// Serialises types as the text that they are parsed from.
macro_rules! as_text {
    ($($name:ident),*) => {
        $(impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        })*
    };
}
pub(super) use as_text;
