//! What AWS answers and no emulator does, from recorded answers: refusals in each protocol, lost answers, and the calls of
//! CodeCommit and CodeBuild.

mod common;

use std::collections::BTreeMap;
use std::net::TcpListener;

use common::wire::{Answer, Wire};
use common::{aws, impatient, target};
use sluice_commands::fault::{Class, PortError};
use sluice_commands::ids::{CommitId, Target};
use sluice_commands::ports::{BuildRequest, BuildStatus, NewFile, ProjectSpec, Tags};

const COMMIT: &str = "4c925148EXAMPLE0000000000000000000000000";

fn commit() -> CommitId {
    CommitId::new("4c9251484c9251484c9251484c9251484c925148").expect("40 hex digits")
}

fn json(status: u16, body: &'static str) -> Answer {
    Answer::Http(status, vec![("content-type", "application/x-amz-json-1.1")], body)
}

/// rest-json: the code is in a header.
fn rest(status: u16, code: &'static str, body: &'static str) -> Answer {
    Answer::Http(status, vec![("content-type", "application/json"), ("x-amzn-errortype", code)], body)
}

fn xml(status: u16, body: &'static str) -> Answer {
    Answer::Http(status, vec![("content-type", "text/xml")], body)
}

fn seen(error: &PortError) -> (&'static str, Class, &str) {
    (error.call, error.class, &error.code)
}

fn spec() -> ProjectSpec {
    ProjectSpec {
        name: "sluice-orders".into(),
        description: "orders".into(),
        source: "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/orders".into(),
        role: "arn:aws:iam::000000000000:role/sluice/build".into(),
        bucket: "artifacts".into(),
        image: "aws/codebuild/amazonlinux-x86_64-standard:5.0".into(),
        environment: BTreeMap::from([("A".into(), "1".into())]),
        tags: Tags::from([("sluice:pipeline".into(), "orders".into())]),
    }
}

