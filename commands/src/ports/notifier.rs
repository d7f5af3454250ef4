use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::operation::Status;
use sluice_model::{Card, ChannelId, OperationId, StepLine, Text, UserId};

/// A message of an operation beside the first one. Each is posted once per place and edited if it changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadReply {
    /// Names it within the operation: `request`, `end`.
    pub name: &'static str,
    /// What it says; a short text that mentions people.
    pub text: Text,
    /// The steps of the operation, below the text.
    pub steps: Vec<StepLine>,
    /// Lines below it that can be copied to a shell.
    pub code: Vec<String>,
    /// Whether it is a reply in the operation's thread, or a message of its own in the channel.
    pub in_thread: bool,
    /// Whether a thread reply is shown in the channel too.
    pub broadcast: bool,
    /// The journal row that caused it.
    pub cause: u64,
}

/// In which order messages go out while the channel takes no more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// How far work has come; the next message replaces it.
    Progress,
    /// Work ended, or it waits for people.
    Outcome,
    /// People wait for it while something is broken.
    Urgent,
}

/// The state of an operation, to be told. Later news of an operation replaces earlier news that was not told yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Which operation.
    pub operation: OperationId,
    /// The journal's sequence that this was rendered from.
    pub sequence: u64,
    /// Its one message.
    pub card: Card,
    /// The first journal row that this process wrote. A message whose cause is older, and of which nothing is known, may
    /// have been posted by somebody who died: it is posted once more, marked as continued.
    pub own_since: u64,
    /// Whether it was accepted here a moment ago and this is the first that is told of it: no message of it can be
    /// anywhere.
    pub first: bool,
    /// How the operation stands.
    pub status: Status,
    /// Whether its messages go before those of other work.
    pub is_urgent: bool,
    /// Who asked; told privately where the bot cannot post.
    pub actor: UserId,
    /// The names of people in Slack who asked or decided, for readers to whom Slack does not show them.
    pub names: BTreeMap<UserId, String>,
    /// The channels to tell it in, each once: where it was asked for, and the pipeline's home channel.
    pub channels: Vec<ChannelId>,
    /// Messages beside the first one.
    pub asides: Vec<ThreadReply>,
    /// When somebody looks at it again once this is told, though nobody speaks.
    pub wakes: Option<Timestamp>,
}

impl Update {
    /// Whether nothing follows by itself, since it ended or waits for people: when this is told everywhere,
    /// [`Messages::settled`](crate::operation::Messages::settled) is due.
    pub fn is_last(&self) -> bool {
        self.is_over() || matches!(self.status, Status::Waiting | Status::Stuck)
    }
    /// What it goes before.
    pub fn priority(&self) -> Priority {
        match self.is_last() {
            _ if self.is_urgent => Priority::Urgent,
            true => Priority::Outcome,
            false => Priority::Progress,
        }
    }
    /// Whether nothing can ever follow.
    pub fn is_over(&self) -> bool {
        self.status.is_final()
    }
}

/// Tells the channels. Trouble with telling never delays or fails the work, so nothing comes back.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Takes news and returns at once.
    fn notify(&self, news: Update);
    /// The address of an operation's message in a channel, if that is known within a second.
    async fn link(&self, _operation: &OperationId, _channel: &ChannelId) -> Option<String> {
        None
    }
}

/// Gives an operation a task to run in: `commands` never spawns.
pub trait Runner: Send + Sync {
    /// See that [`Engine::drive`](crate::operation::Engine::drive) is running for it; one task per operation. If one is
    /// running already, let it know that something happened. Returns at once.
    fn run(&self, operation: OperationId);
}
