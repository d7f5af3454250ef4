//! Shared by all channel workers: the way to Slack, and the operations with something left to post.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use parking_lot::Mutex;
use sluice_model::{ChannelId, OperationId};
use tokio::sync::watch;

use super::MessageStore;
use super::rate_limiter::RateLimiter;
use super::rendered::RenderedUpdate;
use crate::slack::{ResponseUrls, WebApi};
use crate::tasks::Tasks;

/// The pauses between attempts.
pub(super) const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_delay(LONGEST_PAUSE)
    .without_max_times();
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Shared {
    pub(super) slack: Arc<dyn WebApi>,
    pub(super) store: Arc<dyn MessageStore>,
    pub(super) response_urls: Arc<ResponseUrls>,
    pub(super) tasks: Tasks,
    pub(super) limiter: RateLimiter,
    /// Operations with something left to post, or that may soon have.
    pub(super) open: Mutex<HashMap<OperationId, OpenOperation>>,
}

pub(super) struct OpenOperation {
    pub(super) latest: Arc<RenderedUpdate>,
    pub(super) workers: HashMap<ChannelId, watch::Sender<Arc<RenderedUpdate>>>,
    /// The channels where the final update is posted.
    pub(super) done: HashSet<ChannelId>,
    /// The newest sequence that a worker which ended may have begun to post.
    begun: u64,
}

pub(super) struct End {
    /// The final update is posted in its channel.
    pub(super) is_delivered: bool,
    /// The newest sequence that it may have begun to post.
    pub(super) begun: u64,
}

impl OpenOperation {
    pub(super) fn new(latest: Arc<RenderedUpdate>) -> Self {
        Self { latest, workers: HashMap::new(), done: HashSet::new(), begun: 0 }
    }
}

impl Shared {
    /// Whether an idle worker may end: not if an update was just sent. The check and the removal are under one lock, so no
    /// update is lost between them.
    pub(super) fn may_rest(
        &self,
        operation: &OperationId,
        channel: &ChannelId,
        updates: &watch::Receiver<Arc<RenderedUpdate>>,
    ) -> bool {
        let mut open = self.open.lock();
        if updates.has_changed().unwrap_or(false) {
            return false;
        }
        if let Some(entry) = open.get_mut(operation) {
            entry.workers.remove(channel);
            if entry.workers.is_empty() {
                open.remove(operation);
            }
        }
        true
    }

    /// Ends a worker; `false` if there is a newer update, which is checked under the lock, too. The last worker of an operation
    /// records that everything is posted, or leaves the rest to another process.
    pub(super) async fn end(
        &self,
        operation: &OperationId,
        channel: &ChannelId,
        updates: &watch::Receiver<Arc<RenderedUpdate>>,
        end: End,
    ) -> bool {
        let (latest, undelivered_since, is_delivered) = {
            let mut open = self.open.lock();
            if updates.has_changed().unwrap_or(false) {
                return false;
            }
            let Some(entry) = open.get_mut(operation) else { return true };
            entry.workers.remove(channel);
            entry.begun = entry.begun.max(end.begun);
            if end.is_delivered {
                entry.done.insert(channel.clone());
            }
            if !entry.workers.is_empty() {
                return true;
            }
            let is_delivered = entry.latest.channels.iter().all(|channel| entry.done.contains(channel));
            let undelivered_since = entry.latest.own_since.max(entry.begun + 1);
            (Arc::clone(&entry.latest), undelivered_since, is_delivered)
        };
        let mut pauses = PAUSES.build();
        loop {
            let recorded = match is_delivered {
                true => self.store.record_delivered(&latest).await,
                false => self.store.record_undelivered(&latest, undelivered_since).await,
            };
            let Err(error) = recorded else { break };
            crate::metrics::store_error("notification");
            tracing::warn!(%operation, %error, is_delivered, "cannot record whether an operation's updates are posted");
            // If it is never recorded, the lease expires and another process posts them.
            let pause = tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE));
            if self.tasks.drained().run_until_cancelled(pause).await.is_none() {
                break;
            }
        }
        let mut open = self.open.lock();
        // A new update may have started a worker again.
        if open.get(operation).is_some_and(|entry| entry.workers.is_empty()) {
            open.remove(operation);
        }
        true
    }
}
