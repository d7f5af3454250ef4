//! Warnings about running functions with a runtime that AWS no longer supports, or will soon no longer support. Some weeks after
//! the end of support, AWS rejects changes to such functions, and the next deploy or promotion fails.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::installation::Installation;
use crate::pipeline::messages;
use crate::records::{PipelineState, Release, from_item};
use crate::steps::ARTIFACT_LIMIT;
use sluice_model::{PipelineName, ReleaseNumber, Text};
use sluice_template::{end_of_support, runtimes_of};

/// How long the check waits for the packaged templates.
const PATIENCE: Duration = Duration::from_millis(1200);

impl Installation {
    /// The warnings, if there are any. A release that cannot be read now is left out.
    pub(crate) async fn runtimes(&self, name: &PipelineName, state: &PipelineState) -> Option<Text> {
        let today = self.engine.world().clock.now().to_zoned(TimeZone::UTC).date();
        let running: BTreeSet<ReleaseNumber> =
            state.stages.values().filter_map(|stage| Some(stage.current.as_ref()?.release)).collect();
        let reads =
            running.into_iter().map(async |release| (release, self.packaged(name, state, release).await));
        let read = tokio::time::timeout(PATIENCE, futures::future::join_all(reads)).await.unwrap_or_default();
        let mut warnings = vec![];
        for (release, packaged) in read {
            for (runtime, functions) in runtimes_of(&packaged.unwrap_or_default()) {
                if let Some(end) = end_of_support(&runtime, today) {
                    warnings.push(messages::runtime(release, (&runtime, &functions), end, today));
                }
            }
        }
        (!warnings.is_empty()).then(|| messages::runtimes(warnings))
    }

    /// The packaged template of a release.
    async fn packaged(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        release: ReleaseNumber,
    ) -> Option<String> {
        let world = self.engine.world();
        let bucket = &state.pipeline.as_ref()?.bucket;
        let item = world.store.get(&world.keys.release(name, release)).await.ok()??;
        let release: Release = from_item(&item).ok()?;
        let pinned = release.artifact.packaged;
        let version = Some(pinned.version.as_str());
        let found =
            world.ports.objects.object(&world.target, bucket, &pinned.key, version, ARTIFACT_LIMIT).await;
        String::from_utf8(found.ok()??.content.to_vec()).ok()
    }
}
