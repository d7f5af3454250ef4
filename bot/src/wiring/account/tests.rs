use sluice_commands::testing::{MemoryStore, UnreachableAws, target};

use super::*;
use crate::backend::Mark;

fn unreachable_aws() -> Ports<'static> {
    Ports {
        repositories: &UnreachableAws,
        builders: &UnreachableAws,
        gateway: &UnreachableAws,
        objects: &UnreachableAws,
        logs: &UnreachableAws,
        quotas: &UnreachableAws,
    }
}

/// A young account in good order.
fn good() -> Answers {
    Answers {
        repositories: Ok(()),
        builds: Ok(()),
        apis: Ok(2),
        logs: Ok(()),
        versions: Ok(Some(true)),
        functions: Ok(FunctionQuotas { code: QuotaUse { used: 3 << 29, of: 75 << 30 }, concurrency: 1000 }),
        roles: Ok(QuotaUse { used: 800, of: 1000 }),
    }
}

fn named<'a>(findings: &'a [Finding], name: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.name == name).unwrap()
}

fn error(call: &'static str, class: Class, code: &str) -> PortError {
    PortError::new(call, class, code, "User arn:aws:iam::123456789012:user/x is not authorized")
}

#[test]
fn an_account_in_good_order_has_no_warning() {
    let findings = judge(good(), &target());
    assert!(findings.iter().all(|finding| finding.mark == Mark::Good), "{findings:?}");
    assert_eq!(named(&findings, "Lambda code").words, "1.5 GB of 75.0 GB used by all functions");
    assert_eq!(named(&findings, "IAM roles").words, "800 of 1000 used");
}

#[tokio::test]
async fn every_service_that_refuses_is_named_with_what_to_do() {
    let findings = examine(&unreachable_aws(), &target()).await;
    let all: Vec<_> = findings.iter().map(|finding| finding.name).collect();
    assert_eq!(all, ["CodeCommit", "CodeBuild", "API Gateway", "Log groups", "Lambda", "IAM roles"]);
    for finding in &findings {
        assert_eq!(finding.mark, Mark::Missing, "{finding:?}");
        assert!(finding.words.contains("`sluice policy`"), "{finding:?}");
    }
}

#[test]
fn a_service_that_is_not_in_the_region_or_not_open_is_told_from_one_that_refuses() {
    let mut answers = good();
    answers.repositories = Err(error("codecommit:GetRepository", Class::Transient, "Unreachable"));
    answers.builds = Err(error("codebuild:BatchGetProjects", Class::Throttled, "ThrottlingException"));
    answers.apis = Err(error("apigatewayv2:GetApis", Class::Denied, "OptInRequired"));
    answers.logs = Err(error("logs:DescribeLogGroups", Class::Invalid, "InvalidParameterException"));
    let findings = judge(answers, &target());
    for (name, part) in [
        ("CodeCommit", "gives no answer in eu-central-1 (codecommit:GetRepository: Unreachable)"),
        ("CodeBuild", "run this again in a minute"),
        ("API Gateway", "is not open to this account"),
        ("Log groups", "does not take logs:DescribeLogGroups (InvalidParameterException)"),
    ] {
        let finding = named(&findings, name);
        assert_eq!(finding.mark, Mark::Missing);
        assert!(finding.words.contains(part), "{finding:?}");
        assert!(!finding.words.contains("123456789012"), "{finding:?}");
    }
}

#[test]
fn what_is_nearly_used_up_is_warned_of() {
    let mut answers = good();
    let code = QuotaUse { used: 61 << 30, of: 75 << 30 };
    answers.functions = Ok(FunctionQuotas { code, concurrency: 50 });
    answers.roles = Ok(QuotaUse { used: 810, of: 1000 });
    let findings = judge(answers, &target());
    for (name, part) in [
        ("Lambda code", "61.0 GB of 75.0 GB used by all functions (81 %)"),
        ("Concurrency", "50 functions at the same time; all stages share them"),
        ("IAM roles", "810 of 1000 used (81 %)"),
    ] {
        let finding = named(&findings, name);
        assert_eq!(finding.mark, Mark::Warning, "{finding:?}");
        assert!(finding.words.contains(part), "{finding:?}");
    }
}

#[tokio::test]
async fn a_probe_leaves_nothing_behind_and_tells_a_refusal() {
    let (store, keys) = (MemoryStore::new(), Keys::new(&target()));
    assert!(probe(&store, &keys, Timestamp::UNIX_EPOCH).await.is_ok());
    assert_eq!(store.calls().len(), 3, "{:?}", store.calls());
    assert!(store.items().is_empty(), "{:?}", store.items());
    store.fail_next(StoreError::Refused("TransactWriteItems: AccessDeniedException".into()));
    let refused = probe(&store, &keys, Timestamp::UNIX_EPOCH).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
}

#[test]
fn a_quota_that_cannot_be_asked_for_is_a_warning_and_missing_rights_are_not() {
    let mut answers = good();
    answers.roles = Err(error("iam:GetAccountSummary", Class::Invalid, "InvalidAction"));
    answers.functions = Err(error("lambda:GetAccountSettings", Class::Denied, "AccessDenied"));
    let findings = judge(answers, &target());
    let roles = named(&findings, "IAM roles");
    assert_eq!(roles.mark, Mark::Warning);
    assert!(
        roles.words.contains("could not be asked for (iam:GetAccountSummary: InvalidAction)"),
        "{roles:?}"
    );
    assert_eq!(named(&findings, "Lambda").mark, Mark::Missing);
}

#[test]
fn a_probe_without_a_version_and_audit_records_that_can_be_deleted_are_faults() {
    let mut answers = good();
    answers.versions = Ok(Some(false));
    let findings = judge(answers, &target());
    assert_eq!(named(&findings, "Versions").mark, Mark::Missing);
    let mut answers = good();
    answers.versions = Ok(None);
    assert!(judge(answers, &target()).iter().all(|finding| finding.name != "Versions"));
    assert_eq!(audit(Ok(false), "sluice-audit").mark, Mark::Good);
    let allowed = audit(Ok(true), "sluice-audit");
    assert!(
        allowed.mark == Mark::Missing && allowed.words.contains("may delete audit records in `sluice-audit`")
    );
    assert_eq!(audit(Err(StoreError::Unknown("lost".into())), "sluice-audit").mark, Mark::Missing);
}

#[tokio::test]
async fn a_pipeline_that_nears_the_quota_of_stages_is_named() {
    let (store, keys) = (MemoryStore::new(), Keys::new(&target()));
    let look = async || stages(&store, &keys).await.unwrap();
    assert_eq!(look().await, Finding::good("Stages", "0 of 10 used by the pipeline with the most".into()));
    let names: Vec<String> = (0..9).map(|number| format!("stage{number}")).collect();
    let names: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 0)).collect();
    sluice_commands::testing::samples::orders(&store, "orders", &names[..8]).await;
    assert_eq!(look().await.words, "8 of 10 used by the pipeline with the most");
    sluice_commands::testing::samples::orders(&store, "billing", &names).await;
    let nearly = look().await;
    assert_eq!(nearly.mark, Mark::Warning);
    assert!(nearly.words.starts_with("`billing` has 9;"), "{nearly:?}");
}
