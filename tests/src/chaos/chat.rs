//! What the channel shows, looked at once for everybody.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use crate::{Message, World};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(300);

/// The channel as it was seen last.
pub(crate) struct Chat {
    world: World,
    messages: RefCell<Vec<Message>>,
    changed: Notify,
}

impl Chat {
    pub(crate) fn new(world: &World) -> Self {
        Self { world: world.clone(), messages: RefCell::default(), changed: Notify::new() }
    }

    /// Looks on and on.
    pub(crate) async fn follow(&self) -> Infallible {
        let mut pulse = interval(GLANCE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pulse.tick().await;
            *self.messages.borrow_mut() = self.world.messages(self.world.channel()).await;
            self.changed.notify_waiters();
        }
    }

    /// Waits for the next look.
    pub(crate) async fn glance(&self) {
        self.changed.notified().await;
    }

    /// The messages that are there.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.messages.borrow().iter().map(|message| message.ts().to_owned()).collect()
    }

    /// The newest message of an operation that a line began, among those that were not there before.
    pub(crate) fn newest(&self, line: &str, before: &BTreeSet<String>) -> Option<Message> {
        let messages = self.messages.borrow();
        messages.iter().rev().find(|m| !before.contains(m.ts()) && m.is_of(line)).cloned()
    }

    /// All messages, the newest last.
    pub(crate) fn all(&self) -> Vec<Message> {
        self.messages.borrow().clone()
    }
}
