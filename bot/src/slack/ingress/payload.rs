//! Parsing what Slack delivers: a signed body, or a message of Socket Mode. slack-morphism's models read Slack's fields, and our
//! own types check them. What does not fit gives a short reason that quotes nothing, and never a panic.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use slack_morphism::events::{
    SlackCommandEvent, SlackInteractionActionContainer, SlackInteractionBlockActionsEvent,
    SlackInteractionEvent,
};
use sluice_commands::installation::{Input, Invocation};
use sluice_model::{Actor, ChannelId, TeamId, UserId};
use url::{Url, form_urlencoded};

/// The largest body. Slack's are some kilobytes.
pub(crate) const BODY_LIMIT: usize = 1 << 20;
const LONGEST_TEXT: usize = 40_000;
const LONGEST_NAME: usize = 80;

/// The two encodings of Slack's bodies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    /// Commands and interactions.
    Form,
    /// Events.
    Json,
}

/// The content of a delivery.
#[derive(Debug)]
pub(crate) enum Payload {
    /// Slack checks the URL; the challenge is sent back.
    Challenge(String),
    /// A certificate check, or an event or interaction that Sluice does not use. It is answered with 200, because Slack shows
    /// people an error for any other status.
    Nothing,
    /// Slack asks for the options of a menu; Sluice has no such menus.
    NoOptions,
    /// A command with more text than any command needs.
    TooLong,
    /// A command or a click.
    Delivery(Box<Delivery>),
}

/// A command or a click.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(super) invocation: Invocation,
    /// The workspaces that it names: where it happened, and the author's.
    pub(super) teams: Vec<TeamId>,
    /// Where later answers go.
    pub(super) response_url: Option<Url>,
    /// A click; Slack ignores the body of its acknowledgement.
    pub(super) is_click: bool,
}

impl Delivery {
    /// The name of the command or button for metrics, or `other` if it does not look like one.
    pub(super) fn verb(&self) -> String {
        let name = match &self.invocation.input {
            Input::Slash { command, .. } => command.trim_start_matches('/'),
            Input::Click { action_id, .. } => action_id,
        };
        let is_plain = |b: u8| b.is_ascii_lowercase() || b"-._".contains(&b);
        let is_short = (1..=40).contains(&name.len());
        if is_short && name.bytes().all(is_plain) { name.to_owned() } else { "other".to_owned() }
    }
}

/// The encoding that the headers name.
pub(super) fn kind(headers: &HeaderMap) -> Option<Encoding> {
    let named = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim();
    match named.to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => Some(Encoding::Form),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}

/// Reads a signed body; the error is a short reason for the log.
pub(super) fn parse(kind: Encoding, body: &str) -> Result<Payload, &'static str> {
    match kind {
        Encoding::Json => event(&serde_json::from_str(body).map_err(|_| "event is no JSON")?),
        Encoding::Form => {
            let mut fields = BTreeMap::new();
            for (name, value) in form_urlencoded::parse(body.as_bytes()) {
                if fields.insert(name.into_owned(), value.into_owned()).is_some() {
                    return Err("field given twice");
                }
            }
            match fields.remove("payload") {
                _ if fields.get("ssl_check").is_some_and(|check| check == "1") => Ok(Payload::Nothing),
                Some(payload) => {
                    interaction(serde_json::from_str(&payload).map_err(|_| "payload is no JSON")?)
                }
                None => {
                    command(fields.into_iter().map(|(name, value)| (name, Value::String(value))).collect())
                }
            }
        }
    }
}

/// Reads the payload of an envelope of this type; the error is a short reason for the log. The fields are those that HTTP has
/// ([source](https://docs.slack.dev/apis/events-api/using-socket-mode#events)).
pub(crate) fn of_envelope(kind: &str, payload: Value) -> Result<Payload, &'static str> {
    match (kind, payload) {
        ("slash_commands", Value::Object(fields)) => command(fields),
        ("slash_commands", _) => Err("command is no object"),
        ("interactive", payload) => interaction(payload),
        ("events_api", payload) => event(&payload),
        // Slack may add types.
        _ => Ok(Payload::Nothing),
    }
}

fn event(body: &Value) -> Result<Payload, &'static str> {
    match body["type"].as_str() {
        Some("url_verification") => {
            let challenge =
                body["challenge"].as_str().filter(|text| text.len() <= 1_000).ok_or("challenge")?;
            Ok(Payload::Challenge(challenge.to_owned()))
        }
        // Slack may add types: an unknown one is not an error.
        Some(_) => Ok(Payload::Nothing),
        None => Err("event type"),
    }
}

