//! Plans changes of a stage's policy, and locks. Relative times and single settings are resolved here to absolute times and
//! whole policies, so the record does not depend on when it is read.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::build_op::ARTIFACT_LIMIT;
use crate::installation::{Installation, Invocation, Plan, Reject};
use crate::names::short_digest;
use crate::operation::{EngineError, Snapshot};
use crate::records::{Build, Pinned, PipelineState, from_item};
use crate::rules::{Lock, Policy, parameter};
use crate::stage::{self, messages};
use sluice_grammar::{Command, Period, StageCommand};
use sluice_model::{PipelineName, StageName};

/// The default duration of a lock, in seconds: two hours.
const LOCKED: u64 = 2 * 3600;
/// The longest lock, in seconds. For a longer time, a freeze or another policy is better.
const LONGEST: i64 = 30 * 86_400;

/// How long a change waits for the template, which marks secret parameters.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// Identifies the policy that the author saw when confirming fewer approvals.
fn digest(before: &Policy) -> String {
    short_digest(&[&serde_json::to_string(before).unwrap_or_default()])
}

/// The pipeline's state, the command, and the digest that its author saw before confirming.
pub(crate) struct Setting<'a> {
    pub(crate) state: &'a PipelineState,
    pub(crate) name: &'a PipelineName,
    pub(crate) command: &'a Command,
    pub(crate) seen: Option<&'a str>,
}

impl Installation {
    /// Changes some settings of a stage's policy.
    pub(crate) async fn set(
        &self,
        Setting { state, name, command, seen }: Setting<'_>,
        stage: &StageName,
        settings: &[(String, String)],
        confirm: bool,
    ) -> Result<Plan, Reject> {
        state.pipeline(name)?;
        state.stage(name, stage)?;
        let before = state.policy(stage);
        let default = Policy::of(state.is_protected(stage));
        let after = stage::set::changed(&before, &default, settings)?;
        stage::set::only_what_holds(stage, &default, &after)?;
        if after == before {
            return Err(messages::already_set(name, stage).into());
        }
        let names: Vec<&str> = settings.iter().filter_map(|(key, _)| parameter(key)).collect();
        if !names.is_empty() {
            self.refuse_secrets(state, name, &names).await?;
        }
        let is_confirmed = confirm && seen.is_none_or(|seen| seen == digest(&before));
        if after.needs_fewer_people_than(&before) && !is_confirmed {
            let line = Command::Stage(StageCommand::Set {
                name: name.clone(),
                stage: stage.clone(),
                settings: settings.to_vec(),
                confirm: true,
            })
            .to_string();
            let confirmed = (digest(&before), line);
            return Err(Reject::say(messages::lowering((name, stage), (&before, &after), confirmed)));
        }
        let params = stage::set::Params {
            name: name.clone(),
            stage: stage.clone(),
            settings: settings.to_vec(),
            default,
            is_lower: after.is_lower_than(&before),
            before,
        };
        Plan::new(stage::set::KIND, params, command.clone(), messages::updating_policy(name, stage))
    }

    /// Refuses a parameter that the newest green build marks as a secret, because everyone can see parameter values. If the
    /// template cannot be read in time, the change is allowed, and the deploy of the template is refused later.
    async fn refuse_secrets(
        &self,
        state: &PipelineState,
        name: &PipelineName,
        names: &[&str],
    ) -> Result<(), Reject> {
        let Ok(secrets) = tokio::time::timeout(PATIENCE, self.secrets(state, name)).await else {
            return Ok(());
        };
        let secrets = secrets.unwrap_or_else(|error| {
            tracing::warn!(%error, pipeline = %name, "the template could not be checked for secrets");
            None
        });
        match names.iter().find(|name| secrets.iter().flatten().any(|secret| secret == **name)) {
            None => Ok(()),
            Some(secret) => Err(messages::secret_parameter(secret).into()),
        }
    }

    /// The parameters with `NoEcho` in the newest green build's template.
    async fn secrets(
        &self,
        state: &PipelineState,
        name: &PipelineName,
    ) -> Result<Option<Vec<String>>, EngineError> {
        let (Some(number), Some(pipeline)) = (state.counters.newest_green(), &state.pipeline) else {
            return Ok(None);
        };
        let world = self.engine.world();
        let Some(item) = world.store.get(&world.keys.build(name, number)).await? else { return Ok(None) };
        let Some(artifact) = from_item::<Build>(&item)?.artifact else { return Ok(None) };
        let Pinned { key, version, .. } = &artifact.packaged;
        let found =
            world.objects.object(&world.target, &pipeline.bucket, key, Some(version), ARTIFACT_LIMIT).await?;
        let template = found.and_then(|found| serde_json::from_slice::<Value>(&found.content).ok());
        let declared = template.as_ref().and_then(|template| template.get("Parameters")?.as_object());
        Ok(declared.map(|declared| {
            let is_secret = |value: &Value| match value.get("NoEcho") {
                Some(Value::Bool(yes)) => *yes,
                Some(Value::String(yes)) => yes.eq_ignore_ascii_case("true"),
                _ => false,
            };
            declared.iter().filter(|(_, value)| is_secret(value)).map(|(name, _)| name.clone()).collect()
        }))
    }
}

