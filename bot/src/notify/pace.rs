//! How often we may call: new messages about once a second per channel with a burst, edits about once a second in all,
//! and never before a `Retry-After` has passed. Waiting is in turn: whoever came first has the earlier slot.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sluice_commands::ids::ChannelId;
use tokio::time::Instant;

/// So many messages may follow each other at once in a channel.
const POST_BURST: u32 = 10;
/// Edits are counted for the whole workspace: "50 a minute and more".
const EDIT_BURST: u32 = 30;
const INTERVAL: Duration = Duration::from_secs(1);
/// Above this many channels, those at rest are forgotten.
const CHANNELS: usize = 500;

/// What is paced together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// New messages in a channel.
    Posts(ChannelId),
    /// Edits, wherever.
    Edits,
}

impl Lane {
    fn burst(&self) -> u32 {
        match self {
            Lane::Posts(_) => POST_BURST,
            Lane::Edits => EDIT_BURST,
        }
    }
}

/// The slots that are taken.
#[derive(Default)]
pub(crate) struct Pace(Mutex<HashMap<Lane, Slots>>);

#[derive(Clone, Copy)]
struct Slots {
    /// The next slot if there were no bursts.
    next: Instant,
    closed_until: Instant,
}

impl Pace {
    /// Waits for a slot.
    pub(super) async fn slot(&self, lane: &Lane) {
        let mut at = self.reserve(lane);
        // A `Retry-After` may have come while we waited.
        while at > Instant::now() {
            tokio::time::sleep_until(at).await;
            at = self.closed_until(lane);
        }
    }

    fn reserve(&self, lane: &Lane) -> Instant {
        let now = Instant::now();
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() > CHANNELS {
            lanes.retain(|_, slots| slots.next.max(slots.closed_until) > now);
        }
        let slots = lanes.entry(lane.clone()).or_insert(Slots { next: now, closed_until: now });
        let burst = INTERVAL * (lane.burst() - 1);
        let slot = slots.next;
        slots.next = slot.max(now) + INTERVAL;
        let at = slot.checked_sub(burst).unwrap_or(now).max(now);
        at.max(slots.closed_until)
    }

    fn closed_until(&self, lane: &Lane) -> Instant {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.get(lane).map_or_else(Instant::now, |slots| slots.closed_until)
    }

    /// Slack asked to wait.
    pub(super) fn close(&self, lane: &Lane, pause: Duration) {
        let now = Instant::now();
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = lanes.entry(lane.clone()).or_insert(Slots { next: now, closed_until: now });
        slots.closed_until = slots.closed_until.max(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_once_a_second() {
        let (pace, begun) = (Pace::default(), Instant::now());
        let lane = Lane::Posts(ChannelId::new("C1").unwrap());
        for _ in 0..POST_BURST {
            pace.slot(&lane).await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for second in 1..=5 {
            pace.slot(&lane).await;
            assert_eq!(begun.elapsed().as_secs(), second);
        }
        tokio::time::sleep(INTERVAL * (POST_BURST + 5)).await;
        let rested = Instant::now();
        for _ in 0..POST_BURST {
            pace.slot(&lane).await;
        }
        assert_eq!(rested.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_lane_waits_and_its_neighbour_does_not() {
        let (pace, begun) = (Pace::default(), Instant::now());
        let channel = Lane::Posts(ChannelId::new("C1").unwrap());
        pace.close(&channel, Duration::from_secs(30));
        pace.slot(&Lane::Edits).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        pace.slot(&channel).await;
        assert!(begun.elapsed() >= Duration::from_secs(30));
    }
}
