//! Checks the schema against real answers, and the errors of wrong requests.

use serde_json::{Value, json};

use super::SCHEMA;
use crate::slack::testing::{ANN, GENERAL, World, card};

#[tokio::test]
async fn every_answer_matches_the_schema() {
    let world = World::start().await;
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let ts = world.says(card("promote?", "op:1")).await;
    world.api("chat.update", json!({"channel": GENERAL, "ts": ts, "text": "edited", "metadata": {"event_type": "a", "event_payload": {}}})).await;
    world.bot.answers(200, json!({"text": "hi"}));
    let delivered = world.deploy("orders").await;
    let posts = [
        ("/control/command", json!({"user": ANN, "channel": GENERAL, "command": "/repo", "text": "list"})),
        (
            "/control/click",
            json!({"user": ANN, "channel": GENERAL, "ts": ts, "action_id": "promotion.approve", "stale": true}),
        ),
        ("/control/redeliver", json!({"trigger_id": delivered["trigger_id"]})),
        ("/control/bots", json!({"urls": [world.bot_url]})),
        ("/control/sockets", json!({"trouble": "refresh", "link": 7})),
        ("/control/people", json!({"user": ANN, "deactivated": true})),
        ("/control/groups", json!({"group": "S0LEADS01", "users": [ANN]})),
        ("/control/say", json!({"user": ANN, "channel": GENERAL, "text": "hi", "thread_ts": ts})),
        (
            "/control/fault",
            json!({"service": "slack", "method": "chat.postMessage", "nth": 2, "action": "hold"}),
        ),
        ("/control/limits", json!({"post": {"burst": 5, "per_second": 0.5}})),
        (
            "/control/rules",
            json!({"lenient": ["rates"], "strict": ["tags"], "seed": 7, "new_bucket_ms": 0, "quotas": {"builds": 0}, "stack_ms": 200, "stack_failures": {"Queue": "no"}}),
        ),
        ("/control/response_urls/expire", json!({})),
    ];
    for (path, request) in posts {
        let endpoint = &schema["endpoints"][format!("POST {path}")];
        assert!(endpoint.is_object(), "{path} is not in the schema");
        if endpoint["request"].is_object() {
            assert_eq!(wrong(&schema, &endpoint["request"], &request, ""), "", "request of {path}");
        }
        let (status, answer) = world.post(path, request).await;
        assert_eq!(status, 200, "{path}: {answer}");
        assert_eq!(wrong(&schema, &endpoint["answer"], &answer, ""), "", "answer of {path}");
    }
    let gets = [
        ("/control/messages", format!("?channel={GENERAL}&versions=true")),
        ("/control/ephemeral", format!("?user={ANN}&channel={GENERAL}")),
        ("/control/fault", String::new()),
        ("/control/calls", "?since=0".into()),
        ("/control/limits", String::new()),
        ("/control/rules", String::new()),
        ("/control/sockets", String::new()),
        ("/control/world", String::new()),
        ("/control/schema", String::new()),
    ];
    for (path, query) in gets {
        let endpoint = &schema["endpoints"][format!("GET {path}")];
        let (status, answer) = world.get(&format!("{path}{query}")).await;
        assert_eq!(status, 200, "{path}: {answer}");
        assert_eq!(wrong(&schema, &endpoint["answer"], &answer, ""), "", "answer of {path}");
        let list = answer.as_object().and_then(|fields| fields.values().next()).and_then(Value::as_array);
        assert!(list.is_none_or(|list| !list.is_empty()), "{path} returned an empty list");
    }
}

#[tokio::test]
async fn every_endpoint_of_the_schema_exists() {
    let world = World::start().await;
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for endpoint in schema["endpoints"].as_object().unwrap().keys() {
        let (method, path) = endpoint.split_once(' ').unwrap();
        let answer = match method {
            "GET" => world.get(path).await.1,
            "POST" => world.post(path, json!({"?": 1})).await.1,
            _ => json!({"status": world.delete(path).await}),
        };
        assert!(
            !answer["error"].as_str().unwrap_or_default().contains("see /control/schema"),
            "{endpoint}: {answer}"
        );
    }
}

