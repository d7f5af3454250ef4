//! Plans changes of stages, their policies and their locks. Relative times and single settings are resolved here to absolute
//! times and whole policies, so the record does not depend on when it is read.

use jiff::Timestamp;

use crate::installation::{Installation, Plan, Planning, Reject, misdirected};
use crate::names::short_digest;
use crate::operation::Snapshot;
use crate::records::PipelineState;
use crate::rules::{Lock, Policy, parameter};
use crate::stage::{add, lock, messages, set, unlock};
use sluice_grammar::{Command, Period, StageCommand};
use sluice_model::{Actor, Answer, PipelineName, StageName};

/// The default duration of a lock, in seconds: two hours.
const LOCKED: u64 = 2 * 3600;
/// The longest lock, in seconds. For a longer time, a freeze or another policy is better.
const LONGEST: i64 = 30 * 86_400;

/// Identifies the policy that the author saw when confirming fewer approvals.
fn digest(before: &Policy) -> String {
    short_digest(&[&serde_json::to_string(before).unwrap_or_default()])
}

impl Installation {
    /// Answers a `/stage` command that changes nothing.
    pub(crate) async fn read_stage(&self, command: StageCommand) -> Result<Answer, Reject> {
        match command {
            StageCommand::List { name } => self.list_stages(&name).await,
            _ => Err(misdirected("/stage")),
        }
    }

    /// Plans a change of a stage. `seen`: the digest of the policy that the author confirmed to lower.
    pub(crate) async fn plan_stage(
        &self,
        planning: Planning<'_>,
        parsed: &StageCommand,
    ) -> Result<Plan, Reject> {
        let Planning { invocation, command, name, snapshot, seen, .. } = planning;
        let (state, now) = (&snapshot.state, self.engine.world().clock.now());
        match parsed {
            StageCommand::Add { stage, after, .. } => {
                add::ordered(name, &state.pipeline(name)?.stages, stage, after.as_ref())?;
                let params = add::Params { name: name.clone(), stage: stage.clone(), after: after.clone() };
                Plan::new(params, command.clone(), messages::adding(name, stage))
            }
            StageCommand::Set { stage, settings, confirm, .. } => {
                let params = self.set(state, (name, stage), settings, confirm.then_some(seen)).await?;
                Plan::new(params, command.clone(), messages::updating_policy(name, stage))
            }
            StageCommand::Remove { stage, now, .. } => self.remove_stage(planning, stage, *now).await,
            StageCommand::Lock { stage, until, hard, reason, .. } => {
                let in_utc = !matches!(until, None | Some(Period::Seconds(_)));
                let stages = stages(state, name, stage.as_ref())?;
                let until = end(now, until.as_ref())
                    .ok_or_else(|| messages::bad_end(name, stage.as_ref().or(stages.first())))?;
                let answer = messages::locking(name, &stages, until, in_utc);
                let (name, reason) = (name.clone(), reason.clone());
                let params =
                    lock::Params { name, stages, until, hard: *hard, reason, over: vec![], kept: vec![] };
                let params = replacing(params, &invocation.actor, snapshot, now)?;
                Plan::new(params, command.clone(), answer)
            }
            StageCommand::Unlock { stage, .. } => {
                let locks = held(state, &stages(state, name, stage.as_ref())?, now);
                if locks.is_empty() {
                    return Err(messages::not_locked(name, stage.as_ref()).into());
                }
                let (who, access) = (&invocation.actor.id, &snapshot.access);
                for lock in &locks {
                    access.unlock(who, &lock.owner.id)?;
                }
                let restored = locks.iter().filter_map(|lock| lock.removed_by(who, access, now)).collect();
                let params = unlock::Params { name: name.clone(), locks, restored };
                let answer = messages::unlocking(&params);
                Plan::new(params, command.clone(), answer)
            }
            _ => Err(misdirected(command)),
        }
    }

    /// Changes some settings of a stage's policy. `confirmed`: fewer approvals are confirmed, by a command or for the policy
    /// with that digest.
    async fn set(
        &self,
        state: &PipelineState,
        (name, stage): (&PipelineName, &StageName),
        settings: &[(String, String)],
        confirmed: Option<Option<&str>>,
    ) -> Result<set::Params, Reject> {
        state.pipeline(name)?;
        state.stage(name, stage)?;
        let before = state.policy(stage);
        let default = Policy::of(state.is_protected(stage));
        let after = set::changed(&before, &default, settings)?;
        set::only_what_holds(stage, &default, &after)?;
        if after == before {
            return Err(messages::already_set(name, stage).into());
        }
        let parameters: Vec<&str> = settings.iter().filter_map(|(key, _)| parameter(key)).collect();
        if !parameters.is_empty() {
            self.refuse_secrets(state, name, &parameters).await?;
        }
        let (name, stage, settings) = (name.clone(), stage.clone(), settings.to_vec());
        let is_confirmed = confirmed.is_some_and(|seen| seen.is_none_or(|seen| seen == digest(&before)));
        if after.needs_fewer_people_than(&before) && !is_confirmed {
            let (of, policies) = ((&name, &stage), (&before, &after));
            let (name, stage) = (name.clone(), stage.clone());
            let line = Command::Stage(StageCommand::Set { name, stage, settings, confirm: true });
            let card = messages::lowering(of, policies, (digest(&before), line.to_string()));
            return Err(Reject::answer(card));
        }
        let is_lower = after.is_lower_than(&before);
        Ok(set::Params { name, stage, settings, default, before, is_lower })
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
    match stage {
        Some(stage) => Ok(vec![state.stage(name, stage)?.name.clone()]),
        // One that is being removed is gone soon.
        None => Ok(state
            .pipeline(name)?
            .stages
            .iter()
            .filter(|stage| state.stage(name, stage).is_ok())
            .cloned()
            .collect()),
    }
}

/// The locks of these stages that are in effect.
fn held(state: &PipelineState, stages: &[StageName], now: Timestamp) -> Vec<Lock> {
    let locks = stages.iter().filter_map(|stage| state.locks.get(stage));
    locks.filter(|lock| lock.holds(now)).cloned().collect()
}

/// Adds the locks that these will replace or keep.
fn replacing(
    mut params: lock::Params,
    owner: &Actor,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<lock::Params, Reject> {
    for lock in held(&snapshot.state, &params.stages, now) {
        let wanted = Lock {
            owner: owner.clone(),
            reason: params.reason.clone(),
            since: now,
            until: params.until,
            hard: params.hard,
            over: vec![],
            ..lock.clone()
        };
        let (wanted, ended) = wanted.in_place_of(&lock, &snapshot.access)?;
        params.over.extend(ended.into_iter().filter(|lock| lock.owner.id != owner.id));
        params.kept.extend(wanted.over);
    }
    Ok(params)
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
