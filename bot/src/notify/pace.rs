//! How often we may call: new messages about once a second per channel with a burst, edits about once a second in all,
//! and never before a `Retry-After` has passed.
//!
//! Calls that have to wait are made by [`Priority`], and in the order in which they came where that is equal. A part of
//! each burst is reserved for urgent calls. The call that has waited longest is passed [`PASSES`] times at most, so every
//! call is made in the end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluice_commands::ports::Priority;
use sluice_model::ChannelId;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// So many messages may follow each other at once in a channel.
const POST_BURST: u32 = 10;
/// Edits are counted for the whole workspace: "50 a minute and more".
const EDIT_BURST: u32 = 30;
/// One in so many calls of a burst is reserved for urgent ones.
const RESERVED: u32 = 3;
const INTERVAL: Duration = Duration::from_secs(1);
/// How often the call that has waited longest is passed by calls of a higher priority.
const PASSES: u32 = 3;
/// Above this many channels, those at rest are forgotten.
const CHANNELS: usize = 500;

/// What is paced together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// New messages in a channel.
    Posts(ChannelId),
    /// Edits, wherever.
    Edits,
}

impl Lane {
    fn burst(&self) -> u32 {
        match self {
            Lane::Posts(_) => POST_BURST,
            Lane::Edits => EDIT_BURST,
        }
    }
    /// How many calls of that priority may follow each other at once.
    fn burst_of(&self, priority: Priority) -> u32 {
        match priority {
            Priority::Urgent => self.burst(),
            Priority::Outcome | Priority::Progress => self.burst() - self.burst() / RESERVED,
        }
    }
}

/// The queues of all lanes.
#[derive(Default)]
pub(crate) struct Pace(Mutex<HashMap<Lane, Queue>>);

/// The calls of a lane: those that were made count against its rate, and those that wait stand in line.
struct Queue {
    /// When the next call would be due if there were no bursts.
    next: Instant,
    closed_until: Instant,
    /// The calls that wait, by the order in which they came.
    waiting: BTreeMap<u64, Priority>,
    tickets: u64,
    /// How often the first of them was passed.
    passed: u32,
    changed: Arc<Notify>,
}

impl Queue {
    fn new(now: Instant) -> Self {
        Self {
            next: now,
            closed_until: now,
            waiting: BTreeMap::new(),
            tickets: 0,
            passed: 0,
            changed: Arc::default(),
        }
    }

    fn is_at_rest(&self, now: Instant) -> bool {
        self.waiting.is_empty() && self.next.max(self.closed_until) <= now
    }

    /// The call that is made next, and the priority that it has then.
    fn first(&self) -> Option<(u64, Priority)> {
        if self.passed >= PASSES {
            return self.waiting.first_key_value().map(|(ticket, _)| (*ticket, Priority::Urgent));
        }
        let waiting = self.waiting.iter().map(|(ticket, priority)| (*ticket, *priority));
        waiting.max_by_key(|(ticket, priority)| (*priority, Reverse(*ticket)))
    }

    /// When a call of that priority may be made.
    fn opens(&self, lane: &Lane, priority: Priority) -> Instant {
        let burst = INTERVAL * (lane.burst_of(priority) - 1);
        self.next.checked_sub(burst).unwrap_or(self.closed_until).max(self.closed_until)
    }

    fn take(&mut self, ticket: u64, now: Instant) {
        let is_oldest = self.waiting.keys().next() == Some(&ticket);
        self.passed = if is_oldest { 0 } else { self.passed + 1 };
        self.next = self.next.max(now) + INTERVAL;
        self.leave(ticket);
    }

    fn leave(&mut self, ticket: u64) {
        let is_oldest = self.waiting.keys().next() == Some(&ticket);
        if self.waiting.remove(&ticket).is_some() {
            self.passed = if is_oldest { 0 } else { self.passed };
            self.changed.notify_waiters();
        }
    }
}

impl Pace {
    /// Joins the queue of a lane.
    pub(super) fn join(&self, lane: &Lane, priority: Priority) -> Turn<'_> {
        let now = Instant::now();
        let mut queues = self.queues();
        if queues.len() > CHANNELS {
            queues.retain(|_, queue| !queue.is_at_rest(now));
        }
        let queue = queues.entry(lane.clone()).or_insert_with(|| Queue::new(now));
        queue.tickets += 1;
        let ticket = queue.tickets;
        queue.waiting.insert(ticket, priority);
        queue.changed.notify_waiters();
        Turn { pace: self, lane: lane.clone(), ticket, changed: Arc::clone(&queue.changed) }
    }

    /// Slack asked to wait.
    pub(super) fn close(&self, lane: &Lane, pause: Duration) {
        let now = Instant::now();
        let mut queues = self.queues();
        let queue = queues.entry(lane.clone()).or_insert_with(|| Queue::new(now));
        queue.closed_until = queue.closed_until.max(now + pause);
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Lane, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place in a queue; it is given up when this is dropped.
pub(super) struct Turn<'a> {
    pace: &'a Pace,
    lane: Lane,
    ticket: u64,
    changed: Arc<Notify>,
}

impl Turn<'_> {
    /// Waits until the call may be made, which is to follow at once. Dropping this future keeps the place.
    pub(super) async fn comes(&mut self) {
        let changed = Arc::clone(&self.changed);
        loop {
            let change = changed.notified();
            match self.try_take() {
                Attempt::Taken => return,
                Attempt::Opens(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = change => {}
                },
                Attempt::Behind => change.await,
            }
        }
    }

    /// The call became more important while it waits.
    pub(super) fn raise(&mut self, to: Priority) {
        if let Some(queue) = self.pace.queues().get_mut(&self.lane)
            && let Some(priority) = queue.waiting.get_mut(&self.ticket)
        {
            *priority = to.max(*priority);
            queue.changed.notify_waiters();
        }
    }

    fn try_take(&self) -> Attempt {
        let now = Instant::now();
        let mut queues = self.pace.queues();
        // It is kept while somebody waits in it.
        let Some(queue) = queues.get_mut(&self.lane) else { return Attempt::Taken };
        match queue.first() {
            Some((ticket, priority)) if ticket == self.ticket => {
                let at = queue.opens(&self.lane, priority);
                if at > now {
                    return Attempt::Opens(at);
                }
                queue.take(ticket, now);
                Attempt::Taken
            }
            _ => Attempt::Behind,
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.pace.queues().get_mut(&self.lane) {
            queue.leave(self.ticket);
        }
    }
}

/// What came of trying to make a call.
enum Attempt {
    /// It may be made now, and counts.
    Taken,
    /// It is the next one, but not before then.
    Opens(Instant),
    /// Another call goes first.
    Behind,
}

#[cfg(test)]
mod tests;
