//! Plans the removal of a stage. It asks first, and shows what would go and what would stay.

use std::time::Duration;

use jiff::Timestamp;

use crate::installation::{Installation, Plan, Planning, Reject};
use crate::names;
use crate::operation::{EngineError, World};
use crate::records::{PipelineState, Stage, VersionSet, from_item};
use crate::resources::stack::remove::{StackLook, StackToRemove};
use crate::stage::remove::messages::{self, Goes, StackSeen};
use crate::stage::remove::open::open_operation;
use crate::stage::remove::params::Params;
use sluice_grammar::{Command, StageCommand};
use sluice_model::{Refusal, StageName};

/// How long an answer waits for CloudFormation. Slack waits for 3 s in total, and the store needs some of that.
const PATIENCE: Duration = Duration::from_millis(1_200);

/// Whether the stage may be removed, as the request was confirmed: checked when it is accepted, and when it takes its slots.
pub(super) fn may_go(params: &Params, state: &PipelineState, at: Timestamp) -> Result<(), Refusal> {
    let Params { name, stage, before, .. } = params;
    let pipeline = state.pipeline(name)?;
    let Some(record) = state.stages.get(stage) else { return Err(messages::gone(name, stage)) };
    if pipeline.stages.first() == Some(stage) {
        return Err(messages::first_stage(name, stage));
    }
    if let Some(lock) = state.locks.get(stage).filter(|lock| lock.holds(at)) {
        return Err(messages::locked(name, stage, lock));
    }
    let now = record.current.as_ref();
    if now.map(|now| now.release) == *before { Ok(()) } else { Err(messages::moved(name, stage, now)) }
}

/// Identifies what the author of a confirmation saw: the release that runs.
fn digest(stage: &Stage) -> String {
    let runs = stage.current.as_ref().map(|current| (current.release, current.since));
    names::short_digest(&[&format!("{runs:?} {}", stage.mixed.is_some())])
}

impl Installation {
    /// Plans a removal. Without `now`, and unless nothing ever ran on a stage without protection, it asks first.
    pub(crate) async fn remove_stage(
        &self,
        planning: Planning<'_>,
        stage: &StageName,
        now: bool,
    ) -> Result<Plan, Reject> {
        let Planning { name, snapshot, command, seen, .. } = planning;
        let (state, world) = (&snapshot.state, self.engine.world());
        let record = state.any_stage(name, stage)?;
        let params = Params {
            name: name.clone(),
            stage: stage.clone(),
            before: record.current.as_ref().map(|current| current.release),
            urls: record.urls(),
        };
        may_go(&params, state, world.clock.now())?;
        if let Some(open) = open_operation(world, state, stage).await? {
            return Err(messages::busy(name, stage, &open.command, open.is_stuck).into());
        }
        let line =
            Command::Stage(StageCommand::Remove { name: name.clone(), stage: stage.clone(), now: true });
        let is_confirmed = now && seen.is_none_or(|seen| seen == digest(record));
        // One that is being removed already has nothing to lose.
        let has_run = record.current.is_some() || !record.runs.is_empty() || record.mixed.is_some();
        let asks = record.removed_by.is_none() && (has_run || state.is_protected(stage));
        if asks && !is_confirmed {
            let goes = goes(world, &params, record).await?;
            let confirmed = (digest(record), line.to_string());
            return Err(Reject::answer(messages::question(&params, record, &goes, confirmed)));
        }
        let answer = messages::removing(&params).then(".");
        // The same removal, however it was typed.
        let mut plan = Plan::new(params, command.clone(), answer)?;
        plan.command = line;
        Ok(plan)
    }
}

/// What the records say that goes, and what CloudFormation says of the stack.
async fn goes(world: &World, params: &Params, record: &Stage) -> Result<Goes, EngineError> {
    let Params { name, stage, .. } = params;
    let mut goes = Goes::default();
    if let Some(current) = &record.current {
        let item = world.store.get(&world.keys.version_set(name, current.release, stage)).await?;
        let set: Option<VersionSet> = item.as_ref().map(from_item).transpose()?;
        goes.functions = set.map(|set| set.versions.into_keys().collect()).unwrap_or_default();
    }
    let stack = params.stack(&world.target);
    goes.stack = match tokio::time::timeout(PATIENCE, stack.look(world)).await {
        Ok(Ok(StackLook::None)) => StackSeen::None,
        Ok(Ok(StackLook::Found(stack))) => StackSeen::Found(Box::new(StackToRemove::clone(&stack))),
        Ok(Ok(StackLook::Busy)) => StackSeen::Unknown(messages::STACK_CHANGES),
        Ok(Err(error)) => {
            tracing::warn!(%error, pipeline = %name, %stage, "a stack could not be looked at");
            StackSeen::Unknown(messages::NO_ANSWER)
        }
        Err(_) => StackSeen::Unknown(messages::NO_ANSWER),
    };
    Ok(goes)
}
