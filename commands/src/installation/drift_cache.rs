//! The latest comparisons of each pipeline with AWS, in memory only.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;

use crate::records::PipelineState;
use crate::resources::mark;
use crate::resources::stack::StackDrift;
use crate::rules::{Drift, ObservedDrift};
use sluice_model::{PipelineName, StageName};

/// How many pipelines are cached.
const PIPELINES: usize = 500;
/// The maximum age of a comparison for reading commands.
pub(super) const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// How long an answer waits for a comparison. Slack waits for 3 s in total, and the store needs some of that.
pub(super) const PATIENCE: Duration = Duration::from_millis(1_200);
/// How long after a failure no new comparison is made.
pub(super) const FAILED: SignedDuration = SignedDuration::from_secs(15);

/// The latest comparisons.
#[derive(Default)]
pub(crate) struct DriftCache(Mutex<BTreeMap<PipelineName, Entry>>);

/// The cache entry of a pipeline.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) latest: Option<Comparison>,
    /// The time and reason of the last failure.
    pub(super) failed: Option<(Timestamp, String)>,
    /// The latest look at the stacks of its stages.
    pub(super) stacks: Option<SeenStacks>,
    /// The report of the comparison that is in progress.
    pub(super) in_progress: Option<watch::Receiver<Option<DriftReport>>>,
}

/// A finished comparison.
#[derive(Clone)]
pub(super) struct Comparison {
    pub(super) at: Timestamp,
    /// The drift of each compared stage, with a mark that changes whenever Sluice changes the stage.
    pub(super) stages: BTreeMap<StageName, (Value, Drift)>,
}

/// The result of a comparison.
#[derive(Clone)]
pub(crate) enum DriftReport {
    /// The time at which AWS answered, and the compared stages with their drift.
    Seen(Timestamp, BTreeMap<StageName, Option<ObservedDrift>>),
    /// AWS did not answer, with the reason.
    Unknown(String),
}

/// What was found about the stack of each stage that has one; `Err` is why it is not known.
pub(crate) type StackReport = BTreeMap<StageName, Result<Option<StackDrift>, String>>;

/// A finished look at the stacks of a pipeline.
#[derive(Clone)]
pub(super) struct SeenStacks {
    pub(super) at: Timestamp,
    /// The mark of each stage when it was looked at.
    pub(super) marks: BTreeMap<StageName, Value>,
    pub(super) report: StackReport,
}

impl SeenStacks {
    /// Whether it is still valid for exactly these stages.
    pub(super) fn holds(&self, marks: &BTreeMap<StageName, Value>, now: Timestamp) -> bool {
        let is_known = self.report.values().all(Result::is_ok);
        self.marks == *marks && now.duration_since(self.at) < if is_known { FRESH } else { FAILED }
    }
}

impl DriftCache {
    /// Changes the entry of a pipeline. A new entry replaces the one that was compared least recently.
    pub(super) fn with<T>(&self, name: &PipelineName, change: impl FnOnce(&mut Entry) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= PIPELINES && !all.contains_key(name) {
            let at = |entry: &Entry| entry.latest.as_ref().map(|latest| latest.at);
            let idle = all.iter().filter(|(_, entry)| entry.in_progress.is_none());
            if let Some(oldest) = idle.min_by_key(|(_, entry)| at(entry)).map(|(name, _)| name.clone()) {
                all.remove(&oldest);
            }
        }
        change(all.entry(name.clone()).or_default())
    }

    pub(super) fn latest(&self, name: &PipelineName) -> Option<Comparison> {
        self.with(name, |entry| entry.latest.clone())
    }

    pub(super) fn keep(&self, name: &PipelineName, comparison: Comparison) {
        self.with(name, |entry| (entry.latest, entry.failed) = (Some(comparison), None));
    }
}

impl Comparison {
    /// Whether it is still valid for a stage: Sluice has not changed the stage since.
    pub(super) fn holds(&self, state: &PipelineState, stage: &StageName) -> bool {
        self.stages.get(stage).is_some_and(|(before, _)| *before == mark(stage, state))
    }

    /// Its report. Known drift keeps its recorded times; new drift gets the time of this comparison. `before` is the
    /// comparison before this one.
    pub(super) fn report(&self, state: &PipelineState, before: Option<&Self>) -> DriftReport {
        let stages = self.stages.iter().map(|(stage, (mark, drift))| {
            if drift.is_none() {
                return (stage.clone(), None);
            }
            let known = state.outside.get(stage);
            if let Some(known) = known.filter(|known| known.drift == *drift) {
                return (stage.clone(), Some(known.clone()));
            }
            let current = state.stages.get(stage).and_then(|stage| stage.current.as_ref());
            let seen_right = before.filter(|before| {
                before.stages.get(stage).is_some_and(|(then, drift)| then == mark && drift.is_none())
            });
            let last_right = match known {
                Some(known) => known.last_right,
                None => seen_right.map(|before| before.at).max(current.map(|current| current.since)),
            };
            (stage.clone(), Some(ObservedDrift { drift: drift.clone(), first_seen: self.at, last_right }))
        });
        DriftReport::Seen(self.at, stages.collect())
    }
}
