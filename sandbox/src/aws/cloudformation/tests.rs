//! Stacks over the wire, with the real emulator behind the judge.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::xml;
use crate::aws::account::{ACCESS_KEY, REGION};
use crate::aws::strict::{Rule, Strict};
use crate::aws::testing::{World, trust};

const STACK: &str = "sluice-orders-dev";
const ROLE: &str = "arn:aws:iam::000000000000:role/sluice/stack";

/// A world with the rules `stacks` and `policies`.
async fn world() -> World {
    let judged = [Rule::Stacks, Rule::Policies];
    let lenient: BTreeSet<Rule> = Rule::ALL.into_iter().filter(|rule| !judged.contains(rule)).collect();
    let world = World::with(Strict::new(lenient)).await;
    world.rules.set(|settings| settings.stacks.takes = Duration::from_millis(300));
    let trust = trust("cloudformation.amazonaws.com");
    let role = [("RoleName", "stack"), ("Path", "/sluice/"), ("AssumeRolePolicyDocument", &trust)];
    assert_eq!(world.iam("CreateRole", &role).await, 200);
    world
}

async fn call(world: &World, action: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let form =
        url::form_urlencoded::Serializer::new(format!("Action={action}")).extend_pairs(fields).finish();
    let scope = format!("X Credential={ACCESS_KEY}/1/{REGION}/cloudformation/aws4_request,");
    let call = world.http.post(&world.at.aws).header("authorization", scope).body(form);
    let answer = call.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn prepare(world: &World, kind: &str, name: &str, resources: &Value) -> (u16, String) {
    let template = json!({ "Resources": resources }).to_string();
    let fields = [
        ("StackName", STACK),
        ("ChangeSetName", name),
        ("ChangeSetType", kind),
        ("ClientToken", name),
        ("RoleARN", ROLE),
        ("TemplateBody", template.as_str()),
    ];
    call(world, "CreateChangeSet", &fields).await
}

/// Creates and executes a change set; gives its id.
async fn deploy(world: &World, kind: &str, name: &str, resources: &Value) -> String {
    let (status, text) = prepare(world, kind, name, resources).await;
    assert_eq!(status, 200, "{text}");
    let id = xml::first(&text, "Id").unwrap();
    assert_eq!(execute(world, &id, name).await.0, 200);
    id
}

async fn execute(world: &World, id: &str, token: &str) -> (u16, String) {
    let fields = [
        ("StackName", STACK),
        ("ChangeSetName", id),
        ("ClientRequestToken", token),
        ("RetainExceptOnCreate", "true"),
    ];
    call(world, "ExecuteChangeSet", &fields).await
}

async fn status(world: &World) -> String {
    let (_, text) = call(world, "DescribeStacks", &[("StackName", STACK)]).await;
    xml::first(&text, "StackStatus").unwrap_or_else(|| "none".to_owned())
}

/// The statuses on the way to one that stays.
async fn settled(world: &World) -> Vec<String> {
    let mut seen = vec![];
    let course = async {
        loop {
            let now = status(world).await;
            let goes_on = now.ends_with("_IN_PROGRESS");
            if seen.last() != Some(&now) {
                seen.push(now);
            }
            if !goes_on {
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), course).await.expect("the stack settles");
    seen
}

/// The reason of the resource that failed last.
async fn failure(world: &World) -> String {
    let (_, text) = call(world, "DescribeStackEvents", &[("StackName", STACK)]).await;
    let events = text.split("<member>").find(|event| event.contains("_FAILED</ResourceStatus>"));
    events.and_then(|event| xml::first(event, "ResourceStatusReason")).unwrap_or(text)
}

fn queue(properties: Value) -> Value {
    json!({ "Type": "AWS::SQS::Queue", "Properties": properties })
}

fn table(name: &str) -> Value {
    json!({ "Type": "AWS::DynamoDB::Table", "Properties": {
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
    } })
}

fn application(timeout: u32) -> Value {
    json!({
        "Table": table("sluice-orders-dev-items"),
        "Queue": queue(json!({ "VisibilityTimeout": timeout })),
        "Poller": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
            "FunctionName": "f", "EventSourceArn": { "Fn::GetAtt": ["Queue", "Arn"] },
        } },
        "Rule": { "Type": "AWS::Events::Rule", "Properties": { "ScheduleExpression": "rate(1 day)", "State": "DISABLED" } },
    })
}

