//! One message of ours in a channel, as far as we know how it stands, and the call that makes it say what it is to say.
//!
//! What Slack refuses is not tried again as it was: without blocks, as a new message marked as continued, or no more.

use serde_json::{Value, json};
use sluice_commands::operation::Status;
use sluice_model::{ChannelId, OperationId};

use crate::render::Message;
use crate::slack::Method;

/// Slack dislikes the blocks; the text alone may pass.
const UGLY: [&str; 5] = [
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "only_one_table_allowed",
];
/// The message cannot be edited (any more).
const GONE: [&str; 3] = ["message_not_found", "cant_update_message", "edit_window_closed"];

/// A message of ours in this channel.
#[derive(Default)]
pub(super) struct Standing {
    /// Where it is, once it is there.
    pub(super) ts: Option<String>,
    /// Whether the ledger knows where it is.
    pub(super) recorded: bool,
    /// Whether the ledger was asked where it is.
    pub(super) sought: bool,
    /// Whether an earlier one may stand above.
    pub(super) continued: bool,
    /// Whether another was posted because the first is gone.
    replaced: bool,
    /// Whether Slack refused the blocks.
    plain: bool,
    /// What it says, as far as this process knows.
    pub(super) told: Option<Value>,
    /// Whether to try no more.
    pub(super) given_up: bool,
}

/// What a message is to say.
pub(super) struct OperationRequest {
    pub(super) what: String,
    pub(super) message: Message,
    pub(super) sequence: u64,
    /// The operation's status; `None` for a message beside the operation's own.
    pub(super) status: Option<Status>,
    pub(super) thread: Option<String>,
    pub(super) broadcast: bool,
}

impl Standing {
    /// One that is not there as far as we know. `sought`: nobody can have posted it, so the ledger need not be asked.
    pub(super) fn new(sought: bool) -> Self {
        Self { sought, ..Self::default() }
    }

    /// What it is to say, marked if an earlier one may stand above.
    pub(super) fn body(&self, message: &Message) -> Value {
        let mut body = message.to_json();
        if self.continued {
            body["text"] = json!(format!("(continued) {}", message.text));
            if let Some(blocks) = body["blocks"].as_array_mut() {
                let words = "Continued: an earlier message of this operation may stand above.";
                let element = json!({ "type": "mrkdwn", "text": words, "verbatim": true });
                blocks.push(json!({ "type": "context", "elements": [element] }));
            }
        }
        if self.plain {
            body["blocks"] = json!([]);
        }
        body
    }

    /// The call by which it comes to say that: an edit, once it is there.
    pub(super) fn call(
        &self,
        channel: &ChannelId,
        operation: &OperationId,
        draft: &OperationRequest,
        body: Value,
    ) -> (Method, Value) {
        let mut call = body;
        call["channel"] = json!(channel.as_str());
        let mut payload = json!({ "operation": operation.as_str(), "sequence": draft.sequence });
        if let Some(status) = draft.status {
            payload["status"] = json!(status.as_str());
            payload["continued"] = json!(self.continued);
        }
        call["metadata"] = json!({ "event_type": "sluice_operation", "event_payload": payload });
        if let Some(ts) = &self.ts {
            call["ts"] = json!(ts);
            return (Method::Update, call);
        }
        if self.plain
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

    /// Slack refused it for what it says or where it is: it is told otherwise, each way once, or no more.
    pub(super) fn refused(&mut self, code: &str, channel: &ChannelId) {
        if UGLY.contains(&code) && !self.plain {
            tracing::error!(code, %channel, "Slack refused our blocks; telling in plain text");
            self.plain = true;
        } else if GONE.contains(&code) && self.ts.is_some() && !self.replaced {
            (self.ts, self.told) = (None, None);
            (self.continued, self.replaced, self.recorded) = (true, true, false);
        } else {
            tracing::error!(code, %channel, "Slack refused a message");
            self.given_up = true;
        }
    }
}
