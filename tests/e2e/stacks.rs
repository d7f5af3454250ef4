//! Services with a CloudFormation stack: a table, a queue and a schedule beside functions.

use std::time::Duration;

use serde_json::json;
use sluice_e2e::fixture::{approved_promotion, build_and_deploy};
use sluice_e2e::{Aws, PATIENCE, Repository, World, eventually_every};

/// A function that writes what it is asked for into the table and reads it, and one that takes messages from the queue.
pub(super) const TEMPLATE: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31

Parameters:
  Stage:
    Type: String

Globals:
  Function:
    Runtime: python3.12
    CodeUri: src
    Environment:
      Variables:
        STAGE: !Ref Stage
        TABLE: !Ref Orders

Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: store.handler
      Policies:
        - DynamoDBCrudPolicy:
            TableName: !Ref Orders
      Events:
        Root:
          Type: HttpApi
          Properties:
            Method: GET
            Path: /
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: store.work
      Policies:
        - DynamoDBCrudPolicy:
            TableName: !Ref Orders
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - AttributeName: id
          AttributeType: S
      KeySchema:
        - AttributeName: id
          KeyType: HASH
      BillingMode: PAY_PER_REQUEST
  Jobs:
    Type: AWS::SQS::Queue
"#;

/// What calls the worker.
const JOBS_EVENT: &str = r#"      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
"#;
/// The queue.
pub(super) const JOBS: &str = "  Jobs:\n    Type: AWS::SQS::Queue\n";
pub(super) const TOPIC: &str = "  News:\n    Type: AWS::SNS::Topic\n";
/// Attributes and an index of the table.
const ATTRIBUTES: &str = r#"        - AttributeName: id
          AttributeType: S
        - AttributeName: stage
          AttributeType: S
"#;
const INDEX: &str = r#"      GlobalSecondaryIndexes:
        - IndexName: by-stage
          KeySchema:
            - AttributeName: stage
              KeyType: HASH
          Projection:
            ProjectionType: ALL
"#;

/// The template with an index of its table.
pub(super) fn with_index(template: &str) -> String {
    template
        .replace("        - AttributeName: id\n          AttributeType: S\n", ATTRIBUTES)
        .replace("      BillingMode", &format!("{INDEX}      BillingMode"))
}

/// Handlers that use the table as every function does, with its own credentials.
pub(super) const CODE: &str = r##"
import json
import os
import urllib.error
import urllib.request

from app import GREETING

TABLE = os.environ.get("TABLE", "none")


def dynamodb(action, request):
    scope = os.environ["AWS_ACCESS_KEY_ID"] + "/20260101/us-east-1/dynamodb/aws4_request"
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=" + scope + ", SignedHeaders=host, Signature=0",
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810." + action,
    }
    body = json.dumps(dict(request, TableName=TABLE)).encode()
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], data=body, headers=headers)
    try:
        return json.load(urllib.request.urlopen(request, timeout=5))
    except urllib.error.HTTPError as error:
        return {"error": error.read().decode()[:400]}


def store(id, stage):
    return dynamodb("PutItem", {"Item": {"id": {"S": id}, "stage": {"S": stage}}})


def handler(event, context):
    stage = os.environ["STAGE"]
    print("asked on", stage, "token=s3cret")
    stored = store("request", stage)
    found = dynamodb("Scan", {})
    answer = {"message": GREETING, "stage": stage, "table": TABLE, "stored": stored, "found": found}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}


def work(event, context):
    for record in event["Records"]:
        store(record["body"], os.environ["STAGE"])
"##;

/// A pipeline of that service, with its first release on `dev`.
async fn deployed(world: &World, name: &str) -> Repository {
    let ann = world.ann();
    let created = world.submit(ann, &format!("/repo create {name} from sam")).await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |_| TEMPLATE.to_owned());
    clone.write("src/store.py", CODE.trim_start());
    clone.push("Keep orders in a table");
    world.submit(ann, &format!("/build {name}")).await.succeeds().await;
    let deployed = world.submit(ann, &format!("/deploy {name}")).await.succeeds().await;
    deployed.says(&["r1 is live on dev"]);
    clone
}

