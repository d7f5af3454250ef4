//! Lambda's answers that the emulator gets wrong, as recorded answers (FIELD, "The local AWS").

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sluice_aws_adapter::Aws;
use sluice_commands::ports::{FunctionCode, FunctionConfig, Invoked, Readiness, Tags};
use sluice_model::{Class, CodeRef};

use crate::harness::recorded_server::{Answer, RecordedServer, rest};
use crate::harness::{aws, summary, target};

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(20);
const NOT_ASSUMABLE: &str = r#"{"message":"The role defined for the function cannot be assumed by Lambda."}"#;
const VERSION_3: &str = r#"{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f:3",
    "Version":"3","CodeSha256":"c2hh","RevisionId":"r2","Runtime":"python3.12","Handler":"app.handler","Role":"arn:r",
    "MemorySize":256,"Timeout":9,"Architectures":["arm64"],"Environment":{"Variables":{"A":"1"}},
    "State":"Active","LastUpdateStatus":"InProgress"}"#;

/// All ports against a service that always gives this answer.
async fn refusing(status: u16, code: &'static str, body: &'static str) -> (Aws, RecordedServer) {
    let server = RecordedServer::answering(vec![rest(status, code, body)]);
    (aws(&server.url).await, server)
}

fn config() -> FunctionConfig {
    FunctionConfig {
        runtime: Some("python3.12".into()),
        handler: Some("app.handler".into()),
        role: "arn:aws:iam::000000000000:role/sluice/f".into(),
        memory: 128,
        timeout: 3,
        architecture: "x86_64".into(),
        environment: BTreeMap::new(),
        ..FunctionConfig::default()
    }
}

fn code() -> FunctionCode {
    CodeRef { bucket: "b".into(), key: "k".into(), version: "v".into(), sha256: "c2hh".into() }.into()
}