async fn allow_the_function_to_poll(world: &World) {
    let statement =
        json!({ "Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:sluice-orders-dev-*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let fields = [("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", policy.as_str())];
    assert_eq!(world.iam("PutRolePolicy", &fields).await, 200);
}

#[tokio::test]
async fn a_stack_is_created_updated_failed_rolled_back_and_deleted() {
    let world = world().await;
    world.create_function("hello").await;
    let refused = deploy(&world, "CREATE", "r1", &application(30)).await;
    assert_eq!(settled(&world).await, ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]);
    let reason = failure(&world).await;
    assert_eq!(reason, "The provided execution role does not have permissions to call ReceiveMessage on SQS");
    let (_, text) = call(&world, "DescribeChangeSet", &[("ChangeSetName", &refused)]).await;
    assert!(text.contains("EXECUTE_FAILED"), "{text}");
    for kind in ["CREATE", "UPDATE"] {
        let (status, text) = prepare(&world, kind, "r2", &application(30)).await;
        assert!(
            status == 400 && text.contains("is in ROLLBACK_COMPLETE state and can not be updated"),
            "{text}"
        );
    }
    assert_eq!(call(&world, "DeleteStack", &[("StackName", STACK)]).await.0, 200);

    allow_the_function_to_poll(&world).await;
    deploy(&world, "CREATE", "r3", &application(30)).await;
    let (status, text) = prepare(&world, "UPDATE", "r4", &application(60)).await;
    assert!(status == 400 && text.contains("CREATE_IN_PROGRESS state"), "{text}");
    assert_eq!(settled(&world).await, ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]);
    let (_, text) = call(&world, "DescribeStacks", &[("StackName", STACK)]).await;
    assert_eq!(xml::first(&text, "RoleARN").as_deref(), Some(ROLE));

    let id = deploy(&world, "UPDATE", "r5", &application(60)).await;
    let course = settled(&world).await;
    assert_eq!(course, ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]);
    assert_eq!(execute(&world, &id, "r5").await.0, 200, "the same request again");
    let (status, text) = execute(&world, &id, "another").await;
    assert!(status == 400 && text.contains("InvalidChangeSetStatus"), "{text}");

    world
        .rules
        .set(|settings| settings.stacks.failures = [("Queue".to_owned(), "no <luck>".to_owned())].into());
    deploy(&world, "UPDATE", "r6", &application(90)).await;
    assert_eq!(settled(&world).await.last().map(String::as_str), Some("UPDATE_ROLLBACK_COMPLETE"));
    assert_eq!(failure(&world).await, "no <luck>");
    world.rules.set(|settings| settings.stacks.failures.clear());
    deploy(&world, "UPDATE", "r7", &application(90)).await;
    assert_eq!(settled(&world).await.last().map(String::as_str), Some("UPDATE_COMPLETE"));

    assert_eq!(call(&world, "DeleteStack", &[("StackName", STACK)]).await.0, 200);
    let found = world
        .json("DynamoDB_20120810.DescribeTable", json!({ "TableName": "sluice-orders-dev-items" }))
        .await;
    assert_eq!(found.status, 400, "{}", found.body);
}

#[tokio::test]
async fn names_that_exist_and_unknown_properties_fail_and_a_failed_creation_may_go_by_itself() {
    let world = world().await;
    let taken = table("taken")["Properties"].clone();
    assert_eq!(world.json("DynamoDB_20120810.CreateTable", taken).await.status, 200);
    deploy(&world, "CREATE", "r1", &json!({ "Table": table("taken") })).await;
    assert_eq!(settled(&world).await.last().map(String::as_str), Some("ROLLBACK_COMPLETE"));
    assert_eq!(failure(&world).await, "taken already exists");
    assert_eq!(call(&world, "DeleteStack", &[("StackName", STACK)]).await.0, 200);
    let found = world.json("DynamoDB_20120810.DescribeTable", json!({ "TableName": "taken" })).await;
    assert_eq!(found.status, 200, "it is another one's");

    let template = json!({ "Resources": { "Queue": queue(json!({ "Foo": 1 })) } }).to_string();
    let fields = [
        ("StackName", STACK),
        ("ChangeSetName", "r2"),
        ("ChangeSetType", "CREATE"),
        ("OnStackFailure", "DELETE"),
        ("TemplateBody", &template),
    ];
    let (_, text) = call(&world, "CreateChangeSet", &fields).await;
    execute(&world, &xml::first(&text, "Id").unwrap(), "r2").await;
    // The end of the creation may show for a moment before the deletion begins.
    let goes = async {
        while status(&world).await != "none" {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), goes).await.expect("the stack is deleted");
}

