//! CodeCommit and CodeBuild, which the emulator lacks, and S3's answers for other accounts and regions.

use std::collections::BTreeMap;

use sluice_commands::ports::{
    BuildRequest, BuildStatus, DeploymentState, LogSearch, NewFile, ProjectSpec, Tags,
};
use sluice_model::{Class, CommitId, Target};

use crate::harness::recorded_server::{Answer, RecordedServer, json, xml};
use crate::harness::{aws, aws_in, summary, target};

const COMMIT: &str = "4c925148EXAMPLE0000000000000000000000000";

fn commit() -> CommitId {
    CommitId::new("4c9251484c9251484c9251484c9251484c925148").expect("40 hex digits")
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
async fn the_first_commit_fails_if_the_branch_has_one() {
    let files = [NewFile { path: "app/handler.py".into(), content: "hi".into() }];
    let server = RecordedServer::answering(vec![
        json(200, r#"{"commitId":"4c9251484c9251484c9251484c9251484c925148","treeId":"x","filesAdded":[]}"#),
        json(
            400,
            r#"{"__type":"ParentCommitIdRequiredException","message":"A parent commit ID is required"}"#,
        ),
    ]);
    let port = aws(&server.url).await.repositories;
    let made = port.create_first_commit(&target(), "orders", "main", "Begin", &files).await;
    assert_eq!(made, Ok(commit()));
    let again = port.create_first_commit(&target(), "orders", "main", "Begin", &files).await.unwrap_err();
    assert_eq!(
        summary(&again),
        ("codecommit:CreateCommit", Class::Precondition, "ParentCommitIdRequiredException")
    );
    let body = &server.requests()[0].body;
    assert!(
        body.contains(r#""filePath":"app/handler.py""#) && body.contains(r#""fileContent":"aGk=""#),
        "{body}"
    );
    assert!(!body.contains("parentCommitId"), "{body}");
}

#[tokio::test]
async fn a_commit_is_read_with_its_author_and_time() {
    let server = RecordedServer::answering(vec![json(
        200,
        r#"{"commit":{"commitId":"4c9251484c9251484c9251484c9251484c925148","message":"Fix it\n\nWhy","author":
           {"name":"Ann","email":"a@x","date":"1484167798 -0800"}}}"#,
    )]);
    let read = aws(&server.url).await.repositories.commit(&target(), "orders", &commit()).await;
    let read = read.expect("an answer").expect("the resource exists");
    assert_eq!((read.author.as_str(), read.subject.as_str()), ("Ann", "Fix it"));
    assert_eq!(read.at.map(|at| at.as_second()), Some(1_484_167_798));
}

#[tokio::test]
async fn absent_branches_and_commits_are_none_but_an_absent_repository_is_an_error() {
    let server = RecordedServer::answering(vec![
        json(400, r#"{"__type":"BranchDoesNotExistException"}"#),
        json(400, r#"{"__type":"InvalidBranchNameException"}"#),
        json(400, r#"{"__type":"CommitIdDoesNotExistException"}"#),
        json(400, r#"{"__type":"RepositoryDoesNotExistException"}"#),
        json(400, r#"{"__type":"RepositoryDoesNotExistException"}"#),
    ]);
    let port = aws(&server.url).await.repositories;
    assert_eq!(port.branch(&target(), "orders", "main").await, Ok(None));
    assert_eq!(port.branch(&target(), "orders", "bad..name").await, Ok(None), "not a valid branch name");
    assert_eq!(port.commit(&target(), "orders", &commit()).await, Ok(None));
    assert_eq!(port.repository(&target(), "orders").await, Ok(None));
    assert_eq!(port.branch(&target(), "orders", "main").await.unwrap_err().class, Class::Absent);
}

#[tokio::test]
async fn an_invalid_commit_id_is_an_error() {
    let body = r#"{"branch":{"branchName":"main","commitId":"4c925148EXAMPLE0000000000000000000000000"}}"#;
    assert!(body.contains(COMMIT) && CommitId::new(COMMIT).is_err());
    let server = RecordedServer::answering(vec![json(200, body)]);
    let error = aws(&server.url).await.repositories.branch(&target(), "orders", "main").await.unwrap_err();
    assert_eq!(summary(&error), ("codecommit:GetBranch", Class::Invalid, "UnreadableCommitId"));
}

#[tokio::test]
async fn a_project_with_a_new_role_is_busy() {
    let server = RecordedServer::answering(vec![
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
    let port = aws(&server.url).await.builders;
    let mut classes = Vec::new();
    for _ in 0..3 {
        classes.push(port.create_project(&target(), &spec()).await.unwrap_err().class);
    }
    assert_eq!(classes, [Class::Busy, Class::Invalid, Class::Conflict]);
    let project = port.create_project(&target(), &spec()).await.expect("the fourth attempt succeeds");
    assert_eq!((project.role.as_str(), project.tags.len()), ("arn:r", 1));
    let body = &server.requests()[3].body;
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
async fn a_build_is_started_with_its_token_and_read_completely() {
    let server = RecordedServer::answering(vec![json(
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
    let run = aws(&server.url).await.builders.start_build(&target(), &request).await.expect("an answer");
    assert_eq!((run.status, run.phases.len()), (BuildStatus::Failed, 2));
    assert_eq!(run.phases[0].message.as_deref(), Some("exit status 1"));
    assert_eq!(run.phases[1].status, None);
    assert_eq!(run.environment.get("SLUICE_OP").map(String::as_str), Some("op1"));
    assert_eq!(run.log.map(|log| log.stream).as_deref(), Some("s"));
    let body = &server.requests()[0].body;
    for part in [
        r#""idempotencyToken":"op1-start""#,
        r#""sourceVersion":"4c9251484c9251484c9251484c9251484c925148""#,
        r#"{"type":"S3","location":"artifacts","path":"orders/builds/12","namespaceType":"NONE","name":"artifact","packaging":"NONE","overrideArtifactName":false}"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
}

#[tokio::test]
async fn a_full_build_queue_is_throttled() {
    let server = RecordedServer::answering(vec![json(
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
    let error = aws(&server.url).await.builders.start_build(&target(), &request).await.unwrap_err();
    assert_eq!(summary(&error), ("codebuild:StartBuild", Class::Throttled, "AccountLimitExceededException"));
}

#[tokio::test]
async fn creating_a_bucket_never_changes_an_existing_one() {
    let server = RecordedServer::answering(vec![Answer::Http(200, vec![], "")]);
    let error = aws(&server.url).await.objects.create_bucket(&target(), "b", &Tags::new()).await.unwrap_err();
    assert_eq!(summary(&error), ("s3:CreateBucket", Class::Conflict, "BucketAlreadyOwnedByYou"));
    assert_eq!(server.requests().len(), 1, "us-east-1 would answer CreateBucket with 200");
    assert!(server.requests()[0].line.starts_with("HEAD /b"), "an address uses path style");
    assert_eq!(server.requests()[0].header("x-amz-expected-bucket-owner"), Some("000000000000"));

    let taken = xml(409, "<Error><Code>BucketAlreadyExists</Code><Message>taken</Message></Error>");
    let server = RecordedServer::answering(vec![Answer::Http(403, vec![], ""), taken]);
    let error = aws(&server.url).await.objects.create_bucket(&target(), "b", &Tags::new()).await.unwrap_err();
    assert_eq!(summary(&error), ("s3:CreateBucket", Class::Conflict, "BucketAlreadyExists"));
}

#[tokio::test]
async fn a_bucket_is_created_with_its_tags_and_outside_us_east_1_with_its_region() {
    let tags = Tags::from([("sluice:pipeline".into(), "orders".into())]);
    let answers = vec![Answer::Http(404, vec![], ""), Answer::Http(200, vec![], "")];
    for (region, constraint) in
        [("us-east-1", None), ("eu-central-1", Some("<LocationConstraint>eu-central-1</LocationConstraint>"))]
    {
        let server = RecordedServer::answering(answers.clone());
        let there = Target { region: region.into(), ..target() };
        aws_in(region, &server.url).await.objects.create_bucket(&there, "b", &tags).await.expect("made");
        let body = server.requests().pop().expect("a request").body;
        assert!(body.contains("<Tag><Key>sluice:pipeline</Key><Value>orders</Value></Tag>"), "{body}");
        match constraint {
            Some(constraint) => assert!(body.contains(constraint), "{body}"),
            None => assert!(!body.contains("LocationConstraint"), "{body}"),
        }
    }
}

#[tokio::test]
async fn an_object_is_created_but_never_overwritten() {
    let server = RecordedServer::answering(vec![
        Answer::Http(200, vec![("x-amz-version-id", "v1")], ""),
        xml(412, "<Error><Code>PreconditionFailed</Code><Condition>If-None-Match</Condition></Error>"),
        xml(409, "<Error><Code>ConditionalRequestConflict</Code><Message>at once</Message></Error>"),
    ]);
    let port = aws(&server.url).await.objects;
    let create = async || port.create_object(&target(), "b", "a/k.pyz", "content".into()).await;
    assert_eq!((create().await, create().await), (Ok(true), Ok(false)));
    assert_eq!(
        summary(&create().await.unwrap_err()),
        ("s3:PutObject", Class::Busy, "ConditionalRequestConflict")
    );
    let request = &server.requests()[0];
    assert!(request.line.starts_with("PUT /b/a/k.pyz"), "{}", request.line);
    assert_eq!(request.header("if-none-match"), Some("*"));
    assert!(request.body.contains("content"), "{}", request.body);
}

#[tokio::test]
async fn an_object_is_read_up_to_its_limit() {
    let answer = Answer::Http(200, vec![("x-amz-version-id", "v1")], "0123456789");
    let server = RecordedServer::answering(vec![answer]);
    let port = aws(&server.url).await.objects;
    let read = port.object(&target(), "b", "k", Some("v1"), 10).await.expect("read").expect("there");
    assert_eq!((&read.content[..], read.version.as_deref()), (&b"0123456789"[..], Some("v1")));
    let error = port.object(&target(), "b", "k", None, 9).await.unwrap_err();
    assert_eq!(summary(&error), ("s3:GetObject", Class::Invalid, "EntityTooLarge"));
}

#[tokio::test]
async fn an_absent_object_is_none_but_an_absent_bucket_is_an_error() {
    let server = RecordedServer::answering(vec![
        xml(404, "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"),
        xml(404, "<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>"),
    ]);
    let port = aws(&server.url).await.objects;
    assert_eq!(port.object(&target(), "b", "k", None, 9).await, Ok(None));
    assert_eq!(port.object(&target(), "b", "k", None, 9).await.unwrap_err().class, Class::Absent);
}

#[tokio::test]
async fn a_deployment_reports_its_state() {
    let server = RecordedServer::answering(vec![
        json(201, r#"{"deploymentId":"d3","deploymentStatus":"PENDING","description":"sluice x"}"#),
        json(
            200,
            r#"{"items":[{"deploymentId":"d1","deploymentStatus":"DEPLOYED"},
               {"deploymentId":"d2","deploymentStatus":"FAILED","deploymentStatusMessage":"no route"},
               {"deploymentId":"d3","deploymentStatus":"PENDING"}]}"#,
        ),
    ]);
    let port = aws(&server.url).await.gateway;
    let made = port.create_deployment(&target(), "a1", "sluice x").await.expect("an answer");
    assert_eq!((made.id.as_str(), made.state), ("d3", DeploymentState::Pending));
    let listed = port.deployments(&target(), "a1").await.expect("an answer");
    let states: Vec<_> = listed.into_iter().map(|deployment| deployment.state).collect();
    let failed = DeploymentState::Failed("no route".into());
    assert_eq!(states, [DeploymentState::Deployed, failed, DeploymentState::Pending]);
}

#[tokio::test]
async fn an_import_sends_the_whole_definition_and_reports_what_was_left_out() {
    let answer = r#"{"apiId":"a1","warnings":["No integration for GET /x"],"importInfo":["Ignored tag"]}"#;
    let server = RecordedServer::answering(vec![json(201, answer)]);
    let (port, none) = (aws(&server.url).await.gateway, BTreeMap::new());
    let warnings = port.import_api(&target(), "a1", "{\"openapi\":\"3.0.1\"}", &none).await;
    assert_eq!(warnings, Ok(vec!["No integration for GET /x".to_owned(), "Ignored tag".to_owned()]));
    let request = server.requests().remove(0);
    assert!(request.line.starts_with("PUT /v2/apis/a1?failOnWarnings=false"), "{request:?}");
    assert_eq!(request.body, r#"{"body":"{\"openapi\":\"3.0.1\"}"}"#);
}

#[tokio::test]
async fn a_concurrent_change_of_an_api_is_busy_and_a_quota_is_not() {
    let server = RecordedServer::answering(vec![
        json(
            409,
            r#"{"__type":"ConflictException","message":"Unable to complete operation due to concurrent modification. Please try again later."}"#,
        ),
        json(
            429,
            r#"{"__type":"ConflictException","message":"Maximum number of Integrations for this API has been reached. Please contact AWS if you need additional Integrations."}"#,
        ),
    ]);
    let port = aws(&server.url).await.gateway;
    let mut classes = Vec::new();
    for _ in 0..2 {
        classes.push(port.import_api(&target(), "a1", "{}", &BTreeMap::new()).await.unwrap_err().class);
    }
    assert_eq!(classes, [Class::Busy, Class::Quota]);
}

#[tokio::test]
async fn the_newest_events_of_a_group_are_read_from_its_end_in_a_few_requests() {
    let page = |events: &[(i64, &str)], token: Option<&str>| {
        let events = events.iter().map(|(at, message)| {
            serde_json::json!({ "timestamp": at, "message": message, "logStreamName": "s", "eventId": "1" })
        });
        let body = serde_json::json!({ "events": events.collect::<Vec<_>>(), "nextToken": token });
        json(200, body.to_string().leak())
    };
    let since = jiff::Timestamp::from_second(1_772_443_800).expect("a time");
    let group = "/aws/lambda/sluice-orders-prod-Hello";
    let absent =
        r#"{"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}"#;
    let long = "ü".repeat(20_000);
    let server = RecordedServer::answering(vec![
        // The newest come first, and a page may be empty.
        page(&[(4_000, "four\n"), (3_000, "three\n")], Some("one")),
        page(&[], Some("two")),
        page(&[(2_000, "two\n"), (1_000, "one\n")], Some("three")),
        page(&[(1_000, &long)], None),
        json(400, absent),
    ]);
    let port = aws(&server.url).await.logs;
    let newest = LogSearch { pattern: "", since, until: None, most: 3, newest: true };
    let read = async || port.events(&target(), group, &newest).await.expect("an answer");
    let found = read().await.expect("a group");
    let messages: Vec<_> = found.events.iter().map(|event| event.message.trim_end()).collect();
    assert_eq!(messages, ["two", "three", "four"]);
    assert!(!found.is_complete, "there is a fourth, and perhaps more");
    let found = read().await.expect("a group");
    assert_eq!(found.events[0].message.len(), sluice_commands::ports::MAX_MESSAGE, "the message is cut");
    assert!(found.is_complete);
    assert_eq!(read().await, None, "there is no such group");
    let requests = server.requests();
    assert!(requests[0].body.contains(r#""startFromHead":false"#), "{}", requests[0].body);
    assert!(requests[0].body.contains(r#""startTime":1772443800000"#), "{}", requests[0].body);
    assert!(requests[2].body.contains(r#""nextToken":"two""#), "{}", requests[2].body);
}
