//! One of our messages in a channel, as far as this process knows it, and the call that updates it.
//!
//! A message that Slack refuses is not sent again unchanged: it is sent without blocks, or as a new message that is marked as
//! continued, each once, or not at all.

use std::sync::Arc;

use serde_json::{Value, json};
use sluice_commands::operation::Status;
use sluice_model::{ChannelId, OperationId};

use crate::render::Message;
use crate::slack::Method;

/// Slack refuses the blocks; the text alone may be accepted.
const BAD_BLOCKS: [&str; 5] = [
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "only_one_table_allowed",
];
/// The message cannot be edited (any more).
const NOT_EDITABLE: [&str; 3] = ["message_not_found", "cant_update_message", "edit_window_closed"];

#[derive(Default)]
pub(super) struct PostedMessage {
    /// Slack's timestamp, which identifies it, once it is posted.
    pub(super) ts: Option<String>,
    /// Whether the store has the timestamp.
    pub(super) is_recorded: bool,
    /// Whether the timestamp was looked up in the store.
    pub(super) is_looked_up: bool,
    /// An earlier message of the same content may exist.
    pub(super) is_continued: bool,
    /// It replaces a message that could not be edited.
    is_replacement: bool,
    /// Slack refused the blocks.
    is_plain: bool,
    /// Its latest content, as far as this process knows.
    shows: Option<Content>,
    /// Slack refused it in every form.
    pub(super) is_given_up: bool,
}

/// The content that a message has to show.
pub(super) struct MessageDraft {
    pub(super) message: Arc<Message>,
    /// The row of the journal that it is from.
    pub(super) sequence: u64,
    /// The operation's status; `None` for a reply.
    pub(super) status: Option<Status>,
    /// The timestamp of the message whose thread it belongs to.
    pub(super) thread: Option<String>,
    pub(super) broadcast: bool,
}

/// A rendered message and the form in which it is sent.
#[derive(PartialEq)]
pub(super) struct Content {
    message: Arc<Message>,
    is_continued: bool,
    is_plain: bool,
}

impl Content {
    /// The fields `text` and `blocks`.
    fn to_json(&self) -> Value {
        let mut body = self.message.to_json();
        if self.is_continued {
            body["text"] = json!(format!("(continued) {}", self.message.text));
            if let Some(blocks) = body["blocks"].as_array_mut() {
                let text = "Continued: an earlier message of this operation may be above.";
                let element = json!({ "type": "mrkdwn", "text": text, "verbatim": true });
                blocks.push(json!({ "type": "context", "elements": [element] }));
            }
        }
        if self.is_plain {
            body["blocks"] = json!([]);
        }
        body
    }
}

impl PostedMessage {
    /// Not posted yet. `is_new`: no other process can have posted it, so there is nothing to look up in the store.
    pub(super) fn new(is_new: bool) -> Self {
        Self { is_looked_up: is_new, ..Self::default() }
    }

    /// The message in the form in which it would be sent now.
    pub(super) fn content(&self, message: &Arc<Message>) -> Content {
        Content { message: Arc::clone(message), is_continued: self.is_continued, is_plain: self.is_plain }
    }

    /// Whether it is posted and shows this message.
    pub(super) fn shows(&self, message: &Arc<Message>) -> bool {
        self.ts.is_some() && self.shows.as_ref() == Some(&self.content(message))
    }

    /// The call succeeded: the message has this timestamp and shows this content.
    pub(super) fn sent(&mut self, ts: String, content: Content) {
        self.is_recorded &= self.ts.as_ref() == Some(&ts);
        (self.ts, self.shows) = (Some(ts), Some(content));
    }

    /// The call that makes it show `content`: an edit, once it is posted.
    pub(super) fn call(
        &self,
        channel: &ChannelId,
        operation: &OperationId,
        draft: &MessageDraft,
        content: &Content,
    ) -> (Method, Value) {
        let mut call = content.to_json();
        call["channel"] = json!(channel.as_str());
        let mut payload = json!({ "operation": operation.as_str(), "sequence": draft.sequence });
        if let Some(status) = draft.status {
            payload["status"] = json!(status.as_str());
            payload["continued"] = json!(self.is_continued);
        }
        call["metadata"] = json!({ "event_type": "sluice_operation", "event_payload": payload });
        if let Some(ts) = &self.ts {
            call["ts"] = json!(ts);
            return (Method::Update, call);
        }
        if self.is_plain
            && let Some(fields) = call.as_object_mut()
        {
            fields.remove("blocks");
        }
        call["unfurl_links"] = json!(false);
        call["unfurl_media"] = json!(false);
        if let Some(thread) = &draft.thread {
            call["thread_ts"] = json!(thread);
            call["reply_broadcast"] = json!(draft.broadcast);
        }
        (Method::PostMessage, call)
    }

    /// Slack refused the call for its content or its timestamp: chooses the next form, or gives up.
    pub(super) fn refused(&mut self, code: &str, channel: &ChannelId) {
        if BAD_BLOCKS.contains(&code) && !self.is_plain {
            tracing::error!(code, %channel, "Slack refused our blocks; sending plain text");
            self.is_plain = true;
        } else if NOT_EDITABLE.contains(&code) && self.ts.is_some() && !self.is_replacement {
            (self.ts, self.shows) = (None, None);
            (self.is_continued, self.is_replacement, self.is_recorded) = (true, true, false);
        } else {
            tracing::error!(code, %channel, "Slack refused a message");
            self.is_given_up = true;
        }
    }
}
