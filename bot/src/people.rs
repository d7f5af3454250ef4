//! Who people are, asked of Slack: who is in a user group, and who is deactivated.
//!
//! What Slack said counts for [`FRESH`], then it is asked anew. While it does not answer, what it said is gone by until
//! that is [`OLD`]; then nothing is known. One question is on its way for each group or person, however many wait for it,
//! and nobody waits for it longer than [`BOUND`] after it was sent: who typed has to be answered within Slack's three
//! seconds. An answer that comes later is there for the next question.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sluice_commands::domain::Unknown;
use sluice_commands::ports::Directory;
use sluice_model::{GroupId, UserId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::slack::{Method, Trouble, WebApi};
use crate::tasks::{Kind, Tasks};

/// How long an answer counts as what is so now.
const FRESH: Duration = Duration::from_secs(60);
/// How long it is gone by while Slack does not answer.
const OLD: Duration = Duration::from_secs(5 * 60);
/// How long an answer is waited for.
const BOUND: Duration = Duration::from_secs(1);
/// A question that is on its way longer than any call takes has lost its task.
const LOST: Duration = Duration::from_secs(15);

/// The people of the workspace.
pub(crate) struct People {
    slack: Arc<dyn WebApi>,
    tasks: Tasks,
    groups: Arc<Book<GroupId, BTreeSet<UserId>>>,
    deactivated: Arc<Book<UserId, bool>>,
}

impl People {
    /// Nobody is known yet.
    pub(crate) fn new(slack: Arc<dyn WebApi>, tasks: Tasks) -> Self {
        Self { slack, tasks, groups: Arc::default(), deactivated: Arc::default() }
    }
}

#[async_trait]
impl Directory for People {
    async fn members(&self, group: &GroupId) -> Result<BTreeSet<UserId>, Unknown> {
        self.groups.look(group, &self.tasks, || members(Arc::clone(&self.slack), group.clone())).await
    }

    async fn is_deactivated(&self, user: &UserId) -> Option<bool> {
        let ask = || is_deactivated(Arc::clone(&self.slack), user.clone());
        match self.deactivated.look(user, &self.tasks, ask).await {
            Ok(deactivated) => Some(deactivated),
            // Who was deactivated stays so until Slack says otherwise, however long it is silent.
            Err(_) => self.deactivated.last(user).filter(|deactivated| *deactivated),
        }
    }

    fn seen(&self, user: &UserId) {
        self.deactivated.learn(user, false, Instant::now());
    }
}

async fn members(slack: Arc<dyn WebApi>, group: GroupId) -> Result<BTreeSet<UserId>, Trouble> {
    let answer = slack.call(Method::GroupMembers, &json!({ "usergroup": group.as_str() })).await?;
    let users = answer["users"].as_array().ok_or(Trouble::Unknown)?;
    // Some lists of Slack's that are empty hold an empty text.
    let users = users.iter().filter(|user| **user != "");
    users.map(|user| user.as_str()?.parse().ok()).collect::<Option<_>>().ok_or(Trouble::Unknown)
}

async fn is_deactivated(slack: Arc<dyn WebApi>, user: UserId) -> Result<bool, Trouble> {
    let answer = slack.call(Method::UserInfo, &json!({ "user": user.as_str() })).await?;
    let about = answer["user"].as_object().ok_or(Trouble::Unknown)?;
    Ok(about.get("deleted").and_then(serde_json::Value::as_bool).unwrap_or(false))
}

/// What is known of each, and what is being asked.
struct Book<K, V>(Mutex<BTreeMap<K, Entry<V>>>);

struct Entry<V> {
    /// What Slack said, and when it was asked.
    known: Option<(V, Instant)>,
    /// Why it said nothing when it was asked last.
    trouble: Unknown,
    asking: Option<Question>,
    /// Slack asked us to wait until then.
    not_before: Option<Instant>,
}

/// A question on its way.
#[derive(Clone)]
struct Question {
    since: Instant,
    answered: CancellationToken,
}

impl<K, V> Default for Book<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V> Default for Entry<V> {
    fn default() -> Self {
        Self { known: None, trouble: Unknown::Silent, asking: None, not_before: None }
    }
}

impl<V: Clone> Entry<V> {
    /// What is known that is younger than that.
    fn within(&self, age: Duration) -> Option<V> {
        self.known.as_ref().filter(|(_, at)| at.elapsed() < age).map(|(value, _)| value.clone())
    }

    fn take(&mut self, outcome: Result<V, Trouble>, question: &Question) {
        self.asking = None;
        match outcome {
            Ok(value) => self.known = Some((value, question.since)),
            Err(trouble) => {
                if let Trouble::Wait(pause) = &trouble {
                    self.not_before = Some(Instant::now() + *pause);
                }
                self.trouble = unknown(trouble);
                if self.trouble == Unknown::Gone {
                    self.known = None;
                }
            }
        }
    }
}

impl<K, V> Book<K, V> {
    /// Nothing waits under this lock, and a panic under it leaves an entry as it was or as it is to be.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Entry<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Book<K, V>
where
    K: Ord + Clone + std::fmt::Display + Send + 'static,
    V: Clone + Send + 'static,
{
    async fn look<A>(
        self: &Arc<Self>,
        key: &K,
        tasks: &Tasks,
        ask: impl FnOnce() -> A + Send,
    ) -> Result<V, Unknown>
    where
        A: Future<Output = Result<V, Trouble>> + Send + 'static,
    {
        let question = {
            let mut book = self.lock();
            let entry = book.entry(key.clone()).or_default();
            if let Some(value) = entry.within(FRESH) {
                return Ok(value);
            }
            let now = Instant::now();
            let may_ask = entry.not_before.is_none_or(|then| then <= now);
            if entry.asking.as_ref().is_none_or(|asking| asking.since + LOST <= now) && may_ask {
                let question = Question { since: now, answered: CancellationToken::new() };
                entry.asking = Some(question.clone());
                self.send(key.clone(), question, tasks, ask());
            }
            entry.asking.clone()
        };
        if let Some(Question { since, answered }) = question {
            // What is late is taken by the task that asks.
            let _ = tokio::time::timeout_at(since + BOUND, answered.cancelled()).await;
        }
        let mut book = self.lock();
        let entry = book.entry(key.clone()).or_default();
        entry.within(OLD).ok_or_else(|| match entry.asking {
            Some(_) => Unknown::Silent,
            None => entry.trouble.clone(),
        })
    }

    fn send(
        self: &Arc<Self>,
        key: K,
        question: Question,
        tasks: &Tasks,
        answer: impl Future<Output = Result<V, Trouble>> + Send + 'static,
    ) {
        let book = Arc::clone(self);
        tasks.spawn(Kind::Asking, async move {
            let outcome = answer.await;
            if let Err(trouble) = &outcome {
                tracing::warn!(who = %key, %trouble, "Slack did not say who people are");
            }
            book.lock().entry(key).or_default().take(outcome, &question);
            question.answered.cancel();
        });
    }

    /// What was known last, however long ago.
    fn last(&self, key: &K) -> Option<V> {
        self.lock().get(key)?.known.as_ref().map(|(value, _)| value.clone())
    }

    /// What is known without having asked.
    fn learn(&self, key: &K, value: V, at: Instant) {
        self.lock().entry(key.clone()).or_default().known = Some((value, at));
    }
}

/// Why a group is not known, in the words of the rules.
fn unknown(trouble: Trouble) -> Unknown {
    match trouble {
        Trouble::Refused(code) if code == "missing_scope" => {
            Unknown::Scope(Method::GroupMembers.scope().unwrap_or_default())
        }
        Trouble::Refused(code) if code == "no_such_subteam" => Unknown::Gone,
        Trouble::Refused(code) => Unknown::Refused(code),
        Trouble::Wait(_) | Trouble::Unreached | Trouble::Unknown => Unknown::Silent,
    }
}

#[cfg(test)]
mod tests;
