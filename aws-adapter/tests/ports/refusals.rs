//! Refusals in each protocol and answers that never came, each classified as the engine must take it.

use std::net::TcpListener;

use sluice_commands::ports::Tags;
use sluice_model::{Class, Target};

use crate::rig::wire::{Answer, Wire, json, rest, xml};
use crate::rig::{aws, impatient, seen, target};

#[tokio::test]
async fn denial_is_read_in_every_protocol() {
    let wire = Wire::answering(vec![json(
        400,
        r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User is not authorized"}"#,
    )]);
    let error = aws(&wire.url).await.repositories.repository(&target(), "orders").await.unwrap_err();
    assert_eq!(seen(&error), ("codecommit:GetRepository", Class::Denied, "AccessDeniedException"));
    assert_eq!(error.detail, "User is not authorized");

    let wire = Wire::answering(vec![rest(403, "AccessDeniedException", r#"{"Message":"no"}"#)]);
    let error = aws(&wire.url).await.functions.alias(&target(), "f", "dev").await.unwrap_err();
    assert_eq!(seen(&error), ("lambda:GetAlias", Class::Denied, "AccessDeniedException"));

    let wire = Wire::answering(vec![xml(
        403,
        "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>old</Message></Error></ErrorResponse>",
    )]);
    let error = aws(&wire.url).await.identity.role(&target(), "r").await.unwrap_err();
    assert_eq!(seen(&error), ("iam:GetRole", Class::Denied, "ExpiredToken"));

    let wire =
        Wire::answering(vec![xml(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")]);
    let error = aws(&wire.url).await.objects.object(&target(), "b", "k", None, 9).await.unwrap_err();
    assert_eq!(seen(&error), ("s3:GetObject", Class::Denied, "AccessDenied"));

    let wire = Wire::answering(vec![Answer::Http(403, vec![], "")]);
    let error = aws(&wire.url).await.objects.bucket(&target(), "b").await.unwrap_err();
    assert_eq!(error.class, Class::Denied, "an answer without a body: {error}");
}

#[tokio::test]
async fn a_lost_answer_of_a_mutation_is_ambiguous_and_not_sent_again() {
    for answer in [Answer::Drop, Answer::Hold, json(500, "{}"), json(504, ""), json(200, "{half")] {
        let wire = Wire::answering(vec![answer.clone()]);
        let error = impatient(&wire.url)
            .await
            .gateway
            .create_api(&target(), "orders", &Tags::new())
            .await
            .unwrap_err();
        assert_eq!(
            (error.call, error.class),
            ("apigatewayv2:CreateApi", Class::Ambiguous),
            "{answer:?}: {error}"
        );
        assert_eq!(wire.asked().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_of_a_read_is_asked_for_twice_and_then_transient() {
    for answer in [Answer::Drop, Answer::Hold, json(500, "{}"), json(503, "")] {
        let wire = Wire::answering(vec![answer.clone()]);
        let error = impatient(&wire.url).await.gateway.apis(&target()).await.unwrap_err();
        assert_eq!(
            (error.call, error.class),
            ("apigatewayv2:GetApis", Class::Transient),
            "{answer:?}: {error}"
        );
        assert_eq!(wire.asked().len(), 2, "{answer:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_transient_for_a_mutation_too() {
    let free =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let error = aws(&format!("http://{free}"))
        .await
        .gateway
        .create_api(&target(), "orders", &Tags::new())
        .await
        .unwrap_err();
    assert_eq!(seen(&error), ("apigatewayv2:CreateApi", Class::Transient, "Unreachable"));
}

#[tokio::test]
async fn a_throttled_mutation_is_sent_again_once() {
    let slow = || rest(429, "TooManyRequestsException", r#"{"message":"Rate exceeded"}"#);
    let wire = Wire::answering(vec![slow()]);
    let error = aws(&wire.url).await.gateway.create_api(&target(), "orders", &Tags::new()).await.unwrap_err();
    assert_eq!(seen(&error), ("apigatewayv2:CreateApi", Class::Throttled, "TooManyRequestsException"));
    assert_eq!(wire.asked().len(), 2);

    let wire = Wire::answering(vec![slow(), rest(201, "", r#"{"apiId":"a1","name":"orders"}"#)]);
    let api = aws(&wire.url)
        .await
        .gateway
        .create_api(&target(), "orders", &Tags::new())
        .await
        .expect("the second one");
    assert_eq!(api.id, "a1");
}

#[tokio::test]
async fn another_region_is_refused_before_anything_is_sent() {
    let wire = Wire::answering(vec![Answer::Drop]);
    let elsewhere = Target { region: "eu-central-1".into(), ..target() };
    let error = aws(&wire.url).await.repositories.repository(&elsewhere, "orders").await.unwrap_err();
    assert_eq!(seen(&error), ("codecommit:GetRepository", Class::Invalid, "WrongTarget"));
    assert!(wire.asked().is_empty());
}

#[tokio::test]
async fn one_kind_of_refusal_has_one_class_whatever_the_protocol_and_the_status() {
    let told = |code: &str| -> &'static str { format!(r#"{{"__type":"{code}","message":"m"}}"#).leak() };
    let cases = [
        (json(400, told("ThrottlingException")), Class::Throttled),
        (json(429, "{}"), Class::Throttled),
        (json(400, told("UnrecognizedClientException")), Class::Denied),
        (json(400, told("com.amazonaws#ExpiredTokenException")), Class::Denied),
        (json(400, told("RepositoryNameExistsException")), Class::Conflict),
        (json(400, told("InvalidRepositoryNameException")), Class::Invalid),
        (json(400, told("NobodyKnowsThisException")), Class::Invalid),
        (json(503, told("ServiceUnavailableException")), Class::Transient),
        (json(500, told("InternalServerError")), Class::Ambiguous),
    ];
    for (answer, class) in cases {
        let wire = Wire::answering(vec![answer.clone()]);
        let made =
            aws(&wire.url).await.repositories.create_repository(&target(), "o", "", &Tags::new()).await;
        let error = made.unwrap_err();
        assert_eq!((error.call, error.class), ("codecommit:CreateRepository", class), "{answer:?}: {error}");
    }

    let (taken, gone) = (
        rest(409, "ConflictException", r#"{"message":"Route with key GET /x already exists for this API"}"#),
        rest(404, "NotFoundException", r#"{"message":"Invalid Route identifier specified"}"#),
    );
    let wire = Wire::answering(vec![taken, gone]);
    let port = aws(&wire.url).await.gateway;
    let error = port.create_route(&target(), "a1", "GET /x", "i1").await.unwrap_err();
    assert_eq!(seen(&error), ("apigatewayv2:CreateRoute", Class::Conflict, "ConflictException"));
    assert_eq!(port.delete_route(&target(), "a1", "r1").await, Ok(()), "a route that is gone is no error");

    let busy = "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";
    let there =
        "<ErrorResponse><Error><Code>EntityAlreadyExists</Code><Message>m</Message></Error></ErrorResponse>";
    for (answer, class) in [(xml(400, busy), Class::Throttled), (xml(409, there), Class::Conflict)] {
        let wire = Wire::answering(vec![answer]);
        let made = aws(&wire.url).await.identity.create_policy(&target(), "p", "/", "{}").await;
        assert_eq!(made.unwrap_err().class, class);
    }
}

#[tokio::test]
async fn a_slow_service_is_asked_again_only_when_asking_changes_nothing() {
    let slow = || xml(503, "<Error><Code>SlowDown</Code><Message>m</Message></Error>");
    let wire = Wire::answering(vec![slow(), xml(200, "<Tagging><TagSet></TagSet></Tagging>")]);
    assert_eq!(aws(&wire.url).await.objects.bucket_tags(&target(), "b").await, Ok(Tags::new()));
    let wire = Wire::answering(vec![slow()]);
    let error = aws(&wire.url).await.objects.set_versioning(&target(), "b").await.unwrap_err();
    assert_eq!(seen(&error), ("s3:PutBucketVersioning", Class::Throttled, "SlowDown"));
}

#[tokio::test]
async fn a_queue_says_what_is_wrong_by_its_old_codes_or_its_new_ones() {
    let told = |status, old: &'static str, new: &str| {
        let body: &'static str = format!(r#"{{"__type":"com.amazonaws.sqs#{new}","message":"m"}}"#).leak();
        let mut headers = vec![("content-type", "application/x-amz-json-1.0")];
        headers.extend((!old.is_empty()).then_some(("x-amzn-query-error", old)));
        Answer::Http(status, headers, body)
    };
    for missing in [
        told(400, "AWS.SimpleQueueService.NonExistentQueue;Sender", "QueueDoesNotExist"),
        told(400, "", "QueueDoesNotExist"),
    ] {
        let wire = Wire::answering(vec![missing.clone()]);
        assert_eq!(aws(&wire.url).await.queue("wake.fifo").exists(&target()).await, Ok(false), "{missing:?}");
    }
    let cases = [
        (told(400, "QueueAlreadyExists;Sender", "QueueNameExists"), Class::Conflict),
        (
            told(400, "AWS.SimpleQueueService.QueueDeletedRecently;Sender", "QueueDeletedRecently"),
            Class::Busy,
        ),
        (told(403, "", "AccessDeniedException"), Class::Denied),
        (told(400, "RequestThrottled;Sender", "RequestThrottled"), Class::Throttled),
        (told(500, "", "InternalFailure"), Class::Ambiguous),
    ];
    for (answer, class) in cases {
        let wire = Wire::answering(vec![answer.clone()]);
        let error = aws(&wire.url).await.queue("wake.fifo").create(&target()).await.unwrap_err();
        assert_eq!((error.call, error.class), ("sqs:CreateQueue", class), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn a_bucket_in_another_account_is_told_from_one_that_may_not_be_looked_at() {
    let answers = [
        Answer::Http(403, vec![], ""),
        xml(409, "<Error><Code>BucketAlreadyExists</Code><Message>taken</Message></Error>"),
    ];
    let wire = Wire::answering(answers.to_vec());
    let error = aws(&wire.url).await.objects.create_bucket(&target(), "b", &Tags::new()).await.unwrap_err();
    assert_eq!(seen(&error), ("s3:CreateBucket", Class::Conflict, "BucketAlreadyExists"));

    // Whatever is asked of a bucket, or set on it, is asked of the account's own.
    let wire = Wire::answering(vec![Answer::Http(403, vec![], "")]);
    let port = aws(&wire.url).await.objects;
    let _ = port.bucket(&target(), "b").await;
    let _ = port.versioning(&target(), "b").await;
    let _ = port.bucket_tags(&target(), "b").await;
    let _ = port.set_versioning(&target(), "b").await;
    let _ = port.block_public_access(&target(), "b").await;
    let _ = port.set_policy(&target(), "b", "{}").await;
    let _ = port.set_lifecycle_rules(&target(), "b", &[]).await;
    let _ = port.put_empty(&target(), "b", "k").await;
    let _ = port.delete_version(&target(), "b", "k", "v").await;
    let asked = wire.asked();
    assert!(asked.len() >= 12, "{}", asked.len());
    for request in asked {
        let owner = request.header("x-amz-expected-bucket-owner");
        assert_eq!(owner, Some(target().account.as_str()), "{}", request.line);
    }
}
