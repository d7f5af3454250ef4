//! The names of the resources that Sluice creates, from the names that people chose. They are pure functions: a name is known
//! before its resource exists.
//!
//! Different inputs have different names: a logical id has no hyphen, so the last hyphen of
//! `sluice-{pipeline}-{logical id}` always separates the two, and a name that is cut ends with a hash of the whole.

use sha2::{Digest, Sha256};

use sluice_model::{PipelineName, StageName, Target};

/// Lambda's limit for the name of a function.
const FUNCTION_LIMIT: usize = 64;

/// Hex digits of the hash that ends a cut name.
const HASH_DIGITS: usize = 8;

/// The text itself if it has at most `limit` bytes; else its beginning, a hyphen and eight hex digits of its SHA-256,
/// `limit` bytes at most. The same text and limit always give the same name.
pub fn cut_with_hash(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let hash: String =
        hex::encode(Sha256::digest(text.as_bytes())).chars().take(HASH_DIGITS.min(limit)).collect();
    let left = limit.saturating_sub(HASH_DIGITS + 1);
    let mut head = String::new();
    for character in text.chars() {
        if head.len() + character.len_utf8() > left {
            break;
        }
        head.push(character);
    }
    let head = head.trim_end_matches('-');
    if head.is_empty() { hash } else { format!("{head}-{hash}") }
}

/// The Lambda function of a logical id: `sluice-{pipeline}-{logical id}`, cut to 64 with a hash. The logical id keeps
/// its case, because `Get` and `GET` are two resources.
pub fn function_name(pipeline: &PipelineName, logical_id: &str) -> String {
    cut_with_hash(&format!("sluice-{pipeline}-{logical_id}"), FUNCTION_LIMIT)
}

/// The ARN of a function, without a version or alias.
pub fn function_arn(target: &Target, function: &str) -> String {
    target.arn("lambda", &format!("function:{function}"))
}

/// The ARN of a function's alias for a stage.
pub fn alias_arn(target: &Target, function: &str, stage: &StageName) -> String {
    format!("{}:{stage}", function_arn(target, function))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_name_is_kept_and_a_long_one_is_cut_with_its_hash() {
        let orders = PipelineName::new("orders").unwrap();
        assert_eq!(function_name(&orders, "Hello"), "sluice-orders-Hello");
        let long = function_name(&orders, &"A".repeat(60));
        assert_eq!(long.len(), 64);
        assert!(long.starts_with("sluice-orders-AAAA"), "{long}");
        assert_ne!(long, function_name(&orders, &"A".repeat(61)));
    }

    #[test]
    fn the_pipeline_and_the_logical_id_cannot_run_into_each_other() {
        let (a, ab) = (PipelineName::new("aa").unwrap(), PipelineName::new("aa-b").unwrap());
        assert_ne!(function_name(&a, "bHello"), function_name(&ab, "Hello"));
    }

    #[test]
    fn an_alias_is_named_in_its_partition() {
        let target = Target { account: "123456789012".into(), region: "cn-north-1".into() };
        let stage = StageName::new("prod").unwrap();
        assert_eq!(
            alias_arn(&target, "f", &stage),
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:prod"
        );
    }

    proptest! {
        #[test]
        fn a_cut_name_fits_and_tells_its_whole_text(a in "\\PC{0,90}", b in "\\PC{0,90}", limit in 0usize..80) {
            let cut = cut_with_hash(&a, limit);
            prop_assert!(cut.len() <= limit);
            if a != b && limit >= 16 {
                prop_assert_ne!(cut, cut_with_hash(&b, limit));
            }
        }
    }
}
