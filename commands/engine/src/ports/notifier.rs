use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::status::Status;
use sluice_model::{Card, ChannelId, OperationId, StepLine, Text, UserId};

/// A message of an operation beside its first one. Each is posted once per channel and edited when it
/// changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadReply {
    /// Names it within the operation: `request`, `end`.
    pub name: &'static str,
    /// A short text that may mention people.
    pub text: Text,
    /// The steps of the operation, shown after the text.
    pub steps: Vec<StepLine>,
    /// Lines for a shell, shown last.
    pub code: Vec<String>,
    /// Whether it is a reply in the operation's thread. Otherwise it is a message of its own in the channel.
    pub in_thread: bool,
    /// Whether a thread reply is also shown in the channel.
    pub broadcast: bool,
    /// The journal row that caused it.
    pub cause: u64,
}

/// The order in which messages are sent while the channel is rate-limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Progress; the next message replaces it.
    Progress,
    /// Work ended, or it waits for people.
    Outcome,
    /// People wait for it while something is broken.
    Urgent,
}

/// A new state of an operation's messages. A later update of an operation replaces an earlier one that was
/// not delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The operation.
    pub operation: OperationId,
    /// The journal's sequence that it was rendered from.
    pub sequence: u64,
    /// Its one message.
    pub card: Card,
    /// The first journal row that this process wrote. A message with an older cause and without a record may
    /// have been posted by a process that died. It is posted once more, marked as continued.
    pub own_since: u64,
    /// Whether this is the first update of an operation that was accepted here a moment ago: none of its
    /// messages can exist yet.
    pub first: bool,
    /// The status of the operation.
    pub status: Status,
    /// Whether its messages are sent before those of other work.
    pub is_urgent: bool,
    /// The person who requested it. They are notified privately if the bot cannot post.
    pub actor: UserId,
    /// The names of the people in Slack who requested or decided, for readers to whom Slack does not show
    /// them.
    pub names: BTreeMap<UserId, String>,
    /// The channels for its messages, each once: where it was requested, and the pipeline's home channel.
    pub channels: Vec<ChannelId>,
    /// Thread replies and other messages beside the first one.
    pub asides: Vec<ThreadReply>,
    /// Whether only the replies are new: the message itself was delivered before, and shows this state.
    pub only_replies: bool,
    /// When a replica looks at the operation again after delivery, also without a signal. After the end: for the follow-up.
    pub wakes: Option<Timestamp>,
}

impl Update {
    /// Whether nothing follows by itself, because it ended or waits for people. After its delivery
    /// everywhere, call [`Messages::settled`](crate::Messages::settled).
    pub fn is_last(&self) -> bool {
        self.status.is_final() || matches!(self.status, Status::Waiting | Status::Stuck)
    }
    /// The priority of its messages.
    pub fn priority(&self) -> Priority {
        match self.is_last() {
            _ if self.is_urgent => Priority::Urgent,
            true => Priority::Outcome,
            false => Priority::Progress,
        }
    }
    /// Whether no update can ever follow.
    pub fn is_over(&self) -> bool {
        self.status.is_final() && self.wakes.is_none()
    }
}

/// Delivers updates to the channels. A failed delivery never delays or fails the work, so no result is
/// returned.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Queues an update and returns at once.
    fn notify(&self, update: Update);
    /// The address of an operation's message in a channel, if it is known within a second.
    async fn link(&self, _operation: &OperationId, _channel: &ChannelId) -> Option<String> {
        None
    }
}

/// Gives an operation a task to run in: `commands` never spawns.
pub trait Runner: Send + Sync {
    /// Ensures that [`Engine::drive`](crate::Engine::drive) runs for it, in one task per
    /// operation. A running task is notified that something happened. Returns at once.
    fn run(&self, operation: OperationId);
}
