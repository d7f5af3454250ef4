//! Response URLs: five uses in thirty minutes, each an answer to the person who acted or to their channel.
//!
//! As in Slack, they work where the bot is not a member, need no token, and are `ephemeral` by default. `replace_original`
//! and `delete_original` change the message that was clicked. A slash command has no such message, so there
//! `replace_original` posts a new one.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::args::{ApiError, Args};
use super::chat;
use super::message::{Message, Source};
use super::state::Slack;
use super::workspace::ResponseUrl;
use crate::calls::{CallName, Protocol};

pub fn router() -> Router<Slack> {
    Router::new().route("/response/{token}", post(use_url))
}

async fn use_url(State(slack): State<Slack>, Path(token): Path<String>, body: Bytes) -> Response {
    let call = CallName {
        service: "slack".into(),
        method: "response_url".into(),
        detail: None,
        mutating: true,
        protocol: Protocol::Slack,
    };
    let calls = slack.calls().clone();
    calls.run(call, async move { answer(&slack, &token, &body) }).await
}

fn answer(slack: &Slack, token: &str, body: &[u8]) -> Response {
    let refuse = |status: StatusCode, error: &str, details: Vec<String>| {
        let body = json!({"ok": false, "error": error, "errors": details});
        (status, axum::Json(body)).into_response()
    };
    let hook = match slack.workspace().use_response_url(token) {
        Ok(hook) => hook,
        Err(error) => return refuse(StatusCode::NOT_FOUND, error, vec![]),
    };
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_payload", vec![]);
    };
    let args = Args::from(fields);
    slack.calls().recording().slack("response_url", || args.view());
    match apply(slack, &hook, &args) {
        Ok(()) => axum::Json(json!({"ok": true})).into_response(),
        Err(refused) => refuse(StatusCode::BAD_REQUEST, refused.error, refused.details),
    }
}

fn apply(slack: &Slack, hook: &ResponseUrl, args: &Args) -> Result<(), ApiError> {
    if let Some(ts) = &hook.message {
        if args.flag("delete_original") {
            slack.workspace().change(ts, |message| message.deleted = true);
            return Ok(());
        }
        if args.flag("replace_original") {
            let content = chat::content(args)?;
            slack.workspace().edit(ts, content);
            return Ok(());
        }
    }
    let content = chat::content(args)?;
    let mut message = Message::new(&hook.channel, &slack.config().bot_user, Source::ResponseUrl, content);
    message.trigger_id = Some(hook.trigger_id.clone());
    if args.text("response_type") != Some("in_channel") {
        message.to = Some(hook.user.clone());
    }
    let mut workspace = slack.workspace();
    message.thread_ts = args
        .text("thread_ts")
        .and_then(|ts| workspace.message(&hook.channel, ts))
        .map(|parent| parent.thread_ts.clone().unwrap_or_else(|| parent.ts.clone()));
    workspace.post(message);
    Ok(())
}
