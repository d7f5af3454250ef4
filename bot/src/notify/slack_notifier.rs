//! The notifier of a process with Slack: gives each update to the workers of its channels.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sluice_commands::ports::{Notifier, Update};
use sluice_model::{ChannelId, OperationId};
use tokio::sync::watch;

use super::MessageStore;
use super::channel_worker::{ChannelWorker, message_name};
use super::rate_limiter::RateLimiter;
use super::rendered::RenderedUpdate;
use super::shared::{OpenOperation, Shared};
use crate::slack::{Method, ResponseUrls, WebApi};
use crate::tasks::{Kind, Tasks};

/// How long the lookup of a message's link may take.
const LINK_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct SlackNotifier(pub(super) Arc<Shared>);

impl SlackNotifier {
    pub(crate) fn new(
        slack: Arc<dyn WebApi>,
        store: Arc<dyn MessageStore>,
        response_urls: Arc<ResponseUrls>,
        tasks: Tasks,
    ) -> Self {
        let (limiter, open) = (RateLimiter::default(), Default::default());
        Self(Arc::new(Shared { slack, store, response_urls, tasks, limiter, open }))
    }
}

#[async_trait]
impl Notifier for SlackNotifier {
    fn notify(&self, news: Update) {
        let update = Arc::new(RenderedUpdate::new(news));
        let mut open = self.0.open.lock();
        let entry =
            open.entry(update.operation.clone()).or_insert_with(|| OpenOperation::new(Arc::clone(&update)));
        let (now, before) = (update.sequence, entry.latest.sequence);
        if now < before || (now == before && entry.latest.is_last() && !update.is_last()) {
            return;
        }
        if now > before {
            entry.done.clear();
        }
        entry.latest = Arc::clone(&update);
        for channel in &update.channels {
            let alive = entry.workers.get(channel).filter(|worker| !worker.is_closed());
            match alive {
                Some(worker) => drop(worker.send_replace(Arc::clone(&update))),
                None if entry.done.contains(channel) => {}
                None => {
                    let (sender, receiver) = watch::channel(Arc::clone(&update));
                    entry.workers.insert(channel.clone(), sender);
                    let worker = ChannelWorker::new(Arc::clone(&self.0), channel.clone(), receiver);
                    self.0.tasks.spawn(Kind::Notification, worker.run());
                }
            }
        }
    }

    async fn link(&self, operation: &OperationId, channel: &ChannelId) -> Option<String> {
        let lookup = async {
            let posted = self.0.store.find(operation, &message_name(channel)).await.ok()??;
            let message = json!({ "channel": channel.as_str(), "message_ts": posted.ts });
            let answer = self.0.slack.call(Method::Permalink, &message).await.ok()?;
            answer["permalink"].as_str().map(str::to_owned)
        };
        tokio::time::timeout(LINK_TIMEOUT, lookup).await.ok()?
    }
}
