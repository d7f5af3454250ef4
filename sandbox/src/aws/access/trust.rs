//! What a policy of a resource allows a service: a role's trust policy, a repository's policy.

use serde_json::{Value, json};

use super::super::account::ACCOUNT;
use super::action::Action;
use super::evaluation::{Principal, policy};
use super::roles::Role;

/// The reason why a service that acts for `source`, an ARN, may not assume a role.
pub fn refused(role: &Role, service: &str, source: &str) -> Option<String> {
    let action = Action::new("sts:AssumeRole", &role.arn)
        .with("aws:SourceAccount", ACCOUNT)
        .with("aws:SourceArn", source);
    match allows(&role.trust, service, &action) {
        Ok(true) => None,
        Ok(false) => {
            Some(format!("the trust policy of {} does not let {service} assume it for {source}", role.arn))
        }
        Err(error) => Some(format!("the trust policy of {} cannot be read: {error}", role.arn)),
    }
}

/// Whether the policy of a resource allows a service that action. The error says why it cannot be read.
pub fn allows(document: &Value, service: &str, action: &Action) -> Result<bool, String> {
    let fitting = listed(&document["Statement"]).iter().filter(|statement| {
        let principal = &statement["Principal"];
        principal == "*" || listed(&principal["Service"]).iter().any(|named| named == service)
    });
    // The statements for this service, as an identity policy: those name no principal.
    let statements: Vec<Value> = fitting
        .map(|statement| {
            let mut own = statement.clone();
            if let Some(fields) = own.as_object_mut() {
                fields.remove("Principal");
                fields.insert("Resource".into(), "*".into());
            }
            own
        })
        .collect();
    if statements.is_empty() {
        return Ok(false);
    }
    let policy = policy(&json!({ "Version": "2012-10-17", "Statement": statements }), &[])?;
    let principal =
        Principal { arn: action.resource.clone(), identity: vec![policy], ..Principal::default() };
    Ok(principal.refused(action).is_none())
}

/// The items of a list, or a single value.
fn listed(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "arn:aws:execute-api:us-east-1:000000000000:a1/$default/GET/items";

    /// Whether API Gateway may assume a role that trusts it with these fields besides.
    fn trusts(more: &Value) -> bool {
        let mut statement = json!({
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "apigateway.amazonaws.com" },
        });
        for (field, value) in more.as_object().unwrap() {
            statement[field] = value.clone();
        }
        let role = Role {
            name: "r".into(),
            arn: "arn:aws:iam::000000000000:role/r".into(),
            boundary: None,
            tags: vec![],
            trust: json!({ "Version": "2012-10-17", "Statement": [statement] }),
        };
        refused(&role, "apigateway.amazonaws.com", SOURCE).is_none()
    }

    #[test]
    fn effect_principal_and_action_must_fit() {
        assert!(trusts(&json!({})));
        assert!(trusts(
            &json!({ "Principal": { "Service": ["lambda.amazonaws.com", "apigateway.amazonaws.com"] } })
        ));
        assert!(!trusts(&json!({ "Principal": { "Service": "lambda.amazonaws.com" } })));
        assert!(!trusts(&json!({ "Principal": { "AWS": "arn:aws:iam::000000000000:root" } })));
        assert!(!trusts(&json!({ "Action": "sts:TagSession" })));
        assert!(!trusts(&json!({ "Effect": "Deny" })));
        assert!(!trusts(&json!({ "Effect": "Permit" })));
    }

    #[test]
    fn conditions_on_the_source_are_evaluated() {
        let arn = |operator: &str, pattern: &str| {
            let pattern = format!("arn:aws:execute-api:us-east-1:000000000000:{pattern}");
            trusts(&json!({ "Condition": { operator: { "aws:SourceArn": pattern } } }))
        };
        assert!(arn("ArnLike", "a1/*") && arn("StringLike", "a1/$default/*"));
        assert!(!arn("ArnLike", "a2/*") && !arn("StringLike", "a1/prod/*"));
        let account = |account: &str| {
            trusts(&json!({ "Condition": { "StringEquals": { "aws:SourceAccount": account } } }))
        };
        assert!(account("000000000000") && !account("111111111111"));
        assert!(!trusts(&json!({ "Condition": { "StringEquals": { "sts:ExternalId": "x" } } })));
    }
}
