//! Previews of deploys and promotions, within the time that Slack waits for an answer. A comparison that takes longer continues
//! without its answer, and its result is kept for the next question: the second try of the same command has it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::comparison::{Preview, Previewed};
use crate::installation::preview_cache::Outcome;
use crate::installation::{Installation, messages};
use crate::operation::EngineError;

/// How long an answer waits. Slack waits for 3 s in total, and the store needs some of that.
const PATIENCE: Duration = Duration::from_millis(1_200);
/// How long a result is kept that came too late for its answer.
const KEPT: SignedDuration = SignedDuration::from_secs(60);
/// The longest time for a comparison, including the time after the answer.
const LONGEST: Duration = Duration::from_secs(30);
/// How many comparisons are in progress at a time. Each reads three templates on the threads that operations use, too.
const MOST: usize = 8;

impl Installation {
    /// What a deploy or promotion would change, and when that was compared; or why it is not known.
    pub(crate) async fn preview(&self, of: Previewed) -> Result<(Timestamp, Arc<Preview>), String> {
        let now = self.engine.world().clock.now();
        let (key, (sender, receiver)) = (of.key(), watch::channel(None));
        let is_kept = |(at, _): &Outcome| now.duration_since(*at) < KEPT;
        let begun = self.previews.with(|all| {
            // If the task of a comparison is gone, its channel is closed.
            all.retain(|_, known| match &*known.borrow() {
                Some(outcome) => is_kept(outcome),
                None => known.has_changed().is_ok(),
            });
            if let Some(known) = all.get(&key) {
                return Some((known.clone(), false));
            }
            let in_progress = all.values().filter(|known| known.borrow().is_none()).count();
            (in_progress < MOST).then(|| {
                all.insert(key.clone(), receiver.clone());
                (receiver, true)
            })
        });
        let (mut receiver, is_mine) = begun.ok_or_else(|| messages::TOO_MANY_PREVIEWS.to_owned())?;
        if is_mine {
            let engine = Arc::clone(&self.engine);
            self.engine.world().background.spawn(Box::pin(async move {
                let world = engine.world();
                let looked = tokio::time::timeout(LONGEST, of.look(world)).await;
                let outcome = looked.map_or_else(
                    |_| Err(messages::NO_ANSWER.to_owned()),
                    |looked| {
                        looked.map(Arc::new).map_err(|error| {
                            tracing::warn!(%error, "a preview could not be made");
                            match error {
                                EngineError::Port(error) => error.brief(),
                                _ => messages::UNREADABLE.to_owned(),
                            }
                        })
                    },
                );
                sender.send_replace(Some((world.clock.now(), outcome)));
            }));
        }
        let answered = tokio::time::timeout(PATIENCE, receiver.wait_for(Option::is_some)).await;
        let outcome = answered.ok().and_then(Result::ok).and_then(|outcome| outcome.clone());
        let (at, outcome) = outcome.ok_or_else(|| messages::NO_ANSWER.to_owned())?;
        // It has its answer: the next question is a new comparison.
        self.previews.with(|all| all.remove(&key));
        outcome.map(|preview| (at, preview))
    }
}