#[tokio::test]
async fn denial_is_read_in_every_protocol() {
    let wire = Wire::answering(vec![json(
        400,
        r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User is not authorized"}"#,
    )]);
    let error = aws(&wire.url).repositories.repository(&target(), "orders").await.unwrap_err();
    assert_eq!(seen(&error), ("codecommit:GetRepository", Class::Denied, "AccessDeniedException"));
    assert_eq!(error.detail, "User is not authorized");

    let wire = Wire::answering(vec![rest(403, "AccessDeniedException", r#"{"Message":"no"}"#)]);
    let error = aws(&wire.url).functions.alias(&target(), "f", "dev").await.unwrap_err();
    assert_eq!(seen(&error), ("lambda:GetAlias", Class::Denied, "AccessDeniedException"));

    let wire = Wire::answering(vec![xml(
        403,
        "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>old</Message></Error></ErrorResponse>",
    )]);
    let error = aws(&wire.url).identity.role(&target(), "r").await.unwrap_err();
    assert_eq!(seen(&error), ("iam:GetRole", Class::Denied, "ExpiredToken"));

    let wire =
        Wire::answering(vec![xml(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")]);
    let error = aws(&wire.url).objects.object(&target(), "b", "k", None, 9).await.unwrap_err();
    assert_eq!(seen(&error), ("s3:GetObject", Class::Denied, "AccessDenied"));

    let wire = Wire::answering(vec![Answer::Http(403, vec![], "")]);
    let error = aws(&wire.url).objects.bucket(&target(), "b").await.unwrap_err();
    assert_eq!(error.class, Class::Denied, "an answer without a body: {error}");
}

#[tokio::test]
async fn a_lost_answer_of_a_mutation_is_ambiguous_and_not_sent_again() {
    for answer in [Answer::Drop, Answer::Hold, json(500, "{}"), json(504, ""), json(200, "{half")] {
        let wire = Wire::answering(vec![answer.clone()]);
        let error =
            impatient(&wire.url).gateway.create_api(&target(), "orders", &Tags::new()).await.unwrap_err();
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
        let error = impatient(&wire.url).gateway.apis(&target()).await.unwrap_err();
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
    let error = aws(&wire.url).gateway.create_api(&target(), "orders", &Tags::new()).await.unwrap_err();
    assert_eq!(seen(&error), ("apigatewayv2:CreateApi", Class::Throttled, "TooManyRequestsException"));
    assert_eq!(wire.asked().len(), 2);

    let wire = Wire::answering(vec![slow(), rest(201, "", r#"{"apiId":"a1","name":"orders"}"#)]);
    let api =
        aws(&wire.url).gateway.create_api(&target(), "orders", &Tags::new()).await.expect("the second one");
    assert_eq!(api.id, "a1");
}

#[tokio::test]
async fn another_region_is_refused_before_anything_is_sent() {
    let wire = Wire::answering(vec![Answer::Drop]);
    let elsewhere = Target { region: "eu-central-1".into(), ..target() };
    let error = aws(&wire.url).repositories.repository(&elsewhere, "orders").await.unwrap_err();
    assert_eq!(seen(&error), ("codecommit:GetRepository", Class::Invalid, "WrongTarget"));
    assert!(wire.asked().is_empty());
}

#[tokio::test]
async fn the_first_commit_has_no_parent_and_conflicts_with_a_branch_that_has_one() {
    let files = [NewFile { path: "app/handler.py".into(), content: "hi".into() }];
    let wire = Wire::answering(vec![
        json(200, r#"{"commitId":"4c9251484c9251484c9251484c9251484c925148","treeId":"x","filesAdded":[]}"#),
        json(
            400,
            r#"{"__type":"ParentCommitIdRequiredException","message":"A parent commit ID is required"}"#,
        ),
    ]);
    let port = aws(&wire.url).repositories;
    let made = port.create_first_commit(&target(), "orders", "main", "Begin", &files).await;
    assert_eq!(made, Ok(commit()));
    let again = port.create_first_commit(&target(), "orders", "main", "Begin", &files).await.unwrap_err();
    assert_eq!(seen(&again), ("codecommit:CreateCommit", Class::Conflict, "ParentCommitIdRequiredException"));
    let body = &wire.asked()[0].body;
    assert!(
        body.contains(r#""filePath":"app/handler.py""#) && body.contains(r#""fileContent":"aGk=""#),
        "{body}"
    );
    assert!(!body.contains("parentCommitId"), "{body}");
}

#[tokio::test]
async fn a_commit_is_read_with_its_author_and_time() {
    let wire = Wire::answering(vec![json(
        200,
        r#"{"commit":{"commitId":"4c9251484c9251484c9251484c9251484c925148","message":"Fix it\n\nWhy","author":
           {"name":"Ann","email":"a@x","date":"1484167798 -0800"}}}"#,
    )]);
    let read = aws(&wire.url).repositories.commit(&target(), "orders", &commit()).await;
    let read = read.expect("it is answered").expect("it is there");
    assert_eq!((read.author.as_str(), read.subject.as_str()), ("Ann", "Fix it"));
    assert_eq!(read.at.map(|at| at.as_second()), Some(1_484_167_798));
}

#[tokio::test]
async fn what_is_not_in_a_repository_is_none_but_no_repository_is_an_error() {
    let wire = Wire::answering(vec![
        json(400, r#"{"__type":"BranchDoesNotExistException"}"#),
        json(400, r#"{"__type":"CommitIdDoesNotExistException"}"#),
        json(400, r#"{"__type":"RepositoryDoesNotExistException"}"#),
        json(400, r#"{"__type":"RepositoryDoesNotExistException"}"#),
    ]);
    let port = aws(&wire.url).repositories;
    assert_eq!(port.branch(&target(), "orders", "main").await, Ok(None));
    assert_eq!(port.commit(&target(), "orders", &commit()).await, Ok(None));
    assert_eq!(port.repository(&target(), "orders").await, Ok(None));
    assert_eq!(port.branch(&target(), "orders", "main").await.unwrap_err().class, Class::Absent);
}

#[tokio::test]
async fn a_commit_id_that_is_none_is_an_error_and_no_value() {
    let body = r#"{"branch":{"branchName":"main","commitId":"4c925148EXAMPLE0000000000000000000000000"}}"#;
    assert!(body.contains(COMMIT) && CommitId::new(COMMIT).is_err());
    let wire = Wire::answering(vec![json(200, body)]);
    let error = aws(&wire.url).repositories.branch(&target(), "orders", "main").await.unwrap_err();
    assert_eq!(seen(&error), ("codecommit:GetBranch", Class::Invalid, "UnreadableCommitId"));
}

#[tokio::test]
async fn a_project_waits_for_its_role() {
    let wire = Wire::answering(vec![
        json(
            400,
            r#"{"__type":"InvalidInputException","message":"CodeBuild is not authorized to perform: sts:AssumeRole on arn:aws:iam::000000000000:role/sluice/build"}"#,
        ),
        json(400, r#"{"__type":"InvalidInputException","message":"Invalid project name"}"#),
        json(400, r#"{"__type":"ResourceAlreadyExistsException","message":"Project already exists"}"#),
        json(
            200,
            r#"{"project":{"name":"sluice-orders","arn":"arn:p","serviceRole":"arn:r","tags":[{"key":"sluice:pipeline","value":"orders"}]}}"#,
        ),
    ]);
    let port = aws(&wire.url).builders;
    let mut classes = Vec::new();
    for _ in 0..3 {
        classes.push(port.create_project(&target(), &spec()).await.unwrap_err().class);
    }
    assert_eq!(classes, [Class::Transient, Class::Invalid, Class::Conflict]);
    let project = port.create_project(&target(), &spec()).await.expect("the fourth one");
    assert_eq!((project.role.as_str(), project.tags.len()), ("arn:r", 1));
    let body = &wire.asked()[3].body;
    for part in [
        r#""source":{"type":"CODECOMMIT","location":"https://git-codecommit"#,
        r#""packaging":"NONE""#,
        r#""type":"LINUX_CONTAINER""#,
        r#""computeType":"BUILD_GENERAL1_SMALL""#,
        r#""groupName":"/aws/codebuild/sluice-orders""#,
        r#""timeoutInMinutes":60"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
}

#[tokio::test]
async fn a_build_is_started_with_its_token_and_told_as_it_stands() {
    let wire = Wire::answering(vec![json(
        200,
        r#"{"build":{"id":"sluice-orders:1","buildStatus":"FAILED","currentPhase":"COMPLETED","startTime":1.5E9,
            "resolvedSourceVersion":"4c92","environment":{"type":"LINUX_CONTAINER","image":"i","computeType":"c",
            "environmentVariables":[{"name":"SLUICE_OP","value":"op1","type":"PLAINTEXT"}]},
            "logs":{"groupName":"/aws/codebuild/sluice-orders","streamName":"s","deepLink":"https://console"},
            "phases":[{"phaseType":"BUILD","phaseStatus":"FAILED","startTime":1.5E9,"durationInSeconds":7,
            "contexts":[{"statusCode":"COMMAND_EXECUTION_ERROR","message":"exit status 1"}]},{"phaseType":"COMPLETED"}]}}"#,
    )]);
    let request = BuildRequest {
        project: "sluice-orders".into(),
        commit: commit(),
        token: "op1-start".into(),
        environment: BTreeMap::from([("SLUICE_OP".into(), "op1".into())]),
        bucket: "artifacts".into(),
        prefix: "orders/builds/12".into(),
    };
    let run = aws(&wire.url).builders.start_build(&target(), &request).await.expect("it is answered");
    assert_eq!((run.status, run.phases.len()), (BuildStatus::Failed, 2));
    assert_eq!(run.phases[0].message.as_deref(), Some("exit status 1"));
    assert_eq!(run.phases[1].status, None);
    assert_eq!(run.environment.get("SLUICE_OP").map(String::as_str), Some("op1"));
    assert_eq!(run.log.map(|log| log.stream).as_deref(), Some("s"));
    let body = &wire.asked()[0].body;
    for part in [
        r#""idempotencyToken":"op1-start""#,
        r#""sourceVersion":"4c9251484c9251484c9251484c9251484c925148""#,
        r#"{"type":"S3","location":"artifacts","path":"orders/builds/12","namespaceType":"NONE","name":"artifact","packaging":"NONE","overrideArtifactName":false}"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
}

#[tokio::test]
async fn a_full_queue_of_builds_is_throttling() {
    let wire = Wire::answering(vec![json(
        400,
        r#"{"__type":"AccountLimitExceededException","message":"Cannot have more than 1 builds in queue for the account"}"#,
    )]);
    let request = BuildRequest {
        project: "p".into(),
        commit: commit(),
        token: "t".into(),
        environment: BTreeMap::new(),
        bucket: "b".into(),
        prefix: "x".into(),
    };
    let error = aws(&wire.url).builders.start_build(&target(), &request).await.unwrap_err();
    assert_eq!(seen(&error), ("codebuild:StartBuild", Class::Throttled, "AccountLimitExceededException"));
}

#[tokio::test]
async fn a_bucket_is_ours_or_somebody_elses_or_half_made() {
    let name = target();
    let ours = || Answer::Http(200, vec![], "");
    let tagged = || {
        xml(200, "<Tagging><TagSet><Tag><Key>sluice:pipeline</Key><Value>o</Value></Tag></TagSet></Tagging>")
    };
    let wire = Wire::answering(vec![ours(), tagged()]);
    let error = aws(&wire.url).objects.create_bucket(&name, "b", &Tags::new()).await.unwrap_err();
    assert_eq!(seen(&error), ("s3:CreateBucket", Class::Conflict, "BucketAlreadyOwnedByYou"));
    assert!(wire.asked().iter().all(|asked| !asked.line.starts_with("PUT")), "nothing is changed");
    assert!(
        wire.asked()[0].headers.iter().any(|header| header == "x-amz-expected-bucket-owner:000000000000")
    );

    let taken = xml(409, "<Error><Code>BucketAlreadyExists</Code><Message>taken</Message></Error>");
    let wire = Wire::answering(vec![Answer::Http(403, vec![], ""), taken]);
    let error = aws(&wire.url).objects.create_bucket(&name, "b", &Tags::new()).await.unwrap_err();
    assert_eq!(seen(&error), ("s3:CreateBucket", Class::Conflict, "BucketAlreadyExists"));

    let untagged = xml(404, "<Error><Code>NoSuchTagSet</Code><Message>none</Message></Error>");
    let empty = xml(200, "<ListBucketResult><Name>b</Name><KeyCount>0</KeyCount></ListBucketResult>");
    let wire = Wire::answering(vec![ours(), untagged, empty, Answer::Http(204, vec![], "")]);
    let tags = Tags::from([("sluice:pipeline".into(), "orders".into())]);
    assert_eq!(aws(&wire.url).objects.create_bucket(&name, "b", &tags).await, Ok(()));
    let last = wire.asked().pop().expect("it was asked");
    assert!(last.line.starts_with("PUT /b?tagging") && last.body.contains("orders"), "{last:?}");
}
