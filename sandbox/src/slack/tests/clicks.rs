//! Clicks on buttons, and response URLs.

use serde_json::json;

use super::BOB;
use crate::slack::testing::{ANN, GENERAL, World, card};

#[tokio::test]
async fn a_click_carries_the_button_and_the_message() {
    let world = World::start().await;
    let ts = world.says(card("promote?", "op:1")).await;
    let click = json!({"user": BOB, "channel": GENERAL, "ts": ts, "action_id": "promotion.approve"});
    let (status, answer) = world.post("/control/click", click).await;
    assert_eq!((status, &answer["http_status"]), (200, &json!(200)));
    let payload = world.bot.last_payload();
    assert_eq!(payload["type"], "block_actions");
    assert_eq!(payload["user"], json!({"id": BOB, "username": "bob", "name": "bob", "team_id": "T0SLUICE1"}));
    assert_eq!(payload["container"]["message_ts"], ts.as_str());
    assert_eq!(payload["actions"][0]["value"], "op:1");
    assert_eq!(payload["actions"][0]["block_id"], "decide");
    assert_eq!(payload["message"]["blocks"][0]["text"]["text"], "promote?");
    assert_eq!(payload["trigger_id"], answer["trigger_id"]);
}

#[tokio::test]
async fn a_removed_button_can_only_be_clicked_on_a_stale_screen() {
    let world = World::start().await;
    let ts = world.says(card("first", "op:1")).await;
    for content in [card("second", "op:2"), json!({"text": "decided"})] {
        let mut edit = content;
        edit["channel"] = GENERAL.into();
        edit["ts"] = ts.as_str().into();
        assert_eq!(world.api("chat.update", edit).await["ok"], true);
    }
    let mut click = json!({"user": BOB, "channel": GENERAL, "ts": ts, "action_id": "promotion.approve"});
    let (status, refused) = world.post("/control/click", click.clone()).await;
    assert_eq!(status, 404, "{refused}");
    assert!(world.bot.got.lock().is_empty());
    click["stale"] = true.into();
    assert_eq!(world.post("/control/click", click.clone()).await.0, 200);
    let payload = world.bot.last_payload();
    assert_eq!(payload["actions"][0]["value"], "op:2", "the latest earlier version");
    assert_eq!(payload["message"]["blocks"][0]["text"]["text"], "second");
    click["value"] = "op:1".into();
    assert_eq!(world.post("/control/click", click.clone()).await.0, 200);
    assert_eq!(world.bot.last_payload()["actions"][0]["value"], "op:1");
    click["value"] = "op:9".into();
    assert_eq!(world.post("/control/click", click).await.0, 404);
}

#[tokio::test]
async fn only_its_reader_can_click_an_ephemeral_message() {
    let world = World::start().await;
    world.bot.answers(200, card("yours", "op:1"));
    world.deploy("orders").await;
    let ts = world.ephemeral(ANN).await[0]["ts"].clone();
    let mut click = json!({"user": BOB, "channel": GENERAL, "ts": ts, "action_id": "promotion.approve"});
    assert_eq!(world.post("/control/click", click.clone()).await.0, 404);
    click["user"] = ANN.into();
    assert_eq!(world.post("/control/click", click).await.0, 200);
    let payload = world.bot.last_payload();
    assert_eq!(payload["container"]["is_ephemeral"], true);
    let url = payload["response_url"].as_str().unwrap();
    let (status, _) = world.post(url, json!({"replace_original": true, "text": "thanks"})).await;
    assert_eq!(status, 200);
    assert_eq!(world.ephemeral(ANN).await[0]["text"], "thanks");
    world.post(url, json!({"delete_original": true})).await;
    assert_eq!(world.ephemeral(ANN).await[0]["deleted"], true);
}

#[tokio::test]
async fn a_response_url_has_five_uses_and_thirty_minutes() {
    let world = World::start().await;
    world.deploy("orders").await;
    let url = world.bot.last_field("response_url");
    assert_eq!(world.post(&url, json!({"text": "you"})).await, (200, json!({"ok": true})));
    assert_eq!(world.post(&url, json!({"text": "all", "response_type": "in_channel"})).await.0, 200);
    assert_eq!(world.post(&url, json!({"text": "x", "blocks": [{"type": "marquee"}]})).await.0, 400);
    for _ in 0..2 {
        assert_eq!(world.post(&url, json!({"text": "more"})).await.0, 200);
    }
    let (status, refused) = world.post(&url, json!({"text": "too much"})).await;
    assert_eq!((status, &refused["error"]), (404, &json!("used_url")));
    assert_eq!(world.ephemeral(ANN).await[0]["text"], "you");
    assert_eq!(world.messages().await[0]["text"], "all");
    world.deploy("orders").await;
    world.post("/control/response_urls/expire", json!({})).await;
    let (status, refused) = world.post(&world.bot.last_field("response_url"), json!({"text": "x"})).await;
    assert_eq!((status, &refused["error"]), (404, &json!("expired_url")));
}

#[tokio::test]
async fn a_response_url_works_where_the_bot_is_not_a_member() {
    let world = World::start().await;
    let typed = json!({"user": ANN, "channel": "C0RANDOM02", "command": "/deploy", "text": "orders"});
    world.post("/control/command", typed).await;
    let url = world.bot.last_field("response_url");
    assert_eq!(world.post(&url, json!({"text": "invite me"})).await.0, 200);
    assert_eq!(world.ephemeral(ANN).await[0]["channel"], "C0RANDOM02");
}
