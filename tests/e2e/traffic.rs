//! A service whose resources, triggers and code change while requests and messages arrive.
//!
//! A table with another key is not part of it: the local AWS gives a replaced table its former name, so old code would find the new
//! one (`stacks.rs` has that without requests).

use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::fixture::build_and_deploy;
use sluice_e2e::{Aws, Load, Options, Repository, Request, World};

use crate::apis::url_of;
use crate::stacks::{CODE, JOBS, TEMPLATE, TOPIC, with_index};

const NAME: &str = "busy";

/// The service of `stacks.rs` with a REST API and a schedule, too. Each version knows the release that it was made for: its code in
/// `src/release.py`, its configuration in `RELEASE`.
fn template() -> String {
    TEMPLATE
        .replace("store.handler", "traffic.handler")
        .replace("store.work", "traffic.work")
        .replace("TABLE: !Ref Orders\n", "TABLE: !Ref Orders\n        RELEASE: first\n")
        .replace("        Root:\n", &format!("{REST_EVENT}        Root:\n"))
        .replace("        Jobs:\n", &format!("{}        Jobs:\n", schedule("Daily", 1)))
}

const REST_EVENT: &str = "        Rest:
          Type: Api
          Properties:
            Method: GET
            Path: /
";
const JOBS_EVENT: &str = "        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
";

/// An event of the worker.
fn schedule(name: &str, days: u32) -> String {
    format!(
        "        {name}:\n          Type: Schedule\n          Properties:\n            Schedule: rate({days} day{})\n",
        if days == 1 { "" } else { "s" }
    )
}

/// Handlers that say which release their code and their configuration are of, and whether their table is there.
const HANDLERS: &str = r#"
import json
import os

from release import RELEASE
from store import dynamodb

def versions():
    return RELEASE + "/" + os.environ["RELEASE"]


def store(id):
    return dynamodb("PutItem", {"Item": {"id": {"S": id}, "by": {"S": versions()}}})


def handler(event, context):
    return {"statusCode": 200, "body": json.dumps({"release": versions(), "stored": store("request"), "found": found()})}


def found():
    return [item.get("by", {}).get("S") for item in dynamodb("Scan", {}).get("Items", [])]


def work(event, context):
    for record in event.get("Records", []):
        answer = store(record["body"])
        if "error" in answer:
            raise RuntimeError(answer["error"])
"#;

/// Commits the service as this release, with changes of its template.
fn commit(clone: &Repository, release: &str, change: impl FnOnce(String) -> String) {
    clone.edit("template.yaml", |template| {
        let of = |line: &str| {
            if line.trim_start().starts_with("RELEASE: ") {
                format!("        RELEASE: {release}")
            } else {
                line.into()
            }
        };
        change(template.lines().map(|line| of(line) + "\n").collect())
    });
    clone.write("src/release.py", &format!("RELEASE = \"{release}\"\n"));
    clone.push(&format!("Become {release}"));
}

/// Fails unless each request was answered by a version whose code and configuration are of one release, with its table.
fn judge(requests: &[Request], wanted: &[&str]) {
    for request in requests {
        assert_eq!(request.status, 200, "{request:?}");
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        assert!(body["stored"]["error"].is_null(), "a table is gone: {request:?}");
        let (code, configuration) =
            body["release"].as_str().and_then(|both| both.split_once('/')).unwrap_or_default();
        assert!(!code.is_empty() && code == configuration, "not of one release: {request:?}");
    }
    for release in wanted {
        let is_of = |request: &&Request| request.body.contains(&format!("{release}/{release}"));
        assert!(requests.iter().any(|request| is_of(&request)), "{release} answered nobody");
    }
}

