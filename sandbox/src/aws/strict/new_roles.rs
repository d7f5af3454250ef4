//! The calls that a new role makes fail.

use tokio::time::Instant;

use super::Strict;
use super::refusal::Refusal;
use super::roles::Roles;
use super::rules::Rule;

impl Strict {
    /// Refuses to create or configure a function with a new role.
    pub fn role_of_function(&self, arn: &str, function: &str, encrypts: bool) -> Result<(), Refusal> {
        self.role(arn, |roles, seed, role, now| roles.for_function(seed, role, function, encrypts, now))
    }

    /// Refuses to create a build project with a new role.
    pub fn role_of_project(&self, arn: &str) -> Result<(), Refusal> {
        self.role(arn, |roles, seed, role, now| roles.for_project(seed, role, now))
    }

    /// Refuses to invoke a function with a new role.
    pub fn role_of_invocation(&self, arn: &str) -> Result<(), Refusal> {
        self.role(arn, |roles, seed, role, now| roles.for_invocation(seed, role, now))
    }

    /// Refuses to invoke a function with a new role of an integration.
    pub fn role_of_integration(&self, arn: &str) -> Result<(), Refusal> {
        self.role(arn, |roles, seed, role, now| roles.for_integration(seed, role, now))
    }

    fn role(
        &self,
        arn: &str,
        check: impl FnOnce(&Roles, u64, &str, Instant) -> Option<Refusal>,
    ) -> Result<(), Refusal> {
        let state = self.state();
        if !state.is_on(Rule::IamPropagation) {
            return Ok(());
        }
        let name = arn.rsplit('/').next().unwrap_or_default();
        check(&state.roles, state.settings.seed, name, Instant::now()).map_or(Ok(()), Err)
    }
}
