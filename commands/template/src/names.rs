//! The names of the resources that Sluice creates, from the names that people chose. They are pure functions: a name is known
//! before its resource exists.
//!
//! A logical id has no hyphen, so the last hyphen of `sluice-{pipeline}-{stage}-{logical id}` always separates it, and a name
//! that is cut ends with a hash of the whole. Pipelines and stages may have hyphens: stage `eu-prod` of `shop` and stage `prod`
//! of `shop-eu` give the same names. Therefore a resource's tags, and the path of its role, say to which stage it belongs, and Sluice
//! does not change the resources of another stage.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use sluice_model::{PinnedCode, PipelineName, StageName, Target};

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

/// The Lambda function of a logical id on a stage: `sluice-{pipeline}-{stage}-{logical id}`, cut to 64 with a hash. The
/// logical id keeps its case, because `Get` and `GET` are two resources.
pub fn function_name(pipeline: &PipelineName, stage: &StageName, logical_id: &str) -> String {
    cut_with_hash(&format!("sluice-{pipeline}-{stage}-{logical_id}"), FUNCTION_LIMIT)
}

/// Whether a repository of images is the pipeline's by its name: `orders` or `orders/…`.
pub(super) fn is_own_repository(repository: &str, pipeline: &PipelineName) -> bool {
    let rest = repository.strip_prefix(pipeline.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The repositories of images that are not the pipeline's own by their name.
pub fn foreign_repositories<'a>(
    code: impl Iterator<Item = &'a PinnedCode>,
    pipeline: &PipelineName,
) -> BTreeSet<String> {
    let repositories = code.filter_map(|code| match code {
        PinnedCode::Image { image } => Some(image.repository()),
        PinnedCode::Archive(_) => None,
    });
    repositories.filter(|name| !is_own_repository(name, pipeline)).map(str::to_owned).collect()
}

/// Lambda's limit for the name of a layer.
const LAYER_LIMIT: usize = 140;

/// The layer of a name that the template gives, or of a logical id: `sluice-{pipeline}-{name}`, cut to 140 with a hash. A
/// name with characters that Lambda does not take is replaced by its hash. Layers are found by content, so two pipelines
/// whose names run together do no harm to each other.
pub(super) fn layer_name(pipeline: &PipelineName, name: &str) -> String {
    let takes = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_');
    let name = if !name.is_empty() && name.chars().all(takes) {
        name.to_owned()
    } else {
        hex::encode(Sha256::digest(name.as_bytes())).chars().take(HASH_DIGITS).collect()
    };
    cut_with_hash(&format!("sluice-{pipeline}-{name}"), LAYER_LIMIT)
}

/// The beginning that the names of a stage's functions share. Names are cut, so functions of other stages and pipelines may
/// have it, too.
pub fn function_stem(pipeline: &PipelineName, stage: &StageName) -> String {
    let whole = format!("sluice-{pipeline}-{stage}-");
    // A cut name keeps this much of its beginning, without hyphens at the end.
    match whole.get(..FUNCTION_LIMIT - HASH_DIGITS - 2) {
        Some(cut) if cut.len() < whole.len() => cut.trim_end_matches('-').to_owned(),
        _ => whole,
    }
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
        let (orders, dev) = (PipelineName::new("orders").unwrap(), StageName::new("dev").unwrap());
        assert_eq!(function_name(&orders, &dev, "Hello"), "sluice-orders-dev-Hello");
        let long = function_name(&orders, &dev, &"A".repeat(60));
        assert_eq!(long.len(), 64);
        assert!(long.starts_with("sluice-orders-dev-AAAA"), "{long}");
        assert_ne!(long, function_name(&orders, &dev, &"A".repeat(61)));
    }

    #[test]
    fn the_stage_and_the_logical_id_cannot_run_into_each_other() {
        let orders = PipelineName::new("orders").unwrap();
        let (a, ab) = (StageName::new("aa").unwrap(), StageName::new("aa-b").unwrap());
        assert_ne!(function_name(&orders, &a, "bHello"), function_name(&orders, &ab, "Hello"));
    }

    #[test]
    fn hyphens_at_the_end_of_a_cut_name_are_not_in_the_stem() {
        let pipeline = PipelineName::new("a0-aa-0a-0-aaaa-0a00-0a-00---0aa0a0").unwrap();
        let stage = StageName::new("aa000-00----a").unwrap();
        for id in ["aa00aAAa", "A"] {
            assert!(function_name(&pipeline, &stage, id).starts_with(&function_stem(&pipeline, &stage)));
        }
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
        fn every_function_of_a_stage_has_its_stem(
            pipeline in "[a-z][a-z0-9-]{0,38}[a-z0-9]", stage in "[a-z][a-z0-9-]{0,14}[a-z0-9]", id in "[A-Za-z0-9]{1,90}"
        ) {
            let (Ok(pipeline), Ok(stage)) = (PipelineName::new(pipeline), StageName::new(stage)) else { return Ok(()) };
            prop_assert!(function_name(&pipeline, &stage, &id).starts_with(&function_stem(&pipeline, &stage)));
        }

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
