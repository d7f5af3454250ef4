//! The gates of a stage: which are open, which are closed and why, and which are overridden. Pure: `/pipeline check`, the
//! acceptance and the first mutation get the same answer from the same state, attempt and time.

use jiff::Timestamp;

use crate::records::{Order, PipelineState};
use crate::rules::messages;
use sluice_model::{PipelineName, Refusal, ReleaseNumber, StageName, Text};

/// The change that a person wants to make to a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want<'a> {
    /// Deploy a build to it.
    Deploy,
    /// Promote a release of an earlier stage to it.
    Promote {
        /// The earlier stage.
        from: &'a StageName,
        /// The release.
        release: ReleaseNumber,
        /// Whether a release that was rolled back on this stage is acceptable.
        again: bool,
        /// Whether to override gates. The caller has checked the permission.
        overrides: bool,
    },
    /// Roll it back. Only a hard lock blocks this.
    Rollback,
}

/// An attempt on a stage.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The pipeline.
    pub pipeline: &'a PipelineName,
    /// The stage.
    pub stage: &'a StageName,
    /// What is wanted.
    pub want: Want<'a>,
    /// When.
    pub at: Timestamp,
}

/// The state of a gate for one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateState {
    /// Open, with the reason.
    Open(Text),
    /// Closed but overridden, with the refusal that applies without the override.
    Passed(Refusal),
    /// Closed.
    Closed(Refusal),
}

/// A gate of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Its name, as messages show it.
    pub name: &'static str,
    /// Its state.
    pub state: GateState,
}

/// All gates for that attempt, in the order in which they are checked.
pub fn gates(state: &PipelineState, attempt: &Attempt<'_>) -> Vec<Gate> {
    let Attempt { pipeline, stage, want, at } = *attempt;
    let policy = state.policy(stage);
    let passes = match want {
        Want::Rollback => true,
        Want::Promote { overrides, .. } => overrides,
        Want::Deploy => false,
    };
    let mut found = vec![];
    let mut add = |name, closed: Option<Refusal>, open: Text, passes: bool| {
        let state = match closed {
            None => GateState::Open(open),
            Some(refusal) if passes => GateState::Passed(refusal),
            Some(refusal) => GateState::Closed(refusal),
        };
        found.push(Gate { name, state });
    };

    let lock = state.locks.get(stage).filter(|lock| lock.holds(at));
    let is_hard = lock.is_some_and(|lock| lock.hard);
    let closed = lock.map(|lock| lock.refusal(pipeline));
    add("lock", closed, messages::not_locked(), passes && !is_hard);
    if let Some(freeze) = &policy.freeze {
        let closed = (freeze.is_on(at) != Some(false)).then(|| messages::frozen(stage, freeze));
        add("freeze", closed, messages::not_frozen(freeze), passes);
    }
    if let Some(window) = &policy.window {
        let closed = (window.is_open(at) != Some(true)).then(|| messages::outside_window(stage, window, at));
        add("window", closed, messages::within_window(window), passes);
    }
    let Want::Promote { from, release, again, .. } = want else { return found };

    let source = state.stages.get(from);
    let running = source.and_then(|source| source.current.as_ref()).filter(|now| now.release == release);
    if policy.order == Order::Strict {
        let before = state.pipeline.as_ref().and_then(|pipeline| pipeline.before(stage));
        let is_next = before == Some(from) && running.is_some();
        let closed = (!is_next).then(|| {
            let before = before.unwrap_or(from);
            let runs = state.stages.get(before).and_then(|stage| stage.current.as_ref());
            messages::out_of_order((pipeline, stage), release, (before, runs))
        });
        add("order", closed, messages::in_order(from), passes);
    }
    if policy.soak > 0 {
        let ran = running.map(|now| u64::try_from(at.duration_since(now.since).as_secs()).unwrap_or(0));
        let is_ripe = ran.is_some_and(|ran| ran >= policy.soak);
        let closed = (!is_ripe).then(|| messages::soaking(release, from, policy.soak, ran));
        add("soak", closed, messages::soaked(policy.soak), passes);
    }
    let target = state.stages.get(stage);
    let left =
        target.and_then(|target| target.runs.iter().find(|run| run.release == release && run.rolled_back));
    if left.is_some() {
        let closed = (!again).then(|| messages::rolled_back((pipeline, stage), from, release));
        add("again", closed, messages::requested_again(), passes);
    }
    found
}

/// The problems of the gates that the attempt overrides, or the refusal of the first closed gate.
pub fn pass(state: &PipelineState, attempt: &Attempt<'_>) -> Result<Vec<String>, Refusal> {
    let mut passed = vec![];
    for gate in gates(state, attempt) {
        match gate.state {
            GateState::Open(_) => {}
            GateState::Passed(refusal) => passed.push(refusal.problem),
            GateState::Closed(refusal) => return Err(refusal),
        }
    }
    Ok(passed)
}
