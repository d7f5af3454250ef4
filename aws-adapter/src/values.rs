//! Conversions between the SDK's values and ours that several services use.

use std::collections::{BTreeMap, HashMap};

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// A time as a timestamp; `None` if it is out of range.
pub(crate) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// An SDK's map, sorted.
pub(crate) fn sorted(map: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    map.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A map in the SDK's type.
pub(crate) fn unsorted(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    Some(map.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// Whether a property must change: it has a wanted value, and another one now.
pub(crate) fn differ<T: PartialEq>(wanted: &Option<T>, now: Option<T>) -> bool {
    wanted.is_some() && *wanted != now
}
