//! Ports that remember what they were told: a clock to set, a herald and a runner to ask, a directory to fill.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::Unknown;
use crate::ports::{Background, Clock, Directory, Hint, Notifier, Runner, Update, Wakeups};
use sluice_model::{ChannelId, GroupId, OperationId, UserId};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Work behind an answer, on the test's own runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnRuntime;

impl Background for OnRuntime {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        #[expect(clippy::disallowed_methods, reason = "a test waits for what it wants to see")]
        drop(tokio::spawn(work));
    }
}

/// A clock that begins where it is set and goes on as tokio's does: where that is paused, this one stands too.
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

/// Remembers all news, the oldest first.
#[derive(Debug, Default)]
pub struct RecordingNotifier(Mutex<Vec<Update>>);

impl RecordingNotifier {
    /// Everything told so far.
    pub fn updates(&self) -> Vec<Update> {
        lock(&self.0).clone()
    }
    /// How much was told so far.
    pub fn count(&self) -> usize {
        lock(&self.0).len()
    }
    /// Last news, from the n-th on.
    pub fn last_since(&self, n: usize) -> Vec<Update> {
        lock(&self.0).iter().skip(n).filter(|news| news.is_last()).cloned().collect()
    }
    /// The last news of an operation.
    pub fn last(&self, operation: &OperationId) -> Option<Update> {
        lock(&self.0).iter().rev().find(|news| &news.operation == operation).cloned()
    }
}

#[async_trait]
impl Notifier for RecordingNotifier {
    fn notify(&self, news: Update) {
        lock(&self.0).push(news);
    }
    /// Where something was told.
    async fn link(&self, operation: &OperationId, channel: &ChannelId) -> Option<String> {
        let is_told = self.last(operation).is_some_and(|news| news.channels.contains(channel));
        is_told.then(|| format!("https://team.slack.com/archives/{channel}/p1"))
    }
}

/// Remembers all hints, the oldest first.
#[derive(Debug, Default)]
pub struct RecordingWakeups(Mutex<Vec<Hint>>);

impl RecordingWakeups {
    /// The hints since this was called last.
    pub fn take(&self) -> Vec<Hint> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Wakeups for RecordingWakeups {
    fn wake(&self, hint: Hint) {
        lock(&self.0).push(hint);
    }
}

/// Remembers which operations were to be run; a test that has tasks to give takes them from here.
#[derive(Debug, Default)]
pub struct RecordingRunner {
    asked: Mutex<Vec<OperationId>>,
    bell: Notify,
}

impl RecordingRunner {
    /// The operations asked for since this was called last.
    pub fn take(&self) -> Vec<OperationId> {
        std::mem::take(&mut lock(&self.asked))
    }
    /// Waits until an operation is asked for; at once if one was since this was called last.
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

/// Groups and people as a test sets them; every question is remembered.
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
    /// Puts these people, or the reason why nobody says who they are, into a group.
    pub fn set(&self, group: &str, members: Result<&[UserId], Unknown>) {
        let members = members.map(|members| members.iter().cloned().collect());
        lock(&self.0).groups.insert(group.parse().expect("a group"), members);
    }
    /// Deactivates somebody.
    pub fn deactivate(&self, user: &UserId) {
        lock(&self.0).deactivated.insert(user.clone());
    }
    /// The groups and people that were asked about since this was called last.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0).asked)
    }
    /// Who was seen.
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
