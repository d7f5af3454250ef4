//! The workspace over HTTP, as the bot and Slack's users meet it.

use serde_json::{Value, json};

use super::deliver::signature;
use super::testing::{ANN, GENERAL, SECRET, World, card};

const BOB: &str = "U0BOB0002";

#[tokio::test]
async fn a_token_is_needed_and_must_be_the_right_one() {
    let world = World::start().await;
    for (token, error) in [("", "not_authed"), ("xoxb-other", "invalid_auth")] {
        let (_, answer) = world.api_as(token, "auth.test", json!({})).await;
        assert_eq!(answer, json!({"ok": false, "error": error}));
    }
    let answer = world.api("auth.test", json!({})).await;
    assert_eq!((&answer["team_id"], &answer["user_id"]), (&json!("T0SLUICE1"), &json!("U0SLUICE0")));
    assert_eq!(world.api("chat.shout", json!({})).await["error"], "unknown_method");
}

#[tokio::test]
async fn what_slack_refuses_is_refused() {
    let world = World::start().await;
    let bobs = world.post("/control/say", json!({"user": BOB, "channel": GENERAL, "text": "hi"})).await.1;
    let reply = {
        let root = world.says(json!({})).await;
        world.says(json!({"thread_ts": root})).await
    };
    let long = "x".repeat(40_001);
    let section = json!([{"type": "section"}]);
    let full = json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(2_999)}});
    let cases = [
        ("chat.postMessage", json!({"channel": "C0NOWHERE", "text": "x"}), "channel_not_found"),
        ("chat.postMessage", json!({"text": "x"}), "channel_not_found"),
        ("chat.postMessage", json!({"channel": "C0RANDOM02", "text": "x"}), "not_in_channel"),
        ("chat.postMessage", json!({"channel": "C0OLDNEWS4", "text": "x"}), "is_archived"),
        ("chat.postMessage", json!({"channel": GENERAL}), "no_text"),
        ("chat.postMessage", json!({"channel": GENERAL, "text": ""}), "no_text"),
        ("chat.postMessage", json!({"channel": GENERAL, "text": long}), "msg_too_long"),
        ("chat.postMessage", json!({"channel": GENERAL, "blocks": section}), "invalid_blocks"),
        ("chat.postMessage", json!({"channel": GENERAL, "blocks": "what"}), "invalid_blocks_format"),
        ("chat.postMessage", json!({"channel": GENERAL, "blocks": vec![full; 5]}), "msg_blocks_too_long"),
        (
            "chat.postMessage",
            json!({"channel": GENERAL, "text": "x", "thread_ts": "1.000001"}),
            "thread_not_found",
        ),
        (
            "chat.postMessage",
            json!({"channel": GENERAL, "text": "x", "thread_ts": reply}),
            "cannot_reply_to_message",
        ),
        (
            "chat.postMessage",
            json!({"channel": GENERAL, "text": "x", "metadata": {"a": 1}}),
            "invalid_metadata_format",
        ),
        ("chat.update", json!({"channel": GENERAL, "ts": "1.000001", "text": "x"}), "message_not_found"),
        ("chat.update", json!({"channel": GENERAL, "ts": bobs["ts"], "text": "x"}), "cant_update_message"),
        ("chat.update", json!({"channel": GENERAL, "ts": reply}), "no_text"),
        ("chat.update", json!({"channel": GENERAL, "ts": reply, "text": "<".repeat(1_001)}), "msg_too_long"),
        ("chat.delete", json!({"channel": GENERAL, "ts": bobs["ts"]}), "cant_delete_message"),
        ("chat.postEphemeral", json!({"channel": GENERAL, "user": "U9", "text": "x"}), "user_not_in_channel"),
        ("chat.getPermalink", json!({"channel": GENERAL, "message_ts": "1.000001"}), "message_not_found"),
        ("users.info", json!({"user": "U9"}), "user_not_found"),
        ("usergroups.users.list", json!({"usergroup": "S9"}), "no_such_subteam"),
        ("conversations.info", json!({"channel": "C9"}), "channel_not_found"),
    ];
    for (method, args, error) in cases {
        let answer = world.api(method, args.clone()).await;
        assert_eq!(
            answer["error"],
            error,
            "{method} {}",
            args.to_string().chars().take(80).collect::<String>()
        );
    }
    let answer = world.api("chat.postMessage", json!({"channel": GENERAL, "blocks": section})).await;
    let expected = "[ERROR] missing required field: text [json-pointer:/blocks/0]";
    assert_eq!(answer["response_metadata"]["messages"], json!([expected]));
}

