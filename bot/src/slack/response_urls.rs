//! The `response_url`s of recent deliveries: with them the bot can answer a person in a channel that it is not in.
//!
//! They are only in memory. Slack accepts them for 30 minutes, and no message of an operation depends on them.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use sluice_model::{ChannelId, UserId};
use tokio::time::Instant;
use url::Url;

/// Shorter than Slack's 30 minutes.
const LIFETIME: Duration = Duration::from_secs(25 * 60);
const MOST: usize = 2_000;

/// The latest URL of each user in each channel.
#[derive(Default)]
pub(crate) struct ResponseUrls(Mutex<HashMap<(UserId, ChannelId), (Url, Instant)>>);

impl ResponseUrls {
    /// Keeps a URL. At [`MOST`] URLs it drops the expired ones, or all if none has expired.
    pub(crate) fn insert(&self, user: &UserId, channel: &ChannelId, url: Url) {
        let mut urls = self.0.lock();
        if urls.len() >= MOST {
            urls.retain(|_, (_, since)| since.elapsed() < LIFETIME);
        }
        if urls.len() >= MOST {
            urls.clear();
        }
        urls.insert((user.clone(), channel.clone()), (url, Instant::now()));
    }

    /// The latest URL, unless it has expired.
    pub(crate) fn get(&self, user: &UserId, channel: &ChannelId) -> Option<Url> {
        let urls = self.0.lock();
        let (url, since) = urls.get(&(user.clone(), channel.clone()))?;
        (since.elapsed() < LIFETIME).then(|| url.clone())
    }
}
