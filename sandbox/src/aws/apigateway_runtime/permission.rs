//! Whether a function's resource policy allows API Gateway to invoke it.

use serde_json::Value;

/// Whether the policy allows `lambda:InvokeFunction` to API Gateway from this source ARN.
pub fn allows(policy: &str, source: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or(Value::Null);
    let statements = policy["Statement"].as_array();
    statements.into_iter().flatten().any(|statement| {
        statement["Effect"] == "Allow"
            && action_fits(&statement["Action"])
            && principal_fits(&statement["Principal"])
            && source_fits(&statement["Condition"], source)
    })
}

fn action_fits(action: &Value) -> bool {
    matches!(action.as_str(), Some("lambda:InvokeFunction" | "lambda:*" | "*"))
}

fn principal_fits(principal: &Value) -> bool {
    principal == "*" || principal["Service"] == "apigateway.amazonaws.com"
}

/// Every condition on the source's ARN must match; without one, any source is allowed.
fn source_fits(condition: &Value, source: &str) -> bool {
    let operators = condition.as_object();
    operators.into_iter().flatten().all(|(_, fields)| {
        fields.as_object().into_iter().flatten().all(|(field, pattern)| {
            !field.eq_ignore_ascii_case("aws:SourceArn") || pattern.as_str().is_some_and(|p| glob(p, source))
        })
    })
}

/// `*` matches any characters, including slashes.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "arn:aws:execute-api:us-east-1:000000000000:a1/prod/GET/items/{id}";

    fn policy(service: &str, pattern: &str) -> String {
        serde_json::json!({"Statement": [{
            "Effect": "Allow", "Action": "lambda:InvokeFunction", "Principal": {"Service": service},
            "Condition": {"ArnLike": {"AWS:SourceArn": pattern}}
        }]})
        .to_string()
    }

    #[test]
    fn the_source_arn_must_match() {
        let gateway = "apigateway.amazonaws.com";
        assert!(allows(&policy(gateway, "arn:aws:execute-api:us-east-1:000000000000:a1/prod/*"), SOURCE));
        assert!(allows(
            &policy(gateway, "arn:aws:execute-api:us-east-1:000000000000:a1/*/*/items/*"),
            SOURCE
        ));
        assert!(!allows(&policy(gateway, "arn:aws:execute-api:us-east-1:000000000000:a1/dev/*"), SOURCE));
        assert!(!allows(
            &policy(gateway, "arn:aws:execute-api:us-east-1:000000000000:a1/prod/POST/*"),
            SOURCE
        ));
        assert!(!allows(&policy("events.amazonaws.com", "arn:aws:execute-api:*"), SOURCE));
        assert!(!allows("", SOURCE));
    }
}