/// A message in the queue of a stage is in the table of that stage.
async fn expect_work(world: &World, pipeline: &str, stage: &str, message: &str) -> String {
    Aws(world).send_message(&format!("sluice-{pipeline}-{stage}-Jobs-"), message).await;
    world.expect_response(pipeline, stage, message).await
}

/// The answer to a question of somebody without a role, once it says all of that. AWS may be slow, and shows logs late.
async fn answer(world: &World, line: &str, wanted: &[&str]) -> String {
    eventually_every(Duration::from_secs(2), format!("{line} says {wanted:?}"), PATIENCE, async || {
        let text = world.command(world.eve(), line).await.text();
        if wanted.iter().all(|wanted| text.contains(wanted)) { Ok(text) } else { Err(text) }
    })
    .await
}

#[tokio::test]
async fn each_stage_has_a_table_and_a_queue_of_its_own_and_a_rollback_keeps_the_data() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    let clone = deployed(&world, "tables").await;
    world.submit(ann, "/stage add tables prod").await.succeeds().await;
    let changes = ["Hello, Worker: new", "Orders (AWS::DynamoDB::Table) added", "after the move"];
    answer(&world, "/promote diff tables prod", &changes).await;
    let promotion = world.submit(ann, "/promote tables prod").await;
    let card = promotion.waits().await;
    card.says(&["Orders (AWS::DynamoDB::Table) added", "after the move"]);
    world.click(world.bob(), &card, "promotion.approve").await;
    promotion.succeeds().await.says(&["r1 is live on prod"]);
    let dev = expect_work(&world, "tables", "dev", "a parcel").await;
    let prod = expect_work(&world, "tables", "prod", "a letter").await;
    assert!(!dev.contains("a letter") && !prod.contains("a parcel"), "{dev}\n{prod}");
    let logs = answer(&world, "/pipeline logs tables prod", &["Hello: asked on prod token=[redacted]"]).await;
    assert!(!logs.contains("s3cret") && !logs.contains("asked on dev"), "{logs}");

    // The next release has an index and a topic, and no queue.
    clone.edit("template.yaml", |text| with_index(&text.replace(JOBS_EVENT, "").replace(JOBS, TOPIC)));
    clone.set_greeting("With an index");
    clone.push("Look orders up by stage");
    build_and_deploy(&world, "tables").await;
    world.expect_response("tables", "dev", "With an index").await;
    let diff =
        answer(&world, "/promote diff tables prod", &["Hello: code", "News (AWS::SNS::Topic) added"]).await;
    assert!(diff.contains("Orders (AWS::DynamoDB::Table) changed"), "{diff}");
    let promotion = approved_promotion(&world, "tables").await;
    promotion.succeeds().await.says(&["r2 is live on prod"]);
    world.expect_response("tables", "prod", "With an index").await;

    world.submit(ann, "/rollback tables prod").await.succeeds().await.says(&["r1 is live on prod"]);
    let prod = expect_work(&world, "tables", "prod", "a postcard").await;
    assert!(prod.contains("Hello from tables") && prod.contains("a letter"), "{prod}");
}

#[tokio::test]
async fn a_stack_that_cannot_be_updated_changes_nothing_and_says_why() {
    let world = World::shared(module_path!()).await;
    let clone = deployed(&world, "broken").await;
    clone.edit("template.yaml", |text| format!("{text}    Properties:\n      VisibilityTimeout: 50000\n"));
    clone.set_greeting("Never seen");
    clone.push("Wait longer");
    world.submit(world.ann(), "/build broken").await.succeeds().await;
    let plan = answer(&world, "/deploy plan broken", &["Jobs (AWS::SQS::Queue) changed"]).await;
    assert!(!plan.contains("Orders"), "the table stays as it is: {plan}");
    let failed = world.submit(world.ann(), "/deploy broken").await.fails().await;
    failed.says(&["Jobs", "Nothing"]);
    expect_work(&world, "broken", "dev", "a parcel").await;
    assert_eq!(world.release("broken", "dev").await, "r1");
}

