//! AWS over the wire: what the front adds and fixes, and the services that it implements.

use std::time::Duration;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::account::{ACCESS_KEY, ACCOUNT, REGION};
use super::testing::World;

#[tokio::test]
async fn lambda_refuses_what_aws_refuses() {
    let world = World::start().await;
    let created = world.create_function("one").await.body;
    assert_eq!(created["FunctionArn"], "arn:aws:lambda:us-east-1:000000000000:function:f:1");
    let busy = world.lambda(Method::PUT, "/f/configuration", json!({"MemorySize": 256})).await;
    assert_eq!((busy.status, busy.code.as_str()), (409, "ResourceConflictException"));
    let latest = world.settled().await;

    let missing = json!({"Name": "prod", "FunctionVersion": "9"});
    assert_eq!(world.lambda(Method::POST, "/f/aliases", missing).await.status, 404);
    assert_eq!(
        world.lambda(Method::GET, "/f/aliases/prod", Value::Null).await.status,
        404,
        "the alias was not created"
    );
    let good = json!({"Name": "prod", "FunctionVersion": "1"});
    assert_eq!(world.lambda(Method::POST, "/f/aliases", good).await.status, 201);
    let moved = world.lambda(Method::PUT, "/f/aliases/prod", json!({"FunctionVersion": "9"})).await;
    assert_eq!((moved.status, moved.code.as_str()), (404, "ResourceNotFoundException"));

    let publish = async |body: Value| world.lambda(Method::POST, "/f/versions", body).await;
    assert_eq!(publish(json!({"CodeSha256": "other"})).await.status, 400);
    assert_eq!(publish(json!({"RevisionId": "other"})).await.status, 412);
    let same = publish(json!({"CodeSha256": latest["CodeSha256"], "RevisionId": latest["RevisionId"]})).await;
    assert_eq!(
        (same.status, &same.body["Version"]),
        (201, &json!("1")),
        "an unchanged function gets no new version"
    );

    let code = json!({"ZipFile": world.package("two").await, "DryRun": true});
    assert_eq!(world.lambda(Method::PUT, "/f/code", code.clone()).await.status, 200);
    assert_eq!(world.settled().await["CodeSha256"], latest["CodeSha256"], "a dry run changes nothing");
    let mut code = code;
    (code["DryRun"], code["Publish"]) = (json!(false), json!(true));
    let updated = world.lambda(Method::PUT, "/f/code", code.clone()).await;
    assert_eq!((updated.status, &updated.body["Version"]), (200, &json!("2")));
    assert!(updated.body["FunctionArn"].as_str().unwrap().ends_with(":f:2"));
    world.settled().await;
    let again = world.lambda(Method::PUT, "/f/code", code).await;
    assert_eq!(again.body["Version"], "2", "unchanged code gets no new version");
    let latest = world.lambda(Method::DELETE, "/f?Qualifier=$LATEST", Value::Null).await;
    assert_eq!(latest.status, 400);
}

