//! A new role cannot be assumed for some seconds, and KMS learns of it a moment later.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::delay::delay;
use super::refusal::Refusal;
use super::rules::Rule;

/// How long a new role cannot be assumed, in milliseconds. AWS takes 5 to 15 seconds. It is shorter here because tests wait
/// for it, and longer than one quick retry.
const UNKNOWN: std::ops::Range<u64> = 1500..2500;
/// How much longer invocations are refused.
const ON_INVOKE: Duration = Duration::from_millis(700);

/// Lambda's message on creation, configuration and invocation.
const CANNOT_BE_ASSUMED: &str = "The role defined for the function cannot be assumed by Lambda.";

/// When each role was created.
#[derive(Debug, Default)]
pub struct Roles(HashMap<String, Instant>);

impl Roles {
    pub fn created(&mut self, name: &str, now: Instant) {
        self.0.insert(name.to_owned(), now);
    }

    pub fn deleted(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The refusal to create or configure a function with this role.
    pub fn for_function(
        &self,
        seed: u64,
        role: &str,
        function: &str,
        encrypts: bool,
        now: Instant,
    ) -> Option<Refusal> {
        let left = self.left(seed, role, now)?;
        if encrypts && left < delay(seed, role, UNKNOWN) / 3 {
            let message = format!(
                "Lambda was unable to configure access to your environment variables because the KMS key is \
                 invalid for CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException \
                 KMS Message: ARN does not refer to a valid principal: \
                 arn:aws:sts::{}:assumed-role/{role}/{function}",
                super::super::account::ACCOUNT
            );
            return Some(refuse(400, "InvalidParameterValueException", message));
        }
        Some(refuse(400, "InvalidParameterValueException", CANNOT_BE_ASSUMED.into()))
    }

    pub fn for_project(&self, seed: u64, role: &str, now: Instant) -> Option<Refusal> {
        self.left(seed, role, now)?;
        let message = "CodeBuild is not authorized to perform: sts:AssumeRole on service role. Please verify \
                       that: 1) The provided service role exists, 2) The service role has the necessary trust policy.";
        Some(refuse(400, "InvalidInputException", message.into()))
    }

    /// The refusal to invoke a function with this role.
    pub fn for_invocation(&self, seed: u64, role: &str, now: Instant) -> Option<Refusal> {
        self.left(seed, role, now.checked_sub(ON_INVOKE)?)?;
        Some(refuse(403, "AccessDeniedException", CANNOT_BE_ASSUMED.into()))
    }

    /// The refusal to call an integration with this role. API Gateway answers its own caller with 500.
    pub fn for_integration(&self, seed: u64, role: &str, now: Instant) -> Option<Refusal> {
        self.left(seed, role, now)?;
        let message = format!("API Gateway cannot assume the role {role} yet, because it is new");
        Some(refuse(500, "InternalServerError", message))
    }

    /// How long the role still cannot be assumed.
    fn left(&self, seed: u64, role: &str, now: Instant) -> Option<Duration> {
        let known = *self.0.get(role)? + delay(seed, role, UNKNOWN);
        (now < known).then(|| known - now)
    }
}

fn refuse(status: u16, code: &'static str, message: String) -> Refusal {
    Refusal::new(Rule::IamPropagation, status, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_role_is_unknown_to_lambda_then_to_kms_then_to_invocations() {
        let (mut roles, now) = (Roles::default(), Instant::now());
        roles.created("r", now);
        let at = |part: f64| now + delay(7, "r", UNKNOWN).mul_f64(part);
        let message = |refusal: Option<Refusal>| refusal.map(|refusal| refusal.message).unwrap_or_default();
        let function = |env, now| message(roles.for_function(7, "r", "f", env, now));
        assert_eq!(function(true, at(0.5)), CANNOT_BE_ASSUMED);
        assert!(function(true, at(0.9)).contains("KMS key is invalid for CreateGrant"));
        assert_eq!(function(false, at(0.9)), CANNOT_BE_ASSUMED);
        assert_eq!(function(true, at(1.0)), "");
        assert!(message(roles.for_project(7, "r", at(0.9))).contains("sts:AssumeRole"));
        assert_eq!(message(roles.for_project(7, "r", at(1.0))), "");
        assert!(message(roles.for_integration(7, "r", at(0.9))).contains("cannot assume the role r yet"));
        assert_eq!(message(roles.for_integration(7, "r", at(1.0))), "");
        assert_eq!(message(roles.for_invocation(7, "r", at(1.0))), CANNOT_BE_ASSUMED);
        assert_eq!(message(roles.for_invocation(7, "r", at(1.0) + ON_INVOKE)), "");
        assert_eq!(message(roles.for_function(7, "another", "f", true, now)), "");
    }
}
