//! The drafts of what keeps a stage as it is: its policy, and locks. All of it is resolved to points of time and to whole
//! policies here, so that what is recorded does not depend on when it is read.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::card::Text;
use crate::domain::{Lock, Policy, View};
use crate::grammar::{Command, Period};
use crate::ids::{PipelineName, StageName};
use crate::operation::{Ground, Refusal, Trouble};
use crate::operations::{stage_lock, stage_set, stage_unlock};
use crate::service::drafts::Resolved;
use crate::service::{Invocation, Service, Stop};

/// How long a lock holds for which no end is named: two hours.
const LOCKED: u64 = 2 * 3600;
/// The longest lock: whoever needs a longer one wants a freeze, or another policy.
const LONGEST: i64 = 30 * 86_400;

/// A stage's policy with some settings changed.
pub(super) fn set(
    view: &View,
    name: &PipelineName,
    stage: &StageName,
    settings: &[(String, String)],
    command: &Command,
) -> Result<Resolved, Stop> {
    view.pipeline(name)?;
    view.stage(name, stage)?;
    let before = view.policy(stage);
    let default = Policy::of(view.is_protected(stage));
    let after = stage_set::changed(&before, &default, settings)?;
    stage_set::only_what_holds(stage, &default, &after)?;
    if after == before {
        return Err(Refusal::new(
            "already-set",
            format!("Stage `{stage}` of `{name}` is set so already; nothing was changed."),
            format!("See `/stage list {name}`."),
        )
        .into());
    }
    let params = stage_set::Params {
        name: name.clone(),
        stage: stage.clone(),
        settings: settings.to_vec(),
        default,
        is_lower: after.is_lower_than(&before),
        before,
    };
    let answer =
        Text::plain("Setting the policy of ").code(stage.as_str()).then(" of ").code(name.as_str()).then(".");
    Resolved::new(stage_set::KIND, params, command.clone(), answer)
}

/// When a lock ends. Times of a day are those of UTC: Slack shows them to each person in their own zone.
fn end(now: Timestamp, until: Option<&Period>) -> Option<Timestamp> {
    let utc = now.to_zoned(TimeZone::UTC).datetime();
    let at = match until {
        None => now.checked_add(SignedDuration::from_secs(i64::try_from(LOCKED).ok()?)).ok()?,
        Some(Period::Seconds(seconds)) => {
            now.checked_add(SignedDuration::from_secs(i64::try_from(*seconds).ok()?)).ok()?
        }
        Some(Period::Time(time)) => {
            let today = utc.date().to_datetime(*time);
            let next = if today > utc { today } else { today.checked_add(1.day()).ok()? };
            TimeZone::UTC.to_timestamp(next).ok()?
        }
        Some(Period::Date(date)) => TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?,
        Some(Period::Moment(moment)) => TimeZone::UTC.to_timestamp(*moment).ok()?,
    };
    (at > now && at.duration_since(now).as_secs() <= LONGEST).then_some(at)
}

/// The stages that are meant: that one, or all.
fn stages(view: &View, name: &PipelineName, stage: Option<&StageName>) -> Result<Vec<StageName>, Stop> {
    let pipeline = view.pipeline(name)?;
    match stage {
        Some(stage) => Ok(vec![view.stage(name, stage)?.name.clone()]),
        None => Ok(pipeline.stages.clone()),
    }
}

impl Service {
    /// A lock of one stage, or of all.
    pub(super) fn lock(
        &self,
        invocation: &Invocation,
        ground: &Ground,
        command: &Command,
    ) -> Result<Resolved, Stop> {
        let Ground { view, access, .. } = ground;
        let Command::StageLock { name, stage, until, hard, reason } = command else {
            return Err(Trouble::Corrupt(format!("no lock: {command}")).into());
        };
        let now = self.engine.world().clock.now();
        let stages = stages(view, name, stage.as_ref())?;
        let until = end(now, until.as_ref()).ok_or_else(|| {
            Refusal::new(
                "bad-end",
                "A lock ends in the future, and within 30 days; nothing was locked.",
                format!("Name another end, as in `/stage lock {name} prod for 2h REASON`; or set a freeze."),
            )
        })?;
        let held: Vec<Lock> = stages
            .iter()
            .filter_map(|stage| view.locks.get(stage))
            .filter(|lock| lock.holds(now))
            .cloned()
            .collect();
        for lock in &held {
            let wanted = Lock {
                owner: invocation.actor.clone(),
                reason: reason.clone(),
                since: now,
                until,
                hard: *hard,
                ..lock.clone()
            };
            wanted.may_replace(lock, access)?;
        }
        let over = held.into_iter().filter(|lock| lock.owner.id != invocation.actor.id).collect();
        let mut answer = Text::plain("Locking ");
        for (nth, stage) in stages.iter().enumerate() {
            answer =
                if nth > 0 { answer.then(", ").code(stage.as_str()) } else { answer.code(stage.as_str()) };
        }
        let answer = answer.then(" of ").code(name.as_str()).then(" until ").time(until).then(".");
        let params = stage_lock::Params {
            name: name.clone(),
            stages,
            until,
            hard: *hard,
            reason: reason.clone(),
            over,
        };
        Resolved::new(stage_lock::KIND, params, command.clone(), answer)
    }

    /// The end of a lock before its time.
    pub(super) fn unlock(
        &self,
        invocation: &Invocation,
        ground: &Ground,
        name: &PipelineName,
        stage: Option<&StageName>,
        command: &Command,
    ) -> Result<Resolved, Stop> {
        let Ground { view, access, .. } = ground;
        let now = self.engine.world().clock.now();
        let stages = stages(view, name, stage)?;
        let locks: Vec<Lock> = stages
            .iter()
            .filter_map(|stage| view.locks.get(stage))
            .filter(|lock| lock.holds(now))
            .cloned()
            .collect();
        if locks.is_empty() {
            let what = stage.map_or("No stage".to_owned(), |stage| format!("Stage `{stage}`"));
            let verb = if stage.is_some() { "is not locked" } else { "is locked" };
            let hint = format!("See `/pipeline status {name}`.");
            return Err(Refusal::new("not-locked", format!("{what} of `{name}` {verb}."), hint).into());
        }
        for lock in &locks {
            access.unlock(&invocation.actor.id, &lock.owner.id)?;
        }
        let answer = Text::plain("Unlocking ").code(name.as_str()).then(".");
        let params = stage_unlock::Params { name: name.clone(), locks };
        Resolved::new(stage_unlock::KIND, params, command.clone(), answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_when_it_is_said_and_within_bounds() {
        let now: Timestamp = "2026-11-27T16:30:00Z".parse().unwrap();
        let end = |until: Option<Period>| end(now, until.as_ref()).map(|at| at.to_string());
        let time = |hour| Period::Time(jiff::civil::time(hour, 0, 0, 0));
        assert_eq!(end(None).as_deref(), Some("2026-11-27T18:30:00Z"));
        assert_eq!(end(Some(Period::Seconds(60))).as_deref(), Some("2026-11-27T16:31:00Z"));
        assert_eq!(end(Some(time(17))).as_deref(), Some("2026-11-27T17:00:00Z"));
        assert_eq!(end(Some(time(9))).as_deref(), Some("2026-11-28T09:00:00Z"), "tomorrow's");
        let date = |month, day| Period::Date(jiff::civil::date(2026, month, day));
        assert_eq!(end(Some(date(12, 1))).as_deref(), Some("2026-12-01T00:00:00Z"));
        assert_eq!(end(Some(date(11, 27))), None, "it is past");
        assert_eq!(end(Some(Period::Seconds(31 * 86_400))), None);
    }
}
