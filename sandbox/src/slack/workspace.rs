//! The state of the workspace: messages, response URLs, deliveries. One lock guards it, and nothing waits under it.
//!
//! Guarantees: a `ts` is unique, and each is larger than the one before; every change is published to the page before the
//! lock is released, so pages see changes in order.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::clock;
use super::limits::Limits;
use super::message::{Content, Message};
use crate::token_bucket::Buckets;

/// How many deliveries can be sent again.
const DELIVERIES_KEPT: usize = 5_000;
/// The uses of a response URL, and its lifetime in microseconds.
const HOOK_USES: u32 = 5;
const HOOK_LIFE: u64 = 30 * 60 * 1_000_000;

/// A changed message, for the page. An ephemeral message is sent to one person only.
#[derive(Debug, Clone)]
pub struct MessageEvent {
    /// The only person who sees it.
    pub to: Option<String>,
    pub message: Value,
}

/// A delivery, which can be sent again.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub trigger_id: String,
    /// The body, byte for byte.
    pub body: String,
    /// The user who acted.
    pub user: String,
    /// The channel in which they acted.
    pub channel: String,
    /// The slash command, or `None` for a click.
    pub command: Option<String>,
    /// Whether the bot has answered: Slack shows the first answer.
    pub answered: bool,
}

#[derive(Debug, Clone)]
pub struct ResponseUrl {
    /// The user whom its answers are for.
    pub user: String,
    pub channel: String,
    /// The clicked message, if it belongs to a click.
    pub message: Option<String>,
    /// The delivery that contained it.
    pub trigger_id: String,
    born: u64,
    uses: u32,
}

/// The replicas of the bot, as a load balancer knows them. Never empty.
#[derive(Debug)]
pub struct Replicas {
    urls: Vec<String>,
    next: usize,
}

impl Replicas {
    pub fn one(url: String) -> Self {
        Self { urls: vec![url], next: 0 }
    }

    /// These replicas; `None` if there are none.
    pub fn new(urls: Vec<String>) -> Option<Self> {
        (!urls.is_empty()).then_some(Self { urls, next: 0 })
    }

    /// The order in which the next delivery tries the replicas. Each delivery starts one replica further.
    pub fn next_order(&mut self) -> Vec<String> {
        let first = self.next % self.urls.len();
        self.next = first + 1;
        let mut turn = self.urls.clone();
        turn.rotate_left(first);
        turn
    }
}

#[derive(Debug)]
pub struct Workspace {
    messages: Vec<Message>,
    by_ts: HashMap<String, usize>,
    hooks: HashMap<String, ResponseUrl>,
    sent: VecDeque<Delivery>,
    last: u64,
    /// The number of changes of messages so far.
    revision: u64,
    changes: broadcast::Sender<MessageEvent>,
    /// The ids of users deactivated since the start.
    pub deactivated: BTreeSet<String>,
    /// The members of each user group, by id.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The replicas that deliveries go to.
    pub replicas: Replicas,
    pub limits: Limits,
    /// The remaining calls.
    pub buckets: Buckets,
}

impl Workspace {
    /// A workspace without messages.
    pub fn new(bot_url: String) -> Self {
        Self {
            messages: vec![],
            by_ts: HashMap::new(),
            hooks: HashMap::new(),
            sent: VecDeque::new(),
            last: 0,
            revision: 0,
            changes: broadcast::channel(1024).0,
            deactivated: BTreeSet::new(),
            groups: BTreeMap::new(),
            replicas: Replicas::one(bot_url),
            limits: Limits::default(),
            buckets: Buckets::default(),
        }
    }

    pub fn next_ts(&mut self) -> String {
        self.last = clock::micros().max(self.last + 1);
        clock::ts(self.last)
    }

    /// Stores and publishes a message; its `ts`.
    pub fn post(&mut self, mut message: Message) -> String {
        message.ts = self.next_ts();
        let ts = message.ts.clone();
        self.by_ts.insert(ts.clone(), self.messages.len());
        self.revision += 1;
        self.publish(&message);
        self.messages.push(message);
        ts
    }

    /// A message that was not deleted.
    pub fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.any_message(channel, ts).filter(|message| !message.deleted)
    }

    /// A message, deleted or not.
    pub fn any_message(&self, channel: &str, ts: &str) -> Option<&Message> {
        let message = self.messages.get(*self.by_ts.get(ts)?)?;
        (message.channel == channel).then_some(message)
    }

    pub fn change<T>(&mut self, ts: &str, change: impl FnOnce(&mut Message) -> T) -> Option<T> {
        let index = *self.by_ts.get(ts)?;
        let result = change(self.messages.get_mut(index)?);
        self.revision += 1;
        if let Some(message) = self.messages.get(index) {
            self.publish(message);
        }
        Some(result)
    }

    /// Replaces the content of a message.
    pub fn edit(&mut self, ts: &str, content: Content) {
        let at = self.next_ts();
        self.change(ts, |message| message.edit(content, at));
    }

    /// Larger after each change of a message.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// All messages, the oldest first.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Receives every later change.
    pub fn subscribe(&self) -> broadcast::Receiver<MessageEvent> {
        self.changes.subscribe()
    }

    fn publish(&self, message: &Message) {
        // Fails if no page is open.
        let _ = self.changes.send(MessageEvent { to: message.to.clone(), message: message.view() });
    }

    /// Creates a response URL; its token.
    pub fn new_response_url(
        &mut self,
        user: &str,
        channel: &str,
        message: Option<&str>,
        trigger_id: &str,
    ) -> String {
        let token = format!("{:032x}", rand::random::<u128>());
        let hook = ResponseUrl {
            user: user.into(),
            channel: channel.into(),
            message: message.map(Into::into),
            trigger_id: trigger_id.into(),
            born: clock::micros(),
            uses: 0,
        };
        self.hooks.insert(token.clone(), hook);
        token
    }

    /// Uses a response URL once. The error is Slack's.
    pub fn use_response_url(&mut self, token: &str) -> Result<ResponseUrl, &'static str> {
        let hook = self.hooks.get_mut(token).ok_or("no_such_url")?;
        if clock::micros().saturating_sub(hook.born) > HOOK_LIFE {
            return Err("expired_url");
        }
        if hook.uses >= HOOK_USES {
            return Err("used_url");
        }
        hook.uses += 1;
        Ok(hook.clone())
    }

    pub fn expire_response_urls(&mut self) {
        for hook in self.hooks.values_mut() {
            hook.born = 0;
        }
    }

    pub fn remember(&mut self, sent: Delivery) {
        if self.sent.len() == DELIVERIES_KEPT {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
    }

    pub fn sent(&mut self, trigger_id: &str) -> Option<&mut Delivery> {
        self.sent.iter_mut().rev().find(|sent| sent.trigger_id == trigger_id)
    }

    /// The messages on a person's page.
    pub fn visible(&self, user: &str) -> Value {
        let seen = |message: &&Message| message.to.as_deref().is_none_or(|to| to == user);
        json!(self.messages.iter().filter(seen).map(Message::view).collect::<Vec<_>>())
    }
}
