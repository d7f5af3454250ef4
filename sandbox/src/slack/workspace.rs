//! The memory of the workspace: messages, response URLs, deliveries. One lock guards it, nothing waits under it.
//!
//! Guarantees: a `ts` is given once and grows; every change is told to the page before the lock is let go, so its order
//! is the order of the changes.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::clock;
use super::message::{Content, Message};
use super::rate::{Buckets, Limits};

/// How many deliveries can be sent again.
const DELIVERIES_KEPT: usize = 5_000;
/// Uses of a response URL, and how long it lives.
const HOOK_USES: u32 = 5;
const HOOK_LIFE: u64 = 30 * 60 * 1_000_000;

/// What changed, for the page. A message for one person goes to nobody else.
#[derive(Debug, Clone)]
pub struct Change {
    /// The only person to be told.
    pub to: Option<String>,
    /// The message as it is now.
    pub message: Value,
}

/// A delivery that was sent and can be sent again.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its trigger id.
    pub trigger_id: String,
    /// The body, byte for byte.
    pub body: String,
    /// Who acted, and where.
    pub user: String,
    /// The channel it was in.
    pub channel: String,
    /// The slash command, or `None` for a click.
    pub command: Option<String>,
    /// Whether the bot's answer has arrived: Slack shows the first one.
    pub answered: bool,
}

/// A response URL.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Who may use it up.
    pub user: String,
    /// Where it writes.
    pub channel: String,
    /// The message that was clicked, if it belongs to a click.
    pub message: Option<String>,
    /// The delivery it came with.
    pub trigger_id: String,
    born: u64,
    uses: u32,
}

/// The replicas of the bot, as a load balancer before them knows them: never empty.
#[derive(Debug)]
pub struct Bots {
    urls: Vec<String>,
    next: usize,
}

impl Bots {
    /// One replica.
    pub fn one(url: String) -> Self {
        Self { urls: vec![url], next: 0 }
    }

    /// Those replicas; `None` without any.
    pub fn of(urls: Vec<String>) -> Option<Self> {
        (!urls.is_empty()).then_some(Self { urls, next: 0 })
    }

    /// The replicas in the order in which the next delivery tries them: each delivery begins one further.
    pub fn turn(&mut self) -> Vec<String> {
        let first = self.next % self.urls.len();
        self.next = first + 1;
        let mut turn = self.urls.clone();
        turn.rotate_left(first);
        turn
    }
}

/// Everything that changes.
#[derive(Debug)]
pub struct Workspace {
    messages: Vec<Message>,
    by_ts: HashMap<String, usize>,
    hooks: HashMap<String, Hook>,
    sent: VecDeque<Sent>,
    last: u64,
    changes: broadcast::Sender<Change>,
    /// Who was deactivated since the beginning, by id.
    pub deactivated: BTreeSet<String>,
    /// Who is in which user group, by id.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Where deliveries go.
    pub bots: Bots,
    /// The limits in force.
    pub limits: Limits,
    /// What is left of them.
    pub buckets: Buckets,
}

impl Workspace {
    /// A workspace where nothing was said yet.
    pub fn new(bot_url: String) -> Self {
        Self {
            messages: vec![],
            by_ts: HashMap::new(),
            hooks: HashMap::new(),
            sent: VecDeque::new(),
            last: 0,
            changes: broadcast::channel(1024).0,
            deactivated: BTreeSet::new(),
            groups: BTreeMap::new(),
            bots: Bots::one(bot_url),
            limits: Limits::default(),
            buckets: Buckets::default(),
        }
    }

    /// A `ts` that was never given before.
    pub fn next_ts(&mut self) -> String {
        self.last = clock::micros().max(self.last + 1);
        clock::ts(self.last)
    }

    /// Keeps a message and tells of it; its `ts`.
    pub fn post(&mut self, mut message: Message) -> String {
        message.ts = self.next_ts();
        let ts = message.ts.clone();
        self.by_ts.insert(ts.clone(), self.messages.len());
        self.tell(&message);
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

    /// Changes a message and tells of it.
    pub fn change<T>(&mut self, ts: &str, change: impl FnOnce(&mut Message) -> T) -> Option<T> {
        let index = *self.by_ts.get(ts)?;
        let result = change(self.messages.get_mut(index)?);
        if let Some(message) = self.messages.get(index) {
            self.tell(message);
        }
        Some(result)
    }

    /// Changes what a message says.
    pub fn edit(&mut self, ts: &str, content: Content) {
        let at = self.next_ts();
        self.change(ts, |message| message.edit(content, at));
    }

    /// All messages, in the order they came.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// From now on, every change.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn tell(&self, message: &Message) {
        // Without a page open nobody listens.
        let _ = self.changes.send(Change { to: message.to.clone(), message: message.view() });
    }

    /// Makes a response URL; its token.
    pub fn hook(&mut self, user: &str, channel: &str, message: Option<&str>, trigger_id: &str) -> String {
        let token = format!("{:032x}", rand::random::<u128>());
        let hook = Hook {
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

    /// Uses a response URL once, or says why not in Slack's words.
    pub fn use_hook(&mut self, token: &str) -> Result<Hook, &'static str> {
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

    /// Lets half an hour pass for every response URL, for tests.
    pub fn expire_hooks(&mut self) {
        for hook in self.hooks.values_mut() {
            hook.born = 0;
        }
    }

    /// Remembers a delivery.
    pub fn remember(&mut self, sent: Sent) {
        if self.sent.len() == DELIVERIES_KEPT {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
    }

    /// A delivery by its trigger id.
    pub fn sent(&mut self, trigger_id: &str) -> Option<&mut Sent> {
        self.sent.iter_mut().rev().find(|sent| sent.trigger_id == trigger_id)
    }

    /// The messages that a person's page shows.
    pub fn visible(&self, user: &str) -> Value {
        let seen = |message: &&Message| message.to.as_deref().is_none_or(|to| to == user);
        json!(self.messages.iter().filter(seen).map(Message::view).collect::<Vec<_>>())
    }
}
