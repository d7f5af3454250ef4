//! The records: pipelines, stages, builds, releases, version sets. Each is the body of one item.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::{Parameters, REVISION};
use crate::ports::{Guard, Guards, Item, Key, LogStream, Precondition, StoreError, Write};
use sluice_grammar::visible;
use sluice_model::{
    Actor, BuildNumber, ChannelId, CodeRef, CommitId, OperationId, PipelineName, ReleaseNumber, StageName,
};

/// The schema version of the records that this version of Sluice writes.
pub const RECORD_SCHEMA: u32 = 1;

/// Makes an item of a record.
pub fn to_item<T: Serialize>(key: Key, guards: Guards, record: &T) -> Result<Item, StoreError> {
    let body = serde_json::to_value(record).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Item { key, schema: RECORD_SCHEMA, guards, body, due: None, expires: None })
}

/// The write of a record that counts its own revisions: it fails if somebody wrote the record since it was read at that
/// revision, 0 if it was not there.
pub fn revised<T: Serialize>(key: Key, revision: u64, record: &T) -> Result<Write, StoreError> {
    let guard = |revision| Guards::from([(REVISION.to_owned(), Guard::Number(revision))]);
    let when = match revision {
        0 => Precondition::Absent,
        revision => Precondition::Equals(guard(revision)),
    };
    Ok(Write::Put { item: to_item(key, guard(revision + 1), record)?, when })
}

/// Reads a record back; a schema from the future or a body that is none of ours is corrupt.
pub fn from_item<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    let place = || format!("{}/{}", item.key.partition, item.key.sort);
    if item.schema > RECORD_SCHEMA {
        return Err(StoreError::Corrupt(format!(
            "{}: schema {} is newer than this Sluice",
            place(),
            item.schema
        )));
    }
    serde_json::from_value(item.body.clone())
        .map_err(|error| StoreError::Corrupt(format!("{}: {error}", place())))
}

/// A pipeline: one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its name.
    pub name: PipelineName,
    /// Where it was created, and everything about it is told.
    pub home: ChannelId,
    /// Who created it.
    pub creator: Actor,
    /// When.
    pub created: Timestamp,
    /// The CodeCommit repository.
    pub repository: String,
    /// What `git clone` takes.
    pub clone_url: String,
    /// The branch that is built by default.
    pub branch: String,
    /// The CodeBuild project.
    pub project: String,
    /// The artifact bucket.
    pub bucket: String,
    /// Its stages in order; the first is open, the others are protected.
    pub stages: Vec<StageName>,
}

impl Pipeline {
    /// Whether promotions to that stage need an approval: all but the first do.
    pub fn is_protected(&self, stage: &StageName) -> bool {
        self.stages.first() != Some(stage)
    }
    /// The stage before that one.
    pub fn before(&self, stage: &StageName) -> Option<&StageName> {
        let at = self.stages.iter().position(|name| name == stage)?;
        at.checked_sub(1).and_then(|before| self.stages.get(before))
    }
    /// The stage after that one.
    pub fn next(&self, stage: &StageName) -> Option<&StageName> {
        let at = self.stages.iter().position(|name| name == stage)?;
        self.stages.get(at + 1)
    }
}

/// One time that a release came to run on a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The release.
    pub release: ReleaseNumber,
    /// Since when.
    pub at: Timestamp,
    /// Whether the stage was rolled back from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
}

/// Why a release is no target of a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRollbackTarget {
    /// It first ran after what runs now.
    Newer,
    /// The stage was rolled back from it.
    RolledBack,
}

/// How many runs a stage remembers; older ones are in the audit history.
pub const RUNS_KEPT: usize = 50;

/// A stage of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: StageName,
    /// What runs there; nothing before the first deploy or promotion.
    pub current: Option<Current>,
    /// The releases that ran here, in the order in which each *first* ran, the newest last.
    pub runs: Vec<Run>,
    /// Where it answers, once it does.
    pub url: Option<String>,
    /// If no one release runs here: what each function's alias points to, as it was seen when that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixed: Option<BTreeMap<String, String>>,
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
    /// Since when.
    pub since: Timestamp,
    /// Who brought it.
    pub by: Actor,
    /// The API it answers through, if it has routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<PinnedApi>,
    /// The values that the template's parameters had when its versions were made.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
}

impl Stage {
    /// A stage that runs nothing yet.
    pub fn new(name: StageName) -> Self {
        Self { name, current: None, runs: vec![], url: None, mixed: None }
    }

    /// Where a rollback without a release leads: the newest release that ran here before the present one first ran
    /// and was not itself rolled back (DESIGN 7).
    pub fn rollback_target(&self) -> Option<ReleaseNumber> {
        let current = self.current.as_ref()?.release;
        let present = self.runs.iter().position(|run| run.release == current)?;
        self.runs.iter().take(present).rev().find(|run| !run.rolled_back).map(|run| run.release)
    }

    /// Why a release is no way back from what runs here, if it is none: it first ran after that, or the stage was rolled
    /// back from it. It did run here.
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

