//! What the emulator gets wrong of Lambda, from recorded answers (FIELD, "The local AWS").

use aws_sdk_lambda::config::http::HttpResponse;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::body::SdkBody;
use sluice_commands::fault::PortError;

use super::*;
use crate::call::{MUTATIONS, OnlyListed, RepeatOnlyRefused};

fn target() -> Target {
    Target { account: "123456789012".into(), region: "us-east-1".into() }
}

fn lambda(rule: &Rule) -> Lambda {
    let client = mock_client!(aws_sdk_lambda, RuleMode::MatchAny, [rule], |config| config
        .interceptor(OnlyListed(MUTATIONS))
        .retry_classifier(RepeatOnlyRefused));
    Lambda(Service { region: "us-east-1".into(), reads: client.clone(), writes: client })
}

fn refusal(status: u16, code: &'static str, message: &str) -> HttpResponse {
    let body = format!(r#"{{"Type":"User","message":"{message}"}}"#);
    let status = status.try_into().expect("a status");
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("x-amzn-errortype", code);
    response
}

fn seen<T: std::fmt::Debug>(result: PortResult<T>) -> (&'static str, Class, String) {
    let PortError { call, class, code, .. } = result.unwrap_err();
    (call, class, code)
}

fn config() -> FunctionConfig {
    FunctionConfig {
        runtime: "python3.12".into(),
        handler: "app.handler".into(),
        role: "arn:aws:iam::123456789012:role/sluice/f".into(),
        memory: 128,
        timeout: 3,
        architecture: "x86_64".into(),
        environment: BTreeMap::new(),
    }
}

fn code() -> CodeRef {
    CodeRef { bucket: "b".into(), key: "k".into(), version: "v".into(), sha256: "c2hh".into() }
}

#[tokio::test]
async fn publishing_holds_both_preconditions() {
    let stale = mock!(Client::publish_version)
        .match_requests(|request| {
            request.revision_id() == Some("r1") && request.code_sha256() == Some("c2hh")
        })
        .then_http_response(|| {
            refusal(412, "PreconditionFailedException", "The Revision Id provided does not match")
        });
    let result = lambda(&stale).publish(&target(), "f", "c2hh", "r1").await;
    assert_eq!(
        seen(result),
        ("lambda:PublishVersion", Class::Conflict, "PreconditionFailedException".into())
    );

    let other_code = mock!(Client::publish_version).then_http_response(|| {
        refusal(
            400,
            "InvalidParameterValueException",
            "CodeSHA256 (a) is different from current CodeSHA256 in $LATEST (b)",
        )
    });
    let result = lambda(&other_code).publish(&target(), "f", "c2hh", "r1").await;
    assert_eq!(
        seen(result),
        ("lambda:PublishVersion", Class::Conflict, "InvalidParameterValueException".into())
    );
}

#[tokio::test]
async fn a_change_in_progress_is_a_conflict() {
    let busy = mock!(Client::update_function_code)
        .match_requests(|request| request.publish() == Some(true) && request.revision_id() == Some("r1"))
        .then_http_response(|| {
            refusal(409, "ResourceConflictException", "An update is in progress for resource")
        });
    let result = lambda(&busy).update_code(&target(), "f", &code(), "x86_64", "r1").await;
    assert_eq!(
        seen(result),
        ("lambda:UpdateFunctionCode", Class::Conflict, "ResourceConflictException".into())
    );
    assert_eq!(busy.num_calls(), 1);
}

#[tokio::test]
async fn an_alias_cannot_point_to_a_version_that_is_not_there() {
    let missing = mock!(Client::update_alias)
        .match_requests(|request| {
            request.function_version() == Some("9") && request.revision_id() == Some("r1")
        })
        .then_http_response(|| refusal(404, "ResourceNotFoundException", "Function not found: f:9"));
    let result = lambda(&missing).move_alias(&target(), "f", "prod", "9", "r1").await;
    assert_eq!(seen(result), ("lambda:UpdateAlias", Class::Absent, "ResourceNotFoundException".into()));
}

#[tokio::test]
async fn a_new_role_is_waited_for_and_a_wrong_value_is_not() {
    let new = mock!(Client::create_function).then_http_response(|| {
        refusal(
            400,
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        )
    });
    let result = lambda(&new).create_function(&target(), "f", &config(), &code(), &Tags::new()).await;
    assert_eq!(
        seen(result),
        ("lambda:CreateFunction", Class::Transient, "InvalidParameterValueException".into())
    );

    let wrong = mock!(Client::create_function)
        .then_http_response(|| refusal(400, "InvalidParameterValueException", "Unsupported runtime"));
    let result = lambda(&wrong).create_function(&target(), "f", &config(), &code(), &Tags::new()).await;
    assert_eq!(seen(result).1, Class::Invalid);
}

#[tokio::test]
async fn a_failure_inside_the_service_leaves_a_mutation_uncertain() {
    let broken =
        mock!(Client::update_alias).then_http_response(|| refusal(500, "ServiceException", "internal"));
    let result = lambda(&broken).move_alias(&target(), "f", "prod", "2", "r1").await;
    assert_eq!(seen(result), ("lambda:UpdateAlias", Class::Ambiguous, "ServiceException".into()));
    assert_eq!(broken.num_calls(), 1, "our own success must not meet us as a conflict");
}

#[tokio::test]
async fn a_call_that_is_not_listed_does_not_leave() {
    let alias =
        mock!(Client::get_alias).then_http_response(|| refusal(404, "ResourceNotFoundException", "none"));
    let result = lambda(&alias).alias(&target(), "f", "prod").await;
    assert_eq!(seen(result), ("lambda:GetAlias", Class::Invalid, "NotSendable".into()));
    assert_eq!(alias.num_calls(), 0);
}

#[test]
fn readiness_is_never_assumed() {
    let active = Some(&State::Active);
    let cases = [
        (active, None, Readiness::Ready),
        (Some(&State::Inactive), Some(&LastUpdateStatus::Successful), Readiness::Ready),
        (active, Some(&LastUpdateStatus::InProgress), Readiness::Pending),
        (Some(&State::Pending), None, Readiness::Pending),
        (None, None, Readiness::Pending),
        (Some(&State::Failed), None, Readiness::Failed("why".into())),
        (active, Some(&LastUpdateStatus::Failed), Readiness::Failed("update".into())),
    ];
    for (state, update, expected) in cases {
        assert_eq!(readiness(state, Some("why"), update, Some("update")), expected, "{state:?} {update:?}");
    }
}

#[test]
fn an_arn_names_its_version_once() {
    let bare = "arn:aws:lambda:us-east-1:123456789012:function:f";
    assert_eq!(with_version(bare, "3"), format!("{bare}:3"));
    assert_eq!(with_version(&format!("{bare}:3"), "3"), format!("{bare}:3"));
}
