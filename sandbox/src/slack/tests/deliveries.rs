//! Deliveries of slash commands, and how their answers are shown.

use serde_json::{Value, json};

use super::BOB;
use crate::slack::deliver::signature;
use crate::slack::testing::{ANN, GENERAL, SECRET, World};

#[tokio::test]
async fn a_command_arrives_signed_and_complete() {
    let world = World::start().await;
    let answer = world.deploy("orders for @bob").await;
    assert_eq!((&answer["http_status"], &answer["error"]), (&json!(200), &Value::Null));
    let (headers, body) = world.bot.got.lock()[0].clone();
    let timestamp = headers["x-slack-request-timestamp"].to_str().unwrap();
    assert_eq!(headers["x-slack-signature"], signature(SECRET, timestamp, &body));
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    for (field, value) in [
        ("team_id", "T0SLUICE1"),
        ("channel_id", GENERAL),
        ("channel_name", "general"),
        ("user_id", ANN),
        ("user_name", "ann"),
        ("command", "/deploy"),
        ("text", "orders for <@U0BOB0002|bob>"),
        ("api_app_id", "A0SLUICE1"),
        ("is_enterprise_install", "false"),
        ("trigger_id", answer["trigger_id"].as_str().unwrap()),
    ] {
        assert_eq!(world.bot.last_field(field), value, "{field}");
    }
}

#[tokio::test]
async fn a_test_can_forge_a_delivery() {
    let world = World::start().await;
    let forged = json!({"user": "U0WHO", "user_name": "who", "channel": GENERAL, "command": "/deploy",
        "team": "T0OTHER99", "timestamp": "1", "signature": "v0=00"});
    assert_eq!(world.post("/control/command", forged).await.0, 200);
    let (headers, _) = world.bot.got.lock()[0].clone();
    assert_eq!(
        (&headers["x-slack-request-timestamp"], &headers["x-slack-signature"]),
        (&"1".parse().unwrap(), &"v0=00".parse().unwrap())
    );
    assert_eq!(
        (world.bot.last_field("team_id"), world.bot.last_field("user_id")),
        ("T0OTHER99".into(), "U0WHO".into())
    );
    let raw = json!({"user": ANN, "channel": GENERAL, "command": "/deploy", "raw_body": "%%%"});
    assert_eq!(world.post("/control/command", raw).await.0, 200);
    let (headers, body) = world.bot.got.lock()[1].clone();
    let timestamp = headers["x-slack-request-timestamp"].to_str().unwrap();
    assert_eq!(
        (body.as_str(), headers["x-slack-signature"].to_str().unwrap()),
        ("%%%", signature(SECRET, timestamp, "%%%").as_str())
    );
}

#[tokio::test]
async fn a_body_that_the_bot_refuses_unread_still_gets_its_answer() {
    let world = World::start().await;
    let huge =
        json!({"user": ANN, "channel": GENERAL, "command": "/deploy", "raw_body": "x".repeat(16 << 20)});
    let (status, answer) = world.post("/control/command", huge).await;
    assert_eq!((status, &answer["http_status"]), (200, &json!(413)), "{answer}");
}

#[tokio::test]
async fn the_answer_to_a_command_is_shown_as_slack_shows_it() {
    let world = World::start().await;
    world.bot.answers(200, "just words");
    world.deploy("a").await;
    world.bot.answers(200, json!({"response_type": "ephemeral", "text": "for you"}));
    world.deploy("b").await;
    world.bot.answers(200, json!({"response_type": "in_channel", "text": "for all"}));
    world.deploy("c").await;
    world.bot.answers(200, "");
    world.deploy("d").await;
    world.bot.answers(200, json!({"text": "x", "blocks": [{"type": "marquee"}]}));
    world.deploy("e").await;
    world.bot.answers(401, "no");
    world.deploy("f").await;
    let texts: Vec<Value> = world.ephemeral(ANN).await.iter().map(|m| m["text"].clone()).collect();
    assert_eq!(
        texts,
        [
            "just words",
            "for you",
            "/deploy failed with the error \"invalid_blocks\"",
            "/deploy failed with the error \"http_client_error\"",
        ]
    );
    assert_eq!(world.messages().await.len(), 1);
    assert_eq!(world.messages().await[0]["text"], "for all");
    assert!(world.ephemeral(BOB).await.is_empty());
}

