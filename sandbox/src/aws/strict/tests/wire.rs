//! The rules and the fixes over the wire, with the real emulator.

use std::time::Duration;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use serde_json::{Value, json};

use crate::aws::account::{ACCESS_KEY, OBSERVER_KEY, REGION};
use crate::aws::strict::{Rule, Strict};
use crate::aws::testing::{Reply, World};

async fn strict(on: &[Rule]) -> World {
    World::with(Strict::new(Rule::ALL.into_iter().filter(|rule| !on.contains(rule)).collect())).await
}

/// Repeats a call until `done`; the earlier answers, and the last one.
async fn until(call: impl AsyncFn() -> Reply, done: impl Fn(&Reply) -> bool) -> (Vec<Reply>, Reply) {
    let repeated = async {
        let mut before = vec![];
        loop {
            let reply = call().await;
            if done(&reply) {
                return (before, reply);
            }
            before.push(reply);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), repeated).await.expect("it happens")
}

fn body_says(reply: &Reply, words: &str) -> bool {
    reply.body.to_string().contains(words)
}

#[tokio::test]
async fn a_new_role_is_refused_and_a_settled_update_has_another_revision() {
    let world = strict(&[Rule::IamPropagation, Rule::Revision, Rule::States]).await;
    let mut function = world.function("one").await;
    function["Environment"] = json!({"Variables": {"STAGE": "dev"}});
    world.create_role().await;
    let create = async || world.lambda(Method::POST, "", function.clone()).await;
    let (refused, created) = until(create, |reply| reply.status == 201).await;
    assert!(refused.iter().all(|reply| reply.code == "InvalidParameterValueException"));
    assert!(body_says(&refused[0], "The role defined for the function cannot be assumed by Lambda."));
    assert!(body_says(refused.last().unwrap(), "KMS key is invalid for CreateGrant"));
    let (busy, settled) = (created.body["RevisionId"].clone(), world.settled().await);
    let after = world.lambda(Method::PUT, "/f/configuration", json!({"MemorySize": 256})).await.body;
    let settled_again = world.settled().await;
    assert_ne!(after["RevisionId"], settled_again["RevisionId"], "{busy} {settled}");
    let stale = json!({"MemorySize": 512, "RevisionId": after["RevisionId"]});
    assert_eq!(world.lambda(Method::PUT, "/f/configuration", stale).await.status, 412);
    let fresh = json!({"MemorySize": 512, "RevisionId": settled_again["RevisionId"]});
    assert_eq!(world.lambda(Method::PUT, "/f/configuration", fresh).await.status, 200);
    let listed = world.lambda(Method::GET, "/f/versions", Value::Null).await.body;
    assert!(
        listed["Versions"].as_array().unwrap().iter().all(|version| version["State"].is_null()),
        "{listed}"
    );
}

#[tokio::test]
async fn the_data_plane_sees_a_moved_alias_late() {
    let world = strict(&[Rule::DataPlane]).await;
    world.create_function("one").await;
    world.settled().await;
    world.lambda(Method::POST, "/f/aliases", json!({"Name": "prod", "FunctionVersion": "1"})).await;
    let invoke = async || world.lambda(Method::POST, "/f/invocations?Qualifier=prod", json!({})).await;
    let (before, first) = until(invoke, |reply| reply.status == 200).await;
    assert!(
        before.iter().all(|reply| reply.status == 404) && !before.is_empty(),
        "a new alias is not seen at once"
    );
    assert!(body_says(&first, "one"));
    let code = json!({"ZipFile": world.package("two").await, "Publish": true});
    assert_eq!(world.lambda(Method::PUT, "/f/code", code).await.body["Version"], "2");
    world.settled().await;
    let moved = world.lambda(Method::PUT, "/f/aliases/prod", json!({"FunctionVersion": "2"})).await;
    assert_eq!(moved.body["FunctionVersion"], "2", "the control plane sees it at once");
    let (before, _) = until(invoke, |reply| body_says(reply, "two")).await;
    assert!(
        !before.is_empty() && before.iter().all(|reply| body_says(reply, "one")),
        "the old version answers first"
    );
}

#[tokio::test]
async fn objects_in_a_new_bucket_are_unversioned_at_first() {
    let world = strict(&[Rule::NewBucket]).await;
    let s3 = async |method: Method, path: &str, body: &str| {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{REGION}/s3/aws4_request, Signature=0"
        );
        let request = world.http.request(method, format!("{}{path}", world.at.aws)).body(body.to_owned());
        let answer = request.header("authorization", scope).send().await.unwrap();
        let version = answer.headers().get("x-amz-version-id").map(|id| id.to_str().unwrap().to_owned());
        (answer.status().as_u16(), version, answer.text().await.unwrap())
    };
    assert_eq!(s3(Method::PUT, "/art", "").await.0, 200);
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(s3(Method::PUT, "/missing?versioning", enable).await.0, 404);
    assert_eq!(s3(Method::PUT, "/art?versioning", enable).await.0, 200);
    assert!(
        s3(Method::GET, "/art?versioning", "").await.2.contains("<Status>Enabled</Status>"),
        "AWS reports it at once"
    );
    let unversioned = |version: Option<String>| version.is_none_or(|version| version == "null");
    assert!(unversioned(s3(Method::PUT, "/art/key", "one").await.1));
    assert!(unversioned(s3(Method::GET, "/art/key", "").await.1));
    let versioned = async {
        while unversioned(s3(Method::PUT, "/art/key", "two").await.1) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), versioned).await.expect("versioning takes effect");
}

