//! The comparison of a stage with its record. What somebody moved outside Sluice is never overwritten, unless the requester saw
//! it and accepted it.
//!
//! While another operation moves the stage, AWS differs from the record although nobody moved anything outside Sluice. Such a
//! difference is not drift. The gate before the first move detects that the stage moved, and voids the operation that looked.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::operation::{
    Context, DEPLOY, EngineError, OperationState, PROMOTE, Progress, ROLLBACK, StepId, Ticket, Undone, World,
    load,
};
use crate::records::{PipelineState, Stage, VersionSet, from_item, stage_slot};
use crate::resources::messages;
use crate::rules::{Drift, Recorded};
use sluice_model::{PipelineName, ReleaseNumber, StageName};

/// The first part of the ids of all steps that move a stage: those of [`super::resource::Resource::moves`],
/// [`super::resource::Resource::adjusts`] and [`super::resource::Resource::stops`].
pub(super) const MOVES: &[&str] = &["alias", "api-stage", "setting", "stop-api"];
/// How long to wait before the next look at a stage that may be moving.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Compares a look at a stage with its record.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
    /// The release that the stage ran when the operation was requested.
    pub(crate) before: Option<ReleaseNumber>,
    /// The stage's [`mark`] before the first look; `None` if the look holds the stage's slot itself.
    pub(crate) mark: Option<Value>,
    /// Drift that the requester saw and accepted.
    pub(crate) accepted: Option<Drift>,
    /// The command line that accepts the drift.
    pub(crate) line: String,
}

impl Watch {
    /// What is recorded, if the stage still runs the release that it ran when the operation was requested.
    pub(crate) async fn recorded(&self, cx: &Context) -> Result<Option<Recorded>, EngineError> {
        let keys = &cx.world.keys;
        let stage = keys.stage(&self.pipeline, &self.stage);
        let set = self.before.map(|before| keys.version_set(&self.pipeline, before, &self.stage));
        let wanted: Vec<_> = [Some(stage.clone()), set].into_iter().flatten().collect();
        let found = cx.world.store.get_many(&wanted).await?;
        let (stages, sets): (Vec<_>, Vec<_>) = found.iter().partition(|item| item.key == stage);
        let Some(stage) = stages.first() else { return Ok(None) };
        let stage: Stage = from_item(stage)?;
        if stage.current.as_ref().map(|current| current.release) != self.before {
            return Ok(None);
        }
        let set: Option<VersionSet> = sets.first().map(|item| from_item(item)).transpose()?;
        Ok(Some(Recorded::of(&stage, set.as_ref())))
    }

    /// The progress of a look that saw this drift; `None` if the operation may continue.
    pub(crate) async fn judge(&self, cx: &Context, drift: Drift) -> Result<Option<Progress>, EngineError> {
        let drift = drift.beyond(self.accepted.as_ref());
        if drift.is_none() {
            return Ok(None);
        }
        let state = PipelineState::read(&*cx.world.store, &cx.world.keys, &self.pipeline).await?;
        let has_moved = self.mark.as_ref().is_some_and(|before| *before != mark(&self.stage, &state));
        if has_moved || is_in_doubt(&cx.world, &state, &self.stage).await? {
            return Ok(None);
        }
        let moves = mover(&state, &self.stage).is_some_and(|ticket| ticket.operation != cx.operation);
        let current = state.stages.get(&self.stage).and_then(|stage| stage.current.as_ref());
        let settled = cx.world.clock.now() - cx.world.settings.settle;
        if moves || current.is_some_and(|current| current.since > settled) {
            return Ok(Some(Progress::NotYet { after: LOOK_AGAIN, note: None }));
        }
        Err(EngineError::Refused(messages::stage_moved_outside(&self.stage, &drift, &self.line)))
    }
}

/// The open operation that moves the stage now.
pub(crate) fn mover<'a>(state: &'a PipelineState, stage: &StageName) -> Option<&'a Ticket> {
    let holder = state.queue.slots.get(&stage_slot(stage))?;
    let moves = |ticket: &&Ticket| [DEPLOY, PROMOTE, ROLLBACK].contains(&ticket.kind.as_str());
    state.queue.tickets.iter().filter(moves).find(|ticket| &ticket.operation == holder)
}

/// A value that changes whenever the stage moves, also when a move is undone: the revision of its record, and the last
/// operation that undid a move.
pub(crate) fn mark(stage: &StageName, state: &PipelineState) -> Value {
    let revision = state.stage_revisions.get(stage).copied().unwrap_or(0);
    match state.stage_touched.get(stage) {
        None => revision.into(),
        Some(operation) => json!([revision, operation]),
    }
}

/// Whether an operation moved a part of its stage, or may have done so.
pub(crate) fn began_to_move(op: &OperationState) -> bool {
    let moves = |step: &StepId| MOVES.contains(&step.0.split(':').next().unwrap_or_default());
    op.steps().any(|(step, fact)| moves(step) && fact.intent.is_some())
}

/// The release that the stage ran when the operation looked at it. An undo returns to it.
#[derive(Debug, Clone)]
pub(crate) struct RanBefore {
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
    pub(crate) release: Option<ReleaseNumber>,
}

impl RanBefore {
    /// The result of an undo if the stage moved since: nothing is undone. A rollback may run while this operation is stuck, and
    /// its move must not be undone, even if both moved to the same version.
    pub(crate) async fn left_if_moved(&self, cx: &Context) -> Result<Option<Undone>, EngineError> {
        let world = &cx.world;
        let item = world.store.get(&world.keys.stage(&self.pipeline, &self.stage)).await?;
        let stage: Option<Stage> = item.as_ref().map(from_item).transpose()?;
        let now = stage.and_then(|stage| stage.current).map(|current| current.release);
        Ok(now.filter(|_| now != self.release).map(messages::left_for))
    }
}

/// The stage that an operation moves.
#[derive(Deserialize)]
struct Moves {
    #[serde(alias = "to")]
    stage: StageName,
}

/// Whether an operation is about to move this stage, moves it or moved it.
pub(super) fn moves_stage(op: &OperationState, stage: &StageName) -> bool {
    op.params::<Moves>().is_ok_and(|moves| moves.stage == *stage)
}

/// Whether an operation got stuck while it moved this stage. In that case Sluice itself left the stage between two releases.
pub(crate) async fn is_in_doubt(
    world: &World,
    state: &PipelineState,
    stage: &StageName,
) -> Result<bool, EngineError> {
    for ticket in state.queue.tickets.iter().filter(|ticket| ticket.stuck) {
        let stuck = match load(&*world.store, &world.keys, &ticket.operation).await {
            Ok(Some(stuck)) => stuck,
            Ok(None) => continue,
            // A damaged operation must not block the others.
            Err(error) if error.is_corrupt() => continue,
            Err(error) => return Err(error),
        };
        if moves_stage(&stuck.op, stage) && began_to_move(&stuck.op) {
            return Ok(true);
        }
    }
    Ok(false)
}
