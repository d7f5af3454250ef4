//! The roles of integrations, which the local AWS does not keep.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde_json::Value;

/// The ARN of each integration's role, by the integration's id.
#[derive(Debug, Default)]
pub(super) struct Credentials(Mutex<HashMap<String, String>>);

impl Credentials {
    /// Records a role. An empty text removes the role, and a value that is no text changes nothing.
    pub(super) fn remember(&self, integration: &str, role: &Value) {
        match role.as_str() {
            Some("") => self.forget(integration),
            Some(role) => {
                self.0.lock().insert(integration.to_owned(), role.to_owned());
            }
            None => {}
        }
    }

    pub(super) fn forget(&self, integration: &str) {
        self.0.lock().remove(integration);
    }

    pub(super) fn of(&self, integration: &str) -> Option<String> {
        self.0.lock().get(integration).cloned()
    }

    /// Adds the role to an integration in an answer.
    pub(super) fn show(&self, integration: &mut Value) {
        if let Some(role) = integration["integrationId"].as_str().and_then(|id| self.of(id)) {
            integration["credentialsArn"] = role.into();
        }
    }
}
