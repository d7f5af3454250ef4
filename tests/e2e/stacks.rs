//! Services with a CloudFormation stack: a table, a queue and a schedule beside functions.

use sluice_e2e::fixture::approved_promotion;
use sluice_e2e::{Repository, World};

/// A function that writes what it is asked for into the table and reads it, and one that takes messages from the queue.
const TEMPLATE: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
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

/// Handlers that use the table as every function does, with its own credentials.
const CODE: &str = r##"
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
    let created = world.submit(ann, &format!("/repo create {name}")).await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |_| TEMPLATE.to_owned());
    clone.add("src/store.py", CODE.trim_start());
    clone.push("Keep orders in a table");
    world.submit(ann, &format!("/build {name}")).await.succeeds().await;
    let deployed = world.submit(ann, &format!("/deploy {name}")).await.succeeds().await;
    deployed.says(&["r1 is live on dev"]);
    clone
}

#[tokio::test]
async fn each_stage_of_a_service_has_its_own_table_and_queue() {
    let world = World::shared(module_path!()).await;
    deployed(&world, "tables").await;
    let dev = world.expect_response("tables", "dev", "\"stage\"").await;
    println!("{dev}");
    world.submit(world.ann(), "/stage add tables prod").await.succeeds().await;
    let promotion = approved_promotion(&world, "tables").await;
    promotion.succeeds().await.says(&["r1 is live on prod"]);
    let prod = world.expect_response("tables", "prod", "\"stage\"").await;
    println!("{prod}");
}
