//! Deliveries to the bot: signed as Slack signs, with a timeout of three seconds, and the answer shown as Slack shows it.
//!
//! In Socket Mode they are not signed, and go to one of the connections that the bot has opened. Over HTTP with several replicas, each delivery goes to the next one. A replica that refuses connections is skipped, as a load
//! balancer does; one that accepted the delivery and did not answer is not: Slack sends no command twice.

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::args::Args;
use super::message::{Content, Message, Source};
use super::sockets::{self, Sent};
use super::state::Slack;
use super::workspace::Delivery;
use super::{chat, clock};

/// The author of Slack's own messages.
const SLACKBOT: &str = "USLACKBOT";

/// Why nothing was sent.
#[derive(Debug, PartialEq, Eq)]
pub enum DeliveryError {
    BadRequest(String),
    /// The request names something that does not exist.
    NotFound(String),
}

#[derive(Debug)]
pub struct DeliveryResult {
    /// The status of the bot's answer, if it answered.
    pub status: Option<u16>,
    /// How long the bot took.
    pub took: Duration,
    pub body: String,
    pub trigger_id: String,
    /// Slack's error code, if the delivery failed.
    pub error: Option<&'static str>,
}

impl DeliveryResult {
    /// The answer of the control API.
    pub fn view(&self) -> Value {
        let body = match serde_json::from_str(&self.body) {
            Ok(value @ Value::Object(_)) => value,
            _ => Value::from(self.body.as_str()),
        };
        json!({
            "http_status": self.status,
            "ack_ms": u64::try_from(self.took.as_micros().div_ceil(1000)).unwrap_or(u64::MAX),
            "ack_us": u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            "ack_body": body,
            "trigger_id": self.trigger_id,
            "error": self.error,
        })
    }
}

/// A test's changes to a delivery.
#[derive(Debug, Default)]
pub struct DeliveryOptions {
    /// The replica to deliver to, instead of the next one.
    pub bot: Option<String>,
    /// The timestamp in seconds, instead of now.
    pub timestamp: Option<String>,
    /// The signature, instead of the right one.
    pub signature: Option<String>,
}

/// Slack's signature of a body: `v0=` and an HMAC.
pub fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// Stores a delivery, sends it, and shows the answer.
pub async fn deliver(slack: &Slack, sent: Delivery, options: DeliveryOptions) -> DeliveryResult {
    slack.workspace().remember(sent.clone());
    send_and_show(slack, sent, options).await
}

/// The base URL of a bot. Deliveries may only go to http on this machine.
pub fn bot_url(url: &str) -> Result<String, DeliveryError> {
    let parsed = url::Url::parse(url).ok().filter(|parsed| {
        parsed.scheme() == "http" && matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
    });
    match parsed {
        Some(_) => Ok(url.trim_end_matches('/').to_owned()),
        None => {
            Err(DeliveryError::BadRequest(format!("a bot's URL must be http and on this machine: {url:?}")))
        }
    }
}

/// Sends a delivery again, byte for byte, with a new signature.
pub async fn redeliver(
    slack: &Slack,
    trigger_id: &str,
    bot: Option<String>,
) -> Result<DeliveryResult, DeliveryError> {
    let bot = bot.as_deref().map(bot_url).transpose()?;
    let sent = slack.workspace().sent(trigger_id).cloned();
    let sent =
        sent.ok_or_else(|| DeliveryError::NotFound(format!("no delivery has the trigger_id {trigger_id}")))?;
    Ok(send_and_show(slack, sent, DeliveryOptions { bot, ..DeliveryOptions::default() }).await)
}

/// Runs in its own task: Slack keeps waiting for the bot when the person who typed closes the window.
async fn send_and_show(slack: &Slack, sent: Delivery, options: DeliveryOptions) -> DeliveryResult {
    let (slack, trigger_id) = (slack.clone(), sent.trigger_id.clone());
    let task = tokio::spawn(async move {
        let delivered = send(&slack, &sent, options).await;
        show_answer(&slack, &sent, &delivered);
        delivered
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a delivery panicked");
        let (took, error) = (Duration::ZERO, Some("dispatch_failed"));
        DeliveryResult { status: None, took, body: String::new(), trigger_id, error }
    })
}

