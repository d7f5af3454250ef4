//! Drift detection: compares the recorded stages of a pipeline with AWS. Reading commands show what was moved outside Sluice,
//! and since when. A command that would change such a stage needs a confirmation first.
//!
//! A comparison makes one call for the alias of each function of each stage, and one for each API stage.
//! Reading commands use a comparison that is at most one minute old; before a stage is changed, a new one is made. A
//! pipeline has one comparison at a time. It continues after an answer that did not wait for it, and is not repeated for
//! some seconds after a failure. A stage that is being changed is not compared: its operation observes AWS itself before
//! each change (`resources/watch.rs`), and ends if it finds something unexpected.

mod compare;
mod confirm;
mod messages;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::installation::drift::compare::Comparer;
use crate::installation::drift_cache::{DriftReport, FAILED, FRESH, PATIENCE};
use crate::installation::{Installation, Reject};
use crate::records::PipelineState;
use crate::resources::mover;
use sluice_model::{PipelineName, StageName};

pub(crate) use self::messages::moved;

/// The longest time for a comparison, including the time after the answer.
const LONGEST: Duration = Duration::from_secs(60);

impl Installation {
    /// The comparison of a pipeline, at most one minute old.
    pub(crate) async fn drift_report(
        &self,
        name: &PipelineName,
        state: &PipelineState,
    ) -> Result<DriftReport, Reject> {
        match self.recent_report(name, state) {
            Some(report) => Ok(report),
            None => self.compare(name, state).await,
        }
    }

    /// The same if it is cached.
    fn recent_report(&self, name: &PipelineName, state: &PipelineState) -> Option<DriftReport> {
        let latest = self.drift.latest(name)?;
        let is_fresh = self.engine.world().clock.now().duration_since(latest.at) < FRESH;
        let mut stages = state.stages.keys().filter(|stage| mover(state, stage).is_none());
        (is_fresh && stages.all(|stage| latest.holds(state, stage))).then(|| latest.report(state, None))
    }

    /// Starts a comparison, unless one is in progress or has just failed. Waits for its result, at most `PATIENCE`.
    async fn compare(&self, name: &PipelineName, state: &PipelineState) -> Result<DriftReport, Reject> {
        let world = self.engine.world();
        let now = world.clock.now();
        let (sender, receiver) = watch::channel(None);
        let begun = self.drift.with(name, |entry| {
            if let Some((at, why)) = &entry.failed
                && now.duration_since(*at) < FAILED
            {
                return Err(why.clone());
            }
            match &entry.in_progress {
                // If the task of a comparison is gone, its channel is closed.
                Some(receiver) if receiver.has_changed().is_ok() => Ok((receiver.clone(), false)),
                _ => {
                    entry.in_progress = Some(receiver.clone());
                    Ok((receiver, true))
                }
            }
        });
        let (mut receiver, is_mine) = match begun {
            Ok(begun) => begun,
            Err(why) => return Ok(DriftReport::Unknown(why)),
        };
        if is_mine {
            let (name, state, comparer) = (name.clone(), state.clone(), self.comparer());
            world.background.spawn(Box::pin(async move {
                let compared = tokio::time::timeout(LONGEST, comparer.compare(&name, &state, None)).await;
                let report = match compared {
                    Ok(Ok(report)) => report,
                    Ok(Err(error)) => {
                        tracing::warn!(%error, pipeline = %name, "its stages could not be compared");
                        DriftReport::Unknown(messages::UNREADABLE.into())
                    }
                    Err(_) => DriftReport::Unknown(messages::NO_ANSWER.into()),
                };
                let at = comparer.engine.world().clock.now();
                comparer.cache.with(&name, |entry| {
                    entry.in_progress = None;
                    if let DriftReport::Unknown(why) = &report {
                        entry.failed = Some((at, why.clone()));
                    }
                });
                sender.send_replace(Some(report));
            }));
        }
        let answered = tokio::time::timeout(PATIENCE, receiver.wait_for(Option::is_some)).await;
        let report = answered.ok().and_then(Result::ok).and_then(|report| report.clone());
        Ok(report.unwrap_or_else(|| DriftReport::Unknown(messages::NO_ANSWER_YET.into())))
    }

    /// Compares a stage that runs nothing yet, for the functions that will be deployed to it.
    async fn compare_first(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        first: (&StageName, &BTreeSet<String>),
    ) -> Result<DriftReport, Reject> {
        match tokio::time::timeout(PATIENCE, self.comparer().compare(name, state, Some(first))).await {
            Ok(report) => Ok(report?),
            Err(_) => Ok(DriftReport::Unknown(messages::NO_ANSWER.into())),
        }
    }

    fn comparer(&self) -> Comparer {
        Comparer { engine: Arc::clone(&self.engine), cache: Arc::clone(&self.drift) }
    }
}