#[tokio::test]
async fn an_api_allows_one_change_at_a_time_and_a_deployment_is_pending_at_first() {
    let world = strict(&[Rule::ApiConflict, Rule::States, Rule::Quotas]).await;
    let api = world.gateway(Method::POST, "", json!({"name": "a", "protocolType": "HTTP"})).await;
    let api = api["apiId"].as_str().unwrap().to_owned();
    let send = async |path: &str, body: Value| {
        world.send(ACCESS_KEY, "apigateway", Method::POST, &format!("/v2/apis/{api}/{path}"), &body).await
    };
    let (one, two) = tokio::join!(
        send("routes", json!({"routeKey": "GET /one"})),
        send("routes", json!({"routeKey": "GET /two"}))
    );
    let refused = if one.status == 409 { &one } else { &two };
    assert_eq!(refused.code, "ConflictException");
    assert!(body_says(
        refused,
        "Unable to complete operation due to concurrent modification. Please try again later."
    ));
    assert_eq!(one.status.min(two.status), 201, "the other one succeeded");
    let deployed = send("deployments", json!({})).await.body;
    assert_eq!(deployed["deploymentStatus"], "PENDING");
    let path = format!("/v2/apis/{api}/deployments/{}", deployed["deploymentId"].as_str().unwrap());
    let look = async || world.send(ACCESS_KEY, "apigateway", Method::GET, &path, &Value::Null).await;
    until(look, |reply| reply.body["deploymentStatus"] == "DEPLOYED").await;
    for number in 0..10 {
        assert_eq!(send("stages", json!({"stageName": format!("s{number}")})).await.status, 201);
    }
    let eleventh = send("stages", json!({"stageName": "s10"})).await;
    assert!(eleventh.status == 429 && body_says(&eleventh, "Maximum number of stages"), "{}", eleventh.body);
}

#[tokio::test]
async fn presigned_urls_queue_urls_and_log_tails_work() {
    let world = strict(&[]).await;
    for path in ["/art", "/art/key"] {
        let put = world.send(ACCESS_KEY, "s3", Method::PUT, path, &json!("text")).await;
        assert_eq!(put.status, 200, "{path}");
    }
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let presigned = [
        format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCESS_KEY}%2F20260101%2F{REGION}%2Fs3%2Faws4_request&X-Amz-Date={now}&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
        ),
        format!("AWSAccessKeyId={ACCESS_KEY}&Signature=x%3D&Expires=4070908800"),
    ];
    for query in presigned {
        let answer = world.http.get(format!("{}/art/key?{query}", world.at.aws)).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap()),
            (200, "\"text\"".into()),
            "{query}"
        );
    }
    let stranger =
        world.http.get(format!("{}/art/key?AWSAccessKeyId=AKIANOBODY", world.at.aws)).send().await.unwrap();
    assert_eq!(stranger.status().as_u16(), 403);

    let sqs =
        async |operation: &str, body: Value| world.json(&format!("AmazonSQS.{operation}"), body).await.body;
    let url = sqs("CreateQueue", json!({"QueueName": "wake"})).await["QueueUrl"].clone();
    assert_eq!(url, format!("{}/000000000000/wake", world.at.aws), "the queue URL names the front");
    assert_eq!(sqs("GetQueueUrl", json!({"QueueName": "wake"})).await["QueueUrl"], url);
    let sent = sqs("SendMessage", json!({"QueueUrl": url, "MessageBody": "hi"})).await;
    assert!(sent["MessageId"].is_string(), "{sent}");
    assert_eq!(sqs("ReceiveMessage", json!({"QueueUrl": url})).await["Messages"][0]["Body"], "hi");

    world.create_function("one").await;
    world.settled().await;
    let scope = format!("X Credential={ACCESS_KEY}/1/{REGION}/lambda/aws4_request,");
    let invoke = world.http.post(format!("{}/2015-03-31/functions/f/invocations", world.at.aws)).body("{}");
    let invoke = invoke.header("authorization", scope).header("x-amz-log-type", "Tail");
    let answer = invoke.send().await.unwrap();
    let tail = answer.headers().get("x-amz-log-result").expect("a log").to_str().unwrap().to_owned();
    let tail = String::from_utf8(STANDARD.decode(tail).unwrap()).unwrap();
    assert!(tail.contains("START RequestId: ") && tail.contains("REPORT RequestId: "), "{tail}");

    let before = world.calls.list(None).len();
    world.send(OBSERVER_KEY, "lambda", Method::GET, "/2015-03-31/functions", &Value::Null).await;
    assert_eq!(world.calls.list(None).len(), before, "the observer's calls are not logged");
}
