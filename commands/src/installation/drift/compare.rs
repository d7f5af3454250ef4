//! The comparison of a pipeline's stages with AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::installation::drift_cache::{Comparison, DriftCache, DriftReport};
use crate::operation::{Engine, EngineError};
use crate::ports::{Guard, Precondition, StoreError, Write};
use crate::records::{PipelineState, REVISION, VersionSet, from_item, revised};
use crate::resources::{self, ApiPlace, Seen, Surveyed, is_in_doubt, mark, mover};
use crate::rules::Recorded;
use sluice_model::{PipelineName, PortError, StageName};

/// Makes a comparison, which may continue after the answer.
pub(super) struct Comparer {
    pub(super) engine: Arc<Engine>,
    pub(super) cache: Arc<DriftCache>,
}

impl Comparer {
    /// Compares now, and records drift with its time. `first` has the functions that will be deployed to a stage that runs
    /// nothing yet: without it, aliases that were created outside Sluice would be missed.
    pub(super) async fn compare(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        first: Option<(&StageName, &BTreeSet<String>)>,
    ) -> Result<DriftReport, EngineError> {
        let world = self.engine.world();
        let quiet: BTreeSet<&StageName> =
            state.stages.keys().filter(|stage| mover(state, stage).is_none()).collect();
        let recorded = self.recorded(name, state, &quiet).await?;
        let at = world.clock.now();
        let observed = match self.observed(&recorded, first).await {
            Ok(observed) => observed,
            Err(error) => {
                tracing::warn!(%error, pipeline = %name, "its stages could not be compared with AWS");
                return Ok(DriftReport::Unknown(error.brief()));
            }
        };
        let drift = |(stage, recorded): (&StageName, &Recorded)| {
            let drift = observed.get(stage).map(|seen| resources::drift(recorded, seen));
            (stage.clone(), drift.unwrap_or_default())
        };
        let mut drifts: BTreeMap<_, _> = recorded.iter().map(drift).collect();
        if drifts.values().any(|drift| !drift.is_none()) {
            // An operation may have changed the stage meanwhile or just before.
            let after = PipelineState::read(&*world.store, &world.keys, name).await?;
            let settled = at - world.settings.settle;
            for (stage, drift) in std::mem::take(&mut drifts) {
                let current = after.stages.get(&stage).and_then(|stage| stage.current.as_ref());
                let is_still = mark(&stage, state) == mark(&stage, &after)
                    && mover(&after, &stage).is_none()
                    && current.is_none_or(|current| current.since <= settled);
                if drift.is_none() || is_still && !is_in_doubt(world, &after, &stage).await? {
                    drifts.insert(stage, drift);
                }
            }
        }
        let before = self.cache.latest(name);
        let stages = drifts.into_iter().map(|(stage, drift)| (stage.clone(), (mark(&stage, state), drift)));
        let mut comparison = Comparison { at, stages: stages.collect() };
        let report = comparison.report(state, before.as_ref());
        // The drift of a stage that runs nothing depends on `first`, so it is not cached.
        comparison.stages.retain(|stage, (_, drift)| !recorded[stage].is_empty() || drift.is_none());
        self.record(name, state, &comparison, &report).await;
        self.cache.keep(name, comparison);
        Ok(report)
    }

    /// The records of these stages: one request.
    async fn recorded(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        stages: &BTreeSet<&StageName>,
    ) -> Result<BTreeMap<StageName, Recorded>, StoreError> {
        let world = self.engine.world();
        let stages = stages.iter().filter_map(|stage| state.stages.get(*stage));
        let stages: Vec<_> = stages
            .map(|stage| {
                let current = stage.current.as_ref();
                (stage, current.map(|current| world.keys.version_set(name, current.release, &stage.name)))
            })
            .collect();
        let wanted: Vec<_> = stages.iter().filter_map(|(_, key)| key.clone()).collect();
        let found = if wanted.is_empty() { vec![] } else { world.store.get_many(&wanted).await? };
        let mut recorded = BTreeMap::new();
        for (stage, key) in stages {
            let set = found.iter().find(|item| Some(&item.key) == key.as_ref());
            let set: Option<VersionSet> = set.map(from_item).transpose()?;
            recorded.insert(stage.name.clone(), Recorded::of(stage, set.as_ref()));
        }
        Ok(recorded)
    }

    /// What AWS serves for these stages.
    async fn observed(
        &self,
        recorded: &BTreeMap<StageName, Recorded>,
        first: Option<(&StageName, &BTreeSet<String>)>,
    ) -> Result<BTreeMap<StageName, Seen>, PortError> {
        let world = self.engine.world();
        let surveyed = recorded.iter().map(|(stage, recorded)| {
            let first = first.filter(|(first, _)| *first == stage).map(|(_, functions)| functions);
            let functions = recorded.functions().chain(first.into_iter().flatten()).cloned().collect();
            Surveyed { stage: stage.clone(), functions, apis: ApiPlace::all(recorded.apis()) }
        });
        let surveyed: Vec<_> = surveyed.collect();
        resources::look(world, &surveyed).await
    }

    /// Records drift when it is first seen, and its end. A failed write is only logged: another process may have been
    /// faster, and no answer depends on it.
    async fn record(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        comparison: &Comparison,
        report: &DriftReport,
    ) {
        let DriftReport::Seen(_, outside) = report else { return };
        let world = self.engine.world();
        for stage in comparison.stages.keys() {
            let key = world.keys.drift(name, stage);
            let revision = state.revisions.get(&key.sort).copied().unwrap_or(0);
            let write = match (state.outside.get(stage), outside.get(stage).and_then(Option::as_ref)) {
                (Some(before), Some(now)) if before == now => continue,
                (None, None) => continue,
                (_, Some(now)) => revised(key, revision, now),
                (Some(_), None) => {
                    let when = [(REVISION.to_owned(), Guard::Number(revision))].into();
                    Ok(Write::Delete { key, when: Precondition::Equals(when) })
                }
            };
            let written = match write {
                Ok(write) => world.store.write(write).await,
                Err(error) => Err(error),
            };
            match written {
                Ok(()) | Err(StoreError::Lost(_)) => {}
                Err(error) => tracing::warn!(%error, %name, %stage, "drift could not be recorded"),
            }
        }
    }
}
