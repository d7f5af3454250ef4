//! The control API: what tests and the page do on behalf of Slack's users and their networks.
//!
//! `schema.json` describes every request and answer, and is served at `/control/schema`. Errors are `{"error": …}`, with
//! status 400, or 404 for an unknown resource.

mod answer;
mod rules;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use answer::{Answer, ControlError, bad, not_found, read};

use crate::calls::FaultSpec;
use crate::slack::{self, Content, DeliveryResult, Message, Replicas, Slack, Source, Trouble, Workspace};
use crate::token_bucket::Rate;

pub const SCHEMA: &str = include_str!("schema.json");

pub fn router() -> Router<Slack> {
    Router::new()
        .route("/control/command", post(command))
        .route("/control/click", post(click))
        .route("/control/redeliver", post(redeliver))
        .route("/control/say", post(say))
        .route("/control/messages", get(messages))
        .route("/control/ephemeral", get(ephemeral))
        .route("/control/fault", get(faults).post(arm).delete(clear))
        .route("/control/fault/{id}/release", post(release))
        .route("/control/calls", get(calls))
        .route("/control/limits", get(limits).post(set_limits))
        .route("/control/rules", get(rules::show).post(rules::change))
        .route("/control/response_urls/expire", post(expire))
        .route("/control/bots", post(set_bots))
        .route("/control/sockets", get(sockets).post(trouble_sockets))
        .route("/control/people", post(set_person))
        .route("/control/groups", post(set_group))
        .route("/control/world", get(world))
        .route("/control/schema", get(schema))
        .route("/control/{*rest}", axum::routing::any(unknown_route))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
}

/// Admits a `raw_body` larger than the bot's own limit.
const MAX_REQUEST: usize = 128 * 1024 * 1024;

fn delivery(delivered: &DeliveryResult) -> axum::Json<Value> {
    axum::Json(delivered.view())
}

async fn command(State(slack): State<Slack>, body: Bytes) -> Answer {
    Ok(delivery(&slack::command(&slack, read(&body)?).await?))
}

