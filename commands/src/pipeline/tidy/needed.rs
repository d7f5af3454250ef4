//! Which releases a pipeline's stages still need, and whether it is quiet enough to delete anything. Pure.
//!
//! The race that the quiet hour prevents: an execution that started before an alias moved still runs on the alias's earlier
//! version, and late calls still reach that version. An execution takes at most 15 minutes.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::operation::{DEPLOY, PROMOTE, ROLLBACK};
use crate::records::{Act, AuditRecord, PipelineState, Stage};
use sluice_model::{ReleaseNumber, StageName};

/// How many releases back a rollback is guaranteed.
pub(crate) const WINDOW: usize = 10;
/// How long no alias of the pipeline must have moved before a version is deleted.
pub(super) const QUIET: SignedDuration = SignedDuration::from_hours(1);

/// Whether operations of that kind create versions or move aliases.
fn moves(kind: &str) -> bool {
    [DEPLOY, PROMOTE, ROLLBACK].contains(&kind)
}

/// The releases whose versions a stage needs: the one that it runs, the ten before that, and the newest ten, rolled back or not.
pub(super) fn needed(stage: &Stage) -> BTreeSet<ReleaseNumber> {
    let runs: Vec<ReleaseNumber> = stage.runs.iter().map(|run| run.release).collect();
    let current = stage.current.as_ref().map(|current| current.release);
    let present = runs.iter().position(|release| Some(*release) == current).unwrap_or(runs.len());
    let before = runs.get(present.saturating_sub(WINDOW)..present).unwrap_or_default();
    let last = runs.get(runs.len().saturating_sub(WINDOW)..).unwrap_or_default();
    before.iter().chain(last).copied().chain(current).collect()
}

/// The version sets of all stages that are no longer needed.
pub(super) fn outdated(state: &PipelineState) -> Vec<(StageName, ReleaseNumber)> {
    let of = |stage: &Stage| {
        let needed = needed(stage);
        let name = stage.name.clone();
        let all: Vec<_> = stage.runs.iter().map(|run| run.release).collect();
        all.into_iter().filter(move |run| !needed.contains(run)).map(move |run| (name.clone(), run))
    };
    state.stages.values().flat_map(of).collect()
}

/// The activity because of which no version may be deleted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Activity {
    /// An operation that creates versions or moves aliases is open, and only its journal names the versions it prepared.
    Open,
    /// An alias may have moved within the last hour. Versions may be deleted from that time on.
    Until(Timestamp),
}

/// The activity that the open operations and the newest audit records show.
pub(super) fn activity(state: &PipelineState, newest: &[AuditRecord], now: Timestamp) -> Option<Activity> {
    if state.queue.tickets.iter().any(|ticket| moves(&ticket.kind)) {
        return Some(Activity::Open);
    }
    let moved = newest.iter().filter(|record| moves(&record.kind) && record.act != Act::Refused);
    let last = moved.map(|record| record.at).max()?;
    let quiet = last.checked_add(QUIET).ok()?;
    (quiet > now).then_some(Activity::Until(quiet))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Ticket;
    use crate::operation::testing::operation_id;
    use crate::records::{AuditSubject, Current, Run};
    use crate::testing::samples;
    use sluice_model::{Actor, BuildNumber};

    fn stage(runs: u32, current: u32) -> Stage {
        let at = Timestamp::UNIX_EPOCH;
        let run = |release| Run { release: ReleaseNumber(release), at, rolled_back: false };
        let current = Current {
            system: Default::default(),
            release: ReleaseNumber(current),
            build: BuildNumber(1),
            digest: String::new(),
            commit: samples::change(1),
            since: at,
            by: Actor::in_slack("U0ANN".parse().unwrap(), "ann"),
            apis: Default::default(),
            settings: Default::default(),
            parameters: Default::default(),
            has_stack: false,
            events_off: false,
        };
        let runs = (1..=runs).map(run).collect();
        Stage { runs, current: Some(current), ..Stage::new("prod".parse().unwrap()) }
    }

    #[test]
    fn a_stage_needs_what_it_runs_and_ten_releases_before() {
        let numbers = |stage: &Stage| needed(stage).into_iter().map(|r| r.0).collect::<Vec<_>>();
        assert_eq!(numbers(&stage(3, 3)), [1, 2, 3]);
        assert_eq!(numbers(&stage(20, 20)), (10..=20).collect::<Vec<_>>());
        assert_eq!(numbers(&stage(20, 12)), (2..=20).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_deleted_while_a_move_is_open_or_less_than_an_hour_old() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let mut state = PipelineState::default();
        assert_eq!(activity(&state, &[], now), None);
        let record = |kind: &str, act, at: &str| AuditRecord {
            at: at.parse().unwrap(),
            act,
            actor: Actor::in_slack("U0ANN".parse().unwrap(), "ann"),
            channel: None,
            pipeline: None,
            operation: operation_id(1),
            kind: kind.to_owned(),
            command: String::new(),
            rule: String::new(),
            outcome: String::new(),
            about: AuditSubject::default(),
        };
        let moved = record(DEPLOY, Act::Failed, "2026-03-01T11:30:00Z");
        let until = Activity::Until("2026-03-01T12:30:00Z".parse().unwrap());
        assert_eq!(
            activity(&state, &[moved], now),
            Some(until),
            "an attempt that failed may have moved one, too"
        );
        for quiet in [
            record(DEPLOY, Act::Succeeded, "2026-03-01T10:59:59Z"),
            record("build", Act::Succeeded, "2026-03-01T11:59:00Z"),
            record(PROMOTE, Act::Refused, "2026-03-01T11:59:00Z"),
        ] {
            assert_eq!(activity(&state, &[quiet], now), None);
        }
        state.queue.tickets.push(Ticket {
            number: 1,
            operation: operation_id(1),
            kind: PROMOTE.to_owned(),
            precedence: sluice_engine::Precedence::Normal,
            fingerprint: String::new(),
            queued: None,
            stuck: false,
        });
        assert_eq!(activity(&state, &[], now), Some(Activity::Open));
    }
}
