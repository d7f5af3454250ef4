//! The policy in an authorizer's answer.

use serde_json::Value;

/// The statements of a policy; `None` if it is malformed.
pub(super) fn statements(policy: &Value) -> Option<&[Value]> {
    match &policy["Statement"] {
        Value::Array(statements) => Some(statements),
        statement @ Value::Object(_) => Some(std::slice::from_ref(statement)),
        _ => None,
    }
}

/// Whether the statements allow or deny the call of a method; `None` if none of them names it.
pub(super) fn decision(statements: &[Value], arn: &str) -> Option<bool> {
    let fits = |statement: &&Value| {
        let is_action = texts(&statement["Action"]).any(|action| {
            ["*", "execute-api:*"].contains(&action) || action.eq_ignore_ascii_case("execute-api:Invoke")
        });
        is_action && texts(&statement["Resource"]).any(|pattern| glob(pattern, arn))
    };
    let effects: Vec<&str> =
        statements.iter().filter(fits).filter_map(|statement| statement["Effect"].as_str()).collect();
    match effects.contains(&"Deny") {
        true => Some(false),
        false => effects.contains(&"Allow").then_some(true),
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str().into_iter();
    one.chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

/// Whether a pattern with `*` and `?` fits.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Which beginnings of the text the beginning of the pattern so far fits.
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for sign in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match sign {
                '*' => fits[at] || (at > 0 && next[at - 1]),
                sign => at > 0 && fits[at - 1] && (sign == '?' || sign == text[at - 1]),
            };
        }
        fits = next;
    }
    fits[text.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_denial_counts_more_than_a_permission() {
        let statement = |effect: &str, resource: &str| json!({ "Effect": effect, "Action": "execute-api:Invoke", "Resource": [resource] });
        let all = [statement("Allow", "*"), statement("Deny", "arn:*/GET/?")];
        assert_eq!(decision(&all, "arn:r1/GET/a"), Some(false));
        assert_eq!(decision(&all, "arn:r1/GET/ab"), Some(true));
        assert_eq!(decision(&all[1..], "arn:r1/GET/ab"), None);
    }
}
