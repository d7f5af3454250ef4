//! The result of a look.

use serde::{Deserialize, Serialize};

use crate::resources::stack::Unneeded;

/// The leftovers: what is no longer needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    /// Published versions by function, the oldest of each first.
    pub(super) versions: Vec<(String, String)>,
    /// Roles.
    pub(super) roles: Vec<String>,
    /// Log groups whose events never expire.
    pub(super) logs: Vec<String>,
    /// What the stacks have and no release needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) stacks: Vec<Unneeded>,
    /// Whether there are more leftovers than one run deletes.
    pub(super) more: bool,
}

impl Found {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        let of_stacks = self.stacks.iter().any(Unneeded::changes);
        self.versions.is_empty() && self.roles.is_empty() && self.logs.is_empty() && !of_stacks
    }
}

/// For samples of messages: what a look may find for these functions.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn sample(functions: &[&str], (goes, data): (usize, usize), more: bool) -> impl Serialize {
    let versions = functions.iter().flat_map(|function| {
        let function = format!("sluice-orders-prod-{function}");
        (1..=9).map(move |number: u32| (function.clone(), number.to_string()))
    });
    Found {
        versions: versions.collect(),
        roles: functions.iter().map(|function| format!("sluice-orders-prod-{function}-0123456789")).collect(),
        logs: functions.iter().map(|function| format!("/aws/lambda/sluice-orders-prod-{function}")).collect(),
        stacks: if goes + data > 0 { vec![Unneeded::sample("prod", goes, data)] } else { vec![] },
        more,
    }
}