#[tokio::test]
async fn a_message_is_posted_edited_and_deleted() {
    let world = World::start().await;
    let metadata = json!({"event_type": "operation", "event_payload": {"operation": "01"}});
    let mut content = card("before", "op:1");
    content["metadata"] = metadata.clone();
    let ts = world.says(content).await;
    let edit = json!({"channel": GENERAL, "ts": ts, "text": "after"});
    let answer = world.api("chat.update", edit).await;
    assert_eq!(
        (&answer["text"], &answer["message"]["edited"]["user"]),
        (&json!("after"), &json!("U0SLUICE0"))
    );
    let message = &world.messages().await[0];
    assert_eq!(message["blocks"], json!([]), "text without blocks drops the blocks");
    assert_eq!((&message["edits"], &message["metadata"]), (&json!(1), &metadata));
    world.api("chat.delete", json!({"channel": GENERAL, "ts": ts})).await;
    assert_eq!(world.messages().await[0]["deleted"], true);
    let gone = world.api("chat.update", json!({"channel": GENERAL, "ts": ts, "text": "x"})).await;
    assert_eq!(gone["error"], "message_not_found");
}

#[tokio::test]
async fn forms_and_queries_carry_arguments_too() {
    let world = World::start().await;
    let body =
        "channel=C0GENERAL1&text=hi&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D&token=xoxb-for-tests";
    let url = format!("{}/api/chat.postMessage", world.base);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let kind = "application/x-www-form-urlencoded";
    let response = client.post(url).header("content-type", kind).body(body).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["message"]["blocks"][0]["type"], "divider", "{answer}");
    let url = format!("{}/api/users.info?user={ANN}", world.base);
    let response = client.get(url).bearer_auth(super::testing::TOKEN).send().await.unwrap();
    assert_eq!(response.json::<Value>().await.unwrap()["user"]["name"], "ann");
}

#[tokio::test]
async fn who_is_deactivated_is_in_no_group_and_a_group_is_edited() {
    let world = World::start().await;
    let (leads, bob) = (json!({"usergroup": "S0LEADS01"}), "U0BOB0002");
    let members = async || world.api("usergroups.users.list", leads.clone()).await["users"].clone();
    assert_eq!(members().await, json!([bob, "U0CYD0003"]));
    let (status, _) = world.post("/control/people", json!({"user": bob, "deactivated": true})).await;
    assert_eq!(status, 200);
    assert_eq!(members().await, json!(["U0CYD0003"]));
    assert_eq!(world.api("users.info", json!({"user": bob})).await["user"]["deleted"], true);
    world.post("/control/groups", json!({"group": "S0LEADS01", "users": [ANN, bob]})).await;
    world.post("/control/people", json!({"user": bob, "deactivated": false})).await;
    assert_eq!(members().await, json!([ANN, bob]));
    assert_eq!(world.post("/control/groups", json!({"group": "S9", "users": []})).await.0, 404);
}

#[tokio::test]
async fn more_than_the_rate_is_429_with_the_seconds_to_wait() {
    let world = World::start().await;
    let limits = json!({"post": {"burst": 1, "per_second": 0.25}});
    assert_eq!(world.post("/control/limits", limits).await.0, 200);
    world.says(json!({})).await;
    let (headers, answer) = world
        .api_as(super::testing::TOKEN, "chat.postMessage", json!({"channel": GENERAL, "text": "x"}))
        .await;
    assert_eq!(answer["error"], "ratelimited");
    assert_eq!(headers["retry-after"], "4");
    assert_eq!(world.messages().await.len(), 1);
}

#[tokio::test]
async fn a_scope_that_the_manifest_lacks_is_missed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "oauth_config: {scopes: {bot: [commands, 'chat:write']}}").unwrap();
    let world = World::with(|config| config.manifest = Some(file.path().into())).await;
    let (headers, answer) = world.api_as(super::testing::TOKEN, "users.info", json!({"user": ANN})).await;
    assert_eq!((&answer["error"], &answer["needed"]), (&json!("missing_scope"), &json!("users:read")));
    assert_eq!(headers["x-oauth-scopes"], "commands,chat:write");
    world.says(json!({})).await;
}

