//! Refusals in each protocol and lost answers, each with its class.

use std::collections::BTreeMap;
use std::net::TcpListener;

use sluice_commands::ports::{ApiSettings, ApiStage, Tags};
use sluice_model::{Class, Target};

use crate::harness::recorded_server::{Answer, RecordedServer, json, rest, xml};
use crate::harness::{aws, impatient, summary, target};

#[tokio::test]
async fn denials_are_recognised_in_every_protocol() {
    let server = RecordedServer::answering(vec![json(
        400,
        r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User is not authorized"}"#,
    )]);
    let error = aws(&server.url).await.repositories.repository(&target(), "orders").await.unwrap_err();
    assert_eq!(summary(&error), ("codecommit:GetRepository", Class::Denied, "AccessDeniedException"));
    assert_eq!(error.detail, "User is not authorized");

    let server = RecordedServer::answering(vec![rest(403, "AccessDeniedException", r#"{"Message":"no"}"#)]);
    let error = aws(&server.url).await.functions.alias(&target(), "f", "dev").await.unwrap_err();
    assert_eq!(summary(&error), ("lambda:GetAlias", Class::Denied, "AccessDeniedException"));

    let server = RecordedServer::answering(vec![xml(
        403,
        "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>old</Message></Error></ErrorResponse>",
    )]);
    let error = aws(&server.url).await.identity.role(&target(), "r").await.unwrap_err();
    assert_eq!(summary(&error), ("iam:GetRole", Class::Denied, "ExpiredToken"));

    let server = RecordedServer::answering(vec![xml(
        403,
        "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
    )]);
    let error = aws(&server.url).await.objects.object(&target(), "b", "k", None, 9).await.unwrap_err();
    assert_eq!(summary(&error), ("s3:GetObject", Class::Denied, "AccessDenied"));

    let server = RecordedServer::answering(vec![Answer::Http(403, vec![], "")]);
    let error = aws(&server.url).await.objects.bucket(&target(), "b").await.unwrap_err();
    assert_eq!(error.class, Class::Denied, "an answer without a body: {error}");
}

#[tokio::test]
async fn a_lost_answer_to_a_mutation_is_ambiguous_and_not_retried() {
    for answer in [Answer::Drop, Answer::Hold, json(500, "{}"), json(504, ""), json(200, "{half")] {
        let server = RecordedServer::answering(vec![answer.clone()]);
        let error = impatient(&server.url)
            .await
            .gateway
            .create_api(&target(), "orders", &Tags::new(), &ApiSettings::default())
            .await
            .unwrap_err();
        assert_eq!(
            (error.call, error.class),
            ("apigatewayv2:CreateApi", Class::Ambiguous),
            "{answer:?}: {error}"
        );
        assert_eq!(server.requests().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_read_is_retried_once_and_then_transient() {
    for answer in [Answer::Drop, Answer::Hold, json(500, "{}"), json(503, "")] {
        let server = RecordedServer::answering(vec![answer.clone()]);
        let error = impatient(&server.url).await.gateway.apis(&target()).await.unwrap_err();
        assert_eq!(
            (error.call, error.class),
            ("apigatewayv2:GetApis", Class::Transient),
            "{answer:?}: {error}"
        );
        assert_eq!(server.requests().len(), 2, "{answer:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_transient_for_a_mutation_too() {
    let free =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let error = aws(&format!("http://{free}"))
        .await
        .gateway
        .create_api(&target(), "orders", &Tags::new(), &ApiSettings::default())
        .await
        .unwrap_err();
    assert_eq!(summary(&error), ("apigatewayv2:CreateApi", Class::Transient, "Unreachable"));
}

#[tokio::test]
async fn a_throttled_mutation_is_retried_once() {
    let slow = || rest(429, "TooManyRequestsException", r#"{"message":"Rate exceeded"}"#);
    let server = RecordedServer::answering(vec![slow()]);
    let error = aws(&server.url)
        .await
        .gateway
        .create_api(&target(), "orders", &Tags::new(), &ApiSettings::default())
        .await
        .unwrap_err();
    assert_eq!(summary(&error), ("apigatewayv2:CreateApi", Class::Throttled, "TooManyRequestsException"));
    assert_eq!(server.requests().len(), 2);

    let server = RecordedServer::answering(vec![slow(), rest(201, "", r#"{"apiId":"a1","name":"orders"}"#)]);
    let api = aws(&server.url)
        .await
        .gateway
        .create_api(&target(), "orders", &Tags::new(), &ApiSettings::default())
        .await
        .expect("the second attempt succeeds");
    assert_eq!(api.id, "a1");
}

#[tokio::test]
async fn another_region_is_refused_before_anything_is_sent() {
    let server = RecordedServer::answering(vec![Answer::Drop]);
    let elsewhere = Target { region: "eu-central-1".into(), ..target() };
    let error = aws(&server.url).await.repositories.repository(&elsewhere, "orders").await.unwrap_err();
    assert_eq!(summary(&error), ("codecommit:GetRepository", Class::Invalid, "WrongTarget"));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_refusal_has_one_class_in_all_protocols_and_statuses() {
    let error = |code: &str| -> &'static str { format!(r#"{{"__type":"{code}","message":"m"}}"#).leak() };
    let cases = [
        (json(400, error("ThrottlingException")), Class::Throttled),
        (json(429, "{}"), Class::Throttled),
        (json(400, error("UnrecognizedClientException")), Class::Denied),
        (json(400, error("com.amazonaws#ExpiredTokenException")), Class::Denied),
        (json(400, error("RepositoryNameExistsException")), Class::Conflict),
        (json(400, error("InvalidRepositoryNameException")), Class::Invalid),
        (json(400, error("NobodyKnowsThisException")), Class::Invalid),
        (json(503, error("ServiceUnavailableException")), Class::Transient),
        (json(500, error("InternalServerError")), Class::Ambiguous),
    ];
    for (answer, class) in cases {
        let server = RecordedServer::answering(vec![answer.clone()]);
        let made =
            aws(&server.url).await.repositories.create_repository(&target(), "o", "", &Tags::new()).await;
        let error = made.unwrap_err();
        assert_eq!((error.call, error.class), ("codecommit:CreateRepository", class), "{answer:?}: {error}");
    }

    let (taken, gone) = (
        rest(409, "ConflictException", r#"{"message":"Stage already exists"}"#),
        rest(404, "NotFoundException", r#"{"message":"Invalid stage identifier specified"}"#),
    );
    let server = RecordedServer::answering(vec![taken, gone]);
    let port = aws(&server.url).await.gateway;
    let stage = ApiStage {
        name: "$default".into(),
        deployment: None,
        variables: BTreeMap::new(),
        settings: Default::default(),
    };
    let error = port.create_stage(&target(), "a1", &stage).await.unwrap_err();
    assert_eq!(summary(&error), ("apigatewayv2:CreateStage", Class::Conflict, "ConflictException"));
    let deleted = port.delete_stage(&target(), "a1", "$default").await;
    assert_eq!(deleted, Ok(()), "deleting an absent stage succeeds");

    let busy = "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";
    let there =
        "<ErrorResponse><Error><Code>EntityAlreadyExists</Code><Message>m</Message></Error></ErrorResponse>";
    for (answer, class) in [(xml(400, busy), Class::Throttled), (xml(409, there), Class::Conflict)] {
        let server = RecordedServer::answering(vec![answer]);
        let made = aws(&server.url).await.identity.create_policy(&target(), "p", "/", "{}").await;
        assert_eq!(made.unwrap_err().class, class);
    }
}

#[tokio::test]
async fn a_slow_service_is_retried_only_for_reads() {
    let slow = || xml(503, "<Error><Code>SlowDown</Code><Message>m</Message></Error>");
    let server = RecordedServer::answering(vec![slow(), xml(200, "<Tagging><TagSet></TagSet></Tagging>")]);
    assert_eq!(aws(&server.url).await.objects.bucket_tags(&target(), "b").await, Ok(Tags::new()));
    let server = RecordedServer::answering(vec![slow()]);
    let error = aws(&server.url).await.objects.set_versioning(&target(), "b").await.unwrap_err();
    assert_eq!(summary(&error), ("s3:PutBucketVersioning", Class::Throttled, "SlowDown"));
}

#[tokio::test]
async fn a_queues_old_and_new_error_codes_are_recognised() {
    let error = |status, old: &'static str, new: &str| {
        let body: &'static str = format!(r#"{{"__type":"com.amazonaws.sqs#{new}","message":"m"}}"#).leak();
        let mut headers = vec![("content-type", "application/x-amz-json-1.0")];
        headers.extend((!old.is_empty()).then_some(("x-amzn-query-error", old)));
        Answer::Http(status, headers, body)
    };
    for missing in [
        error(400, "AWS.SimpleQueueService.NonExistentQueue;Sender", "QueueDoesNotExist"),
        error(400, "", "QueueDoesNotExist"),
    ] {
        let server = RecordedServer::answering(vec![missing.clone()]);
        assert_eq!(
            aws(&server.url).await.queue("wake.fifo").exists(&target()).await,
            Ok(false),
            "{missing:?}"
        );
    }
    let cases = [
        (error(400, "QueueAlreadyExists;Sender", "QueueNameExists"), Class::Conflict),
        (
            error(400, "AWS.SimpleQueueService.QueueDeletedRecently;Sender", "QueueDeletedRecently"),
            Class::Busy,
        ),
        (error(403, "", "AccessDeniedException"), Class::Denied),
        (error(400, "RequestThrottled;Sender", "RequestThrottled"), Class::Throttled),
        (error(500, "", "InternalFailure"), Class::Ambiguous),
    ];
    for (answer, class) in cases {
        let server = RecordedServer::answering(vec![answer.clone()]);
        let error = aws(&server.url).await.queue("wake.fifo").create(&target()).await.unwrap_err();
        assert_eq!((error.call, error.class), ("sqs:CreateQueue", class), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn a_bucket_in_another_account_differs_from_a_forbidden_one() {
    let answers = [
        Answer::Http(403, vec![], ""),
        xml(409, "<Error><Code>BucketAlreadyExists</Code><Message>taken</Message></Error>"),
    ];
    let server = RecordedServer::answering(answers.to_vec());
    let error = aws(&server.url).await.objects.create_bucket(&target(), "b", &Tags::new()).await.unwrap_err();
    assert_eq!(summary(&error), ("s3:CreateBucket", Class::Conflict, "BucketAlreadyExists"));

    // Every call about a bucket names the account that must own it.
    let server = RecordedServer::answering(vec![Answer::Http(403, vec![], "")]);
    let port = aws(&server.url).await.objects;
    let _ = port.bucket(&target(), "b").await;
    let _ = port.versioning(&target(), "b").await;
    let _ = port.bucket_tags(&target(), "b").await;
    let _ = port.set_versioning(&target(), "b").await;
    let _ = port.block_public_access(&target(), "b").await;
    let _ = port.set_policy(&target(), "b", "{}").await;
    let _ = port.set_lifecycle_rules(&target(), "b", &[]).await;
    let _ = port.put_empty(&target(), "b", "k").await;
    let _ = port.create_object(&target(), "b", "k", "x".into()).await;
    let _ = port.delete_version(&target(), "b", "k", "v").await;
    let requests = server.requests();
    assert!(requests.len() >= 13, "{}", requests.len());
    for request in requests {
        let owner = request.header("x-amz-expected-bucket-owner");
        assert_eq!(owner, Some(target().account.as_str()), "{}", request.line);
    }
}
