//! Socket Mode: the bot opens WebSockets here, and deliveries go to one of them instead of to its address.
//!
//! As Slack does it: an address of `apps.connections.open` is good for one connection; each connection is greeted; a delivery goes to one
//! of the open connections, in turn, and is over after three seconds without its acknowledgement; after a warning, deliveries go
//! to the other connections, and the warned one is closed. The control API has the troubles: see [`super::links::Trouble`].

mod link;

use std::time::Duration;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::args::{Answer, Args};
use super::state::Slack;

/// How long Slack waits for an acknowledgement.
const ACK_TIMEOUT: Duration = Duration::from_secs(3);

/// What became of a delivery.
#[derive(Debug)]
pub enum Sent {
    /// It was acknowledged, with this body; empty if it has none.
    Acknowledged(String),
    /// No connection is open.
    NoConnection,
    /// No acknowledgement came in time.
    TimedOut,
}

/// The route of the WebSockets.
pub fn router() -> Router<Slack> {
    Router::new().route("/link", get(link))
}

/// `apps.connections.open`.
pub fn open(slack: &Slack, _: &Args) -> Answer {
    let ticket = slack.sockets().new_ticket();
    let base = slack.config().base_url.replacen("http", "ws", 1);
    Ok(json!({ "url": format!("{base}/link?ticket={ticket}&app_id={}", slack.config().app) }))
}

#[derive(Deserialize)]
struct Ticket {
    #[serde(default)]
    ticket: String,
}

/// Upgrades a request with a ticket to a WebSocket.
async fn link(
    State(slack): State<Slack>,
    Query(Ticket { ticket }): Query<Ticket>,
    headers: HeaderMap,
    mut request: Request,
) -> Response {
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()))
    else {
        return (StatusCode::BAD_REQUEST, "This address is for WebSockets.\n").into_response();
    };
    if !slack.sockets().take_ticket(&ticket) {
        return (StatusCode::FORBIDDEN, "This ticket was used, or was never given.\n").into_response();
    }
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(io) = upgraded.await {
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, None).await;
            link::serve(&slack, socket).await;
        }
    });
    let upgrade = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&key).unwrap_or(HeaderValue::from_static(""))),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, upgrade).into_response()
}

/// Sends a delivery to one of the open connections. `form`: the body that HTTP would have.
pub async fn send(slack: &Slack, form: &str) -> Sent {
    let (kind, payload) = of_form(form);
    let Some(acknowledged) = slack.sockets().send(kind, payload) else { return Sent::NoConnection };
    match tokio::time::timeout(ACK_TIMEOUT, acknowledged).await {
        Ok(Ok(body)) => Sent::Acknowledged(body),
        Ok(Err(_)) | Err(_) => Sent::TimedOut,
    }
}

/// The type and the payload of the envelope for a form: those of an interaction, or the fields of a command.
fn of_form(form: &str) -> (&'static str, Value) {
    let mut fields: Map<String, Value> = url::form_urlencoded::parse(form.as_bytes())
        .map(|(k, v)| (k.into_owned(), v.into_owned().into()))
        .collect();
    match fields.remove("payload") {
        Some(payload) => {
            let text = payload.as_str().unwrap_or_default();
            ("interactive", serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)))
        }
        None => ("slash_commands", fields.into()),
    }
}

#[cfg(test)]
mod tests;
