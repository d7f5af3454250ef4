//! Records as items: the names of guards, and the write of a record that counts its revisions.

use serde::Serialize;

use crate::ports::{Guard, Guards, Key, Precondition, StoreError, Write};
use sluice_engine::to_item;

// The names of guards.
pub(crate) const REVISION: &str = "rev";
pub(crate) const TOUCHED: &str = "touched";
pub(crate) const BUILDS: &str = "builds";
pub(crate) const RELEASES: &str = "releases";
pub(crate) const OPERATION: &str = "op";
pub(crate) const GREEN: &str = "green";

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
