//! How IAM decides about one action: identity policies, then the permissions boundary; a Deny wins.
//!
//! `iam-rs` evaluates the statements. This module adds the two layers and AWS's message.

use iam_rs::{Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, PolicyEvaluator};
use serde_json::Value;

use super::action::Action;

/// The owner of policies.
#[derive(Debug, Clone, Default)]
pub struct Principal {
    /// The ARN that AWS names in a refusal.
    pub arn: String,
    /// Attached and inline policies.
    pub identity: Vec<IAMPolicy>,
    pub boundary: Option<IAMPolicy>,
    /// The tags of the role.
    pub tags: Vec<(String, String)>,
}

/// The action's resource. Actions without resource types have `*`, which `iam-rs` does not take: only `*` matches its stand-in.
fn arn(action: &Action) -> String {
    match (action.resource.as_str(), action.name.split_once(':')) {
        ("*", Some((service, _))) => super::super::account::arn(service, "*"),
        (resource, _) => resource.to_owned(),
    }
}

/// A policy of a principal with these tags. `iam-rs` resolves variables in resources, but not in conditions.
pub fn policy(document: &Value, tags: &[(String, String)]) -> Result<IAMPolicy, String> {
    let document = with_tags(document, tags);
    IAMPolicy::from_json(&document.to_string()).map_err(|error| error.to_string())
}

/// The values of a principal's tags in place of the variables that name them.
fn with_tags(value: &Value, tags: &[(String, String)]) -> Value {
    match value {
        Value::String(text) => {
            let named = |text: String, (key, value): &(String, String)| {
                text.replace(&format!("${{aws:PrincipalTag/{key}}}"), value)
            };
            Value::String(tags.iter().fold(text.clone(), named))
        }
        Value::Array(items) => items.iter().map(|item| with_tags(item, tags)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), with_tags(value, tags))).collect(),
        other => other.clone(),
    }
}

impl Principal {
    /// AWS's message, if the action is refused.
    pub fn refused(&self, action: &Action) -> Option<String> {
        let reason = self.reason(action)?;
        let Action { name, resource, .. } = action;
        let arn = &self.arn;
        Some(format!("User: {arn} is not authorized to perform: {name} on resource: {resource} {reason}"))
    }

    fn reason(&self, action: &Action) -> Option<String> {
        let denied = |by: &str| Some(format!("with an explicit deny in {by}"));
        let missing = |by: &str| Some(format!("because no {by} allows the {} action", action.name));
        match self.decide(&self.identity, action) {
            Decision::Deny => return denied("an identity-based policy"),
            Decision::NotApplicable => return missing("identity-based policy"),
            Decision::Allow => {}
        }
        match self.decide(self.boundary.as_slice(), action) {
            _ if self.boundary.is_none() => None,
            Decision::Deny => denied("a permissions boundary"),
            Decision::NotApplicable => missing("permissions boundary"),
            Decision::Allow => None,
        }
    }

    /// A policy that cannot be evaluated denies, with an error in the sandbox's log.
    fn decide(&self, policies: &[IAMPolicy], action: &Action) -> Decision {
        let decided = Arn::parse(&arn(action)).map_err(|error| error.to_string()).and_then(|resource| {
            let principal = iam_rs::Principal::Aws(iam_rs::PrincipalId::String(self.arn.clone()));
            let request =
                IAMRequest::new_with_context(principal, action.name.clone(), resource, self.context(action));
            let evaluator = PolicyEvaluator::with_policies(policies.to_vec());
            evaluator.evaluate(&request).map_err(|error| error.to_string())
        });
        decided.map(|result| result.decision).unwrap_or_else(|error| {
            tracing::error!(%error, action = action.name, resource = action.resource, "a policy cannot be evaluated");
            Decision::Deny
        })
    }

    fn context(&self, action: &Action) -> Context {
        let mut context = Context::new()
            .with_string("aws:PrincipalArn", self.arn.clone())
            .with_string("aws:PrincipalAccount", super::super::account::ACCOUNT)
            .with_string("aws:ResourceAccount", super::super::account::ACCOUNT)
            .with_string("aws:RequestedRegion", super::super::account::REGION)
            .with_boolean("aws:SecureTransport", true)
            .with_boolean("aws:ViaAWSService", false);
        for (key, value) in &self.tags {
            context = context.with_string(format!("aws:PrincipalTag/{key}"), value.clone());
        }
        for (key, values) in &action.keys {
            let value = match values.as_slice() {
                [one] => ContextValue::String(one.clone()),
                many => ContextValue::StringList(many.to_vec()),
            };
            context.insert(key.clone(), value);
        }
        context
    }
}
