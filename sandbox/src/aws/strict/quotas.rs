//! Quotas of an account: AWS's defaults, or smaller ones from `POST /control/rules`.

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::rules::Rule;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    pub roles: usize,
    /// Stages of an HTTP API.
    pub stages: usize,
    /// Routes of an HTTP API.
    pub routes: usize,
    /// Builds that run or wait. A new account may have 0.
    pub builds: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { roles: 1000, stages: 10, routes: 300, builds: 60 }
    }
}

impl Quotas {
    pub fn role(self, there: usize) -> Option<Refusal> {
        let message = format!("Cannot exceed quota for RolesPerAccount: {}", self.roles);
        over(there, self.roles, 409, "LimitExceeded", message)
    }

    pub fn stage(self, there: usize) -> Option<Refusal> {
        let message = "Maximum number of stages for this API has been reached. Please contact AWS if you need \
                       additional stages.";
        over(there, self.stages, 429, "TooManyRequestsException", message.into())
    }

    pub fn route(self, there: usize) -> Option<Refusal> {
        let message = "Maximum number of routes for this API has been reached. Please contact AWS if you need \
                       additional routes.";
        over(there, self.routes, 429, "TooManyRequestsException", message.into())
    }

    pub fn build(self, there: usize) -> Option<Refusal> {
        let message = format!("Cannot have more than {} builds in queue for the account", self.builds);
        over(there, self.builds, 400, "AccountLimitExceededException", message)
    }
}

fn over(there: usize, limit: usize, status: u16, code: &'static str, message: String) -> Option<Refusal> {
    (there >= limit).then(|| Refusal::new(Rule::Quotas, status, code, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_resources_above_the_quota_are_refused() {
        let small = Quotas { roles: 2, builds: 0, ..Quotas::default() };
        assert!(small.role(1).is_none());
        let refused = small.role(2).unwrap();
        assert_eq!((refused.status, refused.code), (409, "LimitExceeded"));
        assert_eq!(refused.message, "Cannot exceed quota for RolesPerAccount: 2");
        let refused = small.build(0).unwrap();
        assert_eq!(refused.message, "Cannot have more than 0 builds in queue for the account");
        assert!(Quotas::default().stage(9).is_none() && Quotas::default().stage(10).is_some());
        assert!(Quotas::default().route(299).is_none() && Quotas::default().route(300).is_some());
    }
}
