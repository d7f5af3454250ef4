//! How CloudFormation changes stacks.

use std::collections::BTreeMap;
use std::time::Duration;

/// The settings of the rule `stacks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSettings {
    /// How long each phase of an execution is shown: the work, a rollback, the clean-up.
    pub takes: Duration,
    /// The resources that fail, by logical id, with the reason.
    pub failures: BTreeMap<String, String>,
}

impl Default for StackSettings {
    fn default() -> Self {
        Self { takes: Duration::from_millis(1500), failures: BTreeMap::new() }
    }
}
