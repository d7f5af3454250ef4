//! Deliveries that are forged, old, malformed or from another workspace are refused and have no effect.

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

/// Fails if the table mentions the name.
async fn assert_no_trace(world: &World, name: &str) {
    let table = Aws(world).table().await;
    assert!(!table.is_empty(), "the table can be read");
    let traces: Vec<_> = table.iter().filter(|item| item.to_string().contains(name)).collect();
    assert!(traces.is_empty(), "{name}: {traces:?}");
}

#[tokio::test]
async fn deliveries_without_a_current_signature_are_refused() {
    let world = World::shared(module_path!()).await;
    let forged = format!("v0={}", "0".repeat(64));
    let cases = [
        ("a wrong signature", json!({"signature": forged})),
        ("no signature at all", json!({"signature": ""})),
        ("a signature of another kind", json!({"signature": "v1=00"})),
        ("an old timestamp", json!({"timestamp": "1700000000"})),
        ("a future timestamp", json!({"timestamp": "9700000000"})),
        ("a timestamp that is not a number", json!({"timestamp": "yesterday"})),
        ("a timestamp with a sign", json!({"timestamp": "-1"})),
    ];
    for (what, more) in cases {
        let answer = world.control("command", &typed(&world, "create forged", &more)).await;
        assert_eq!(answer["http_status"], 401, "{what}: {answer}");
        assert_eq!(answer["ack_body"], "", "a refusal gives no reason ({what})");
    }
    assert_no_trace(&world, "forged").await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_unread() {
    let world = World::shared(module_path!()).await;
    for megabytes in [2_usize, 32] {
        let body = format!("command=%2Frepo&text={}", "x".repeat(megabytes << 20));
        let answer =
            world.control("command", &typed(&world, "create huge", &json!({"raw_body": body}))).await;
        // The bot may close the connection early; it must not accept the body.
        assert!(answer["http_status"] == 413 || answer["http_status"].is_null(), "{megabytes} MB: {answer}");
    }
    world.command(world.ann(), "/repo list").await.says(&["pipelines"]);
}

#[tokio::test]
async fn people_of_other_workspaces_and_deactivated_people_are_refused() {
    let world = World::shared(module_path!()).await;
    let other = json!({"user": "U0PAT0006", "user_name": "pat", "team": "T0OTHER99"});
    let answer = world.control("command", &typed(&world, "create foreign", &other)).await;
    assert_eq!(answer["http_status"], 200);
    assert!(answer["ack_body"].to_string().contains("workspace"), "{answer}");
    // A known user id with another workspace is refused, too.
    let answer =
        world.control("command", &typed(&world, "create foreign", &json!({"team": "T0OTHER99"}))).await;
    assert!(answer["ack_body"].to_string().contains("workspace"), "{answer}");
    let dan = json!({"user": "U0DAN0005", "user_name": "dan"});
    let answer = world.control("command", &typed(&world, "create foreign", &dan)).await;
    assert_eq!(answer["http_status"], 200);
    assert!(answer["ack_body"].to_string().contains('❌'), "{answer}");
    assert_no_trace(&world, "foreign").await;
}

/// Texts that are known to break parsers.
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
async fn garbage_in_every_field_gets_an_answer_and_breaks_nothing() {
    let world = World::shared(module_path!()).await;
    let long = "ä".repeat(3_000);
    // Four people take turns, to keep below the limit of one person's deliveries.
    let people = [world.ann(), world.bob(), world.cyd(), world.eve()];
    for (text, user) in GARBAGE.iter().copied().chain([long.as_str()]).zip(people.iter().cycle()) {
        for command in
            ["/repo", "/build", "/deploy", "/stage", "/promote", "/rollback", "/pipeline", "/sluice"]
        {
            let body = json!({
                "user": user, "channel": world.channel(), "command": command, "text": text,
            });
            let answer = world.control("command", &body).await;
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
    // Malformed and unknown user ids.
    for user in ["", "💥", "U", "U0NOBODY1", &"U".repeat(2_000)] {
        let more = json!({"user": user, "user_name": "who"});
        let answer = world.control("command", &typed(&world, "create ghostly", &more)).await;
        let status = answer["http_status"].as_u64().unwrap_or(500);
        assert!(status < 500, "user {user:?}: {answer}");
    }
    assert_no_trace(&world, "ghostly").await;
    world.command(world.ann(), "/repo list").await.says(&["pipelines"]);
}
