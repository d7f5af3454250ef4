//! The Web API: tokens, scopes, rates, and what Slack refuses.

use serde_json::{Value, json};

use super::BOB;
use crate::slack::testing::{self, ANN, GENERAL, World, card};

#[tokio::test]
async fn calls_need_the_right_token() {
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
async fn slacks_refusals_are_imitated() {
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
async fn arguments_may_come_in_forms_and_queries() {
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
    let response = client.get(url).bearer_auth(testing::TOKEN).send().await.unwrap();
    assert_eq!(response.json::<Value>().await.unwrap()["user"]["name"], "ann");
}

#[tokio::test]
async fn groups_exclude_deactivated_members_and_can_be_edited() {
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
async fn calls_above_the_rate_get_429_with_the_seconds_to_wait() {
    let world = World::start().await;
    let limits = json!({"post": {"burst": 1, "per_second": 0.25}});
    assert_eq!(world.post("/control/limits", limits).await.0, 200);
    world.says(json!({})).await;
    let (headers, answer) =
        world.api_as(testing::TOKEN, "chat.postMessage", json!({"channel": GENERAL, "text": "x"})).await;
    assert_eq!(answer["error"], "ratelimited");
    assert_eq!(headers["retry-after"], "4");
    assert_eq!(world.messages().await.len(), 1);
}

#[tokio::test]
async fn a_scope_missing_from_the_manifest_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "oauth_config: {scopes: {bot: [commands, 'chat:write']}}").unwrap();
    let world = World::with(|config| config.manifest = Some(file.path().into())).await;
    let (headers, answer) = world.api_as(testing::TOKEN, "users.info", json!({"user": ANN})).await;
    assert_eq!((&answer["error"], &answer["needed"]), (&json!("missing_scope"), &json!("users:read")));
    assert_eq!(headers["x-oauth-scopes"], "commands,chat:write");
    world.says(json!({})).await;
}
