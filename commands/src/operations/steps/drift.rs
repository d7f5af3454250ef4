//! Whether what an operation sees of a stage is as Sluice left it. What somebody moved by hand is never overwritten unless
//! the requester saw it and said to go on.
//!
//! The race it prevents: another operation moves the stage at the very moment. Then what is seen differs from the record,
//! and nobody moved anything outside; the gate before the first move knows, and voids who looked.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Drift, PipelineState, Recorded, Stage, VersionSet, from_item};
use crate::operation::{
    Context, DEPLOY, EngineError, OperationState, PROMOTE, Progress, ROLLBACK, Slot, Ticket, World, load,
    marked,
};
use crate::operations::steps::{began_to_move, mark};
use sluice_grammar::{Names, parse_line};
use sluice_model::{PipelineName, Refusal, ReleaseNumber, StageName, Text};

/// The code of a refusal to overwrite what somebody moved by hand.
pub(crate) const MOVED_OUTSIDE: &str = "moved-outside";
/// How long to wait before a stage is looked at again that may be moving.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a look at a stage is held against.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
    /// What it ran when the operation was asked for.
    pub(crate) before: Option<ReleaseNumber>,
    /// What the stage was like before anything of it was looked at; none where the look holds the stage's slot itself.
    pub(crate) mark: Option<Value>,
    /// What was moved already when it was asked for, and is gone on from.
    pub(crate) accepted: Option<Drift>,
    /// What is typed to go on from what is there.
    pub(crate) line: String,
}

impl Watch {
    /// What the stage's record says, if it is still that of which the operation was asked.
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

    /// What a look comes to that saw the stage so: none, if that may be gone on from.
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
        let what = drift.words(&self.stage);
        Err(EngineError::Refused(Refusal::new(
            MOVED_OUTSIDE,
            format!("Stage `{}` was moved outside Sluice: {what}.", self.stage),
            format!("Look who moved it and why. To go on from what is there: `{}`.", self.line),
        )))
    }
}

/// What is typed to go on from what somebody moved.
pub(crate) fn drift_note(op: &OperationState) -> String {
    let command = &op.spec.command;
    parse_line(command, &Names::default()).map_or(command.clone(), |parsed| parsed.anyway().to_string())
}

/// What was moved, on the card of who goes on from it.
pub(crate) fn gone_on(outside: &Drift, stage: &StageName, op: &OperationState) -> Text {
    marked(&outside.words(stage)).then("; ").join(op.spec.actor.attribution()).then(" goes on anyway")
}

/// The open operation that moves a stage at this moment.
pub(crate) fn mover<'a>(state: &'a PipelineState, stage: &StageName) -> Option<&'a Ticket> {
    let holder = state.slots.get(&Slot::Stage(stage.clone()))?;
    let moves = |ticket: &&Ticket| [DEPLOY, PROMOTE, ROLLBACK].contains(&ticket.kind.as_str());
    state.tickets.iter().filter(moves).find(|ticket| &ticket.operation == holder)
}

/// The stage that an operation moves.
#[derive(Deserialize)]
struct Moves {
    #[serde(alias = "to")]
    stage: StageName,
}

/// Whether an operation got stuck while it moved this stage: then Sluice itself left it between two releases.
pub(crate) async fn is_in_doubt(
    world: &World,
    state: &PipelineState,
    stage: &StageName,
) -> Result<bool, EngineError> {
    for ticket in state.tickets.iter().filter(|ticket| ticket.stuck) {
        let stuck = match load(&*world.store, &world.keys, &ticket.operation).await {
            Ok(Some(stuck)) => stuck,
            Ok(None) => continue,
            // Who parked on its own record is not to stop all others.
            Err(error) if error.is_corrupt() => continue,
            Err(error) => return Err(error),
        };
        let is_here = stuck.op.params::<Moves>().is_ok_and(|moves| moves.stage == *stage);
        if is_here && began_to_move(&stuck.op) {
            return Ok(true);
        }
    }
    Ok(false)
}
