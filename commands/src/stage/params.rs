//! The parameters of the operations on stages.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::operation::StepId;
use crate::rules::{self, Policy, parameter};
use sluice_model::{PipelineName, StageName};

/// `/stage add`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Add {
    /// The pipeline.
    pub name: PipelineName,
    /// The new stage.
    pub stage: StageName,
    /// The stage before it; `None` adds it at the end.
    pub after: Option<StageName>,
}

/// `/stage set`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Set {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage.
    pub stage: StageName,
    /// The settings as typed.
    pub settings: Vec<(String, String)>,
    /// The default policy for the stage's position.
    pub default: Policy,
    /// The policy at the time of the request.
    pub before: Policy,
    /// Whether the new policy requires less than before.
    pub is_lower: bool,
}

impl Set {
    /// Whether the settings include some that only a deploy or a promotion puts into effect.
    pub(super) fn sets_release(&self) -> bool {
        self.settings.iter().any(|(key, _)| parameter(key).is_some() || key.eq_ignore_ascii_case("events"))
    }
}

/// `/stage lock`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lock {
    /// The pipeline.
    pub name: PipelineName,
    /// The stages.
    pub stages: Vec<StageName>,
    /// The end of the lock.
    pub until: Timestamp,
    /// Whether it blocks rollbacks too.
    pub hard: bool,
    /// Why.
    pub reason: String,
    /// The locks of other people at the time of the request that are taken over.
    pub over: Vec<rules::Lock>,
    /// The locks at that time that the owner may not remove. They are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<rules::Lock>,
}

/// The step that waits while the lock of a stage holds.
pub(super) fn hold(stage: &StageName) -> StepId {
    StepId::of("hold", stage.as_str())
}

/// When the owner of a lock is reminded: when a quarter of its time is left, at most 15 minutes before the end. The owner of a
/// lock of less than ten minutes set it a moment ago and gets no reminder.
pub(super) fn reminds(set: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let length = until.duration_since(set);
    let before = (length / 4).min(SignedDuration::from_mins(15));
    until.checked_sub(before).ok().filter(|_| length >= SignedDuration::from_mins(10))
}

/// `/stage unlock`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unlock {
    /// The pipeline.
    pub name: PipelineName,
    /// The locks at the time of the request.
    pub locks: Vec<rules::Lock>,
    /// The locks that apply again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<rules::Lock>,
}

impl Unlock {
    pub(super) fn restored(&self, stage: &StageName) -> Option<&rules::Lock> {
        self.restored.iter().find(|lock| lock.stage == *stage)
    }

    /// The locks that end on these stages.
    pub(super) fn gone(&self, stages: &[StageName]) -> Vec<rules::Lock> {
        let stays = |lock: &rules::Lock| {
            let restored = self.restored(&lock.stage);
            restored.is_some_and(|restored| restored.each().any(|kept| kept.operation == lock.operation))
        };
        let lifted = self.locks.iter().filter(|lock| stages.contains(&lock.stage));
        lifted.flat_map(rules::Lock::each).filter(|lock| !stays(lock)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reminder_is_sent_with_a_quarter_of_the_time_left_at_most_15_minutes() {
        let set: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let at = |minutes: i64| {
            let until = set + SignedDuration::from_mins(minutes);
            reminds(set, until).map(|at| until.duration_since(at).as_secs())
        };
        assert_eq!(
            [at(9), at(10), at(20), at(60), at(120)],
            [None, Some(150), Some(300), Some(900), Some(900)]
        );
    }
}
