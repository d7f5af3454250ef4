//! The tokens of Sluice's requests to CloudFormation. They name the operation, so a request that is repeated has the same token, and
//! the events of a stack tell whether Sluice began its last change.

use sluice_model::OperationId;

/// The token of a request: letters, digits and hyphens, 128 at most. `what` distinguishes it from the operation's others.
pub(super) fn token(operation: &OperationId, what: &str) -> String {
    format!("sluice-{operation}-{what}")
}

/// Whether it is the token of an operation of Sluice.
pub(super) fn is_ours(token: &str) -> bool {
    let rest = token.strip_prefix("sluice-").and_then(|rest| rest.split_once('-'));
    rest.is_some_and(|(operation, _)| OperationId::new(operation).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_operations_are_recognised() {
        let operation = OperationId::new("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        for what in ["grow", "wire-2", "release-1", "grow-unblock"] {
            let token = token(&operation, what);
            assert!(is_ours(&token), "{token}");
            assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && token.len() <= 128);
        }
        for other in [
            "",
            "sluice-",
            "sluice-fix-1",
            "sluice-01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "Console-UpdateStack-7f59c3cf-00d2-40c7-b2ff-e75db0987002",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
