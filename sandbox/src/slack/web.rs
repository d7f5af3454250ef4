//! The Web API: authorisation, and the method for each call. Every call goes through the call log.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

use super::args::{Answer, ApiError, Args};
use super::state::Slack;
use super::{chat, directory, sockets};
use crate::calls::{CallName, Protocol};

struct Method {
    run: fn(&Slack, &Args) -> Answer,
    mutating: bool,
    scope: Option<&'static str>,
}

fn method(name: &str) -> Option<Method> {
    let read = |run, scope| Some(Method { run, mutating: false, scope });
    let write = |run| Some(Method { run, mutating: true, scope: Some("chat:write") });
    match name {
        "apps.connections.open" => read(sockets::open, None),
        "api.test" => read(|_, _| Ok(json!({})), None),
        "auth.test" => read(directory::auth_test, None),
        "chat.postMessage" => write(chat::post_message),
        "chat.postEphemeral" => write(chat::post_ephemeral),
        "chat.update" => write(chat::update),
        "chat.delete" => write(chat::delete),
        "chat.getPermalink" => read(chat::permalink, None),
        "users.info" => read(directory::users_info, Some("users:read")),
        "users.list" => read(directory::users_list, Some("users:read")),
        "usergroups.users.list" => read(directory::usergroups_users_list, Some("usergroups:read")),
        "conversations.info" => read(directory::conversations_info, Some("channels:read")),
        "conversations.members" => read(directory::conversations_members, Some("channels:read")),
        "team.info" => read(directory::team_info, Some("team:read")),
        _ => None,
    }
}

pub fn router() -> Router<Slack> {
    Router::new().route("/api/{method}", any(call))
}

async fn call(
    State(slack): State<Slack>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let args = Args::read(&headers, &query.unwrap_or_default(), &body);
    let found = method(&name);
    let call = CallName {
        service: "slack".into(),
        method: name,
        detail: args.as_ref().ok().and_then(detail),
        mutating: found.as_ref().is_some_and(|method| method.mutating),
        protocol: Protocol::Slack,
    };
    if let (true, Ok(args)) = (call.mutating, &args) {
        slack.calls().recording().slack(&call.method, || args.view());
    }
    let (calls, call_name) = (slack.calls().clone(), call.method.clone());
    calls
        .run(call, async move {
            let answer = match args {
                Ok(args) => authorised(&slack, &call_name, &headers, &args)
                    .and_then(|()| run(&slack, found.ok_or(ApiError::from("unknown_method"))?, &args)),
                Err(error) => Err(error.into()),
            };
            respond(&slack, answer)
        })
        .await
}

fn run(slack: &Slack, method: Method, args: &Args) -> Answer {
    match method.scope {
        Some(scope) if !slack.manifest().grants(scope) => {
            Err(ApiError { error: "missing_scope", needed: Some(scope), ..ApiError::default() })
        }
        _ => (method.run)(slack, args),
    }
}

/// The channel, message or user in a call.
fn detail(args: &Args) -> Option<String> {
    let about: Vec<&str> =
        ["channel", "ts", "message_ts", "user", "usergroup"].iter().filter_map(|k| args.text(k)).collect();
    (!about.is_empty()).then(|| about.join("/"))
}

/// Methods of the app itself take its token, and all others the bot's.
fn authorised(slack: &Slack, method: &str, headers: &HeaderMap, args: &Args) -> Result<(), ApiError> {
    let config = slack.config();
    let (right, other) = match method.starts_with("apps.") {
        true => (&config.app_token, &config.bot_token),
        false => (&config.bot_token, &config.app_token),
    };
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).or(args.text("token"));
    match token {
        None => Err("not_authed".into()),
        Some(token) if token == other => Err("not_allowed_token_type".into()),
        Some(token) if token != right => Err("invalid_auth".into()),
        Some(_) => Ok(()),
    }
}

fn respond(slack: &Slack, answer: Answer) -> Response {
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    let body = match answer {
        Ok(mut fields) => {
            let mut body = json!({"ok": true});
            if let (Some(body), Some(fields)) = (body.as_object_mut(), fields.as_object_mut()) {
                body.append(fields);
            }
            body
        }
        Err(refused) => {
            if let Some(seconds) = refused.retry_after {
                status = StatusCode::TOO_MANY_REQUESTS;
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            refusal(slack, refused)
        }
    };
    if let Some(scopes) = &slack.manifest().scopes
        && let Ok(scopes) = HeaderValue::from_str(&scopes.join(","))
    {
        headers.insert("x-oauth-scopes", scopes);
    }
    (status, headers, axum::Json(body)).into_response()
}

fn refusal(slack: &Slack, refused: ApiError) -> Value {
    let mut body = json!({"ok": false, "error": refused.error});
    if !refused.details.is_empty() {
        let messages: Vec<String> =
            refused.details.iter().map(|detail| format!("[ERROR] {detail}")).collect();
        body["errors"] = refused.details.into();
        body["response_metadata"] = json!({ "messages": messages });
    }
    if let Some(needed) = refused.needed {
        body["needed"] = needed.into();
        body["provided"] = slack.manifest().scopes.clone().unwrap_or_default().join(",").into();
    }
    body
}
