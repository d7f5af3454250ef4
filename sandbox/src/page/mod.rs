//! The page: static files, its initial state, and every later change.
//!
//! Guarantees: the text of a message is never markup (the policy below forbids inline scripts and styles, and the modules
//! create text nodes only); a person's page never receives a message for another person.

mod events;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use crate::slack::Slack;

/// Allows only what this port serves.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Path, content type, contents.
const FILES: [(&str, &str, &str); 15] = [
    ("index.html", "text/html; charset=utf-8", include_str!("files/index.html")),
    ("style.css", "text/css; charset=utf-8", include_str!("files/style.css")),
    ("blocks.css", "text/css; charset=utf-8", include_str!("files/blocks.css")),
    ("icon.svg", "image/svg+xml", include_str!("files/icon.svg")),
    ("app.js", SCRIPT, include_str!("files/app.js")),
    ("blocks.js", SCRIPT, include_str!("files/blocks.js")),
    ("composer.js", SCRIPT, include_str!("files/composer.js")),
    ("dom.js", SCRIPT, include_str!("files/dom.js")),
    ("emoji.js", SCRIPT, include_str!("files/emoji.js")),
    ("hints.js", SCRIPT, include_str!("files/hints.js")),
    ("messages.js", SCRIPT, include_str!("files/messages.js")),
    ("mrkdwn.js", SCRIPT, include_str!("files/mrkdwn.js")),
    ("sidebar.js", SCRIPT, include_str!("files/sidebar.js")),
    ("store.js", SCRIPT, include_str!("files/store.js")),
    ("welcome.js", SCRIPT, include_str!("files/welcome.js")),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";

pub fn router() -> Router<Slack> {
    Router::new()
        .route("/", get(|| async { file("index.html") }))
        .route("/favicon.ico", get(|| async { file("icon.svg") }))
        .route("/page/files/{name}", get(|Path(name): Path<String>| async move { file(&name) }))
        .route("/page/state", get(state))
        .route("/page/commands", get(commands))
        .route("/page/events", get(events::events))
        .route("/archives/{channel}/{message}", get(permalink))
}

fn file(name: &str) -> Response {
    let Some((_, kind, contents)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, *contents).into_response()
}

#[derive(Deserialize)]
struct As {
    user: Option<String>,
}

/// Everything that the page needs to draw itself for one person.
async fn state(State(slack): State<Slack>, Query(As { user }): Query<As>) -> Response {
    let config = slack.config();
    let wanted = user.unwrap_or_default();
    let me = config.people().find(|person| person.id == wanted || person.name == wanted);
    let me = me.or_else(|| config.people().next()).map(|person| person.id.clone()).unwrap_or_default();
    let messages = slack.workspace().visible(&me);
    axum::Json(json!({
        "me": me,
        "team": {"id": config.team, "name": "Sluice"},
        "bot": {"id": config.bot_user, "name": "Sluice"},
        "people": config.people().collect::<Vec<_>>(),
        "known": config.users,
        "groups": config.groups,
        "channels": config.channels.iter().filter(|channel| !channel.archived).collect::<Vec<_>>(),
        "messages": messages,
        "commands": slack.manifest().commands,
        "world": config.ready,
    }))
    .into_response()
}

/// The manifest's slash commands.
async fn commands(State(slack): State<Slack>) -> Response {
    axum::Json(json!({"commands": slack.manifest().commands})).into_response()
}

/// The target of `chat.getPermalink`.
async fn permalink(Path((channel, message)): Path<(String, String)>) -> Response {
    let digits: String = message.chars().filter(char::is_ascii_digit).collect();
    let Some((seconds, micros)) = digits.split_at_checked(digits.len().saturating_sub(6)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let channel: String = channel.chars().filter(char::is_ascii_alphanumeric).collect();
    Redirect::to(&format!("/#{channel}/{seconds}.{micros}")).into_response()
}

#[cfg(test)]
mod tests;
