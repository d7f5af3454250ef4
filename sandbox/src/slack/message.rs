//! Messages with all earlier versions, and their JSON.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `chat.postMessage`.
    Post,
    /// `chat.postEphemeral`.
    Ephemeral,
    /// The bot's answer to a delivery.
    Ack,
    ResponseUrl,
    /// A person wrote it on the page.
    Person,
    /// Slack itself, when a command failed.
    Slack,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Ephemeral => "ephemeral",
            Self::Ack => "ack",
            Self::ResponseUrl => "response_url",
            Self::Person => "person",
            Self::Slack => "slack",
        }
    }
}

/// The text and blocks of a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    pub text: String,
    /// The blocks, with ids; empty if there are none.
    pub blocks: Vec<Value>,
}

/// A message in a channel, or an ephemeral message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id, unique in the sandbox.
    pub ts: String,
    pub channel: String,
    /// The root of its thread, if it is a reply.
    pub thread_ts: Option<String>,
    /// The author's id: a person, the bot or `USLACKBOT`.
    pub user: String,
    /// The only person who sees it, if it is ephemeral.
    pub to: Option<String>,
    pub content: Content,
    /// Earlier versions, the oldest first.
    pub earlier: Vec<Content>,
    /// The time of the last edit.
    pub edited: Option<String>,
    pub metadata: Option<Value>,
    /// Whether a reply is also shown in the channel.
    pub broadcast: bool,
    pub deleted: bool,
    pub source: Source,
    /// The delivery that it answers.
    pub trigger_id: Option<String>,
}

impl Message {
    /// A new message; [`Workspace::post`](super::workspace::Workspace::post) sets its `ts`.
    pub fn new(channel: &str, user: &str, source: Source, content: Content) -> Self {
        Self {
            ts: String::new(),
            channel: channel.into(),
            thread_ts: None,
            user: user.into(),
            to: None,
            content,
            earlier: vec![],
            edited: None,
            metadata: None,
            broadcast: false,
            deleted: false,
            source,
            trigger_id: None,
        }
    }

    /// Replaces the content and keeps the earlier version.
    pub fn edit(&mut self, content: Content, at: String) {
        self.earlier.push(std::mem::replace(&mut self.content, content));
        self.edited = Some(at);
    }

    /// The JSON for the control API and the page.
    pub fn view(&self) -> Value {
        json!({
            "ts": self.ts,
            "thread_ts": self.thread_ts,
            "channel": self.channel,
            "user": self.user,
            "to": self.to,
            "text": self.content.text,
            "blocks": self.content.blocks,
            "edits": self.earlier.len(),
            "metadata": self.metadata,
            "deleted": self.deleted,
            "broadcast": self.broadcast,
            "source": self.source.name(),
            "trigger_id": self.trigger_id,
        })
    }

    /// The JSON for the Web API and interaction payloads, with the given version of the content.
    pub fn wire(&self, content: &Content, team: &str, app: &str, bot: (&str, &str)) -> Value {
        let (bot_user, bot_id) = bot;
        let mut wire = json!({
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": content.text,
            "team": team,
        });
        if self.user == bot_user {
            wire["bot_id"] = bot_id.into();
            wire["app_id"] = app.into();
        }
        if !content.blocks.is_empty() {
            wire["blocks"] = content.blocks.clone().into();
        }
        if let Some(thread) = &self.thread_ts {
            wire["thread_ts"] = thread.as_str().into();
        }
        if let Some(edited) = &self.edited {
            wire["edited"] = json!({"user": self.user, "ts": edited});
        }
        if let Some(metadata) = &self.metadata {
            wire["metadata"] = metadata.clone();
        }
        wire
    }
}

/// The element with this `action_id` (and this value, if one is given), and its block.
pub fn find_action<'a>(
    content: &'a Content,
    action_id: &str,
    value: Option<&str>,
) -> Option<(&'a Value, &'a Value)> {
    content.blocks.iter().find_map(|block| {
        let elements = block["elements"].as_array().map_or(&[][..], Vec::as_slice);
        elements
            .iter()
            .chain(block.get("accessory"))
            .find(|element| {
                element["action_id"] == action_id && value.is_none_or(|value| element["value"] == value)
            })
            .map(|element| (block, element))
    })
}