async fn click(State(slack): State<Slack>, body: Bytes) -> Answer {
    Ok(delivery(&slack::click(&slack, read(&body)?).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    trigger_id: String,
    bot: Option<String>,
}

async fn redeliver(State(slack): State<Slack>, body: Bytes) -> Answer {
    let Redeliver { trigger_id, bot } = read(&body)?;
    Ok(delivery(&slack::redeliver(&slack, &trigger_id, bot).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Say {
    user: String,
    channel: String,
    text: String,
    thread_ts: Option<String>,
}

/// A person writes a message that is not a command.
async fn say(State(slack): State<Slack>, body: Bytes) -> Answer {
    let say: Say = read(&body)?;
    let config = slack.config();
    let known = config.user(&say.user).is_some() && config.channel(&say.channel).is_some();
    if !known || say.text.trim().is_empty() {
        return Err(bad("the request needs a known user, a known channel and a text"));
    }
    let content = Content { text: slack::escape(&say.text, config), blocks: vec![] };
    let mut message = Message::new(&say.channel, &say.user, Source::Person, content);
    let mut workspace = slack.workspace();
    if let Some(ts) = say.thread_ts {
        let parent = workspace.message(&say.channel, &ts);
        let parent = parent.ok_or_else(|| bad(format!("no message {ts} to reply to")))?;
        message.thread_ts = Some(parent.thread_ts.clone().unwrap_or(ts));
    }
    Ok(axum::Json(json!({"ts": workspace.post(message)})))
}

#[derive(Deserialize)]
struct MessageQuery {
    channel: Option<String>,
    user: Option<String>,
    #[serde(default)]
    versions: bool,
}

/// The messages that everyone in a channel sees. Deleted messages are included and marked.
async fn messages(
    State(slack): State<Slack>,
    Query(at): Query<MessageQuery>,
    known: HeaderMap,
) -> Result<Response, ControlError> {
    let channel = at.channel.as_ref().ok_or_else(|| bad("`channel` is missing"))?;
    if slack.config().channel(channel).is_none() {
        return Err(not_found(format!("no channel {channel}")));
    }
    let of_channel = |message: &Message| message.to.is_none() && message.channel == *channel;
    Ok(shown(&slack.workspace(), &known, at.versions, of_channel))
}

/// The messages that only one person sees.
async fn ephemeral(
    State(slack): State<Slack>,
    Query(at): Query<MessageQuery>,
    known: HeaderMap,
) -> Result<Response, ControlError> {
    let user = at.user.as_ref().ok_or_else(|| bad("`user` is missing"))?;
    let of_user = |message: &Message| {
        message.to.as_ref() == Some(user) && at.channel.as_ref().is_none_or(|id| *id == message.channel)
    };
    Ok(shown(&slack.workspace(), &known, at.versions, of_user))
}

/// These messages, with the workspace's revision as entity tag; 304 and no body to who has that revision already. Tests ask many
/// times a second while they wait for a change.
fn shown(
    workspace: &Workspace,
    known: &HeaderMap,
    versions: bool,
    is_shown: impl Fn(&Message) -> bool,
) -> Response {
    let tag = format!("\"{}\"", workspace.revision());
    let headers = [(header::ETAG, tag.clone())];
    if known.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let messages = workspace.messages().iter().filter(|message| is_shown(message));
    let views: Vec<Value> = messages.map(|message| view(message, versions)).collect();
    (headers, axum::Json(json!({ "messages": views }))).into_response()
}

fn view(message: &Message, versions: bool) -> Value {
    let mut view = message.view();
    if versions {
        let earlier = message.earlier.iter().map(|c| json!({"text": c.text, "blocks": c.blocks}));
        view["versions"] = earlier.collect::<Vec<_>>().into();
    }
    view
}

async fn arm(State(slack): State<Slack>, body: Bytes) -> Answer {
    let spec: FaultSpec = read(&body)?;
    Ok(axum::Json(json!({"id": slack.calls().arm(spec)})))
}

async fn faults(State(slack): State<Slack>) -> Answer {
    Ok(axum::Json(json!({"faults": slack.calls().faults()})))
}

async fn clear(State(slack): State<Slack>) -> Answer {
    slack.calls().clear();
    Ok(axum::Json(json!({})))
}

async fn release(State(slack): State<Slack>, Path(id): Path<String>) -> Answer {
    if slack.calls().release(&id) {
        Ok(axum::Json(json!({})))
    } else {
        Err(not_found(format!("no fault {id}")))
    }
}

#[derive(Deserialize)]
struct Since {
    since: Option<u64>,
}

async fn calls(State(slack): State<Slack>, Query(Since { since }): Query<Since>) -> Answer {
    Ok(axum::Json(json!({"calls": slack.calls().list(since)})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLimits {
    post: Option<Rate>,
    update: Option<Rate>,
}

async fn limits(State(slack): State<Slack>) -> Answer {
    Ok(axum::Json(json!(slack.workspace().limits)))
}

/// Changes limits and refills all buckets.
async fn set_limits(State(slack): State<Slack>, body: Bytes) -> Answer {
    let new: NewLimits = read(&body)?;
    let sound = |rate: &Rate| rate.per_second.is_finite() && rate.per_second >= 0.0;
    if !new.post.iter().chain(&new.update).all(sound) {
        return Err(bad("`per_second` must be 0 or more"));
    }
    let mut workspace = slack.workspace();
    let old = workspace.limits;
    workspace.limits.post = new.post.unwrap_or(old.post);
    workspace.limits.update = new.update.unwrap_or(old.update);
    workspace.buckets.refill();
    Ok(axum::Json(json!(workspace.limits)))
}

async fn expire(State(slack): State<Slack>) -> Answer {
    slack.workspace().expire_response_urls();
    Ok(axum::Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBots {
    urls: Vec<String>,
}

/// Sets the replicas that deliveries go to, in turn. They must be on this machine.
async fn set_bots(State(slack): State<Slack>, body: Bytes) -> Answer {
    let NewBots { urls } = read(&body)?;
    let urls = urls.iter().map(|url| slack::bot_url(url)).collect::<Result<_, _>>()?;
    slack.workspace().replicas = Replicas::new(urls).ok_or_else(|| bad("`urls` names no bot"))?;
    Ok(axum::Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SocketTrouble {
    trouble: Trouble,
    link: Option<u64>,
}

/// The connections of Socket Mode.
async fn sockets(State(slack): State<Slack>) -> Answer {
    Ok(axum::Json(slack.sockets().view()))
}

/// Makes trouble for one connection of Socket Mode, or for all.
async fn trouble_sockets(State(slack): State<Slack>, body: Bytes) -> Answer {
    let SocketTrouble { trouble, link } = read(&body)?;
    slack.sockets().trouble(trouble, link);
    Ok(axum::Json(slack.sockets().view()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    user: String,
    deactivated: bool,
}

/// Deactivates or reactivates a user.
async fn set_person(State(slack): State<Slack>, body: Bytes) -> Answer {
    let Person { user, deactivated } = read(&body)?;
    if slack.config().user(&user).is_none() {
        return Err(not_found(format!("no user {user}")));
    }
    let mut workspace = slack.workspace();
    match deactivated {
        true => workspace.deactivated.insert(user),
        false => workspace.deactivated.remove(&user),
    };
    Ok(axum::Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewGroup {
    group: String,
    users: Vec<String>,
}

/// Sets the members of a user group.
async fn set_group(State(slack): State<Slack>, body: Bytes) -> Answer {
    let NewGroup { group, users } = read(&body)?;
    if slack.config().group(&group).is_none() {
        return Err(not_found(format!("no group {group}")));
    }
    if let Some(stranger) = users.iter().find(|user| slack.config().user(user).is_none()) {
        return Err(bad(format!("no user {stranger}")));
    }
    slack.workspace().groups.insert(group, users);
    Ok(axum::Json(json!({})))
}

async fn world(State(slack): State<Slack>) -> Answer {
    Ok(axum::Json(slack.config().ready.clone()))
}

async fn schema() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/schema+json")], SCHEMA)
}

async fn unknown_route(Path(rest): Path<String>) -> ControlError {
    not_found(format!("no /control/{rest}; see /control/schema"))
}

#[cfg(test)]
mod tests;
