//! Drift: an alias or an API stage that is not where Sluice left it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The recorded and the actual position of something that was moved. `None`: it did not or does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Where Sluice left it: a version or a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// Where it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// What was moved outside Sluice on a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The stage's aliases, by function.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, Moved>,
    /// The API stages, by the logical id of the API.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apis: BTreeMap<String, Moved>,
}

/// Drift with the time at which it was first seen. AWS does not report when an alias was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedDrift {
    /// The drift.
    pub drift: Drift,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When the stage was last seen as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_right: Option<Timestamp>,
}
