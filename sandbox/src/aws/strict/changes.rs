//! API Gateway changes one API at a time, and refuses concurrent changes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::refusal::Refusal;
use super::rules::Rule;
use crate::calls::CallName;

/// The calls that create an API: no other change of it can be in progress.
const CREATIONS: [&str; 4] = ["CreateApi", "CreateRestApi", "ImportApi", "ImportRestApi"];

/// How long a change of an API takes.
pub const TAKES: Duration = Duration::from_millis(150);

/// The APIs with a change in progress.
#[derive(Debug, Default)]
pub struct Changes(BTreeSet<String>);

impl Changes {
    /// Begins the change that a call makes: the API, or a refusal. `None` if the call changes no API.
    pub fn begin(&mut self, call: &CallName) -> Result<Option<String>, Refusal> {
        if call.service != "apigateway" || !call.mutating || CREATIONS.contains(&call.method.as_str()) {
            return Ok(None);
        }
        let api = call.detail.as_deref().and_then(|detail| detail.split('/').next());
        let api = api.unwrap_or_default().to_owned();
        if self.0.insert(api.clone()) {
            return Ok(Some(api));
        }
        let message = "Unable to complete operation due to concurrent modification. Please try again later.";
        Err(Refusal::new(Rule::ApiConflict, 409, "ConflictException", message))
    }

    pub fn end(&mut self, api: &str) {
        self.0.remove(api);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;

    #[test]
    fn an_api_allows_one_change_at_a_time() {
        let mut changes = Changes::default();
        let route = call("apigateway", "CreateRoute", "a1/routes/GET /x");
        assert_eq!(changes.begin(&route).unwrap().as_deref(), Some("a1"));
        let refused = changes.begin(&call("apigateway", "UpdateStage", "a1/stages/prod")).unwrap_err();
        assert_eq!((refused.status, refused.code), (409, "ConflictException"));
        assert!(refused.message.contains("concurrent modification"));
        assert!(changes.begin(&call("apigateway", "CreateRoute", "a2/routes/GET /x")).is_ok());
        assert_eq!(changes.begin(&call("apigateway", "GetRoutes", "a1/routes")).unwrap(), None);
        assert!(changes.begin(&call("apigateway", "ReimportApi", "a1")).is_err());
        assert_eq!(changes.begin(&call("apigateway", "ImportApi", "sluice-orders")).unwrap(), None);
        changes.end("a1");
        assert!(changes.begin(&route).is_ok());
    }
}
