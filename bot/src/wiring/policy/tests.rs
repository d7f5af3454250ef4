use std::collections::BTreeMap;
use std::path::Path;

use sluice_aws_adapter::{MUTATIONS, READS};
use sluice_commands::resources::rights::{INLINE_LIMIT, MANAGED_LIMIT};

use super::*;
use crate::config::Sources;

fn base(more: &[(&str, &str)]) -> Base {
    let env = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Base::load(Sources { env, ..Sources::default() }).unwrap()
}

fn target() -> Target {
    Target { account: "123456789012".into(), region: "eu-central-1".into() }
}

/// All statements of these documents as one.
fn policy(whose: PolicyFor, base: &Base, target: &Target) -> Value {
    let statements = policies(whose, base, target).into_iter();
    let statements = statements.flat_map(|document| document.body["Statement"].as_array().cloned().unwrap());
    json!({ "Statement": statements.collect::<Vec<_>>() })
}

#[test]
fn every_call_is_allowed_by_exactly_one_statement() {
    let base = base(&[("SLUICE_QUEUE", "sqs:sluice")]);
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let (target, base) = (target(), &base);
    for part in BOT.into_iter().chain([Part::Init]) {
        for allowed in part.allowed(&Names { base, target: &target }) {
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
fn no_statement_allows_all_actions_or_all_resources() {
    let base = base(&[("SLUICE_QUEUE", "sqs:sluice")]);
    for whose in [PolicyFor::Bot, PolicyFor::Init] {
        for statement in policy(whose, &base, &target())["Statement"].as_array().unwrap() {
            let text = statement.to_string();
            let is_denied = statement["Effect"] == "Deny";
            assert!(is_denied || !statement["Action"].to_string().contains('*'), "{text}");
            let is_anywhere = statement["Resource"].to_string().contains("\"*\"");
            // Calls that IAM cannot restrict to resources.
            let may_be = ["Whoami", "AccountReads", "ApiLogs", "SecretsStay", "FirstMinutes"]
                .iter()
                .any(|sid| statement["Sid"] == *sid);
            assert_eq!(is_anywhere, may_be, "{text}");
        }
    }
}

#[test]
fn the_bot_neither_creates_nor_configures_a_bucket() {
    let text = policy(PolicyFor::Bot, &base(&[("SLUICE_QUEUE", "sqs:sluice")]), &target()).to_string();
    for action in ["s3:CreateBucket", "s3:PutBucket", "s3:PutLifecycle", "s3:TagResource"] {
        assert!(!text.contains(action), "{action}");
    }
    let init = policy(PolicyFor::Init, &base(&[]), &target());
    let statements = init["Statement"].as_array().unwrap();
    let objects = statements.iter().filter(|statement| statement.to_string().contains("s3:PutObject"));
    let objects: Vec<_> = objects.map(|statement| &statement["Resource"]).collect();
    let place = |key: &str| json!([format!("arn:aws:s3:::sluice-123456789012-eu-central-1/_sluice/{key}")]);
    assert_eq!(objects, [&place("probe"), &place("packager/*")], "init writes only these");
    assert_eq!(text.matches("_sluice/packager").count(), 0, "the bot reads it as it reads artifacts");
}

#[test]
fn audit_records_are_only_added_and_read() {
    let audit = "arn:aws:dynamodb:eu-central-1:123456789012:table/sluice-audit";
    let mut allowed = vec![];
    for statement in of_table(PolicyFor::Bot, "sluice", &target()) {
        let names_it = statement["Resource"].to_string().contains(&format!("\"{audit}\""));
        if names_it && statement["Effect"] == "Allow" {
            allowed.extend(statement["Action"].as_array().unwrap().clone());
        }
    }
    assert_eq!(allowed, ["dynamodb:DescribeTable", "dynamodb:PutItem", "dynamodb:Query"]);
    let text = policy(PolicyFor::Bot, &base(&[]), &target()).to_string();
    assert!(!text.contains("LeadingKeys"), "transactions span tables without a condition on keys");
}

/// IAM's default number of managed policies of a role.
const ATTACHED: usize = 10;

#[test]
fn policies_fit_into_managed_ones_with_the_longest_names() {
    let (table, queue) = (format!("dynamodb:{}", "t".repeat(249)), format!("sqs:{}", "q".repeat(75)));
    let longest = base(&[("SLUICE_STATE", &table), ("SLUICE_QUEUE", &queue)]);
    let target = Target { region: "ap-southeast-1".into(), ..target() };
    let bot = policies(PolicyFor::Bot, &longest, &target);
    // Half of them are left to the team.
    assert!(bot.len() <= ATTACHED / 2, "{}", bot.len());
    for document in bot {
        assert!(document.size() <= MANAGED_LIMIT, "{} {}", document.name, document.size());
    }
    for (base, limit) in [(longest, INLINE_LIMIT), (base(&[("SLUICE_QUEUE", "sqs:sluice")]), MANAGED_LIMIT)] {
        let [init] = policies(PolicyFor::Init, &base, &target).try_into().unwrap();
        assert!(init.size() <= limit, "{}", init.size());
    }
}

#[test]
fn no_statement_has_the_name_of_another() {
    let file = base(&[("SLUICE_STATE", "sqlite:/tmp/state"), ("SLUICE_BACKUP", "s3://copies/of/sluice")]);
    let table = base(&[("SLUICE_QUEUE", "sqs:sluice")]);
    let documents = [file, table].into_iter().flat_map(|base| policies(PolicyFor::Bot, &base, &target()));
    for document in documents {
        let statements = document.body["Statement"].as_array().unwrap().clone();
        let sids: std::collections::BTreeSet<_> =
            statements.iter().map(|statement| statement["Sid"].to_string()).collect();
        assert_eq!(sids.len(), statements.len(), "{}", document.name);
    }
}

/// A repository's author names parameters, and their values are shown.
#[test]
fn the_bot_reads_plain_parameters_of_stages_and_of_aws_and_decrypts_none() {
    let bot = policy(PolicyFor::Bot, &base(&[]), &target());
    let statements = bot["Statement"].as_array().unwrap();
    let reading: Vec<_> =
        statements.iter().filter(|one| one.to_string().contains("ssm:GetParameters")).collect();
    let ours = "arn:aws:ssm:eu-central-1:123456789012:parameter/sluice/*/*/*";
    let of_aws = "arn:aws:ssm:eu-central-1::parameter/aws/service/*";
    assert_eq!(reading.iter().map(|one| &one["Resource"]).collect::<Vec<_>>(), [&json!([ours, of_aws])]);
    assert!(!bot.to_string().contains("ssm:GetParameter\""));
    let denied = statements.iter().find(|one| one["Sid"] == "SecretsStay").unwrap();
    assert_eq!((&denied["Effect"], &denied["Action"]), (&json!("Deny"), &json!("kms:Decrypt")));
    assert_eq!(denied["Condition"]["StringEquals"]["kms:ViaService"], "ssm.eu-central-1.amazonaws.com");
}

/// A stack without a service role would be changed with the bot's own rights.
#[test]
fn a_change_set_needs_a_service_role_of_ours() {
    let bot = policy(PolicyFor::Bot, &base(&[]), &target());
    let statements = bot["Statement"].as_array().unwrap();
    let making: Vec<_> =
        statements.iter().filter(|one| one.to_string().contains("CreateChangeSet")).collect();
    assert_eq!(making.len(), 1);
    let roles = "arn:aws:iam::123456789012:role/sluice/*";
    assert_eq!(making[0]["Condition"]["ArnLike"]["cloudformation:RoleArn"], roles);
    let stacks = "arn:aws:cloudformation:eu-central-1:123456789012:stack/sluice-*/*";
    for statement in statements.iter().filter(|one| one["Action"].to_string().contains("StackEvents")) {
        assert_eq!(statement["Resource"], json!([stacks]));
    }
    let text = bot.to_string();
    for never in ["cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:SetStackPolicy"]
    {
        assert!(!text.contains(never), "{never}");
    }
}

#[test]
fn unused_services_are_not_allowed() {
    let file = policy(PolicyFor::Bot, &base(&[("SLUICE_STATE", "sqlite:/tmp/state")]), &target()).to_string();
    assert!(!file.contains("dynamodb:") && !file.contains("sqs:"), "{file}");
    assert_eq!(file.matches("s3:PutObject").count(), 2, "the probe and templates of stacks: {file}");
    let backup = [("SLUICE_STATE", "sqlite:/tmp/state"), ("SLUICE_BACKUP", "s3://copies/of/sluice")];
    let backup = policy(PolicyFor::Bot, &base(&backup), &target()).to_string();
    assert!(backup.contains("arn:aws:s3:::copies/of/sluice/*"), "{backup}");
}

/// Lambda reads images by the policies of their repositories, and would change those for a caller that might:
/// <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>.
#[test]
fn the_bot_has_no_right_on_images() {
    let file = policy(PolicyFor::Bot, &base(&[]), &target()).to_string();
    assert!(!file.contains("ecr:"), "{file}");
}

#[test]
fn the_policies_in_docs_are_current() {
    let base = base(&[("SLUICE_QUEUE", "sqs:sluice")]);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for whose in [PolicyFor::Bot, PolicyFor::Init] {
        for document in policies(whose, &base, &target()) {
            let name = document.name.trim_end_matches("-eu-central-1");
            let text = format!("{:#}\n", document.body);
            let path = docs.join(format!("iam-policy-{}.json", name.trim_start_matches("sluice-")));
            if std::env::var_os("SLUICE_WRITE_DOCS").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            let path = path.display();
            assert_eq!(kept, text, "{path} is outdated: SLUICE_WRITE_DOCS=1 cargo test --bin sluice policy");
        }
    }
}