#[tokio::test]
async fn wrong_requests_get_an_error_that_names_the_problem() {
    let world = World::start().await;
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let cases = [
        ("/control/command", json!({"user": ANN, "channel": GENERAL}), 400, "missing field `command`"),
        (
            "/control/command",
            json!({"user": "U9", "channel": GENERAL, "command": "/x"}),
            400,
            "no user \"U9\"",
        ),
        (
            "/control/command",
            json!({"user": ANN, "channel": "C9", "command": "/x"}),
            400,
            "no channel \"C9\"",
        ),
        ("/control/command", json!({"user": ANN, "channel": GENERAL, "command": "x"}), 400, "slash"),
        (
            "/control/command",
            json!({"user": ANN, "chanel": GENERAL, "command": "/x"}),
            400,
            "unknown field `chanel`",
        ),
        (
            "/control/click",
            json!({"user": ANN, "channel": GENERAL, "ts": "1.000001", "action_id": "a"}),
            404,
            "no message",
        ),
        ("/control/fault", json!({"action": "explode"}), 400, "unknown variant"),
        ("/control/fault/fault-9/release", json!({}), 404, "no fault fault-9"),
        ("/control/bots", json!({"urls": ["http://elsewhere.example"]}), 400, "on this machine"),
        ("/control/bots", json!({"urls": []}), 400, "names no bot"),
        (
            "/control/command",
            json!({"user": ANN, "channel": GENERAL, "command": "/x", "bot": "https://127.0.0.1"}),
            400,
            "on this machine",
        ),
        ("/control/limits", json!({"post": {"burst": 1, "per_second": -1}}), 400, "per_second"),
        ("/control/say", json!({"user": ANN, "channel": GENERAL, "text": " "}), 400, "a text"),
        ("/control/elsewhere", json!({}), 404, "see /control/schema"),
    ];
    for (path, request, status, words) in cases {
        let (got, answer) = world.post(path, request.clone()).await;
        assert_eq!(got, status, "{path} {request}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(words), "{path} {request}: {answer}");
        assert_eq!(wrong(&schema, &json!({"$ref": "#/$defs/error"}), &answer, ""), "");
    }
    assert_eq!(world.get("/control/messages").await.0, 400);
    assert_eq!(world.get("/control/messages?channel=C9").await.0, 404);
    assert_eq!(world.get("/control/ephemeral").await.0, 400);
}

#[tokio::test]
async fn faults_reach_the_web_api() {
    let world = World::start().await;
    let refuse = json!({"method": "chat.postMessage", "action": "refuse", "status": 429});
    world.post("/control/fault", refuse).await;
    let (headers, answer) = world
        .api_as(crate::slack::testing::TOKEN, "chat.postMessage", json!({"channel": GENERAL, "text": "x"}))
        .await;
    assert_eq!((&answer["error"], &headers["retry-after"]), (&json!("ratelimited"), &"1".parse().unwrap()));
    assert!(world.messages().await.is_empty());
    world.says(json!({})).await;
    assert_eq!(world.delete("/control/fault").await, 200);
    let calls = world.get("/control/calls?since=1").await.1;
    assert_eq!(calls["calls"][0]["method"], "chat.postMessage");
    assert_eq!((&calls["calls"][0]["result"], &calls["calls"][0]["detail"]), (&json!("ok"), &json!(GENERAL)));
}

/// Checks the keywords of JSON Schema that our schema uses; the first violation, or nothing.
fn wrong(root: &Value, schema: &Value, value: &Value, at: &str) -> String {
    if let Some(pointer) = schema["$ref"].as_str() {
        let target = root.pointer(pointer.trim_start_matches('#')).expect("the reference resolves");
        return wrong(root, target, value, at);
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(value, kind)) {
        return format!("{at}: {value} is not {kinds:?}");
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return format!("{at}: {value} is not in {}", schema["enum"]);
    }
    if let (Some(fields), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(missing) = required.into_iter().find(|key| !fields.contains_key(*key)) {
            return format!("{at}: {missing} is missing");
        }
        for (key, value) in fields {
            match known.get(key) {
                None if schema["additionalProperties"] == false => {
                    return format!("{at}: {key} is unknown");
                }
                None => {}
                Some(schema) => {
                    let found = wrong(root, schema, value, &format!("{at}/{key}"));
                    if !found.is_empty() {
                        return found;
                    }
                }
            }
        }
    }
    let items = value.as_array().filter(|_| schema["items"].is_object()).into_iter().flatten();
    items
        .enumerate()
        .map(|(index, item)| wrong(root, &schema["items"], item, &format!("{at}/{index}")))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("the check does not support the type {other}"),
    }
}
