//! Ports that record their calls: a clock to set, a notifier and a runner to read, a directory to fill.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ports::{Background, Clock, Directory, Hint, Notifier, Runner, Update, Wakeups};
use crate::rules::Unknown;
use sluice_model::{ChannelId, GroupId, OperationId, UserId};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Background work on the test's own runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnRuntime;

impl Background for OnRuntime {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        #[expect(clippy::disallowed_methods, reason = "a test waits for what it wants to see")]
        drop(tokio::spawn(work));
    }
}

/// A clock that starts at a set time and advances with tokio's, also if that is paused.
#[derive(Debug)]
pub struct TestClock(Mutex<(Timestamp, Instant)>);

impl TestClock {
    /// A clock that shows that time now.
    pub fn at(time: Timestamp) -> Self {
        Self(Mutex::new((time, Instant::now())))
    }
    /// Sets it, forward or back.
    pub fn set(&self, time: Timestamp) {
        *lock(&self.0) = (time, Instant::now());
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let (time, since) = *lock(&self.0);
        time + since.elapsed()
    }
}

/// Records all updates, the oldest first.
#[derive(Debug, Default)]
pub struct RecordingNotifier(Mutex<Vec<Update>>);

impl RecordingNotifier {
    /// All updates so far.
    pub fn updates(&self) -> Vec<Update> {
        lock(&self.0).clone()
    }
    /// The number of updates so far.
    pub fn count(&self) -> usize {
        lock(&self.0).len()
    }
    /// The last updates of operations, from the n-th update on.
    pub fn last_since(&self, n: usize) -> Vec<Update> {
        lock(&self.0).iter().skip(n).filter(|update| update.is_last()).cloned().collect()
    }
    /// The last update of an operation.
    pub fn last(&self, operation: &OperationId) -> Option<Update> {
        lock(&self.0).iter().rev().find(|update| &update.operation == operation).cloned()
    }
}

#[async_trait]
impl Notifier for RecordingNotifier {
    fn notify(&self, update: Update) {
        lock(&self.0).push(update);
    }
    /// A link, if an update went to that channel.
    async fn link(&self, operation: &OperationId, channel: &ChannelId) -> Option<String> {
        let is_told = self.last(operation).is_some_and(|update| update.channels.contains(channel));
        is_told.then(|| format!("https://team.slack.com/archives/{channel}/p1"))
    }
}

/// Records all hints, the oldest first.
#[derive(Debug, Default)]
pub struct RecordingWakeups(Mutex<Vec<Hint>>);

impl RecordingWakeups {
    /// The hints since the last call.
    pub fn take(&self) -> Vec<Hint> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Wakeups for RecordingWakeups {
    fn wake(&self, hint: Hint) {
        lock(&self.0).push(hint);
    }
}

/// Records the operations to run; the test takes and runs them.
#[derive(Debug, Default)]
pub struct RecordingRunner {
    asked: Mutex<Vec<OperationId>>,
    bell: Notify,
}

impl RecordingRunner {
    /// The operations since the last call.
    pub fn take(&self) -> Vec<OperationId> {
        std::mem::take(&mut lock(&self.asked))
    }
    /// Waits for an operation to run; returns at once if there was one since the last call.
    pub async fn asked(&self) {
        self.bell.notified().await;
    }
}

impl Runner for RecordingRunner {
    fn run(&self, operation: OperationId) {
        lock(&self.asked).push(operation);
        self.bell.notify_one();
    }
}

/// Groups and people as a test sets them. It records every question.
#[derive(Debug, Default)]
pub struct TestDirectory(Mutex<People>);

#[derive(Debug, Default)]
struct People {
    groups: BTreeMap<GroupId, Result<BTreeSet<UserId>, Unknown>>,
    deactivated: BTreeSet<UserId>,
    asked: Vec<String>,
    seen: BTreeSet<UserId>,
}

impl TestDirectory {
    /// Sets the members of a group, or the reason why they are unknown.
    pub fn set(&self, group: &str, members: Result<&[UserId], Unknown>) {
        let members = members.map(|members| members.iter().cloned().collect());
        lock(&self.0).groups.insert(group.parse().expect("a group"), members);
    }
    /// Deactivates a person.
    pub fn deactivate(&self, user: &UserId) {
        lock(&self.0).deactivated.insert(user.clone());
    }
    /// The groups and people in question since the last call.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0).asked)
    }
    /// Whether that person was seen.
    pub fn was_seen(&self, user: &UserId) -> bool {
        lock(&self.0).seen.contains(user)
    }
}

#[async_trait]
impl Directory for TestDirectory {
    async fn members(&self, group: &GroupId) -> Result<BTreeSet<UserId>, Unknown> {
        let mut people = lock(&self.0);
        people.asked.push(group.to_string());
        people.groups.get(group).cloned().unwrap_or(Err(Unknown::Gone))
    }
    async fn is_deactivated(&self, user: &UserId) -> Option<bool> {
        let mut people = lock(&self.0);
        people.asked.push(user.to_string());
        Some(people.deactivated.contains(user))
    }
    fn seen(&self, user: &UserId) {
        lock(&self.0).seen.insert(user.clone());
    }
}
