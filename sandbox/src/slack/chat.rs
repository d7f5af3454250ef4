//! The `chat.*` methods, and what Slack refuses in them.

use serde_json::{Value, json};

use super::args::{Answer, ApiError, Args};
use super::config::Channel;
use super::message::{Content, Message, Source};
use super::state::Slack;
use super::workspace::Workspace;
use super::{blocks, clock};
use crate::token_bucket::Rate;

/// Characters of a message's text. An edit allows fewer, in bytes, counted as they are sent.
const MAX_TEXT: usize = 40_000;
const MAX_EDIT: usize = 4_000;
/// Bytes of a message's metadata.
const MAX_METADATA: usize = 16_384;
/// Slack shows this for a message of blocks without text.
const NO_TEXT: &str = "This content can't be displayed.";

pub fn post_message(slack: &Slack, args: &Args) -> Answer {
    let channel = writable(slack, args)?;
    let mut workspace = slack.workspace();
    let rate = workspace.limits.post;
    limit(&mut workspace, &format!("post {}", channel.id), rate)?;
    let content = content(args)?;
    let metadata = metadata(args)?;
    let thread_ts = thread(&workspace, args, &channel.id)?;
    let broadcast = thread_ts.is_some() && args.flag("reply_broadcast");
    let message = Message {
        thread_ts,
        broadcast,
        metadata: metadata.flatten(),
        ..Message::new(&channel.id, &slack.config().bot_user, Source::Post, content)
    };
    let ts = workspace.post(message);
    let message = workspace.message(&channel.id, &ts).map(|message| wire(slack, message));
    Ok(json!({"channel": channel.id, "ts": ts, "message": message}))
}

pub fn post_ephemeral(slack: &Slack, args: &Args) -> Answer {
    let channel = writable(slack, args)?;
    let user = args.text("user").and_then(|id| slack.config().user(id)).ok_or("user_not_in_channel")?;
    let mut workspace = slack.workspace();
    let rate = workspace.limits.post;
    limit(&mut workspace, &format!("post {}", channel.id), rate)?;
    let message = Message {
        to: Some(user.id.clone()),
        thread_ts: thread(&workspace, args, &channel.id)?,
        ..Message::new(&channel.id, &slack.config().bot_user, Source::Ephemeral, content(args)?)
    };
    Ok(json!({"message_ts": workspace.post(message)}))
}

pub fn update(slack: &Slack, args: &Args) -> Answer {
    let channel = known(slack, args)?;
    if channel.archived {
        return Err("is_archived".into());
    }
    let mut workspace = slack.workspace();
    let rate = workspace.limits.update;
    limit(&mut workspace, "update", rate)?;
    let ts = own_message(slack, &workspace, args, &channel.id, "cant_update_message")?;
    let content = content(args)?;
    if escaped_bytes(&content.text) > MAX_EDIT {
        return Err("msg_too_long".into());
    }
    if let Some(metadata) = metadata(args)? {
        workspace.change(&ts, |message| message.metadata = metadata);
    }
    if args.flag("reply_broadcast") {
        workspace.change(&ts, |message| message.broadcast = message.thread_ts.is_some());
    }
    workspace.edit(&ts, content);
    let message = workspace.message(&channel.id, &ts).map(|message| wire(slack, message));
    let text = message.as_ref().map(|message| message["text"].clone());
    Ok(json!({"channel": channel.id, "ts": ts, "text": text, "message": message}))
}

pub fn delete(slack: &Slack, args: &Args) -> Answer {
    let channel = known(slack, args)?;
    let mut workspace = slack.workspace();
    let rate = workspace.limits.update;
    limit(&mut workspace, "delete", rate)?;
    let ts = own_message(slack, &workspace, args, &channel.id, "cant_delete_message")?;
    workspace.change(&ts, |message| message.deleted = true);
    Ok(json!({"channel": channel.id, "ts": ts}))
}

pub fn permalink(slack: &Slack, args: &Args) -> Answer {
    let channel = known(slack, args)?;
    let ts = args.text("message_ts").ok_or("message_not_found")?;
    slack.workspace().message(&channel.id, ts).filter(|m| m.to.is_none()).ok_or("message_not_found")?;
    let digits: String = ts.chars().filter(char::is_ascii_digit).collect();
    let url = format!("{}/archives/{}/p{digits}", slack.config().base_url, channel.id);
    Ok(json!({"channel": channel.id, "permalink": url}))
}

