//! Slack out: tells each operation in its channels, one message a channel, always from the latest recorded state.
//!
//! A task per operation and channel holds nothing but the latest [`Update`]; news that come while Slack is slow replace
//! each other. That a message is due is in the journal, and a [`Ledger`] remembers where it is, so that a crash between
//! the two is answered by one more message marked as continued, never by silence. The last news of an operation are told until
//! they are told, and then the ledger says so. Nothing here delays or fails the work.

mod pace;
pub(crate) mod place;
mod replies;
mod standing;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sluice_commands::operation::Posted;
use sluice_commands::ports::{Notifier, StoreError, Update};
use sluice_model::{ChannelId, OperationId};
use tokio::sync::watch;

use crate::slack::{Method, WebApi};
use crate::tasks::{Kind, Tasks};
use pace::Pace;
use place::Place;
pub(crate) use replies::Replies;

/// How long Slack has to say where a message is.
const LINK: Duration = Duration::from_secs(1);

/// The durable memory of what was posted: the engine's telling, or a fake in tests.
#[async_trait]
pub(crate) trait Ledger: Send + Sync {
    /// Where `what` (`message/C0GENERAL`) is, if that is known.
    async fn find(&self, operation: &OperationId, what: &str) -> Result<Option<Posted>, StoreError>;
    /// Records where the message is.
    async fn posted(&self, operation: &OperationId, what: &str, posted: &Posted) -> Result<(), StoreError>;
    /// Records that all of the last news is told everywhere.
    async fn settled(&self, news: &Update) -> Result<(), StoreError>;
    /// Leaves the operation to another process, which tells what this one could not. No message was posted for the
    /// journal's rows from `untold_since` on.
    async fn left(&self, news: &Update, untold_since: u64) -> Result<(), StoreError>;
}

/// The herald of this process.
pub(crate) struct Notify(Arc<Shared>);

/// What all places share.
pub(super) struct Shared {
    slack: Arc<dyn WebApi>,
    ledger: Arc<dyn Ledger>,
    replies: Arc<Replies>,
    tasks: Tasks,
    pace: Pace,
    open: Mutex<HashMap<OperationId, Open>>,
}

/// An operation with something left to tell, or that may soon have.
struct Open {
    latest: Arc<Update>,
    places: HashMap<ChannelId, watch::Sender<Arc<Update>>>,
    /// Where the last news is told.
    done: HashSet<ChannelId>,
    /// The newest news that a place which ended may have begun to tell.
    begun: u64,
}

/// How a place ends.
struct End {
    /// Whether the last news is told there.
    is_told: bool,
    /// The newest news of which a call to Slack may have been begun.
    begun: u64,
}

impl Notify {
    /// Tells through these.
    pub(crate) fn new(
        slack: Arc<dyn WebApi>,
        ledger: Arc<dyn Ledger>,
        replies: Arc<Replies>,
        tasks: Tasks,
    ) -> Self {
        let (pace, open) = (Pace::default(), Mutex::default());
        Self(Arc::new(Shared { slack, ledger, replies, tasks, pace, open }))
    }
}

#[async_trait]
impl Notifier for Notify {
    fn notify(&self, news: Update) {
        let news = Arc::new(news);
        let mut open = self.0.open();
        let entry = open.entry(news.operation.clone()).or_insert_with(|| Open {
            latest: Arc::clone(&news),
            places: HashMap::new(),
            done: HashSet::new(),
            begun: 0,
        });
        let (now, before) = (news.sequence, entry.latest.sequence);
        if now < before || (now == before && entry.latest.is_last() && !news.is_last()) {
            return;
        }
        if now > before {
            entry.done.clear();
        }
        entry.latest = Arc::clone(&news);
        for channel in &news.channels {
            let alive = entry.places.get(channel).filter(|place| !place.is_closed());
            match alive {
                Some(place) => drop(place.send_replace(Arc::clone(&news))),
                None if entry.done.contains(channel) => {}
                None => {
                    let (sender, receiver) = watch::channel(Arc::clone(&news));
                    entry.places.insert(channel.clone(), sender);
                    let place = Place::new(Arc::clone(&self.0), channel.clone(), receiver);
                    self.0.tasks.spawn(Kind::Telling, place.run());
                }
            }
        }
    }

    async fn link(&self, operation: &OperationId, channel: &ChannelId) -> Option<String> {
        let asked = async {
            let posted = self.0.ledger.find(operation, &place::message_in(channel)).await.ok()??;
            let message = json!({ "channel": channel.as_str(), "message_ts": posted.ts });
            let answer = self.0.slack.call(Method::Permalink, &message).await.ok()?;
            answer["permalink"].as_str().map(str::to_owned)
        };
        tokio::time::timeout(LINK, asked).await.ok()?
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<OperationId, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place has had nothing to do for a while; it may end unless news came just now. Under the lock, so that no
    /// news falls between the look and the end.
    fn may_rest(
        &self,
        operation: &OperationId,
        channel: &ChannelId,
        news: &watch::Receiver<Arc<Update>>,
    ) -> bool {
        let mut open = self.open();
        if news.has_changed().unwrap_or(false) {
            return false;
        }
        if let Some(entry) = open.get_mut(operation) {
            entry.places.remove(channel);
            if entry.places.is_empty() {
                open.remove(operation);
            }
        }
        true
    }

    /// A place ends. The last one of an operation records that all is told, or leaves it to another process. `false`:
    /// newer news came meanwhile; seen under the lock, so that none falls between the look and the end.
    async fn end(
        &self,
        operation: &OperationId,
        channel: &ChannelId,
        news: &watch::Receiver<Arc<Update>>,
        end: End,
    ) -> bool {
        let (latest, untold_since, is_told) = {
            let mut open = self.open();
            if news.has_changed().unwrap_or(false) {
                return false;
            }
            let Some(entry) = open.get_mut(operation) else { return true };
            entry.places.remove(channel);
            entry.begun = entry.begun.max(end.begun);
            if end.is_told {
                entry.done.insert(channel.clone());
            }
            if !entry.places.is_empty() {
                return true;
            }
            let is_told = entry.latest.channels.iter().all(|channel| entry.done.contains(channel));
            let untold_since = entry.latest.own_since.max(entry.begun + 1);
            (Arc::clone(&entry.latest), untold_since, is_told)
        };
        let mut pause = Duration::from_millis(500);
        loop {
            let recorded = match is_told {
                true => self.ledger.settled(&latest).await,
                false => self.ledger.left(&latest, untold_since).await,
            };
            let Err(error) = recorded else { break };
            crate::metrics::store_error("telling");
            tracing::warn!(%operation, %error, is_told, "could not record whether an operation is told");
            // Should it not be recorded, the lease does its part.
            if self.tasks.drained().run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
            pause = (pause * 2).min(place::LONGEST_PAUSE);
        }
        let mut open = self.open();
        // Somebody may have got it on meanwhile, and then it has a place again.
        if open.get(operation).is_some_and(|entry| entry.places.is_empty()) {
            open.remove(operation);
        }
        true
    }
}

#[cfg(test)]
mod tests;
