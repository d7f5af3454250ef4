//! The channel's messages, read once for all users.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use crate::{Message, World};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// The time between two reads.
const PERIOD: Duration = Duration::from_millis(300);

/// The channel as of the last read.
pub(crate) struct Channel {
    world: World,
    messages: RefCell<Vec<Message>>,
    read: Notify,
}

impl Channel {
    pub(crate) fn new(world: &World) -> Self {
        Self { world: world.clone(), messages: RefCell::default(), read: Notify::new() }
    }

    /// Reads again and again.
    pub(crate) async fn follow(&self) -> Infallible {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            *self.messages.borrow_mut() = self.world.messages(self.world.channel()).await;
            self.read.notify_waiters();
        }
    }

    /// Waits for the next read.
    pub(crate) async fn next_read(&self) {
        self.read.notified().await;
    }

    /// The ids of all messages.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.messages.borrow().iter().map(|message| message.ts().to_owned()).collect()
    }

    /// The newest message of an operation that this command began, except those in `before`.
    pub(crate) fn newest(&self, line: &str, before: &BTreeSet<String>) -> Option<Message> {
        let messages = self.messages.borrow();
        messages.iter().rev().find(|m| !before.contains(m.ts()) && m.is_of(line)).cloned()
    }

    /// All messages, the newest last.
    pub(crate) fn all(&self) -> Vec<Message> {
        self.messages.borrow().clone()
    }
}
