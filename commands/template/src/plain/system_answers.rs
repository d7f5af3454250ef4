//! What was found in Systems Manager under the names that a template writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::partial::DYNAMIC;

/// A parameter of Systems Manager as it was read: from then on its value counts, whatever it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemParameter {
    /// Its value. The items of a list are separated by commas.
    pub value: String,
    /// The number of the version that was read, from 1.
    pub version: i64,
    /// Whether it is a `StringList`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_list: bool,
    /// Whether the template wants it hidden: a parameter with `NoEcho` reads it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_hidden: bool,
}

/// Parameters of Systems Manager by what a template writes: `/orders/table`, or `/orders/table:3` for a certain version.
pub type SystemParameters = BTreeMap<String, SystemParameter>;

/// What was found under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemAnswer {
    /// Text or a list.
    Value(SystemParameter),
    /// A `SecureString`, whose value was not read.
    Secret,
    /// There is none, or not that version of it.
    Missing,
    /// Sluice may not read it.
    Denied,
}

/// What was found, by what a template writes.
pub type SystemAnswers = BTreeMap<String, SystemAnswer>;

impl SystemAnswer {
    /// The value, if it may be used.
    pub(super) fn value(&self) -> Option<&str> {
        match self {
            SystemAnswer::Value(found) if !found.value.contains(DYNAMIC) => Some(&found.value),
            _ => None,
        }
    }
}
