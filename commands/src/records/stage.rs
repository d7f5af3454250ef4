//! A stage, what runs there and what ran there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::records::{ApiUrl, Change, Parameters, PinnedApis, PinnedSettings, api_urls};
use sluice_model::{Actor, BuildNumber, OperationId, ReleaseNumber, StageName};
use sluice_template::plain::SystemParameters;

/// The first run of a release on a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The release.
    pub release: ReleaseNumber,
    /// When it started to run.
    pub at: Timestamp,
    /// Whether the stage was rolled back from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
}

/// Why a stage cannot be rolled back to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRollbackTarget {
    /// It first ran after the current release.
    Newer,
    /// The stage was rolled back from it.
    RolledBack,
}

/// How many runs a stage keeps. The audit history has the older ones.
pub const RUNS_KEPT: usize = 50;

/// A stage of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: StageName,
    /// What runs there; `None` before the first deploy or promotion.
    pub current: Option<Current>,
    /// The releases that ran here, in the order in which each *first* ran, newest last.
    pub runs: Vec<Run>,
    /// If the stage is in a mixed state (its functions run different releases): the version of each function's alias, as
    /// seen when the state was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixed: Option<BTreeMap<String, String>>,
    /// The operation that began to remove it. From then on it only can be removed, also if that operation is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_by: Option<OperationId>,
}

/// What runs on a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// The release.
    pub release: ReleaseNumber,
    /// Its build.
    pub build: BuildNumber,
    /// Digest of its artifact: equal digests are equal code and template.
    pub digest: String,
    /// Its commit.
    pub commit: Change,
    /// When it started to run here.
    pub since: Timestamp,
    /// The person who deployed, promoted or rolled back to it.
    pub by: Actor,
    /// Its APIs by logical id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apis: PinnedApis,
    /// The settings of its functions that have calls of their own.
    #[serde(default, skip_serializing_if = "PinnedSettings::is_empty")]
    pub settings: PinnedSettings,
    /// The values that the template's parameters had when its versions were made.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// What Systems Manager had for the template when its versions were made.
    #[serde(default, skip_serializing_if = "SystemParameters::is_empty")]
    pub system: SystemParameters,
    /// Whether the stage has a stack.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_stack: bool,
    /// Whether its triggers deliver no events.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub events_off: bool,
}

impl Stage {
    /// A stage that runs nothing yet.
    pub fn new(name: StageName) -> Self {
        Self { name, current: None, runs: vec![], mixed: None, removed_by: None }
    }

    /// The stage while that operation removes it. What ran there counts no more.
    pub fn being_removed(name: StageName, by: OperationId) -> Self {
        Self { removed_by: Some(by), ..Self::new(name) }
    }

    /// Where its APIs answer.
    pub fn urls(&self) -> Vec<ApiUrl> {
        self.current.iter().flat_map(|current| api_urls(&current.apis)).collect()
    }

    /// The default target of a rollback: the newest release that ran here before the current one first ran and that was not
    /// rolled back itself (DESIGN 7).
    pub fn rollback_target(&self) -> Option<ReleaseNumber> {
        let current = self.current.as_ref()?.release;
        let present = self.runs.iter().position(|run| run.release == current)?;
        self.runs.iter().take(present).rev().find(|run| !run.rolled_back).map(|run| run.release)
    }

    /// Why a release that ran here is not a valid target of a rollback, or `None` if it is.
    pub fn no_rollback_target(&self, release: ReleaseNumber) -> Option<NoRollbackTarget> {
        let place = |wanted| self.runs.iter().position(|run| run.release == wanted);
        let (present, target) = (place(self.current.as_ref()?.release)?, place(release)?);
        if self.runs.get(target).is_some_and(|run| run.rolled_back) {
            return Some(NoRollbackTarget::RolledBack);
        }
        (target > present).then_some(NoRollbackTarget::Newer)
    }

    /// Whether a release ever ran here.
    pub fn has_run(&self, release: ReleaseNumber) -> bool {
        self.runs.iter().any(|run| run.release == release)
    }

