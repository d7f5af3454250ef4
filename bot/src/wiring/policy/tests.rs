use std::collections::BTreeMap;
use std::path::Path;

use sluice_aws_adapter::{MUTATIONS, READS};
use sluice_commands::operations::rights::{INLINE_LIMIT, MANAGED_LIMIT};

use super::*;
use crate::config::Sources;

fn base(more: &[(&str, &str)]) -> Base {
    let env = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Base::load(Sources { env, ..Sources::default() }).unwrap()
}

fn target() -> Target {
    Target { account: "123456789012".into(), region: "eu-central-1".into() }
}

#[test]
fn every_call_is_let_through_by_exactly_one_statement() {
    let base = base(&[("SLUICE_QUEUE", "sqs:sluice")]);
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for whose in [Whose::Bot, Whose::Init] {
        for allowed in allowed(whose, &base, &target()) {
            for call in allowed.calls {
                found.entry(call).or_default().push(allowed.sid);
            }
        }
    }
    let known: Vec<&str> = READS.iter().chain(MUTATIONS).copied().collect();
    for call in &known {
        let sids = found.remove(call).unwrap_or_default();
        assert_eq!(sids.len(), 1, "{call} is in the statements {sids:?}: see `allowed`");
    }
    assert_eq!(found, BTreeMap::new(), "no such calls");
}

#[test]
fn nothing_is_let_through_everywhere_or_in_full() {
    let base = base(&[("SLUICE_QUEUE", "sqs:sluice")]);
    for whose in [Whose::Bot, Whose::Init] {
        for statement in policy(whose, &base, &target())["Statement"].as_array().unwrap() {
            let text = statement.to_string();
            let is_denied = statement["Effect"] == "Deny";
            assert!(is_denied || !statement["Action"].to_string().contains('*'), "{text}");
            let is_anywhere = statement["Resource"].to_string().contains("\"*\"");
            // Calls that IAM narrows to nothing, and that only look.
            let may_be = ["Whoami", "AccountReads"].iter().any(|sid| statement["Sid"] == *sid);
            assert_eq!(is_anywhere, may_be, "{text}");
        }
    }
}

#[test]
fn the_bot_neither_makes_nor_configures_a_bucket() {
    let text = policy(Whose::Bot, &base(&[("SLUICE_QUEUE", "sqs:sluice")]), &target()).to_string();
    for action in ["s3:CreateBucket", "s3:PutBucket", "s3:PutLifecycle", "s3:TagResource"] {
        assert!(!text.contains(action), "{action}");
    }
    let init = policy(Whose::Init, &base(&[]), &target());
    let statements = init["Statement"].as_array().unwrap();
    let objects = statements.iter().filter(|statement| statement.to_string().contains("s3:PutObject"));
    let objects: Vec<_> = objects.map(|statement| &statement["Resource"]).collect();
    let probe = "arn:aws:s3:::sluice-123456789012-eu-central-1/_sluice/probe";
    assert_eq!(objects, [&json!([probe])], "setting up writes one object");
}

#[test]
fn audit_records_are_added_and_read_and_nothing_else() {
    let audit = "arn:aws:dynamodb:eu-central-1:123456789012:table/sluice-audit";
    let mut allowed = vec![];
    for statement in of_table(Whose::Bot, "sluice", &target()) {
        let names_it = statement["Resource"].to_string().contains(&format!("\"{audit}\""));
        if names_it && statement["Effect"] == "Allow" {
            allowed.extend(statement["Action"].as_array().unwrap().clone());
        }
    }
    assert_eq!(allowed, ["dynamodb:DescribeTable", "dynamodb:PutItem", "dynamodb:Query"]);
    let text = policy(Whose::Bot, &base(&[]), &target()).to_string();
    assert!(!text.contains("LeadingKeys"), "a transaction may span tables, and needs no condition on keys");
}

#[test]
fn the_bots_policy_fits_into_a_managed_one_and_with_the_longest_names_into_an_inline_one() {
    let size = |whose, base: &Base| {
        policy(whose, base, &target()).to_string().chars().filter(|sign| !sign.is_whitespace()).count()
    };
    let usual = base(&[("SLUICE_QUEUE", "sqs:sluice")]);
    assert!(size(Whose::Bot, &usual) <= MANAGED_LIMIT, "{}", size(Whose::Bot, &usual));
    let backup = [("SLUICE_STATE", "sqlite:/tmp/s"), ("SLUICE_BACKUP", "s3://copies/of/sluice")];
    assert!(size(Whose::Bot, &base(&backup)) <= MANAGED_LIMIT);
    let (table, queue) = (format!("dynamodb:{}", "t".repeat(249)), format!("sqs:{}", "q".repeat(75)));
    let longest = base(&[("SLUICE_STATE", &table), ("SLUICE_QUEUE", &queue)]);
    for whose in [Whose::Bot, Whose::Init] {
        assert!(size(whose, &longest) <= INLINE_LIMIT, "{}", size(whose, &longest));
    }
}

#[test]
fn what_is_not_used_is_not_let_through() {
    let file = policy(Whose::Bot, &base(&[("SLUICE_STATE", "sqlite:/tmp/state")]), &target()).to_string();
    assert!(!file.contains("dynamodb:") && !file.contains("sqs:"), "{file}");
    assert_eq!(file.matches("s3:PutObject").count(), 1, "the probe's: {file}");
    let backup = [("SLUICE_STATE", "sqlite:/tmp/state"), ("SLUICE_BACKUP", "s3://copies/of/sluice")];
    let backup = policy(Whose::Bot, &base(&backup), &target()).to_string();
    assert!(backup.contains("arn:aws:s3:::copies/of/sluice/*"), "{backup}");
}

#[test]
fn the_policies_in_docs_are_these() {
    let base = base(&[("SLUICE_QUEUE", "sqs:sluice")]);
    for (name, whose) in [("iam-policy.json", Whose::Bot), ("iam-policy-init.json", Whose::Init)] {
        let text = format!("{:#}\n", policy(whose, &base, &target()));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
        if std::env::var_os("SLUICE_WRITE_DOCS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, text, "docs/{name} is old: SLUICE_WRITE_DOCS=1 cargo test --bin sluice policy");
    }
}
