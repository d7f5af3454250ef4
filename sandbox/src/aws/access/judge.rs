//! What IAM decides about one action: identity policies, then the permissions boundary; a Deny wins.
//!
//! The statements are evaluated by `iam-rs`. This file adds what is around them: the two layers, and AWS's sentence.

use iam_rs::{Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, PolicyEvaluator};
use serde_json::Value;

use super::asked::Asked;

/// Somebody whose calls are judged.
#[derive(Debug, Clone, Default)]
pub struct Principal {
    /// Its ARN, as AWS names it in a refusal.
    pub arn: String,
    /// The policies that are attached to it, or inline.
    pub identity: Vec<IAMPolicy>,
    /// Its permissions boundary, if it has one.
    pub boundary: Option<IAMPolicy>,
    /// The tags of its role.
    pub tags: Vec<(String, String)>,
}

/// Reads a policy document.
pub fn policy(document: &Value) -> Result<IAMPolicy, String> {
    IAMPolicy::from_json(&document.to_string()).map_err(|error| error.to_string())
}

impl Principal {
    /// AWS's sentence, if the action is refused.
    pub fn refused(&self, asked: &Asked) -> Option<String> {
        let reason = self.reason(asked)?;
        let Asked { action, resource, .. } = asked;
        let arn = &self.arn;
        Some(format!("User: {arn} is not authorized to perform: {action} on resource: {resource} {reason}"))
    }

    fn reason(&self, asked: &Asked) -> Option<String> {
        let denied = |by: &str| Some(format!("with an explicit deny in {by}"));
        let missing = |by: &str| Some(format!("because no {by} allows the {} action", asked.action));
        match self.decide(&self.identity, asked) {
            Decision::Deny => return denied("an identity-based policy"),
            Decision::NotApplicable => return missing("identity-based policy"),
            Decision::Allow => {}
        }
        match self.decide(self.boundary.as_slice(), asked) {
            _ if self.boundary.is_none() => None,
            Decision::Deny => denied("a permissions boundary"),
            Decision::NotApplicable => missing("permissions boundary"),
            Decision::Allow => None,
        }
    }

    /// What cannot be evaluated is denied, with an error in the sandbox's log.
    fn decide(&self, policies: &[IAMPolicy], asked: &Asked) -> Decision {
        let decided = Arn::parse(&asked.resource).map_err(|error| error.to_string()).and_then(|resource| {
            let principal = iam_rs::Principal::Aws(iam_rs::PrincipalId::String(self.arn.clone()));
            let request =
                IAMRequest::new_with_context(principal, asked.action.clone(), resource, self.context(asked));
            let evaluator = PolicyEvaluator::with_policies(policies.to_vec());
            evaluator.evaluate(&request).map_err(|error| error.to_string())
        });
        decided.map(|result| result.decision).unwrap_or_else(|error| {
            tracing::error!(%error, action = asked.action, resource = asked.resource, "a policy cannot be evaluated");
            Decision::Deny
        })
    }

    fn context(&self, asked: &Asked) -> Context {
        let mut context = Context::new()
            .with_string("aws:PrincipalArn", self.arn.clone())
            .with_string("aws:PrincipalAccount", super::super::ACCOUNT)
            .with_string("aws:ResourceAccount", super::super::ACCOUNT)
            .with_string("aws:RequestedRegion", super::super::REGION)
            .with_boolean("aws:SecureTransport", true)
            .with_boolean("aws:ViaAWSService", false);
        for (key, value) in &self.tags {
            context = context.with_string(format!("aws:PrincipalTag/{key}"), value.clone());
        }
        for (key, values) in &asked.keys {
            let value = match values.as_slice() {
                [one] => ContextValue::String(one.clone()),
                many => ContextValue::StringList(many.to_vec()),
            };
            context.insert(key.clone(), value);
        }
        context
    }
}