#[tokio::test]
async fn publishing_sends_both_preconditions() {
    let (aws, server) = refusing(
        412,
        "PreconditionFailedException",
        r#"{"message":"The Revision Id provided does not match the latest Revision Id."}"#,
    )
    .await;
    let error = aws.functions.publish(&target(), "f", "c2hh", "r1").await.unwrap_err();
    assert_eq!(
        summary(&error),
        ("lambda:PublishVersion", Class::Precondition, "PreconditionFailedException")
    );
    let body = &server.requests()[0].body;
    assert!(body.contains(r#""CodeSha256":"c2hh""#) && body.contains(r#""RevisionId":"r1""#), "{body}");

    let (aws, _server) = refusing(
        400,
        "InvalidParameterValueException",
        r#"{"message":"CodeSHA256 (a) is different from current CodeSHA256 in $LATEST (b)"}"#,
    )
    .await;
    let error = aws.functions.publish(&target(), "f", "c2hh", "r1").await.unwrap_err();
    assert_eq!(
        summary(&error),
        ("lambda:PublishVersion", Class::Precondition, "InvalidParameterValueException")
    );
}

#[tokio::test]
async fn new_code_is_published_in_the_same_call() {
    let server = RecordedServer::answering(vec![rest(200, "", VERSION_3)]);
    let version = aws(&server.url).await.functions.update_code(&target(), "f", &code(), "arm64", "r1").await;
    let version = version.expect("an answer");
    assert_eq!((version.version.as_str(), version.revision.as_str()), ("3", "r2"));
    assert_eq!(version.readiness, Readiness::Pending, "the update is in progress");
    assert_eq!((version.config.memory, version.config.architecture.as_str()), (256, "arm64"));
    let body = &server.requests()[0].body;
    for part in [r#""Publish":true"#, r#""RevisionId":"r1""#, r#""S3ObjectVersion":"v""#] {
        assert!(body.contains(part), "{part} in {body}");
    }
}

#[tokio::test]
async fn publishing_unchanged_code_returns_the_existing_version() {
    let server = RecordedServer::answering(vec![rest(201, "", VERSION_3)]);
    let version = aws(&server.url).await.functions.publish(&target(), "f", "c2hh", "r2").await;
    let version = version.expect("an answer");
    assert_eq!((version.version.as_str(), version.arn.matches(":3").count()), ("3", 1));
}

#[tokio::test]
async fn a_change_in_progress_is_busy() {
    let busy = r#"{"Type":"User","message":"An update is in progress for resource"}"#;
    let (aws, server) = refusing(409, "ResourceConflictException", busy).await;
    let error = aws.functions.update_code(&target(), "f", &code(), "x86_64", "r1").await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:UpdateFunctionCode", Class::Busy, "ResourceConflictException"));
    let error =
        aws.functions.update_config(&target(), "f", &config(), &BTreeSet::new(), "r1").await.unwrap_err();
    assert_eq!(
        summary(&error),
        ("lambda:UpdateFunctionConfiguration", Class::Busy, "ResourceConflictException")
    );
    assert_eq!(server.requests().len(), 2, "each is sent once");
}

#[tokio::test]
async fn an_alias_cannot_point_to_a_missing_version() {
    let missing = r#"{"Type":"User","Message":"Function not found: f:9"}"#;
    let (aws, server) = refusing(404, "ResourceNotFoundException", missing).await;
    let error = aws.functions.move_alias(&target(), "f", "prod", "9", "r1").await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:UpdateAlias", Class::Absent, "ResourceNotFoundException"));
    let body = &server.requests()[0].body;
    assert!(body.contains(r#""FunctionVersion":"9""#) && body.contains(r#""RevisionId":"r1""#), "{body}");
}

#[tokio::test]
async fn a_whole_function_is_deleted_only_by_a_name_that_sluice_gives() {
    let missing = r#"{"Type":"User","Message":"Function not found: sluice-orders-prod-Hello"}"#;
    let (aws, server) = refusing(404, "ResourceNotFoundException", missing).await;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:sluice-orders-prod-Hello";
    for other in ["orders", "sluice-orders-prod-Hello:7", arn, ""] {
        let error = aws.functions.delete_function(&target(), other).await.unwrap_err();
        assert_eq!(summary(&error), ("lambda:DeleteFunction", Class::Invalid, "NotSendable"));
    }
    assert!(server.requests().is_empty());
    let deleted = aws.functions.delete_function(&target(), "sluice-orders-prod-Hello").await;
    assert_eq!(deleted, Ok(()), "deleting an absent function succeeds");
    let line = &server.requests()[0].line;
    assert!(line.contains("/functions/sluice-orders-prod-Hello") && !line.contains("Qualifier"), "{line}");
}

/// The emulator ignores weights and sends all calls to the primary version.
#[tokio::test]
async fn aliases_are_listed_with_their_weights() {
    let server = RecordedServer::answering(vec![
        rest(
            200,
            "",
            r#"{"NextMarker":"more","Aliases":[{"AliasArn":"arn:a","Name":"dev","FunctionVersion":"7","RevisionId":"r1"}]}"#,
        ),
        rest(
            200,
            "",
            r#"{"Aliases":[{"AliasArn":"arn:b","Name":"prod","FunctionVersion":"5","RevisionId":"r2",
                "RoutingConfig":{"AdditionalVersionWeights":{"6":0.1}}}]}"#,
        ),
        rest(404, "ResourceNotFoundException", r#"{"Message":"Function not found"}"#),
    ]);
    let port = aws(&server.url).await.functions;
    let listed = port.aliases(&target(), "f").await.expect("an answer").expect("the resource exists");
    let served: Vec<_> = listed.iter().map(|alias| (alias.name.as_str(), alias.serves())).collect();
    assert_eq!(served, [("dev", "7".to_owned()), ("prod", "5 (100/1000 to 6)".to_owned())]);
    assert_eq!(port.aliases(&target(), "f").await, Ok(None));
    assert!(server.requests()[1].line.contains("Marker=more"), "{:?}", server.requests()[1]);
}

#[tokio::test]
async fn moving_an_alias_removes_its_weights() {
    let moved = r#"{"AliasArn":"arn:a","Name":"prod","FunctionVersion":"2","RevisionId":"r2"}"#;
    let server = RecordedServer::answering(vec![rest(200, "", moved)]);
    aws(&server.url).await.functions.move_alias(&target(), "f", "prod", "2", "r1").await.expect("an answer");
    let body = &server.requests()[0].body;
    assert!(body.contains(r#""RoutingConfig":{"AdditionalVersionWeights":{}}"#), "{body}");
}

#[tokio::test]
async fn moving_an_alias_that_changed_meanwhile_fails_its_precondition() {
    let stale = r#"{"Type":"User","message":"The RevisionId provided does not match"}"#;
    let (aws, _server) = refusing(412, "PreconditionFailedException", stale).await;
    let error = aws.functions.move_alias(&target(), "f", "prod", "2", "r1").await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:UpdateAlias", Class::Precondition, "PreconditionFailedException"));
}

#[tokio::test]
async fn a_new_role_is_busy_and_a_wrong_value_is_invalid() {
    let none = Tags::new();
    let (aws, server) = refusing(400, "InvalidParameterValueException", NOT_ASSUMABLE).await;
    let error = aws.functions.create_function(&target(), "f", &config(), &code(), &none).await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:CreateFunction", Class::Busy, "InvalidParameterValueException"));
    assert_eq!(server.requests().len(), 1, "the journal waits, not the SDK");

    let wrong = r#"{"message":"Unsupported runtime"}"#;
    let (aws, _server) = refusing(400, "InvalidParameterValueException", wrong).await;
    let error = aws.functions.create_function(&target(), "f", &config(), &code(), &none).await.unwrap_err();
    assert_eq!(error.class, Class::Invalid);
}

#[tokio::test]
async fn a_service_failure_makes_a_mutation_ambiguous() {
    let (aws, server) = refusing(500, "ServiceException", r#"{"message":"internal"}"#).await;
    let error = aws.functions.move_alias(&target(), "f", "prod", "2", "r1").await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:UpdateAlias", Class::Ambiguous, "ServiceException"));
    assert_eq!(server.requests().len(), 1, "our own success must not return as a conflict");
}

#[tokio::test]
async fn an_incomplete_answer_makes_a_mutation_ambiguous() {
    let (aws, _server) = refusing(200, "", "{}").await;
    let error = aws.functions.create_alias(&target(), "f", "prod", "2").await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:CreateAlias", Class::Ambiguous, "IncompleteAnswer"));
    let error = aws.functions.alias(&target(), "f", "prod").await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:GetAlias", Class::Invalid, "IncompleteAnswer"));
}

#[tokio::test]
async fn a_failed_invocation_reports_its_version_and_error() {
    let headers = vec![
        ("content-type", "application/json"),
        ("x-amz-function-error", "Unhandled"),
        ("x-amz-executed-version", "4"),
    ];
    let payload =
        r#"{"errorMessage":"'total'","errorType":"KeyError","requestId":"1","stackTrace":["line 3"]}"#;
    let server = RecordedServer::answering(vec![Answer::Http(200, headers, payload)]);
    let invoked =
        aws(&server.url).await.functions.invoke(&target(), "f", "prod", r#"{"ping":true}"#, LONG).await;
    let error = Some("Unhandled: KeyError: 'total'".to_owned());
    assert_eq!(invoked, Ok(Invoked { version: Some("4".into()), error }));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].line.contains("/functions/f/invocations?Qualifier=prod"), "{}", requests[0].line);
    assert_eq!(
        (requests[0].body.as_str(), requests[0].header("x-amz-invocation-type")),
        (r#"{"ping":true}"#, Some("RequestResponse"))
    );
    // It may have had its effect, so the SDK does not retry it.
    let server = RecordedServer::answering(vec![Answer::Drop]);
    let error =
        aws(&server.url).await.functions.invoke(&target(), "f", "prod", "{}", LONG).await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:Invoke", Class::Ambiguous, "AnswerLost"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_invocation_has_the_requested_timeout() {
    let server = RecordedServer::answering(vec![Answer::Hold]);
    let within = Duration::from_millis(50);
    let error =
        aws(&server.url).await.functions.invoke(&target(), "f", "prod", "{}", within).await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:Invoke", Class::Ambiguous, "Timeout"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_role_that_the_data_plane_does_not_know_yet_is_busy() {
    let (aws, _server) = refusing(403, "AccessDeniedException", NOT_ASSUMABLE).await;
    let error = aws.functions.invoke(&target(), "f", "prod", "{}", LONG).await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:Invoke", Class::Busy, "AccessDeniedException"));
}
