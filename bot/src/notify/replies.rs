//! The `response_url`s of recent deliveries, by which somebody can be answered in a channel that the bot is not in.
//! In memory alone: they live for thirty minutes, and the message that matters does not hang on them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sluice_model::{ChannelId, UserId};
use tokio::time::Instant;
use url::Url;

/// Below Slack's thirty minutes.
const LIFE: Duration = Duration::from_secs(25 * 60);
const MOST: usize = 2_000;

/// The latest one of each person in each channel.
#[derive(Default)]
pub(crate) struct Replies(Mutex<HashMap<(UserId, ChannelId), (Url, Instant)>>);

impl Replies {
    /// Keeps it, for a while and within bounds.
    pub(crate) fn remember(&self, user: &UserId, channel: &ChannelId, url: Url) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.retain(|_, (_, since)| since.elapsed() < LIFE);
        }
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert((user.clone(), channel.clone()), (url, Instant::now()));
    }

    /// The latest one, if it still lives.
    pub(crate) fn find(&self, user: &UserId, channel: &ChannelId) -> Option<Url> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (url, since) = kept.get(&(user.clone(), channel.clone()))?;
        (since.elapsed() < LIFE).then(|| url.clone())
    }
}
