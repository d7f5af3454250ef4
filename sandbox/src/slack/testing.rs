//! A workspace on a free port, with a bot that records its requests and gives prepared answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::SlackConfig;
use super::state::Slack;
use crate::calls::Calls;

pub const TOKEN: &str = "xoxb-for-tests";
pub const SECRET: &str = "signing-secret-for-tests";
pub const ANN: &str = "U0ANN0001";
pub const GENERAL: &str = "C0GENERAL1";

/// A request that the bot received: headers and body.
pub type Got = (HeaderMap, String);

#[derive(Clone, Default)]
pub struct Bot {
    pub got: Arc<Mutex<Vec<Got>>>,
    answer: Arc<Mutex<Option<(u16, String)>>>,
    silent: Arc<Mutex<bool>>,
}

impl Bot {
    pub fn answers(&self, status: u16, body: impl ToString) {
        *self.answer.lock() = Some((status, body.to_string()));
    }

    pub fn never_answers(&self) {
        *self.silent.lock() = true;
    }

    /// The fields of the last form.
    pub fn last_form(&self) -> Vec<(String, String)> {
        let body = self.got.lock().last().unwrap().1.clone();
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
    }

    pub fn last_field(&self, name: &str) -> String {
        self.last_form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default()
    }

    pub fn last_payload(&self) -> Value {
        serde_json::from_str(&self.last_field("payload")).unwrap()
    }
}

async fn take(State(bot): State<Bot>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    bot.got.lock().push((headers, body));
    if *bot.silent.lock() {
        std::future::pending::<()>().await;
    }
    let (status, body) = bot.answer.lock().clone().unwrap_or((200, String::new()));
    (StatusCode::from_u16(status).unwrap(), body)
}

pub struct World {
    pub base: String,
    pub bot: Bot,
    pub bot_url: String,
    http: reqwest::Client,
    _stop: DropGuard,
}

impl World {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut SlackConfig)) -> Self {
        let bot = Bot::default();
        let stop = CancellationToken::new();
        let routes = Router::new().route("/slack/events", post(take)).with_state(bot.clone());
        let bot_url = serve(routes, &stop).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut config = SlackConfig::new(&base, &bot_url, TOKEN, SECRET);
        change(&mut config);
        let slack = Slack::new(config, Calls::new(), stop.clone()).unwrap();
        let (router, stopped) = (crate::server::router(&slack), stop.clone());
        tokio::spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned()).await
        });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { base, bot, bot_url, http, _stop: stop.drop_guard() }
    }

    /// Calls the Web API with the right token.
    pub async fn api(&self, method: &str, args: Value) -> Value {
        self.api_as(TOKEN, method, args).await.1
    }

    pub async fn api_as(&self, token: &str, method: &str, args: Value) -> (HeaderMap, Value) {
        let mut request = self.http.post(format!("{}/api/{method}", self.base)).json(&args);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        (response.headers().clone(), response.json().await.unwrap())
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let response = self.http.post(url).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.http.get(format!("{}{path}", self.base)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn get_text(&self, path: &str) -> (HeaderMap, String) {
        let response = self.http.get(format!("{}{path}", self.base)).send().await.unwrap();
        (response.headers().clone(), response.text().await.unwrap())
    }

    pub async fn delete(&self, path: &str) -> u16 {
        self.http.delete(format!("{}{path}", self.base)).send().await.unwrap().status().as_u16()
    }

    /// Ann types `/deploy` in the general channel.
    pub async fn deploy(&self, text: &str) -> Value {
        let typed = json!({"user": ANN, "channel": GENERAL, "command": "/deploy", "text": text});
        let (status, answer) = self.post("/control/command", typed).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The bot posts a message; its `ts`.
    pub async fn says(&self, content: Value) -> String {
        let mut args = json!({"channel": GENERAL, "text": "hello"});
        args.as_object_mut().unwrap().append(&mut content.as_object().unwrap().clone());
        let answer = self.api("chat.postMessage", args).await;
        assert_eq!(answer["ok"], true, "{answer}");
        answer["ts"].as_str().unwrap().to_owned()
    }

    pub async fn messages(&self) -> Vec<Value> {
        self.get(&format!("/control/messages?channel={GENERAL}")).await.1["messages"]
            .as_array()
            .unwrap()
            .clone()
    }

    pub async fn ephemeral(&self, user: &str) -> Vec<Value> {
        self.get(&format!("/control/ephemeral?user={user}")).await.1["messages"].as_array().unwrap().clone()
    }
}

async fn serve(routes: Router, stop: &CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stopped = stop.clone();
    tokio::spawn(async move {
        axum::serve(listener, routes).with_graceful_shutdown(stopped.cancelled_owned()).await
    });
    url
}

/// A message with one button.
pub fn card(label: &str, value: &str) -> Value {
    json!({"text": "card", "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": label}},
        {"type": "actions", "block_id": "decide", "elements": [
            {"type": "button", "action_id": "promotion.approve", "value": value, "style": "primary",
             "text": {"type": "plain_text", "text": "Approve"}}]}]})
}