/// A trigger of the worker.
const NIGHTLY: &str = r#"        Nightly:
          Type: Schedule
          Properties:
            Schedule: rate(1 day)
"#;

#[tokio::test]
async fn a_trigger_that_fails_is_tried_again_and_only_an_admin_replaces_a_table() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    let clone = deployed(&world, "night").await;
    expect_work(&world, "night", "dev", "a parcel").await;

    // The release runs when its trigger fails: an admin has it tried again, and nothing moves back.
    clone.edit("template.yaml", |text| text.replace(JOBS_EVENT, &format!("{JOBS_EVENT}{NIGHTLY}")));
    clone.set_greeting("Day and night");
    clone.push("Work at night");
    world
        .control("rules", &json!({ "stack_failures": { "WorkerNightly": "Limit of rules exceeded" } }))
        .await;
    world.submit(ann, "/build night").await.succeeds().await;
    let deploy = world.submit(ann, "/deploy night").await;
    let stuck = deploy.is_stuck().await;
    stuck.says(&["WorkerNightly", "Limit of rules exceeded"]);
    world.expect_response("night", "dev", "Day and night").await;
    expect_work(&world, "night", "dev", "a letter").await;
    world.control("rules", &json!({ "stack_failures": {} })).await;
    world.click(world.bob(), &stuck, "operation.retry").await;
    deploy.succeeds().await.says(&["r2 is live on dev"]);

    // Another key would be another table without the data of this one.
    clone.edit("template.yaml", |text| {
        text.replace("- AttributeName: id\n          KeyType", "- AttributeName: number\n          KeyType")
            .replace(
                "- AttributeName: id\n          AttributeType",
                "- AttributeName: number\n          AttributeType",
            )
    });
    clone.set_greeting("Never seen");
    clone.push("Number the orders");
    world.submit(ann, "/build night").await.succeeds().await;
    world.submit(ann, "/deploy night").await.fails().await.says(&["Orders", "replace"]);
    let now = expect_work(&world, "night", "dev", "a postcard").await;
    assert!(now.contains("Day and night") && now.contains("a parcel"), "{now}");

    // An admin begins with an empty table.
    clone.edit("src/store.py", |code| code.replace(r#""Item": {"id""#, r#""Item": {"number""#));
    clone.set_greeting("Numbered");
    clone.push("Write numbers");
    world.submit(ann, "/build night").await.succeeds().await;
    world.submit(world.bob(), "/deploy night replace").await.succeeds().await;
    world.expect_response("night", "dev", "Numbered").await;
    let now = expect_work(&world, "night", "dev", "a crate").await;
    assert!(now.contains("Numbered") && !now.contains("a parcel"), "{now}");
}

/// Whether the queue of a stage calls its worker.
async fn is_delivering(world: &World, pipeline: &str) -> bool {
    let all = Aws(world).get("lambda", "/2015-03-31/event-source-mappings/").await;
    let queue = format!("sluice-{pipeline}-dev-Jobs-");
    let all = all["EventSourceMappings"].as_array().expect("event source mappings");
    let of_queue =
        |of: &&serde_json::Value| of["EventSourceArn"].as_str().is_some_and(|arn| arn.contains(&queue));
    all.iter().find(of_queue).expect("a mapping of the queue")["State"] == "Enabled"
}

#[tokio::test]
async fn events_of_a_stage_are_switched_off_and_on() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    deployed(&world, "quiet").await;
    assert!(is_delivering(&world, "quiet").await);
    world.submit(ann, "/stage set quiet dev events=off").await.succeeds().await.says(&["/deploy quiet"]);
    world.submit(ann, "/deploy quiet").await.succeeds().await;
    assert!(!is_delivering(&world, "quiet").await);
    world.submit(ann, "/rollback quiet dev").await.succeeds().await;
    assert!(!is_delivering(&world, "quiet").await, "r1 ran with events on, and the stage has them off now");
    world.submit(ann, "/stage set quiet dev events=on").await.succeeds().await;
    world.submit(ann, "/deploy quiet").await.succeeds().await;
    expect_work(&world, "quiet", "dev", "a parcel").await;
}