#[tokio::test]
async fn a_stage_serves_its_deployment_to_permitted_callers() {
    let world = World::start().await;
    world.create_function("one").await;
    world.settled().await;
    for alias in ["dev", "prod"] {
        world.lambda(Method::POST, "/f/aliases", json!({"Name": alias, "FunctionVersion": "1"})).await;
    }
    let api = world.gateway(Method::POST, "", json!({"name": "sluice-orders", "protocolType": "HTTP"})).await;
    assert_eq!(api["apiEndpoint"], format!("{}/orders", world.at.stages));
    let api = api["apiId"].as_str().unwrap().to_owned();
    let integrate = async |variable: &str| {
        let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:f:${{stageVariables.{variable}}}");
        let uri =
            format!("arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations");
        let body =
            json!({"integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0", "integrationUri": uri});
        let made = world.gateway(Method::POST, &format!("/{api}/integrations"), body).await;
        format!("integrations/{}", made["integrationId"].as_str().unwrap())
    };
    let route = async |key: &str, target: &str| {
        let path = format!("/{api}/routes");
        world.gateway(Method::POST, &path, json!({"routeKey": key, "target": target})).await
    };
    let deploy = async || {
        let made = world.gateway(Method::POST, &format!("/{api}/deployments"), json!({})).await;
        made["deploymentId"].clone()
    };
    let target = integrate("alias").await;
    route("GET /", &target).await;
    let wrong = integrate("absent").await;
    route("GET /wrong", &wrong).await;
    let first = deploy().await;
    let stage = json!({"stageName": "prod", "deploymentId": first, "stageVariables": {"alias": "prod"}});
    world.gateway(Method::POST, &format!("/{api}/stages"), stage.clone()).await;
    let path = format!("/v2/apis/{api}/stages");
    let twice = world.send(ACCESS_KEY, "apigateway", Method::POST, &path, &stage).await;
    assert_eq!((twice.status, twice.code.as_str()), (409, "ConflictException"));

    assert_eq!(world.get("/orders/prod").await.0, 500, "the alias has no permission yet");
    let permit = |stage: &str| {
        json!({
            "StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com",
            "SourceArn": format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage}/*"),
        })
    };
    world.lambda(Method::POST, "/f/policy?Qualifier=dev", permit("prod")).await;
    assert_eq!(world.get("/orders/prod").await.0, 500, "the permission is on another alias");
    let permitted = world.lambda(Method::POST, "/f/policy?Qualifier=prod", permit("prod")).await;
    assert_eq!(permitted.status, 201, "{}", permitted.body);
    assert_eq!(world.lambda(Method::POST, "/f/policy?Qualifier=prod", permit("prod")).await.status, 409);
    let policy = world.lambda(Method::GET, "/f/policy?Qualifier=prod", Value::Null).await.body;
    assert!(policy["Policy"].as_str().unwrap().contains("\"Sid\": \"api\""), "{policy}");
    assert_eq!(world.get("/orders/prod").await, (200, "one".into()));
    assert_eq!(world.get(&format!("/{api}/prod/")).await, (200, "one".into()));
    assert_eq!(world.get("/orders/prod/wrong").await.0, 500, "the stage has no such variable");
    assert_eq!(world.get("/orders/staging").await.0, 404);
    assert_eq!(world.get("/orders/prod/late").await.0, 404);

    route("GET /late", &target).await;
    assert_eq!(world.get("/orders/prod/late").await.0, 404, "the deployment is a snapshot");
    let second = deploy().await;
    world.gateway(Method::PATCH, &format!("/{api}/stages/prod"), json!({"deploymentId": second})).await;
    assert_eq!(world.get("/orders/prod/late").await, (200, "one".into()));

    let code = json!({"ZipFile": world.package("two").await, "Publish": true});
    assert_eq!(world.lambda(Method::PUT, "/f/code", code).await.body["Version"], "2");
    world.settled().await;
    assert_eq!(world.get("/orders/prod").await, (200, "one".into()), "the alias has not moved");
    world.lambda(Method::PUT, "/f/aliases/prod", json!({"FunctionVersion": "2"})).await;
    assert_eq!(world.get("/orders/prod").await, (200, "two".into()));
    let weights = json!({"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}});
    world.lambda(Method::PUT, "/f/aliases/prod", weights).await;
    let mut answers = std::collections::BTreeSet::new();
    for _ in 0..60 {
        answers.insert(world.get("/orders/prod").await.1);
    }
    assert_eq!(answers.len(), 2, "both versions answer: {answers:?}");
}

#[tokio::test]
async fn calls_are_logged_with_their_units_and_faults_drop_answers() {
    let world = World::start().await;
    for (service, path, code) in [
        ("lambda", "/2015-03-31/functions", "UnrecognizedClientException"),
        ("dynamodb", "#DynamoDB_20120810.ListTables", "UnrecognizedClientException"),
    ] {
        let refused = world.send("AKIANOBODY", service, Method::POST, path, &json!({})).await;
        assert_eq!((refused.status, refused.code.as_str()), (403, code));
    }
    let page = world.http.post(&world.at.aws).header("origin", "http://evil.example").send().await.unwrap();
    assert_eq!(page.status().as_u16(), 403, "web sites are refused, signed or not");
    let table = json!({
        "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    });
    let call = async |operation: &str, body: Value| {
        world.json(&format!("DynamoDB_20120810.{operation}"), body).await
    };
    let created = call("CreateTable", table).await;
    assert_eq!(created.status, 200, "{}", created.body);
    let item = json!({"TableName": "table", "Item": {"pk": {"S": "a"}, "text": {"S": "x".repeat(2500)}}});
    let put = call("PutItem", item).await;
    assert_eq!(put.status, 200, "{}", put.body);
    let put = world.calls.list(None).pop().unwrap();
    assert_eq!((put.method.as_str(), put.detail.as_deref()), ("PutItem", Some("table a")));
    assert_eq!(put.write_units, Some(3.0));

    let fault = json!({"service": "dynamodb", "method": "PutItem", "action": "drop"});
    world.calls.arm(serde_json::from_value(fault).unwrap());
    let lost = world
        .http
        .post(&world.at.aws)
        .header("authorization", format!("X Credential={ACCESS_KEY}/1/{REGION}/dynamodb/aws4_request,"))
        .header("x-amz-target", "DynamoDB_20120810.PutItem")
        .body(json!({"TableName": "table", "Item": {"pk": {"S": "b"}}}).to_string());
    assert!(lost.send().await.is_err(), "the answer is lost");
    let read = call("GetItem", json!({"TableName": "table", "Key": {"pk": {"S": "b"}}})).await;
    assert_eq!(read.body["Item"]["pk"]["S"], "b", "the effect is not");
}

#[tokio::test]
async fn a_build_uploads_its_artifact_to_s3() {
    let world = World::start().await;
    let commit = async |operation: &str, body: Value| {
        let reply = world.json(&format!("CodeCommit_20150413.{operation}"), body).await;
        assert_eq!(reply.status, 200, "{operation}: {}", reply.body);
        reply.body
    };
    let build = async |operation: &str, body: Value| {
        let reply = world.json(&format!("CodeBuild_20161006.{operation}"), body).await;
        assert_eq!(reply.status, 200, "{operation}: {}", reply.body);
        reply.body
    };
    let repository = commit("CreateRepository", json!({"repositoryName": "orders"})).await;
    let spec = "version: 0.2\nphases:\n  build:\n    commands:\n      - echo one > a.txt\n      - aws s3 cp a.txt s3://art/by-hand --only-show-errors\nartifacts:\n  files: [a.txt]\n";
    let file = json!({"filePath": "buildspec.yml", "fileContent": STANDARD.encode(spec)});
    let first = json!({"repositoryName": "orders", "branchName": "main", "putFiles": [file]});
    let id = commit("CreateCommit", first).await["commitId"].clone();
    let bucket = world.send(ACCESS_KEY, "s3", Method::PUT, "/art", &Value::Null).await;
    assert_eq!(bucket.status, 200);
    let project = json!({
        "name": "orders", "serviceRole": "r", "artifacts": {"type": "NO_ARTIFACTS"}, "environment": {},
        "source": {"type": "CODECOMMIT", "location": repository["repositoryMetadata"]["cloneUrlHttp"]},
    });
    build("CreateProject", project).await;
    let artifacts = json!({"type": "S3", "location": "art", "path": "orders/builds/1", "name": "/"});
    let start = json!({"projectName": "orders", "sourceVersion": id, "artifactsOverride": artifacts});
    let started = build("StartBuild", start).await["build"].clone();
    let ended = async {
        loop {
            let found = build("BatchGetBuilds", json!({"ids": [started["id"]]})).await["builds"][0].clone();
            if found["buildComplete"] == true {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await.expect("the build ends");
    assert_eq!(ended["buildStatus"], "SUCCEEDED", "{ended:#}");
    assert_eq!(ended["resolvedSourceVersion"], id);
    for key in ["orders/builds/1/a.txt", "by-hand"] {
        let object = world.send(ACCESS_KEY, "s3", Method::GET, &format!("/art/{key}"), &Value::Null).await;
        assert_eq!(object.body, json!("one\n"), "{key}");
    }
    let log = world
        .http
        .get(ended["logs"]["deepLink"].as_str().unwrap())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(log.contains("Phase complete: BUILD State: SUCCEEDED"), "{log}");
    let stream =
        json!({"logGroupName": "/aws/codebuild/orders", "logStreamName": ended["logs"]["streamName"]});
    let events = world.json("Logs_20140328.GetLogEvents", stream).await.body;
    assert_eq!(events["events"].as_array().map(Vec::len), Some(log.lines().count()));
    let newest = json!({"logGroupName": "/aws/codebuild/orders", "startFromHead": false, "limit": 2});
    let newest = world.json("Logs_20140328.FilterLogEvents", newest).await.body;
    let messages = newest["events"].as_array().into_iter().flatten().map(|event| event["message"].as_str());
    let messages: Vec<_> = messages.map(|text| text.unwrap_or_default().trim_end()).collect();
    let expected: Vec<_> = log.lines().rev().take(2).collect();
    assert_eq!(messages, expected, "the newest first");
    assert!(
        !world.calls.list(None).iter().any(|call| call.method == "PutObject"),
        "the log has no calls of builds"
    );
    assert!(world.folder.path().join("git/orders.git").exists());
}
