//! The record of a stage, which names what runs there. It is written in the transaction of the operation's last journal row,
//! and only if it did not change since it was read.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::application::Sluice;
use crate::operation::{Context, Effect, EngineError, Keys, OperationState, PROMOTE, Progress, Step, StepId};
use crate::ports::{Guard, Precondition, StoreError, Write};
use crate::records::{ApiUrl, Current, PipelineState, REVISION, Release, Stage, VersionSet, to_item};
use crate::resources::mark;
use sluice_model::{OperationId, PipelineName, StageName};

/// The step that reads a stage's revision before every other look at the stage.
pub(crate) const STAGE_REVISION: &str = "stage-revision";

fn revision_of(stage: &StageName, state: &PipelineState) -> u64 {
    state.stage_revisions.get(stage).copied().unwrap_or(0)
}

/// A stage's record as it was read. It is written with the next revision.
pub(crate) struct StageRecord {
    pub(crate) stage: Stage,
    revision: u64,
    /// The promotions that are open.
    others: Vec<OperationId>,
}

impl StageRecord {
    /// Reads a record that must exist.
    pub(crate) async fn read(
        cx: &Context,
        pipeline: &PipelineName,
        stage: &StageName,
    ) -> Result<Self, EngineError> {
        let mut state = PipelineState::read(&*cx.world.store, &cx.world.keys, pipeline).await?;
        let revision = revision_of(stage, &state);
        let promotions = state.queue.tickets.iter().filter(|ticket| ticket.kind == PROMOTE && !ticket.stuck);
        let others = promotions.map(|ticket| ticket.operation.clone()).collect();
        match state.stages.remove(stage) {
            Some(stage) => Ok(Self { stage, revision, others }),
            None => Err(EngineError::Corrupt(format!("stage {stage} of {pipeline} has no record"))),
        }
    }

    /// The write, which fails if the record was written meanwhile.
    pub(crate) fn write(&self, keys: &Keys, pipeline: &PipelineName) -> Result<Write, StoreError> {
        let Self { stage, revision, .. } = self;
        let guard = |revision| [(REVISION.to_owned(), Guard::Number(revision))].into();
        Ok(Write::Put {
            item: to_item(keys.stage(pipeline, &stage.name), guard(revision + 1), stage)?,
            when: if *revision == 0 { Precondition::Present } else { Precondition::Equals(guard(*revision)) },
        })
    }
}

/// Reads the [`mark`] of a stage.
pub(crate) struct ReadRevision {
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
}

#[async_trait]
impl Step<Sluice> for ReadRevision {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let state = PipelineState::read(&*cx.world.store, &cx.world.keys, &self.pipeline).await?;
        Progress::done(mark(&self.stage, &state))
    }
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
impl Step<Sluice> for RecordMove {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let keys = &cx.world.keys;
        let mut record = StageRecord::read(cx, &self.pipeline, &self.stage).await?;
        let mut current = self.current.clone();
        current.since = cx.world.clock.now();
        record.stage.moved(current, self.rollback);
        let mut writes = vec![record.write(keys, &self.pipeline)?];
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
        let others = record.others.iter().any(|operation| *operation != cx.operation);
        Progress::recorded(Moved { urls: record.stage.urls(), others }, writes)
    }
}

/// The output of [`RecordMove`].
#[derive(Debug, Serialize, Deserialize)]
struct Moved {
    /// Where the stage's APIs answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    urls: Vec<ApiUrl>,
    /// Whether other promotions of the pipeline were open.
    others: bool,
}

/// Whether the operation recorded its move. If it got stuck afterwards, it takes the stage's slot again for what is left, and no
/// gate may stop it: the steps look for themselves at what runs.
pub(crate) fn has_moved(op: &OperationState) -> bool {
    op.is_done(&StepId::new("record"))
}

fn moved(op: &OperationState) -> Result<Option<Moved>, EngineError> {
    op.output(&StepId::new("record"))
}

/// Where the APIs of the stage answer that an operation moved, once the move is recorded.
pub(super) fn moved_urls(op: &OperationState) -> Vec<ApiUrl> {
    moved(op).ok().flatten().map(|moved| moved.urls).unwrap_or_default()
}

/// Whether other promotions were open when a move was recorded.
pub(crate) fn others_are_open(op: &OperationState) -> Result<bool, EngineError> {
    Ok(moved(op)?.is_some_and(|moved| moved.others))
}