#[tokio::test]
async fn change_sets_are_idempotent_read_from_s3_and_deleted_by_an_execution() {
    let world = world().await;
    deploy(&world, "CREATE", "r1", &json!({ "Queue": queue(json!({})) })).await;
    settled(&world).await;
    let next = json!({ "Queue": queue(json!({ "DelaySeconds": 3 })) });
    let (_, first) = prepare(&world, "UPDATE", "r2", &next).await;
    let (_, again) = prepare(&world, "UPDATE", "r2", &next).await;
    assert_eq!(xml::first(&first, "Id"), xml::first(&again, "Id"));

    let template = json!({ "Resources": { "Queue": queue(json!({ "DelaySeconds": 4 })) } });
    for (path, body) in [("/bucket", Value::Null), ("/bucket/t.json", template)] {
        assert_eq!(world.send(ACCESS_KEY, "s3", Method::PUT, path, &body).await.status, 200);
    }
    let url = "https://bucket.s3.us-east-1.amazonaws.com/t.json";
    let fields =
        [("StackName", STACK), ("ChangeSetName", "r3"), ("ChangeSetType", "UPDATE"), ("TemplateURL", url)];
    let (status, text) = call(&world, "CreateChangeSet", &fields).await;
    assert_eq!(status, 200, "{text}");
    execute(&world, &xml::first(&text, "Id").unwrap(), "r3").await;
    let other = xml::first(&first, "Id").unwrap();
    let (status, text) = call(&world, "DescribeChangeSet", &[("ChangeSetName", &other)]).await;
    assert!(status == 404 && text.contains("ChangeSetNotFound"), "{text}");
}

/// The event sources of a bucket are connected after it exists, by a change that must not replace it.
#[tokio::test]
async fn a_change_set_says_which_properties_replace_a_bucket() {
    let world = world().await;
    let bucket =
        |properties: Value| json!({ "Inbox": { "Type": "AWS::S3::Bucket", "Properties": properties } });
    deploy(&world, "CREATE", "a", &bucket(json!({ "BucketName": "inbox-a" }))).await;
    assert_eq!(settled(&world).await.last().unwrap(), "CREATE_COMPLETE");
    let events = json!({ "EventBridgeConfiguration": { "EventBridgeEnabled": true } });
    let connected = json!({ "BucketName": "inbox-a", "NotificationConfiguration": events });
    for (name, properties, replacement) in
        [("b", connected, "False"), ("c", json!({ "BucketName": "inbox-c" }), "True")]
    {
        let (status, text) = prepare(&world, "UPDATE", name, &bucket(properties)).await;
        assert_eq!(status, 200, "{text}");
        let id = xml::first(&text, "Id").unwrap();
        let (_, shown) =
            call(&world, "DescribeChangeSet", &[("StackName", STACK), ("ChangeSetName", &id)]).await;
        assert_eq!(xml::first(&shown, "Replacement").as_deref(), Some(replacement), "{shown}");
    }
}

#[tokio::test]
async fn a_role_must_trust_cloudformation() {
    let world = world().await;
    world.create_role().await;
    let template = json!({ "Resources": { "Queue": queue(json!({})) } }).to_string();
    for role in ["arn:aws:iam::000000000000:role/sluice/r", "arn:aws:iam::000000000000:role/sluice/none"] {
        let fields = [
            ("StackName", STACK),
            ("ChangeSetName", "c"),
            ("ChangeSetType", "CREATE"),
            ("RoleARN", role),
            ("TemplateBody", &template),
        ];
        let (status, text) = call(&world, "CreateChangeSet", &fields).await;
        assert!(status == 400 && text.contains("is invalid or cannot be assumed"), "{text}");
    }
}
