use std::sync::Arc;

use sluice_commands::ports::ApiKind;
use sluice_commands::testing::fake_aws::FaultProxy;
use sluice_commands::testing::{FakeAws, MemoryStore, TestClock, target};

use super::*;
use crate::startup::CheckStatus;

fn ports<'a>(aws: &'a FaultProxy, [http, rest]: &'a [Arc<dyn Gateway>; 2]) -> Ports<'a> {
    Ports {
        repositories: aws,
        builders: aws,
        gateway: &**http,
        rest_gateway: &**rest,
        objects: aws,
        logs: aws,
        quotas: aws,
    }
}

fn gateways(aws: &FaultProxy) -> [Arc<dyn Gateway>; 2] {
    [ApiKind::Http, ApiKind::Rest].map(|kind| aws.gateway(kind))
}

/// A new account without failures.
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

fn named<'a>(results: &'a [CheckResult], name: &str) -> &'a CheckResult {
    results.iter().find(|result| result.name == name).unwrap()
}

fn error(call: &'static str, class: Class, code: &str) -> PortError {
    PortError::new(call, class, code, "User arn:aws:iam::123456789012:user/x is not authorized")
}

#[test]
fn an_account_without_failures_has_no_warning() {
    let results = judge(good(), &target());
    assert!(results.iter().all(|result| result.status == CheckStatus::Ok), "{results:?}");
    assert_eq!(named(&results, "Lambda code").message, "1.5 GB of 75.0 GB used by all functions");
    assert_eq!(named(&results, "IAM roles").message, "800 of 1000 used");
}

#[tokio::test]
async fn every_refusal_names_its_service_and_the_next_step() {
    let clock = Arc::new(TestClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
    let aws = FakeAws::new(clock).unreachable();
    let gateways = gateways(&aws);
    let results = check(&ports(&aws, &gateways), &target()).await;
    let all: Vec<_> = results.iter().map(|result| result.name).collect();
    assert_eq!(all, ["CodeCommit", "CodeBuild", "API Gateway", "Log groups", "Lambda", "IAM roles"]);
    for result in &results {
        assert_eq!(result.status, CheckStatus::Failed, "{result:?}");
        assert!(result.message.contains("`sluice policy`"), "{result:?}");
    }
}

#[test]
fn unavailable_services_are_told_apart_from_refusals() {
    let mut answers = good();
    answers.repositories = Err(error("codecommit:GetRepository", Class::Transient, "Unreachable"));
    answers.builds = Err(error("codebuild:BatchGetProjects", Class::Throttled, "ThrottlingException"));
    answers.apis = Err(error("apigatewayv2:GetApis", Class::Denied, "OptInRequired"));
    answers.logs = Err(error("logs:DescribeLogGroups", Class::Invalid, "InvalidParameterException"));
    let results = judge(answers, &target());
    for (name, part) in [
        ("CodeCommit", "does not answer in eu-central-1 (codecommit:GetRepository: Unreachable)"),
        ("CodeBuild", "run this again in a minute"),
        ("API Gateway", "is not available to this account"),
        ("Log groups", "rejects logs:DescribeLogGroups (InvalidParameterException)"),
    ] {
        let result = named(&results, name);
        assert_eq!(result.status, CheckStatus::Failed);
        assert!(result.message.contains(part), "{result:?}");
        assert!(!result.message.contains("123456789012"), "{result:?}");
    }
}

#[test]
fn a_quota_that_is_nearly_used_up_is_a_warning() {
    let mut answers = good();
    let code = QuotaUse { used: 61 << 30, of: 75 << 30 };
    answers.functions = Ok(FunctionQuotas { code, concurrency: 50 });
    answers.roles = Ok(QuotaUse { used: 810, of: 1000 });
    answers.apis = Ok(486);
    let results = judge(answers, &target());
    for (name, part) in [
        ("Lambda code", "61.0 GB of 75.0 GB used by all functions (81 %)"),
        ("Concurrency", "50 concurrent executions; all stages share them"),
        ("IAM roles", "810 of 1000 used (81 %)"),
        ("API Gateway", "486 of 600 APIs (81 %)"),
    ] {
        let result = named(&results, name);
        assert_eq!(result.status, CheckStatus::Warning, "{result:?}");
        assert!(result.message.contains(part), "{result:?}");
    }
}

#[tokio::test]
async fn a_probe_deletes_its_items_and_reports_a_refusal() {
    let (store, keys) = (MemoryStore::new(), Keys::new(&target()));
    assert!(probe(&store, &keys, Timestamp::UNIX_EPOCH).await.is_ok());
    assert_eq!(store.calls().len(), 3, "{:?}", store.calls());
    assert!(store.items().is_empty(), "{:?}", store.items());
    store.fail_next(StoreError::Refused("TransactWriteItems: AccessDeniedException".into()));
    let refused = probe(&store, &keys, Timestamp::UNIX_EPOCH).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
}

#[test]
fn an_unreadable_quota_is_a_warning_and_missing_permissions_are_a_failure() {
    let mut answers = good();
    answers.roles = Err(error("iam:GetAccountSummary", Class::Invalid, "InvalidAction"));
    answers.functions = Err(error("lambda:GetAccountSettings", Class::Denied, "AccessDenied"));
    let results = judge(answers, &target());
    let roles = named(&results, "IAM roles");
    assert_eq!(roles.status, CheckStatus::Warning);
    assert!(roles.message.contains("cannot be read (iam:GetAccountSummary: InvalidAction)"), "{roles:?}");
    assert_eq!(named(&results, "Lambda").status, CheckStatus::Failed);
}

#[test]
fn a_missing_version_and_deletable_audit_records_are_failures() {
    let mut answers = good();
    answers.versions = Ok(Some(false));
    let results = judge(answers, &target());
    assert_eq!(named(&results, "Versions").status, CheckStatus::Failed);
    let mut answers = good();
    answers.versions = Ok(None);
    assert!(judge(answers, &target()).iter().all(|result| result.name != "Versions"));
    assert_eq!(audit(Ok(false), "sluice-audit").status, CheckStatus::Ok);
    let allowed = audit(Ok(true), "sluice-audit");
    assert!(
        allowed.status == CheckStatus::Failed
            && allowed.message.contains("can delete audit records in `sluice-audit`")
    );
    assert_eq!(audit(Err(StoreError::Unknown("lost".into())), "sluice-audit").status, CheckStatus::Failed);
}
