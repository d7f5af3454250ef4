//! Plans a rollback: a stage returns to a release that ran there, with the same versions. It needs no approval and creates
//! no new versions.

use jiff::{SignedDuration, Timestamp};

use crate::installation::{Installation, Invocation, Plan, Planning, Reject};
use crate::operation::{EngineError, Snapshot};
use crate::promote;
use crate::records::{Current, Stage, VersionSet, from_item};
use crate::rollback::messages;
use crate::rollback::params::Params;
use crate::rules::{Attempt, Want, pass};
use sluice_grammar::{Command, RollbackCommand};
use sluice_model::{Permission, PipelineName, ReleaseNumber, StageName};

/// How long after a rollback another one counts as a duplicate.
const DUPLICATE: SignedDuration = SignedDuration::from_mins(1);

impl Installation {
    /// Rolls back to the newest earlier release that was not rolled back itself, unless the command names one.
    pub(crate) async fn rollback(
        &self,
        invocation: &Invocation,
        snapshot: &Snapshot,
        name: &PipelineName,
        stage: &StageName,
        release: Option<ReleaseNumber>,
        reason: Option<String>,
    ) -> Result<Plan, Reject> {
        let state = &snapshot.state;
        let world = self.engine.world();
        let pipeline = state.pipeline(name)?;
        let record = state.stage(name, stage)?;
        let Some(current) = &record.current else {
            return Err(messages::nothing_runs(name, stage).into());
        };
        let number = match release {
            Some(number) if number == current.release && record.mixed.is_none() => {
                return Err(messages::already_runs(name, record, current.release).into());
            }
            Some(number) if !record.has_run(number) => {
                return Err(messages::never_ran(name, record, current.release, number).into());
            }
            Some(number) => number,
            None if just_rolled_back(current, record, world.clock.now()) => {
                return Err(messages::just_rolled_back(name, record, current).into());
            }
            None => record
                .rollback_target()
                .ok_or_else(|| messages::nothing_before(name, record, current.release))?,
        };
        let release = self.release(name, number).await?;
        let forward = record
            .no_rollback_target(number)
            .map(|why| messages::no_rollback_target(pipeline, stage, &release, why));
        let overrides = forward.is_some();
        if let Some(refusal) = &forward {
            let may = snapshot.access.permit(Permission::AdminsOrOncall, &invocation.actor.id).is_ok();
            match (may, reason.is_some()) {
                (true, true) => {}
                (true, false) => return Err(messages::needs_reason((name, stage), number, refusal).into()),
                (false, _) => return Err(refusal.clone().into()),
            }
        }
        let attempt = Attempt { pipeline: name, stage, want: Want::Rollback, at: world.clock.now() };
        let mut passed = pass(state, &attempt)?;
        passed.extend(forward.map(|refusal| refusal.problem));
        let set = world.store.get(&world.keys.version_set(name, number, stage)).await?;
        let set: Option<VersionSet> = set.map(|item| from_item(&item)).transpose()?;
        let set =
            set.ok_or_else(|| EngineError::Corrupt(format!("{name} {number} has no versions on {stage}")))?;
        if set.tidied {
            return Err(messages::versions_deleted((name, stage), &release, state.is_protected(stage)).into());
        }
        // The stage decides about its events, whatever the release had when it ran.
        let set = VersionSet { events_off: state.policy(stage).events_off, ..set };
        let params = Params {
            name: name.clone(),
            stage: stage.clone(),
            before: current.release,
            before_commit: current.commit.clone(),
            release,
            set,
            apis: current.apis.clone(),
            settings: current.settings.clone(),
            has_stack: current.has_stack,
            is_first: pipeline.stages.first() == Some(stage),
            reason,
            goes_first: state.queue.tickets.iter().any(|ticket| ticket.kind == promote::KIND),
            passed,
            outside: None,
            overrides,
        };
        let answer = messages::rolling_back(&params);
        let command = Command::Rollback(RollbackCommand::Rollback {
            name: name.clone(),
            stage: stage.clone(),
            release: Some(number),
            anyway: false,
            reason: None,
        });
        let plan = Plan::new(params, command, answer)?;
        Ok(if overrides { plan.only_for(Permission::AdminsOrOncall) } else { plan })
    }
}

/// Whether the stage was rolled back so recently that a new rollback may be a duplicate. Two people who react to the same
/// incident, or one who sends a command twice, must not go back two releases.
fn just_rolled_back(current: &Current, stage: &Stage, at: Timestamp) -> bool {
    let present = stage.runs.iter().position(|run| run.release == current.release);
    let left = stage.runs.iter().skip(present.map_or(0, |at| at + 1)).any(|run| run.rolled_back);
    left && at.duration_since(current.since) < DUPLICATE
}

impl Installation {
    /// Plans a `/rollback` command.
    pub(crate) async fn plan_rollback(
        &self,
        planning: Planning<'_>,
        command: &RollbackCommand,
    ) -> Result<Plan, Reject> {
        let RollbackCommand::Rollback { stage, release, reason, .. } = command;
        self.rollback(planning.invocation, planning.snapshot, planning.name, stage, *release, reason.clone())
            .await
    }
}