#[tokio::test]
async fn no_request_and_no_message_is_lost_while_resources_and_triggers_change() {
    let world = World::start(Options::default()).await;
    let ann = world.ann();
    let created = world.submit(ann, &format!("/repo create {NAME} from sam")).await.succeeds().await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |_| template());
    clone.write("src/store.py", CODE.trim_start());
    clone.write("src/traffic.py", HANDLERS.trim_start());
    clone.write("src/release.py", "RELEASE = \"first\"\n");
    clone.push("Keep orders in a table");
    let deployed = build_and_deploy(&world, NAME).await;
    let addresses = ["HTTP API", "REST API"].map(|api| url_of(&deployed, api));
    for address in &addresses {
        world.expect_at(address, "first/first").await;
    }
    let load = Load::start(&world, &addresses, 2, Duration::from_millis(150));
    let mut sent = vec![];

    // Code and configuration; an index of the table.
    commit(&clone, "second", |template| with_index(&template));
    send(&world, &mut sent, "before the index").await;
    build_and_deploy(&world, NAME).await.says(&["is live on dev"]);
    send(&world, &mut sent, "after the index").await;

    // GROW breaks: nothing moves. Then WIRE breaks half way, and is tried again.
    world.control("rules", &json!({ "stack_failures": { "News": "Topic limit exceeded" } })).await;
    commit(&clone, "third", |template| {
        template.replace(JOBS_EVENT, &format!("{JOBS_EVENT}{}", schedule("Nightly", 2))) + TOPIC
    });
    world.submit(ann, &format!("/build {NAME}")).await.succeeds().await;
    world.submit(ann, &format!("/deploy {NAME}")).await.fails().await.says(&["News", "Topic limit exceeded"]);
    send(&world, &mut sent, "after GROW failed").await;
    world
        .control("rules", &json!({ "stack_failures": { "WorkerNightly": "Limit of rules exceeded" } }))
        .await;
    let deploy = world.submit(ann, &format!("/deploy {NAME}")).await;
    let stuck = deploy.is_stuck().await;
    send(&world, &mut sent, "while WIRE waits").await;
    world.control("rules", &json!({ "stack_failures": {} })).await;
    world.click(world.bob(), &stuck, "operation.retry").await;
    deploy.succeeds().await.says(&["is live on dev"]);

    // The queue is dropped: its messages wait until a rollback reads it again.
    commit(&clone, "fourth", |template| template.replace(JOBS_EVENT, "").replace(JOBS, ""));
    build_and_deploy(&world, NAME).await.says(&["is live on dev"]);
    send(&world, &mut sent, "while nobody reads the queue").await;
    world.submit(ann, &format!("/rollback {NAME} dev")).await.succeeds().await.says(&["is live on dev"]);
    send(&world, &mut sent, "after the rollback").await;
    let stored = table_has(&world, &sent).await;
    let mixed =
        stored.iter().find(|by| by.split_once('/').is_none_or(|(code, configuration)| code != configuration));
    assert_eq!(mixed, None, "a message reached a version of two releases");

    judge(&load.end().await, &["first", "second", "third", "fourth"]);
}

/// Sends a message to the queue of the service.
async fn send(world: &World, sent: &mut Vec<String>, message: &str) {
    Aws(world).send_message(&format!("sluice-{NAME}-dev-Jobs-"), message).await;
    sent.push(message.to_owned());
}

/// Waits until all messages are in the table; the releases that stored them.
async fn table_has(world: &World, sent: &[String]) -> Vec<String> {
    let tables = Aws(world).tables().await;
    let table =
        tables.iter().find(|name| name.contains(&format!("{NAME}-dev-Orders"))).expect("the table").clone();
    sluice_e2e::eventually("all messages are stored", sluice_e2e::PATIENCE, async || {
        let items = Aws(world).items(&table).await;
        let ids: Vec<&str> = items.iter().filter_map(|item| item["id"]["S"].as_str()).collect();
        let missing: Vec<&String> = sent.iter().filter(|id| !ids.contains(&id.as_str())).collect();
        if !missing.is_empty() {
            return Err(format!("{missing:?} not in {ids:?}"));
        }
        Ok(items.iter().filter_map(|item| item["by"]["S"].as_str().map(str::to_owned)).collect())
    })
    .await
}