    /// Records that a release runs here now. A rollback to an earlier release marks the one that it replaces.
    pub fn moved(&mut self, to: Current, rollback: bool) {
        let place = |wanted| self.runs.iter().position(|run| run.release == wanted);
        let left = self.current.as_ref().and_then(|current| place(current.release));
        let is_earlier = left.zip(place(to.release)).is_some_and(|(left, to)| to < left);
        if rollback
            && is_earlier
            && let Some(left) = self.current.as_ref().map(|current| current.release)
            && let Some(run) = self.runs.iter_mut().find(|run| run.release == left)
        {
            run.rolled_back = true;
        }
        match self.runs.iter_mut().find(|run| run.release == to.release) {
            Some(run) => run.rolled_back = false,
            None => self.runs.push(Run { release: to.release, at: to.since, rolled_back: false }),
        }
        if self.runs.len() > RUNS_KEPT {
            let present = to.release;
            let excess = self.runs.len() - RUNS_KEPT;
            let mut dropped = 0;
            self.runs.retain(|run| {
                let drop = dropped < excess && run.release != present;
                dropped += usize::from(drop);
                !drop
            });
        }
        self.current = Some(to);
        self.mixed = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use sluice_model::CommitId;

    fn current(release: u32) -> Current {
        Current {
            system: Default::default(),
            release: ReleaseNumber(release),
            build: BuildNumber(release),
            digest: format!("d{release}"),
            commit: Change {
                id: CommitId::new("a".repeat(40)).unwrap(),
                author: "Ann".into(),
                subject: "Change".into(),
            },
            since: Timestamp::UNIX_EPOCH,
            by: Actor::in_slack("U1ANN".parse().unwrap(), "ann"),
            apis: PinnedApis::new(),
            settings: PinnedSettings::new(),
            parameters: Parameters::new(),
            has_stack: false,
            events_off: false,
        }
    }

    fn back(stage: &mut Stage) -> Option<u32> {
        let target = stage.rollback_target()?;
        stage.moved(current(target.0), true);
        Some(target.0)
    }

    #[test]
    fn rollback_goes_to_the_newest_earlier_release_that_was_not_rolled_back() {
        let mut stage = Stage::new("prod".parse().unwrap());
        assert_eq!(back(&mut stage), None);
        for release in 1..=3 {
            stage.moved(current(release), false);
        }
        assert_eq!(back(&mut stage), Some(2));
        assert_eq!(back(&mut stage), Some(1));
        assert_eq!(back(&mut stage), None);
        stage.moved(current(4), false);
        assert_eq!(back(&mut stage), Some(1), "r2 and r3 were rolled back");
    }

    #[test]
    fn only_an_earlier_release_that_was_not_rolled_back_is_a_target() {
        let mut stage = Stage::new("prod".parse().unwrap());
        for release in 1..=3 {
            stage.moved(current(release), false);
        }
        let why = |stage: &Stage, release| stage.no_rollback_target(ReleaseNumber(release));
        assert_eq!(why(&stage, 1), None);
        back(&mut stage);
        assert_eq!(why(&stage, 3), Some(NoRollbackTarget::RolledBack));
        stage.moved(current(1), false);
        assert_eq!(why(&stage, 2), Some(NoRollbackTarget::Newer));
        // An override rolled forward to r3: this marks no release, and clears the mark of r3.
        stage.moved(current(3), true);
        assert!(stage.runs.iter().all(|run| !run.rolled_back), "{:?}", stage.runs);
        assert_eq!(stage.rollback_target(), Some(ReleaseNumber(2)));
    }

    /// The possible changes of a stage: a new release, an earlier one by promotion, the default rollback, a named rollback.
    #[derive(Debug, Clone, Copy)]
    enum Move {
        New,
        Promote(u32),
        Back,
        BackTo(u32),
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let any = prop_oneof![
            3 => Just(Move::New),
            1 => (1..9_u32).prop_map(Move::Promote),
            2 => Just(Move::Back),
            2 => (1..9_u32).prop_map(Move::BackTo),
        ];
        proptest::collection::vec(any, 1..30)
    }

    proptest! {
        /// A second implementation of the rule in DESIGN 7.2: releases in the order in which each first ran, and the bad ones
        /// among them.
        #[test]
        fn the_default_rollback_finds_the_newest_good_release_before(moves in moves()) {
            let mut stage = Stage::new("prod".parse().unwrap());
            let (mut ran, mut bad, mut now): (Vec<u32>, Vec<u32>, u32) = (vec![], vec![], 0);
            for step in moves {
                let before: Vec<u32> = ran.iter().copied().take_while(|release| *release != now).collect();
                let target = before.iter().copied().rev().find(|release| !bad.contains(release));
                prop_assert_eq!(stage.rollback_target().map(|release| release.0), target);
                let (to, rollback) = match step {
                    Move::New => (u32::try_from(ran.len()).unwrap() + 1, false),
                    Move::Promote(to) if ran.contains(&to) => (to, false),
                    Move::Back if target.is_some() => (target.unwrap(), true),
                    Move::BackTo(to) if ran.contains(&to) && to != now => (to, true),
                    _ => continue,
                };
                let is_way_back = before.contains(&to) && !bad.contains(&to);
                if ran.contains(&to) && to != now {
                    prop_assert_eq!(stage.no_rollback_target(ReleaseNumber(to)).is_none(), is_way_back);
                }
                stage.moved(current(to), rollback);
                if rollback && before.contains(&to) {
                    bad.push(now);
                }
                bad.retain(|release| *release != to);
                if !ran.contains(&to) {
                    ran.push(to);
                }
                now = to;
            }
        }
    }

    #[test]
    fn a_stage_keeps_a_bounded_number_of_runs_and_always_the_current_one() {
        let mut stage = Stage::new("prod".parse().unwrap());
        for release in 1..=120 {
            stage.moved(current(release), false);
        }
        assert_eq!(stage.runs.len(), RUNS_KEPT);
        assert!(stage.has_run(ReleaseNumber(120)));
        assert_eq!(stage.rollback_target(), Some(ReleaseNumber(119)));
    }
}