async fn send(slack: &Slack, sent: &Delivery, options: DeliveryOptions) -> DeliveryResult {
    if !slack.config().uses_sockets {
        return send_over_http(slack, sent, options).await;
    }
    let began = Instant::now();
    let (status, body, error) = match sockets::send(slack, &sent.body).await {
        Sent::Acknowledged(body) => (Some(200), body, None),
        Sent::NoConnection => (None, String::new(), Some("dispatch_failed")),
        Sent::TimedOut => (None, String::new(), Some("operation_timeout")),
    };
    DeliveryResult { status, took: began.elapsed(), body, trigger_id: sent.trigger_id.clone(), error }
}

async fn send_over_http(slack: &Slack, sent: &Delivery, options: DeliveryOptions) -> DeliveryResult {
    let replicas = options.bot.map_or_else(|| slack.workspace().replicas.next_order(), |bot| vec![bot]);
    let timestamp = options.timestamp.unwrap_or_else(|| clock::seconds().to_string());
    let signature = options
        .signature
        .unwrap_or_else(|| signature(&slack.config().signing_secret, &timestamp, &sent.body));
    let post = async |bot: &str| {
        let request = slack
            .http()
            .post(format!("{bot}/slack/events"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
            .header("x-slack-request-timestamp", &timestamp)
            .header("x-slack-signature", &signature)
            .body(sent.body.clone());
        let response = request.send().await?;
        Ok::<_, reqwest::Error>((response.status().as_u16(), response.text().await?))
    };
    let began = Instant::now();
    let mut answer = None;
    for bot in &replicas {
        let posted = post(bot).await;
        let refused_connection = posted.as_ref().is_err_and(reqwest::Error::is_connect);
        answer = Some(posted);
        if !refused_connection {
            break;
        }
    }
    let (status, body, error) = match answer {
        Some(Ok((status @ 200..=299, body))) => (Some(status), body, None),
        Some(Ok((status @ 500.., body))) => (Some(status), body, Some("http_service_error")),
        Some(Ok((status, body))) => (Some(status), body, Some("http_client_error")),
        Some(Err(error)) if error.is_timeout() => (None, String::new(), Some("operation_timeout")),
        None | Some(Err(_)) => (None, String::new(), Some("dispatch_failed")),
    };
    DeliveryResult { status, took: began.elapsed(), body, trigger_id: sent.trigger_id.clone(), error }
}

/// Shows the answer, unless an answer to the same delivery was shown before.
fn show_answer(slack: &Slack, sent: &Delivery, delivered: &DeliveryResult) {
    let mut workspace = slack.workspace();
    if let Some(sent) = workspace.sent(&sent.trigger_id) {
        if sent.answered {
            return;
        }
        sent.answered = delivered.error.is_none();
    }
    if delivered.error.is_none() && !delivered.body.trim().is_empty() {
        let body =
            || serde_json::from_str(&delivered.body).unwrap_or_else(|_| json!({ "text": delivered.body }));
        slack.calls().recording().slack("ack", body);
    }
    let shown = match (&delivered.error, &sent.command) {
        (None, None) => Ok(None),
        (None, Some(_)) => acknowledgement(&delivered.body),
        (Some(error), _) => Err(*error),
    };
    let mut message = match shown {
        Ok(None) => return,
        Ok(Some((in_channel, content))) => {
            let mut message = Message::new(&sent.channel, &slack.config().bot_user, Source::Ack, content);
            message.to = (!in_channel).then(|| sent.user.clone());
            message
        }
        Err(error) => {
            let text = match &sent.command {
                Some(command) => format!("{command} failed with the error \"{error}\""),
                None => format!("That click failed with the error \"{error}\""),
            };
            let mut message =
                Message::new(&sent.channel, SLACKBOT, Source::Slack, Content { text, blocks: vec![] });
            message.to = Some(sent.user.clone());
            message
        }
    };
    message.trigger_id = Some(sent.trigger_id.clone());
    workspace.post(message);
}

/// The message in an answer to a slash command, and whether everyone sees it.
fn acknowledgement(body: &str) -> Result<Option<(bool, Content)>, &'static str> {
    if body.trim().is_empty() {
        return Ok(None);
    }
    let Ok(Value::Object(fields)) = serde_json::from_str(body) else {
        return Ok(Some((false, Content { text: body.into(), blocks: vec![] })));
    };
    let args = Args::from(fields);
    let in_channel = args.text("response_type") == Some("in_channel");
    match chat::content(&args) {
        Ok(content) => Ok(Some((in_channel, content))),
        Err(refused) if refused.error == "no_text" => Ok(None),
        Err(refused) => {
            tracing::warn!(error = refused.error, details = ?refused.details, "Slack would refuse this answer");
            Err(refused.error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_matches_slacks_documentation() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                    channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                    response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F\
                    96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        assert_eq!(
            signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body),
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }
}