#[tokio::test]
async fn a_command_arrives_signed_and_whole() {
    let world = World::start().await;
    let answer = world.deploy("orders for @bob").await;
    assert_eq!((&answer["http_status"], &answer["error"]), (&json!(200), &Value::Null));
    let (headers, body) = world.bot.got.lock().unwrap()[0].clone();
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
    let (headers, _) = world.bot.got.lock().unwrap()[0].clone();
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
    let (headers, body) = world.bot.got.lock().unwrap()[1].clone();
    let timestamp = headers["x-slack-request-timestamp"].to_str().unwrap();
    assert_eq!(
        (body.as_str(), headers["x-slack-signature"].to_str().unwrap()),
        ("%%%", signature(SECRET, timestamp, "%%%").as_str())
    );
}

#[tokio::test]
async fn a_body_that_the_bot_refuses_unread_is_still_answered() {
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
async fn a_bot_that_is_late_or_away_is_said_to_be() {
    let world = World::start().await;
    world.bot.never_answers();
    let answer = world.deploy("a").await;
    assert_eq!((&answer["http_status"], &answer["error"]), (&Value::Null, &json!("operation_timeout")));
    assert!(answer["ack_ms"].as_u64().unwrap() >= 3000);
    assert_eq!(world.post("/control/bots", json!({"urls": ["http://127.0.0.1:1"]})).await.0, 200);
    assert_eq!(world.deploy("b").await["error"], "dispatch_failed");
    let said = world.ephemeral(ANN).await;
    assert_eq!(said[0]["text"], "/deploy failed with the error \"operation_timeout\"");
    assert_eq!(said[1]["user"], "USLACKBOT");
}

#[tokio::test]
async fn deliveries_go_to_each_replica_in_turn_past_one_that_is_away_or_to_the_one_named() {
    let world = World::start().await;
    let other = World::start().await;
    let away = "http://127.0.0.1:1";
    let (here, there) = (world.bot_url.as_str(), other.bot_url.as_str());
    assert_eq!(world.post("/control/bots", json!({"urls": [here, away, there]})).await.0, 200);
    let counts = || (world.bot.got.lock().unwrap().len(), other.bot.got.lock().unwrap().len());
    let mut seen = vec![];
    for _ in 0..3 {
        assert_eq!(world.deploy("a").await["http_status"], 200);
        seen.push(counts());
    }
    assert_eq!(seen, [(1, 0), (1, 1), (1, 2)], "here, then past the one that is away, then there");
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
    let got = world.bot.got.lock().unwrap().clone();
    assert_eq!(got[0].1, got[1].1);
    let (status, refused) = world.post("/control/redeliver", json!({"trigger_id": "1.2.3"})).await;
    assert_eq!(status, 404, "{refused}");
    assert_eq!(world.messages().await.len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_shown_from_the_second_delivery() {
    let world = World::start().await;
    world.bot.answers(500, "");
    let first = world.deploy("orders").await;
    world.bot.answers(200, "done");
    world.post("/control/redeliver", json!({"trigger_id": first["trigger_id"]})).await;
    assert_eq!(world.ephemeral(ANN).await[1]["text"], "done");
}

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
async fn a_button_that_is_gone_can_only_be_clicked_on_an_old_screen() {
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
    assert!(world.bot.got.lock().unwrap().is_empty());
    click["stale"] = true.into();
    assert_eq!(world.post("/control/click", click.clone()).await.0, 200);
    let payload = world.bot.last_payload();
    assert_eq!(payload["actions"][0]["value"], "op:2", "the newest earlier version");
    assert_eq!(payload["message"]["blocks"][0]["text"]["text"], "second");
    click["value"] = "op:1".into();
    assert_eq!(world.post("/control/click", click.clone()).await.0, 200);
    assert_eq!(world.bot.last_payload()["actions"][0]["value"], "op:1");
    click["value"] = "op:9".into();
    assert_eq!(world.post("/control/click", click).await.0, 404);
}

#[tokio::test]
async fn an_ephemeral_message_is_clicked_by_the_one_who_sees_it() {
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
async fn a_response_url_works_where_the_bot_is_no_member() {
    let world = World::start().await;
    let typed = json!({"user": ANN, "channel": "C0RANDOM02", "command": "/deploy", "text": "orders"});
    world.post("/control/command", typed).await;
    let url = world.bot.last_field("response_url");
    assert_eq!(world.post(&url, json!({"text": "invite me"})).await.0, 200);
    assert_eq!(world.ephemeral(ANN).await[0]["channel"], "C0RANDOM02");
}
