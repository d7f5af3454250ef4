//! Slack's rate limits: new messages about once a second per channel with a burst, edits about once a second in total, and no
//! call before a `Retry-After` has passed.
//!
//! Waiting calls are admitted by [`Priority`], and in their order where the priority is equal. A part of each burst is reserved
//! for urgent calls. The call that has waited longest is overtaken at most [`OVERTAKES`] times, so every call is admitted in the
//! end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sluice_commands::ports::Priority;
use sluice_model::ChannelId;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// New messages of a channel in a burst.
const POST_BURST: u32 = 10;
/// Edits of the workspace in a burst. Slack allows "50+ per minute".
const EDIT_BURST: u32 = 30;
/// One in this many calls of a burst is reserved for urgent ones.
const RESERVED: u32 = 3;
const INTERVAL: Duration = Duration::from_secs(1);
/// How often the call that has waited longest is overtaken by calls of a higher priority.
const OVERTAKES: u32 = 3;
/// Above this number of classes, those at rest are forgotten.
const CLASSES: usize = 500;

/// Calls that share a limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum RateClass {
    /// New messages in a channel.
    Posts(ChannelId),
    /// Edits in any channel.
    Edits,
}

impl RateClass {
    fn burst(&self) -> u32 {
        match self {
            RateClass::Posts(_) => POST_BURST,
            RateClass::Edits => EDIT_BURST,
        }
    }

    fn burst_of(&self, priority: Priority) -> u32 {
        match priority {
            Priority::Urgent => self.burst(),
            Priority::Outcome | Priority::Progress => self.burst() - self.burst() / RESERVED,
        }
    }
}

#[derive(Default)]
pub(crate) struct RateLimiter(Mutex<HashMap<RateClass, Queue>>);

/// The calls of a class: the rate of those that were made, and those that wait.
struct Queue {
    /// When the next call would be due without bursts.
    next: Instant,
    closed_until: Instant,
    /// The waiting calls, in their order.
    waiting: BTreeMap<u64, Priority>,
    /// The last number given out.
    numbers: u64,
    /// How often the first of them was overtaken.
    overtaken: u32,
    changed: Arc<Notify>,
}

impl Queue {
    fn new(now: Instant) -> Self {
        Self {
            next: now,
            closed_until: now,
            waiting: BTreeMap::new(),
            numbers: 0,
            overtaken: 0,
            changed: Arc::default(),
        }
    }

    fn is_at_rest(&self, now: Instant) -> bool {
        self.waiting.is_empty() && self.next.max(self.closed_until) <= now
    }

    /// The next call, and the priority that it has then.
    fn first(&self) -> Option<(u64, Priority)> {
        if self.overtaken >= OVERTAKES {
            return self.waiting.first_key_value().map(|(number, _)| (*number, Priority::Urgent));
        }
        let waiting = self.waiting.iter().map(|(number, priority)| (*number, *priority));
        waiting.max_by_key(|(number, priority)| (*priority, Reverse(*number)))
    }

    /// When a call of that priority is admitted.
    fn opens(&self, class: &RateClass, priority: Priority) -> Instant {
        let burst = INTERVAL * (class.burst_of(priority) - 1);
        self.next.checked_sub(burst).unwrap_or(self.closed_until).max(self.closed_until)
    }

    fn take(&mut self, number: u64, now: Instant) {
        let is_oldest = self.waiting.keys().next() == Some(&number);
        self.overtaken = if is_oldest { 0 } else { self.overtaken + 1 };
        self.next = self.next.max(now) + INTERVAL;
        self.leave(number);
    }

    fn leave(&mut self, number: u64) {
        let is_oldest = self.waiting.keys().next() == Some(&number);
        if self.waiting.remove(&number).is_some() {
            self.overtaken = if is_oldest { 0 } else { self.overtaken };
            self.changed.notify_waiters();
        }
    }
}

impl RateLimiter {
    pub(super) fn join(&self, class: &RateClass, priority: Priority) -> Ticket<'_> {
        let now = Instant::now();
        let mut queues = self.0.lock();
        if queues.len() > CLASSES {
            queues.retain(|_, queue| !queue.is_at_rest(now));
        }
        let queue = queues.entry(class.clone()).or_insert_with(|| Queue::new(now));
        queue.numbers += 1;
        let number = queue.numbers;
        queue.waiting.insert(number, priority);
        queue.changed.notify_waiters();
        Ticket { limiter: self, class: class.clone(), number, changed: Arc::clone(&queue.changed) }
    }

    /// Slack answered `Retry-After`.
    pub(super) fn close(&self, class: &RateClass, pause: Duration) {
        let now = Instant::now();
        let mut queues = self.0.lock();
        let queue = queues.entry(class.clone()).or_insert_with(|| Queue::new(now));
        queue.closed_until = queue.closed_until.max(now + pause);
    }
}

/// A waiting call. Dropping it leaves the queue.
pub(super) struct Ticket<'a> {
    limiter: &'a RateLimiter,
    class: RateClass,
    number: u64,
    changed: Arc<Notify>,
}

impl Ticket<'_> {
    /// Waits until the call is admitted; the caller makes it at once. Dropping this future keeps the place in the queue.
    pub(super) async fn admitted(&mut self) {
        let changed = Arc::clone(&self.changed);
        loop {
            let change = changed.notified();
            match self.try_admit() {
                Attempt::Admitted => return,
                Attempt::Opens(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = change => {}
                },
                Attempt::NotNext => change.await,
            }
        }
    }

    /// Raises the priority of the waiting call.
    pub(super) fn raise(&mut self, to: Priority) {
        if let Some(queue) = self.limiter.0.lock().get_mut(&self.class)
            && let Some(priority) = queue.waiting.get_mut(&self.number)
        {
            *priority = to.max(*priority);
            queue.changed.notify_waiters();
        }
    }

    fn try_admit(&self) -> Attempt {
        let now = Instant::now();
        let mut queues = self.limiter.0.lock();
        // A queue is kept while a call waits in it.
        let Some(queue) = queues.get_mut(&self.class) else { return Attempt::Admitted };
        match queue.first() {
            Some((number, priority)) if number == self.number => {
                let at = queue.opens(&self.class, priority);
                if at > now {
                    return Attempt::Opens(at);
                }
                queue.take(number, now);
                Attempt::Admitted
            }
            _ => Attempt::NotNext,
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.limiter.0.lock().get_mut(&self.class) {
            queue.leave(self.number);
        }
    }
}

/// The outcome of asking for admission.
enum Attempt {
    /// The call may be made now. It counts.
    Admitted,
    /// It is the next one, but not before this time.
    Opens(Instant),
    /// Another call goes first.
    NotNext,
}

#[cfg(test)]
mod tests;