/// The end of a lock; `None` if it is past or too far away. Times of day are in UTC. Slack shows them in each person's own
/// zone.
fn end(now: Timestamp, until: Option<&Period>) -> Option<Timestamp> {
    let at = until.unwrap_or(&Period::Seconds(LOCKED)).end(now)?;
    (at > now && at.duration_since(now).as_secs() <= LONGEST).then_some(at)
}

/// The named stage, or all stages.
fn stages(
    state: &PipelineState,
    name: &PipelineName,
    stage: Option<&StageName>,
) -> Result<Vec<StageName>, Reject> {
    let pipeline = state.pipeline(name)?;
    match stage {
        Some(stage) => Ok(vec![state.stage(name, stage)?.name.clone()]),
        None => Ok(pipeline.stages.clone()),
    }
}

impl Installation {
    /// Locks one stage, or all.
    pub(crate) fn lock(
        &self,
        invocation: &Invocation,
        snapshot: &Snapshot,
        command: &Command,
    ) -> Result<Plan, Reject> {
        let Snapshot { state, access, .. } = snapshot;
        let Command::Stage(StageCommand::Lock { name, stage, until, hard, reason }) = command else {
            return Err(EngineError::Corrupt(format!("no lock: {command}")).into());
        };
        let now = self.engine.world().clock.now();
        let stages = stages(state, name, stage.as_ref())?;
        let in_utc = !matches!(until, None | Some(Period::Seconds(_)));
        let until = end(now, until.as_ref())
            .ok_or_else(|| messages::bad_end(name, stage.as_ref().or(stages.first())))?;
        let held: Vec<Lock> = stages
            .iter()
            .filter_map(|stage| state.locks.get(stage))
            .filter(|lock| lock.holds(now))
            .cloned()
            .collect();
        let (mut over, mut kept) = (vec![], vec![]);
        for lock in held {
            let wanted = Lock {
                owner: invocation.actor.clone(),
                reason: reason.clone(),
                since: now,
                until,
                hard: *hard,
                over: vec![],
                ..lock.clone()
            };
            let (wanted, ended) = wanted.in_place_of(&lock, access)?;
            over.extend(ended.into_iter().filter(|lock| lock.owner.id != invocation.actor.id));
            kept.extend(wanted.over);
        }
        let answer = messages::locking(name, &stages, until, in_utc);
        let params = stage::lock::Params {
            name: name.clone(),
            stages,
            until,
            hard: *hard,
            reason: reason.clone(),
            over,
            kept,
        };
        Plan::new(stage::lock::KIND, params, command.clone(), answer)
    }

    /// Removes the locks of one stage, or of all.
    pub(crate) fn unlock(
        &self,
        invocation: &Invocation,
        snapshot: &Snapshot,
        name: &PipelineName,
        stage: Option<&StageName>,
        command: &Command,
    ) -> Result<Plan, Reject> {
        let Snapshot { state, access, .. } = snapshot;
        let now = self.engine.world().clock.now();
        let stages = stages(state, name, stage)?;
        let locks: Vec<Lock> = stages
            .iter()
            .filter_map(|stage| state.locks.get(stage))
            .filter(|lock| lock.holds(now))
            .cloned()
            .collect();
        if locks.is_empty() {
            return Err(messages::not_locked(name, stage).into());
        }
        for lock in &locks {
            access.unlock(&invocation.actor.id, &lock.owner.id)?;
        }
        let restored: Vec<Lock> =
            locks.iter().filter_map(|lock| lock.removed_by(&invocation.actor.id, access, now)).collect();
        let params = stage::unlock::Params { name: name.clone(), locks, restored };
        let answer = messages::unlocking(&params);
        Plan::new(stage::unlock::KIND, params, command.clone(), answer)
    }
}

pub(crate) fn stage_add(
    state: &PipelineState,
    name: &PipelineName,
    stage: &StageName,
    after: Option<&StageName>,
    command: &Command,
) -> Result<Plan, Reject> {
    stage::add::ordered(name, &state.pipeline(name)?.stages, stage, after)?;
    let params = stage::add::Params { name: name.clone(), stage: stage.clone(), after: after.cloned() };
    Plan::new(stage::add::KIND, params, command.clone(), messages::adding(name, stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_at_the_requested_time_within_bounds() {
        let now: Timestamp = "2026-11-27T16:30:00Z".parse().unwrap();
        let end = |until: Option<Period>| end(now, until.as_ref()).map(|at| at.to_string());
        let time = |hour| Period::Time(jiff::civil::time(hour, 0, 0, 0));
        assert_eq!(end(None).as_deref(), Some("2026-11-27T18:30:00Z"));
        assert_eq!(end(Some(Period::Seconds(60))).as_deref(), Some("2026-11-27T16:31:00Z"));
        assert_eq!(end(Some(time(17))).as_deref(), Some("2026-11-27T17:00:00Z"));
        assert_eq!(end(Some(time(9))).as_deref(), Some("2026-11-28T09:00:00Z"), "tomorrow's");
        let date = |month, day| Period::Date(jiff::civil::date(2026, month, day));
        assert_eq!(end(Some(date(12, 1))).as_deref(), Some("2026-12-01T00:00:00Z"));
        assert_eq!(end(Some(date(11, 27))), None, "in the past");
        assert_eq!(end(Some(Period::Seconds(31 * 86_400))), None);
    }
}
