//! Deliveries that are not Slack's, not of now, not of this workspace, or not sound: refused, and without any effect.

use serde_json::{Value, json};
use sluice_e2e::{Aws, World};

fn typed(world: &World, text: &str, more: &Value) -> Value {
    let mut command = json!({
        "user": world.ann(), "channel": world.channel(), "command": "/repo", "text": text,
    });
    for (name, value) in more.as_object().unwrap() {
        command[name] = value.clone();
    }
    command
}

/// Nothing of the kind is in the table: neither a row nor a trace of the name.
async fn left_no_trace(world: &World, name: &str) {
    let table = Aws(world).table().await;
    assert!(!table.is_empty(), "the table can be read");
    let traces: Vec<_> = table.iter().filter(|item| item.to_string().contains(name)).collect();
    assert!(traces.is_empty(), "{name}: {traces:?}");
}

#[tokio::test]
async fn what_slack_did_not_sign_just_now_is_refused() {
    let world = World::shared(module_path!()).await;
    let forged = format!("v0={}", "0".repeat(64));
    let cases = [
        ("a wrong signature", json!({"signature": forged})),
        ("no signature at all", json!({"signature": ""})),
        ("a signature of another kind", json!({"signature": "v1=00"})),
        ("an old timestamp", json!({"timestamp": "1700000000"})),
        ("a timestamp of the future", json!({"timestamp": "9700000000"})),
        ("a timestamp that is no number", json!({"timestamp": "yesterday"})),
        ("a timestamp with a sign", json!({"timestamp": "-1"})),
    ];
    for (what, more) in cases {
        let answer = world.control("command", &typed(&world, "create forged", &more)).await;
        assert_eq!(answer["http_status"], 401, "{what}: {answer}");
        assert_eq!(answer["ack_body"], "", "a refusal says nothing of why ({what})");
    }
    left_no_trace(&world, "forged").await;
}

#[tokio::test]
async fn a_body_too_large_is_refused_unread() {
    let world = World::shared(module_path!()).await;
    for megabytes in [2_usize, 32] {
        let body = format!("command=%2Frepo&text={}", "x".repeat(megabytes << 20));
        let answer =
            world.control("command", &typed(&world, "create huge", &json!({"raw_body": body}))).await;
        // The bot may hang up before all of it is sent; what counts is that it takes nothing.
        assert!(answer["http_status"] == 413 || answer["http_status"].is_null(), "{megabytes} MB: {answer}");
    }
    world.types(world.ann(), "/repo list").await.says(&["pipelines"]);
}

#[tokio::test]
async fn people_of_other_workspaces_and_deactivated_ones_may_nothing() {
    let world = World::shared(module_path!()).await;
    let other = json!({"user": "U0PAT0006", "user_name": "pat", "team": "T0OTHER99"});
    let answer = world.control("command", &typed(&world, "create foreign", &other)).await;
    assert_eq!(answer["http_status"], 200);
    assert!(answer["ack_body"].to_string().contains("workspace"), "{answer}");
    // An id of ours with another workspace's name is no better.
    let answer =
        world.control("command", &typed(&world, "create foreign", &json!({"team": "T0OTHER99"}))).await;
    assert!(answer["ack_body"].to_string().contains("workspace"), "{answer}");
    let dan = json!({"user": "U0DAN0005", "user_name": "dan"});
    let answer = world.control("command", &typed(&world, "create foreign", &dan)).await;
    assert_eq!(answer["http_status"], 200);
    assert!(answer["ack_body"].to_string().contains('❌'), "{answer}");
    left_no_trace(&world, "foreign").await;
}

/// Texts that have broken parsers before.
const GARBAGE: [&str; 14] = [
    "",
    " ",
    "\0",
    "\u{202e}\u{feff}\u{200b}",
    "💥💥💥💥 create 💥",
    "create ../../etc/passwd",
    "create orders; rm -rf /",
    "create <!channel> <@U0ANN0001|ann> <https://x|y>",
    "create '\"`\\",
    "create \u{e9}\u{301}\u{308}",
    "-- -- --",
    "create %s%n%x{}[]$(id)",
    "null",
    "create orders\ncreate orders2\r\n",
];

#[tokio::test]
async fn garbage_in_every_field_is_answered_and_breaks_nothing() {
    let world = World::shared(module_path!()).await;
    let long = "ä".repeat(3_000);
    // Four people take turns, or the limit of one person's deliveries would answer instead.
    let people = [world.ann(), world.bob(), world.cyd(), world.eve()];
    for (text, user) in GARBAGE.iter().copied().chain([long.as_str()]).zip(people.iter().cycle()) {
        for command in
            ["/repo", "/build", "/deploy", "/stage", "/promote", "/rollback", "/pipeline", "/sluice"]
        {
            let asked = json!({
                "user": user, "channel": world.channel(), "command": command, "text": text,
            });
            let answer = world.control("command", &asked).await;
            assert_eq!(answer["http_status"], 200, "{command} {text:?}: {answer}");
            assert!(answer["error"].is_null(), "{command} {text:?}: {answer}");
        }
        for field in ["user_name", "channel_name", "team"] {
            let answer =
                world.control("command", &typed(&world, "list", &json!({"user": user, field: text}))).await;
            let status = answer["http_status"].as_u64().unwrap_or(500);
            assert!(status < 500, "{field} {text:?}: {answer}");
        }
        for raw in [text.to_owned(), format!("payload={text}"), format!("payload={{\"type\":\"{text}\"}}")] {
            let answer = world
                .control("command", &typed(&world, "list", &json!({"user": user, "raw_body": raw})))
                .await;
            let status = answer["http_status"].as_u64().unwrap_or(500);
            assert!(status < 500, "body {raw:?}: {answer}");
        }
    }
    // An id that is none, and one that nobody has.
    for user in ["", "💥", "U", "U0NOBODY1", &"U".repeat(2_000)] {
        let more = json!({"user": user, "user_name": "who"});
        let answer = world.control("command", &typed(&world, "create ghostly", &more)).await;
        let status = answer["http_status"].as_u64().unwrap_or(500);
        assert!(status < 500, "user {user:?}: {answer}");
    }
    left_no_trace(&world, "ghostly").await;
    world.types(world.ann(), "/repo list").await.says(&["pipelines"]);
}
