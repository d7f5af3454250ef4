//! The HTTP server with a handler and a Slack that record what they get.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use sluice_commands::installation::Input;
use sluice_commands::ports::Clock;
use tokio::time::Instant;
use tower::ServiceExt;
use url::form_urlencoded;

use super::payload::{self, Payload};
use super::testing::{Service, TEAM, Urls, deliveries};
use super::*;
use crate::config::Secret;
use crate::tasks::Tasks;

mod answers;
mod fuzz;
mod payloads;
mod security;

const SECRET: &str = "canary-signing-secret";

struct RealTime;

impl Clock for RealTime {
    #[expect(clippy::disallowed_methods, reason = "slack-morphism's verifier reads the wall clock too")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

struct World {
    router: Router,
    service: Arc<Service>,
    urls: Arc<Urls>,
}

fn world_with(takes: Duration, outcome: Result<(), Unavailable>, is_ready: bool) -> World {
    let (service, urls) = (Service::new(takes, outcome), Arc::new(Urls::default()));
    let deliveries = deliveries(&service, &urls, Tasks::new(), is_ready);
    let server = SlackServer::new(&Secret::new(SECRET), Arc::new(RealTime), deliveries);
    World { router: router(server), service, urls }
}

fn world() -> World {
    world_with(Duration::ZERO, Ok(()), true)
}

fn sign(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

fn stamp(offset: i64) -> String {
    (RealTime.now().as_second() + offset).to_string()
}

fn request(kind: &str, body: &str) -> Request {
    signed(kind, body, SECRET, &stamp(0))
}

fn signed(kind: &str, body: &str, secret: &str, timestamp: &str) -> Request {
    Request::post("/slack/events")
        .header(header::CONTENT_TYPE, kind)
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", sign(secret, timestamp, body))
        .body(Body::from(body.to_owned()))
        .unwrap()
}

const FORM: &str = "application/x-www-form-urlencoded";

fn fields() -> Vec<(&'static str, String)> {
    [
        ("token", "old"),
        ("team_id", TEAM),
        ("team_domain", "home"),
        ("channel_id", "C0GENERAL"),
        ("channel_name", "general"),
        ("user_id", "U0ANN"),
        ("user_name", "ann"),
        ("command", "/build"),
        ("text", "orders"),
        ("api_app_id", "A1"),
        ("response_url", "https://hooks.slack.com/commands/T/1/x"),
        ("trigger_id", "13345224609.738474920.8088930838d88f008e0"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn form(fields: &[(&str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn with(name: &'static str, value: &str) -> String {
    let mut fields = fields();
    fields.retain(|(field, _)| *field != name);
    fields.push((name, value.to_owned()));
    form(&fields)
}

fn click() -> Value {
    json!({
        "type": "block_actions",
        "team": { "id": TEAM, "domain": "home" },
        "user": { "id": "U0BOB", "username": "bob", "team_id": TEAM },
        "api_app_id": "A1",
        "token": "old",
        "container": { "type": "message", "message_ts": "1.2", "channel_id": "C0GENERAL" },
        "trigger_id": "99.1.x",
        "channel": { "id": "C0GENERAL", "name": "general" },
        "message": { "type": "message", "ts": "1.2", "blocks": [{ "type": "not known yet", "x": [[1]] }] },
        "response_url": "https://hooks.slack.com/actions/T/1/x",
        "actions": [{ "type": "button", "action_id": "promotion.approve", "block_id": "b", "value": "01J 3",
                      "action_ts": "1.3", "text": { "type": "plain_text", "text": "Approve" } }],
    })
}

fn payload(value: &Value) -> String {
    form(&[("payload", value.to_string())])
}

async fn send(world: &World, request: Request) -> (StatusCode, String) {
    let response = world.router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn eventually(mut condition: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the condition was never met");
}
