//! Plans a rollback: a stage returns to a release that ran there, with the same versions. It needs no approval and creates
//! no new versions.

use jiff::{SignedDuration, Timestamp};

use crate::installation::{Installation, Invocation, Plan, Reject};
use crate::operation::{EngineError, ROLLBACK, Snapshot};
use crate::pipeline::tidy::WINDOW;
use crate::records::{Current, NoRollbackTarget, PipelineState, Release, Stage, VersionSet, from_item};
use crate::rules::{Attempt, Want, pass};
use crate::{promote, rollback};
use sluice_grammar::{Command, RollbackCommand};
use sluice_model::{Permission, PipelineName, Refusal, ReleaseNumber, StageName, Text};

/// How long two people may take to see the same fire, or one to send a line twice.
const SAME_FIRE: SignedDuration = SignedDuration::from_mins(1);

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
        state.pipeline(name)?;
        let record = state.stage(name, stage)?;
        let Some(current) = &record.current else {
            return Err(Refusal::new(
                "nothing-runs",
                format!("Stage `{stage}` runs nothing yet, so it cannot be rolled back."),
                format!("See `/pipeline status {name}`."),
            )
            .into());
        };
        let number = match release {
            Some(number) if number == current.release && record.mixed.is_none() => {
                return Err(Refusal::new(
                    "already-runs",
                    format!("Stage `{stage}` already runs `{number}`."),
                    ran_here(record, current.release),
                )
                .into());
            }
            Some(number) if !record.has_run(number) => {
                return Err(Refusal::new(
                    "never-ran",
                    format!("Release `{number}` never ran on `{stage}`."),
                    ran_here(record, current.release),
                )
                .into());
            }
            Some(number) => number,
            None if just_rolled_back(current, record, world.clock.now()) => {
                return Err(Refusal::new(
                    "just-rolled-back",
                    format!(
                        "`{stage}` was rolled back to `{}` by <@{}> a moment ago.",
                        current.release, current.by.id
                    ),
                    match record.rollback_target() {
                        Some(further) => {
                            format!("To go further back, run `/rollback {name} {stage} {further}`.")
                        }
                        None => ran_here(record, current.release),
                    },
                )
                .into());
            }
            None => record.rollback_target().ok_or_else(|| {
                Refusal::new(
                    "nothing-before",
                    format!("There is no earlier good release on `{stage}`."),
                    ran_here(record, current.release),
                )
            })?,
        };
        let release = self.release(name, number).await?;
        let forward =
            record.no_rollback_target(number).map(|why| no_rollback_target(state, stage, &release, why));
        let overrides = forward.is_some();
        if let Some(refusal) = &forward {
            let may = snapshot.access.permit(Permission::AdminsOrOncall, &invocation.actor.id).is_ok();
            match (may, reason.is_some()) {
                (true, true) => {}
                (true, false) => {
                    let line = format!("/rollback {name} {stage} {number} REASON");
                    let hint =
                        format!("{} To roll back to it anyway, give a reason: `{line}`.", refusal.hint);
                    return Err(Refusal { hint, ..refusal.clone() }.into());
                }
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
            let line = match state.is_protected(stage) {
                true => format!("/promote {name} {stage} {number}"),
                false => format!("/deploy {name} {}", release.build),
            };
            return Err(Refusal::new(
                "versions-deleted",
                format!("`{number}` is more than {WINDOW} releases back on `{stage}`, so its versions were deleted."),
                format!("To create them again, run `{line}`."),
            )
            .into());
        }
        let params = rollback::Params {
            name: name.clone(),
            stage: stage.clone(),
            before: current.release,
            before_commit: current.commit.clone(),
            release,
            set,
            reason,
            goes_first: state.tickets.iter().any(|ticket| ticket.kind == promote::KIND),
            passed,
            outside: None,
            overrides,
        };
        let answer = Text::plain("Rolling ")
            .code(name.as_str())
            .then(" on ")
            .code(stage.as_str())
            .then(" back to ")
            .code(number.to_string())
            .then(".");
        let command = Command::Rollback(RollbackCommand::Rollback {
            name: name.clone(),
            stage: stage.clone(),
            release: Some(number),
            anyway: false,
            reason: None,
        });
        let resolved = Plan::new(ROLLBACK, params, command, answer)?;
        Ok(if overrides { resolved.only_for(Permission::AdminsOrOncall) } else { resolved })
    }
}

/// The refusal of a release that is not a rollback target. The hint names the command that runs it again, through the gates.
fn no_rollback_target(
    state: &PipelineState,
    stage: &StageName,
    release: &Release,
    why: NoRollbackTarget,
) -> Refusal {
    let number = release.number;
    let problem = match why {
        NoRollbackTarget::Newer => {
            format!(
                "`{number}` first ran on `{stage}` after the current release, so you cannot roll back to it."
            )
        }
        NoRollbackTarget::RolledBack => {
            format!("`{stage}` was rolled back from `{number}`, so you cannot roll back to it.")
        }
    };
    let Some(pipeline) = &state.pipeline else { return Refusal::new("no-way-back", problem, "") };
    let name = &pipeline.name;
    let line = match (pipeline.before(stage), why) {
        (Some(_), NoRollbackTarget::Newer) => format!("/promote {name} {stage} {number}"),
        (Some(_), NoRollbackTarget::RolledBack) => format!("/promote {name} {stage} {number} again"),
        (None, _) => format!("/deploy {name} {}", release.build),
    };
    Refusal::new("no-way-back", problem, format!("To run it there again, use `{line}`."))
}

/// Whether the stage was rolled back so recently that a new rollback may be a duplicate. Two people who react to the same
/// incident, or one who sends a command twice, must not go back two releases.
fn just_rolled_back(current: &Current, stage: &Stage, at: Timestamp) -> bool {
    let present = stage.runs.iter().position(|run| run.release == current.release);
    let left = stage.runs.iter().skip(present.map_or(0, |at| at + 1)).any(|run| run.rolled_back);
    left && at.duration_since(current.since) < SAME_FIRE
}

/// The releases that ran on a stage, as a hint.
fn ran_here(stage: &Stage, current: ReleaseNumber) -> String {
    let others: Vec<_> = stage
        .runs
        .iter()
        .rev()
        .filter(|run| run.release != current)
        .take(8)
        .map(|run| {
            let why = match stage.no_rollback_target(run.release) {
                Some(NoRollbackTarget::RolledBack) => " (rolled back)",
                Some(NoRollbackTarget::Newer) => " (newer)",
                None => "",
            };
            format!("`{}`{why}", run.release)
        })
        .collect();
    match others.as_slice() {
        [] => "No other release ever ran here.".to_owned(),
        others => format!("Other releases that ran here: {}.", others.join(", ")),
    }
}
