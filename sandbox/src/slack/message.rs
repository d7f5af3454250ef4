//! Messages as they are kept, with every earlier version, and as others see them.

use serde_json::{Value, json};

/// How a message came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `chat.postMessage`.
    Post,
    /// `chat.postEphemeral`.
    Ephemeral,
    /// The bot's answer to a delivery.
    Ack,
    /// A response URL.
    ResponseUrl,
    /// A person wrote it on the page.
    Person,
    /// Slack itself says something: a command failed.
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

/// What a message says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    /// The plain text.
    pub text: String,
    /// The blocks, numbered; empty if there are none.
    pub blocks: Vec<Value>,
}

/// A message in a channel, or one for a single person.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id in its channel; unique in this world.
    pub ts: String,
    /// Its channel.
    pub channel: String,
    /// The message it replies to.
    pub thread_ts: Option<String>,
    /// Its author: a person, the bot or `USLACKBOT`.
    pub user: String,
    /// The only person who sees it.
    pub to: Option<String>,
    /// What it says now.
    pub content: Content,
    /// What it said before, the oldest first.
    pub earlier: Vec<Content>,
    /// When it was edited last.
    pub edited: Option<String>,
    /// The app's metadata.
    pub metadata: Option<Value>,
    /// A reply that is shown in the channel too.
    pub broadcast: bool,
    /// Whether it was deleted.
    pub deleted: bool,
    /// How it came to be.
    pub source: Source,
    /// The delivery it answers.
    pub trigger_id: Option<String>,
}

impl Message {
    /// A new message; the workspace gives it its `ts`.
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

    /// Says something else from now on.
    pub fn edit(&mut self, content: Content, at: String) {
        self.earlier.push(std::mem::replace(&mut self.content, content));
        self.edited = Some(at);
    }

    /// As the control API and the page show it.
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

    /// As the Web API and interaction payloads show it, in the version given.
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

/// The element with this `action_id` (and this value, if one is given) and the block that holds it.
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