    /// Records that a release runs here now. A rollback marks what it leaves, if it goes to an earlier release.
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

/// A commit as messages name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The full id.
    pub id: CommitId,
    /// Its author's name.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}

impl Change {
    /// A commit as git has it: what its author wrote can neither hide nor turn round what is read beside it.
    pub fn new(id: CommitId, author: &str, subject: &str) -> Self {
        Self { id, author: visible(author), subject: visible(subject) }
    }
}

/// How a build ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildState {
    /// Somebody stopped it.
    Cancelled,
    /// Accepted, queued or running.
    Running,
    /// Green: it can be deployed.
    Succeeded,
    /// Red.
    Failed,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Its number.
    pub number: BuildNumber,
    /// The operation that made it.
    pub operation: OperationId,
    /// How it stands.
    pub state: BuildState,
    /// What was asked to be built: a branch or a commit.
    pub reference: String,
    /// The commit, once it is known.
    pub commit: Option<Change>,
    /// Who asked.
    pub actor: Actor,
    /// When.
    pub asked: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Where its log is.
    pub log: Option<LogStream>,
    /// A page with its log.
    pub log_link: Option<String>,
    /// What it left, if it is green.
    pub artifact: Option<Artifact>,
}

/// An object that can only be what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Its key in the artifact bucket.
    pub key: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its content, hex.
    pub sha256: String,
}

/// What a green build left in S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The packaged template.
    pub packaged: Pinned,
    /// The template as it is in the repository; errors point into it.
    pub template: Pinned,
    /// `sluice-manifest.json`.
    pub manifest: Pinned,
    /// The code of each function by logical id.
    pub code: BTreeMap<String, CodeRef>,
    /// Digest over code and template: two builds of one commit have the same.
    pub digest: String,
}

/// A release: one build made deployable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its number.
    pub number: ReleaseNumber,
    /// The operation that made it.
    pub operation: OperationId,
    /// Whether it came to run on the first stage; a failed one goes nowhere.
    pub succeeded: bool,
    /// Its build.
    pub build: BuildNumber,
    /// Its commit.
    pub commit: Change,
    /// What it is made of.
    pub artifact: Artifact,
    /// When it was made.
    pub made: Timestamp,
    /// Who made it.
    pub actor: Actor,
}

/// One immutable version per function, for a release on a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionSet {
    /// By function name: the version.
    pub versions: BTreeMap<String, String>,
    /// The API, if the release has routes.
    pub api: Option<PinnedApi>,
    /// The values that the template's parameters had when the versions were made.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// Whether `/pipeline tidy` may have deleted these versions since: the stage does not go back to them any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tidied: bool,
}

/// When a pipeline was tidied last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tidied {
    /// When.
    pub at: Timestamp,
    /// How many releases it had then.
    pub releases: u64,
}

/// An API's definition, frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedApi {
    /// The API's id.
    pub api: String,
    /// The API's endpoint.
    pub endpoint: String,
    /// The deployment.
    pub deployment: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn current(release: u32) -> Current {
        Current {
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
            api: None,
            parameters: Parameters::new(),
        }
    }

    fn back(stage: &mut Stage) -> Option<u32> {
        let target = stage.rollback_target()?;
        stage.moved(current(target.0), true);
        Some(target.0)
    }

    #[test]
    fn rollback_goes_to_what_ran_before_and_was_not_rolled_back() {
        let mut stage = Stage::new("prod".parse().unwrap());
        assert_eq!(back(&mut stage), None);
        for release in 1..=3 {
            stage.moved(current(release), false);
        }
        assert_eq!(back(&mut stage), Some(2));
        assert_eq!(back(&mut stage), Some(1));
        assert_eq!(back(&mut stage), None);
        stage.moved(current(4), false);
        assert_eq!(back(&mut stage), Some(1), "r2 and r3 were rolled back themselves");
    }

    #[test]
    fn only_an_earlier_release_that_ran_well_is_a_way_back() {
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
        // On call went there all the same: what was left is no failure, and what is there is none any more.
        stage.moved(current(3), true);
        assert!(stage.runs.iter().all(|run| !run.rolled_back), "{:?}", stage.runs);
        assert_eq!(stage.rollback_target(), Some(ReleaseNumber(2)));
    }

    /// What may happen to a stage: a new release, an earlier one by promotion, the default rollback, a named one.
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
        /// The rule of DESIGN 7.2, told a second time: releases in the order in which each first ran, and those of them that
        /// are bad.
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
    fn a_stage_remembers_a_bounded_number_of_runs_and_always_the_present_one() {
        let mut stage = Stage::new("prod".parse().unwrap());
        for release in 1..=120 {
            stage.moved(current(release), false);
        }
        assert_eq!(stage.runs.len(), RUNS_KEPT);
        assert!(stage.has_run(ReleaseNumber(120)));
        assert_eq!(stage.rollback_target(), Some(ReleaseNumber(119)));
    }
}
