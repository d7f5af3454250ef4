//! The record of a move: what runs on a stage now, written in the same transaction as the journal's last row.

use async_trait::async_trait;

use crate::domain::{Current, REVISION, Release, VersionSet, View, to_item};
use crate::ids::{PipelineName, StageName};
use crate::operation::{Context, Effect, Facts, Progress, Refusal, Step, StepId, Trouble, VOID};
use crate::ports::{Guard, Precondition, Write};

/// The step that reads a stage's revision before the stage is looked at.
pub(crate) const STAGE_REVISION: &str = "stage-revision";

/// Reads how often a stage's record was written.
pub(crate) struct ReadRevision {
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
}

#[async_trait]
impl Step for ReadRevision {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let view = View::read(&*cx.world.store, &cx.world.keys, &self.pipeline).await?;
        Progress::done(view.stage_revisions.get(&self.stage).copied().unwrap_or(0))
    }
}

/// Whether a stage is still as it was when an operation looked at it: what the looks saw is what the moves go from, and
/// where they go back to.
pub(crate) fn unmoved(
    facts: &Facts,
    pipeline: &PipelineName,
    stage: &StageName,
    view: &View,
) -> Result<(), Refusal> {
    let seen = facts.output::<u64>(&StepId::new(STAGE_REVISION)).ok().flatten();
    let now = view.stage_revisions.get(stage).copied().unwrap_or(0);
    if seen.is_none_or(|seen| seen == now) {
        return Ok(());
    }
    Err(Refusal::new(
        VOID,
        format!("Stage `{stage}` moved while this was being prepared."),
        format!("Look at `/pipeline status {pipeline}`, and ask again if you still want it."),
    ))
}

/// Records that a stage runs a release.
pub(crate) struct RecordMove {
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
    pub(crate) current: Current,
    pub(crate) rollback: bool,
    /// The version set, unless it is recorded already.
    pub(crate) set: Option<VersionSet>,
    /// The release, if it is new.
    pub(crate) release: Option<Release>,
}

#[async_trait]
impl Step for RecordMove {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let keys = &cx.world.keys;
        let view = View::read(&*cx.world.store, keys, &self.pipeline).await?;
        let mut stage = view.stages.get(&self.stage).cloned().ok_or_else(|| {
            Trouble::Corrupt(format!("stage {} of {} has no record", self.stage, self.pipeline))
        })?;
        let revision = view.stage_revisions.get(&self.stage).copied().unwrap_or(0);
        let mut current = self.current.clone();
        current.since = cx.world.clock.now();
        if let Some(api) = &current.api {
            stage.url = Some(format!("{}/{}", api.endpoint.trim_end_matches('/'), self.stage));
        }
        stage.moved(current, self.rollback);
        let guard = |revision| [(REVISION.to_owned(), Guard::Number(revision))].into();
        let url = stage.url.clone();
        let mut writes = vec![Write::Put {
            item: to_item(keys.stage(&self.pipeline, &self.stage), guard(revision + 1), &stage)?,
            when: if revision == 0 { Precondition::Present } else { Precondition::Equals(guard(revision)) },
        }];
        let number = self.current.release;
        if let Some(set) = &self.set {
            let item =
                to_item(keys.version_set(&self.pipeline, number, &self.stage), Default::default(), set)?;
            writes.push(Write::Put { item, when: Precondition::Any });
        }
        if let Some(release) = &self.release {
            let item = to_item(keys.release(&self.pipeline, number), Default::default(), release)?;
            writes.push(Write::Put { item, when: Precondition::Any });
        }
        Progress::recorded(url, writes)
    }
}
