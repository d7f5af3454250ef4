//! A cache of Slack's answers that never holds up a command.
//!
//! - An answer is used for [`FRESH`]; then there is a new request to Slack. While Slack does not answer, the old answer is used until it
//!   is [`MAX_AGE`] old.
//! - Each key has at most one request under way, however many callers wait for it.
//! - No caller waits longer than [`TIMEOUT`] after the request was sent. A later answer is cached for the next caller.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sluice_commands::rules::Unknown;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::slack::{Method, SlackError};
use crate::tasks::{Kind, Tasks};

/// How long an answer is used without asking again.
pub(super) const FRESH: Duration = Duration::from_secs(60);
/// How long an answer is used while Slack does not answer.
pub(super) const MAX_AGE: Duration = Duration::from_secs(5 * 60);
/// How long a caller waits for an answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
/// Longer than any call takes: the task of an older request has panicked.
const LOST: Duration = Duration::from_secs(15);

/// Values by key, and the requests under way.
pub(super) struct Cache<K, V>(Mutex<BTreeMap<K, Entry<V>>>);

struct Entry<V> {
    /// Slack's last answer, and when it was requested.
    known: Option<(V, Instant)>,
    /// Why the last request failed.
    failure: Unknown,
    request: Option<Request>,
    /// Slack's rate limit allows no request before.
    not_before: Option<Instant>,
}

/// A request under way.
#[derive(Clone)]
struct Request {
    since: Instant,
    answered: CancellationToken,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V> Default for Entry<V> {
    fn default() -> Self {
        Self { known: None, failure: Unknown::Silent, request: None, not_before: None }
    }
}

impl<V: Clone> Entry<V> {
    /// The value, if it is younger than `age`.
    fn within(&self, age: Duration) -> Option<V> {
        self.known.as_ref().filter(|(_, at)| at.elapsed() < age).map(|(value, _)| value.clone())
    }

    fn record(&mut self, outcome: Result<V, SlackError>, request: &Request) {
        self.request = None;
        match outcome {
            Ok(value) => self.known = Some((value, request.since)),
            Err(error) => {
                if let SlackError::RateLimited(pause) = &error {
                    self.not_before = Some(Instant::now() + *pause);
                }
                self.failure = unknown(error);
                if self.failure == Unknown::Gone {
                    self.known = None;
                }
            }
        }
    }
}

impl<K, V> Cache<K, V>
where
    K: Ord + Clone + Display + Send + 'static,
    V: Clone + Send + 'static,
{
    /// The value of `key`, cached or by `request`.
    pub(super) async fn get<A>(
        self: &Arc<Self>,
        key: &K,
        tasks: &Tasks,
        request: impl FnOnce() -> A + Send,
    ) -> Result<V, Unknown>
    where
        A: Future<Output = Result<V, SlackError>> + Send + 'static,
    {
        let pending = {
            let mut entries = self.0.lock();
            let entry = entries.entry(key.clone()).or_default();
            if let Some(value) = entry.within(FRESH) {
                return Ok(value);
            }
            let now = Instant::now();
            let is_allowed = entry.not_before.is_none_or(|then| then <= now);
            if entry.request.as_ref().is_none_or(|request| request.since + LOST <= now) && is_allowed {
                let pending = Request { since: now, answered: CancellationToken::new() };
                entry.request = Some(pending.clone());
                self.send(key.clone(), pending, tasks, request());
            }
            entry.request.clone()
        };
        if let Some(Request { since, answered }) = pending {
            // A late answer is recorded by the task of the request.
            let _ = tokio::time::timeout_at(since + TIMEOUT, answered.cancelled()).await;
        }
        let mut entries = self.0.lock();
        let entry = entries.entry(key.clone()).or_default();
        entry.within(MAX_AGE).ok_or_else(|| match entry.request {
            Some(_) => Unknown::Silent,
            None => entry.failure.clone(),
        })
    }

    fn send(
        self: &Arc<Self>,
        key: K,
        request: Request,
        tasks: &Tasks,
        answer: impl Future<Output = Result<V, SlackError>> + Send + 'static,
    ) {
        let cache = Arc::clone(self);
        tasks.spawn(Kind::Lookup, async move {
            let outcome = answer.await;
            if let Err(error) = &outcome {
                tracing::warn!(who = %key, %error, "cannot look up a user or a group in Slack");
            }
            cache.0.lock().entry(key).or_default().record(outcome, &request);
            request.answered.cancel();
        });
    }

    /// The last value, of any age.
    pub(super) fn last(&self, key: &K) -> Option<V> {
        self.0.lock().get(key)?.known.as_ref().map(|(value, _)| value.clone())
    }

    /// Records a value that arrived without a request.
    pub(super) fn insert(&self, key: &K, value: V, at: Instant) {
        self.0.lock().entry(key.clone()).or_default().known = Some((value, at));
    }
}

/// The failure in the terms of the access rules.
fn unknown(error: SlackError) -> Unknown {
    match error {
        SlackError::Refused(code) if code == "missing_scope" => {
            Unknown::Scope(Method::GroupMembers.scope().unwrap_or_default())
        }
        SlackError::Refused(code) if code == "no_such_subteam" => Unknown::Gone,
        SlackError::Refused(code) => Unknown::Refused(code),
        SlackError::RateLimited(_) | SlackError::Unreachable | SlackError::Unknown => Unknown::Silent,
    }
}