fn command(fields: Map<String, Value>) -> Result<Payload, &'static str> {
    let name = fields.get("user_name").and_then(Value::as_str).map(str::to_owned);
    let event: SlackCommandEvent =
        serde_json::from_value(Value::Object(fields)).map_err(|_| "command fields")?;
    let command = event.command.0;
    let text = event.text.unwrap_or_default();
    if !command.starts_with('/')
        || command.chars().count() > LONGEST_NAME
        || command.chars().any(char::is_whitespace)
    {
        return Err("command name");
    }
    let is_too_long = text.chars().count() > LONGEST_TEXT;
    let team = TeamId::new(event.team_id.0).map_err(|_| "team")?;
    let invocation = Invocation {
        delivery: delivery(&team, &event.trigger_id.0)?,
        actor: actor(event.user_id.0, name)?,
        channel: Some(ChannelId::new(event.channel_id.0).map_err(|_| "channel")?),
        input: Input::Slash { command, text },
    };
    let response_url = Some(response_url(event.response_url.0)?);
    if is_too_long {
        return Ok(Payload::TooLong);
    }
    Ok(Payload::Delivery(Box::new(Delivery { invocation, teams: vec![team], response_url, is_click: false })))
}

fn interaction(mut payload: Value) -> Result<Payload, &'static str> {
    let fields = payload.as_object_mut().ok_or("payload is no object")?;
    match fields.get("type").and_then(Value::as_str) {
        Some("block_actions") => {}
        Some("block_suggestion") => return Ok(Payload::NoOptions),
        // Sluice has no views, shortcuts and dialogs. Slack may add types.
        Some(_) => return Ok(Payload::Nothing),
        None => return Err("payload type"),
    }
    if is_elsewhere(fields) {
        return Ok(Payload::Nothing);
    }
    // In an app that is installed for an organization, a click may name no workspace: the author's is used.
    if fields.get("team").is_some_and(Value::is_null)
        && let Some(team) = fields.get("user").and_then(|user| user.get("team_id")).cloned()
    {
        fields.insert("team".to_owned(), serde_json::json!({ "id": team }));
    }
    // The message that was clicked is not needed, and a block that the models do not know would make the click unreadable.
    for unused in ["message", "view", "state"] {
        fields.remove(unused);
    }
    match serde_json::from_value(payload) {
        Ok(SlackInteractionEvent::BlockActions(click)) => self::click(click),
        Ok(_) => Ok(Payload::Nothing),
        Err(_) => Err("payload fields"),
    }
}

/// Whether it is not a click on one button in a message: it is from a home tab or a dialog, or has several actions.
fn is_elsewhere(fields: &Map<String, Value>) -> bool {
    let is_view = fields.get("container").is_some_and(|container| container["type"] == "view");
    let several = fields.get("actions").and_then(Value::as_array).is_some_and(|actions| actions.len() > 1);
    is_view || several
}

fn click(click: SlackInteractionBlockActionsEvent) -> Result<Payload, &'static str> {
    let team = TeamId::new(click.team.id.0).map_err(|_| "team")?;
    let user = click.user.ok_or("user")?;
    let mut teams = vec![team.clone()];
    if let Some(home) = user.team_id {
        teams.push(TeamId::new(home.0).map_err(|_| "user's team")?);
    }
    let container = match click.container {
        SlackInteractionActionContainer::Message(message) => message.channel_id,
        _ => None,
    };
    let channel = click.channel.map(|channel| channel.id).or(container).ok_or("channel")?;
    let mut actions = click.actions.unwrap_or_default().into_iter();
    let (Some(action), None) = (actions.next(), actions.next()) else { return Err("actions") };
    let (action_id, value) = (action.action_id.0, action.value.unwrap_or_default());
    // Our action ids are in lower case, with dots.
    let is_ours =
        action_id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
    if !(1..=255).contains(&action_id.len()) || !is_ours || value.chars().count() > 2_000 {
        return Err("action");
    }
    let invocation = Invocation {
        delivery: delivery(&team, &click.trigger_id.0)?,
        actor: actor(user.id.0, user.username.or(user.name))?,
        channel: Some(ChannelId::new(channel.0).map_err(|_| "channel")?),
        input: Input::Click { action_id, value },
    };
    let response_url = click.response_url.map(|url| response_url(url.0)).transpose()?;
    Ok(Payload::Delivery(Box::new(Delivery { invocation, teams, response_url, is_click: true })))
}

/// The id that Slack repeats when it delivers again.
fn delivery(team: &TeamId, trigger: &str) -> Result<String, &'static str> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let well_formed = (1..=200).contains(&trigger.len()) && trigger.bytes().all(is_plain);
    if well_formed { Ok(format!("{team}:{trigger}")) } else { Err("trigger id") }
}

fn actor(id: String, name: Option<String>) -> Result<Actor, &'static str> {
    let id = UserId::new(id).map_err(|_| "user")?;
    let name: String =
        name.unwrap_or_default().chars().filter(|sign| !sign.is_control()).take(LONGEST_NAME).collect();
    let name = if name.trim().is_empty() { id.to_string() } else { name };
    Ok(Actor::in_slack(id, name))
}

fn response_url(url: Url) -> Result<Url, &'static str> {
    if url.scheme() == "https" || crate::config::is_loopback_http(&url) {
        Ok(url)
    } else {
        Err("response URL")
    }
}