#[tokio::test]
async fn late_and_unreachable_bots_are_reported() {
    let world = World::start().await;
    world.bot.never_answers();
    let answer = world.deploy("a").await;
    assert_eq!((&answer["http_status"], &answer["error"]), (&Value::Null, &json!("operation_timeout")));
    assert!(answer["ack_ms"].as_u64().unwrap() >= 3000);
    assert_eq!(world.post("/control/bots", json!({"urls": ["http://127.0.0.1:1"]})).await.0, 200);
    assert_eq!(world.deploy("b").await["error"], "dispatch_failed");
    let shown = world.ephemeral(ANN).await;
    assert_eq!(shown[0]["text"], "/deploy failed with the error \"operation_timeout\"");
    assert_eq!(shown[1]["user"], "USLACKBOT");
}

#[tokio::test]
async fn deliveries_rotate_over_replicas_skip_unreachable_ones_and_can_name_one() {
    let world = World::start().await;
    let other = World::start().await;
    let away = "http://127.0.0.1:1";
    let (here, there) = (world.bot_url.as_str(), other.bot_url.as_str());
    assert_eq!(world.post("/control/bots", json!({"urls": [here, away, there]})).await.0, 200);
    let counts = || (world.bot.got.lock().len(), other.bot.got.lock().len());
    let mut seen = vec![];
    for _ in 0..3 {
        assert_eq!(world.deploy("a").await["http_status"], 200);
        seen.push(counts());
    }
    assert_eq!(
        seen,
        [(1, 0), (1, 1), (1, 2)],
        "the first, then the third because the second is unreachable, then the third"
    );
    let named = json!({"user": ANN, "channel": GENERAL, "command": "/deploy", "text": "b", "bot": here});
    let (_, first) = world.post("/control/command", named).await;
    assert_eq!(counts(), (2, 2));
    let again = json!({"trigger_id": first["trigger_id"], "bot": there});
    assert_eq!(world.post("/control/redeliver", again).await.1["http_status"], 200);
    assert_eq!(counts(), (2, 3));
    let named = json!({"user": ANN, "channel": GENERAL, "command": "/deploy", "bot": away});
    assert_eq!(world.post("/control/command", named).await.1["error"], "dispatch_failed");
}

#[tokio::test]
async fn a_delivery_is_sent_again_byte_for_byte_and_shown_once() {
    let world = World::start().await;
    world.bot.answers(200, json!({"response_type": "in_channel", "text": "done"}));
    let first = world.deploy("orders").await;
    let (status, again) = world.post("/control/redeliver", json!({"trigger_id": first["trigger_id"]})).await;
    assert_eq!(
        (status, &again["trigger_id"], &again["http_status"]),
        (200, &first["trigger_id"], &json!(200))
    );
    let got = world.bot.got.lock().clone();
    assert_eq!(got[0].1, got[1].1);
    let (status, refused) = world.post("/control/redeliver", json!({"trigger_id": "1.2.3"})).await;
    assert_eq!(status, 404, "{refused}");
    assert_eq!(world.messages().await.len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_shown_from_the_second_delivery() {
    let world = World::start().await;
    world.bot.answers(500, "");
    let first = world.deploy("orders").await;
    world.bot.answers(200, "done");
    world.post("/control/redeliver", json!({"trigger_id": first["trigger_id"]})).await;
    assert_eq!(world.ephemeral(ANN).await[1]["text"], "done");
}