/// The text and blocks of a call, as Slack stores them.
pub fn content(args: &Args) -> Result<Content, ApiError> {
    let text = args.text("text");
    if text.is_some_and(|text| text.chars().count() > MAX_TEXT) {
        return Err("msg_too_long".into());
    }
    let mut list = match args.json("blocks") {
        None => vec![],
        Some(value) => match blocks::check(&value) {
            Ok(()) => value.as_array().cloned().unwrap_or_default(),
            Err(blocks::BlockError::Format) => return Err("invalid_blocks_format".into()),
            Err(blocks::BlockError::TooLong) => return Err("msg_blocks_too_long".into()),
            Err(blocks::BlockError::Invalid(details)) => {
                return Err(ApiError { error: "invalid_blocks", details, ..ApiError::default() });
            }
        },
    };
    blocks::number(&mut list);
    match text {
        None if list.is_empty() => Err("no_text".into()),
        text => Ok(Content { text: text.unwrap_or(NO_TEXT).into(), blocks: list }),
    }
}

/// A message in the Web API's JSON.
pub fn wire(slack: &Slack, message: &Message) -> Value {
    let config = slack.config();
    message.wire(&message.content, &config.team, &config.app, (&config.bot_user, &config.bot_id()))
}

/// The metadata to set: `None` keeps it, `Some(None)` removes it.
fn metadata(args: &Args) -> Result<Option<Option<Value>>, ApiError> {
    let Some(value) = args.json("metadata") else { return Ok(None) };
    if value.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(Some(None));
    }
    if !value["event_type"].is_string() || !value["event_payload"].is_object() {
        return Err("invalid_metadata_format".into());
    }
    if value.to_string().len() > MAX_METADATA {
        return Err("metadata_too_large".into());
    }
    Ok(Some(Some(value)))
}

fn known<'a>(slack: &'a Slack, args: &Args) -> Result<&'a Channel, ApiError> {
    Ok(args.text("channel").and_then(|id| slack.config().channel(id)).ok_or("channel_not_found")?)
}

fn writable<'a>(slack: &'a Slack, args: &Args) -> Result<&'a Channel, ApiError> {
    let channel = known(slack, args)?;
    if channel.archived {
        return Err("is_archived".into());
    }
    if !channel.member {
        return Err("not_in_channel".into());
    }
    Ok(channel)
}

fn limit(workspace: &mut Workspace, key: &str, rate: Rate) -> Result<(), ApiError> {
    workspace.buckets.take(key, rate, clock::micros()).map_err(|seconds| ApiError {
        error: "ratelimited",
        retry_after: Some(seconds),
        ..ApiError::default()
    })
}

/// The message to reply to. It must start a thread: replies have no replies.
fn thread(workspace: &Workspace, args: &Args, channel: &str) -> Result<Option<String>, ApiError> {
    let Some(ts) = args.text("thread_ts") else { return Ok(None) };
    let parent =
        workspace.message(channel, ts).filter(|parent| parent.to.is_none()).ok_or("thread_not_found")?;
    if parent.thread_ts.is_some() {
        return Err("cannot_reply_to_message".into());
    }
    Ok(Some(ts.into()))
}

fn own_message(
    slack: &Slack,
    workspace: &Workspace,
    args: &Args,
    channel: &str,
    foreign: &'static str,
) -> Result<String, ApiError> {
    let ts = args.text("ts").ok_or("message_not_found")?;
    let message = workspace.message(channel, ts).filter(|m| m.to.is_none()).ok_or("message_not_found")?;
    if message.user != slack.config().bot_user {
        return Err(foreign.into());
    }
    Ok(ts.into())
}

/// Slack counts the text of an edit in bytes, after escaping `&`, `<` and `>`.
fn escaped_bytes(text: &str) -> usize {
    text.len()
        + text
            .bytes()
            .map(|b| if b == b'&' { 4 } else { 3 * usize::from(b == b'<' || b == b'>') })
            .sum::<usize>()
}
