//! The gates of a stage: which are open, which are closed and why, and which are overridden. Pure: `/pipeline check`, the
//! acceptance and the first mutation get the same answer from the same state, attempt and time.

use jiff::Timestamp;

use crate::records::PipelineState;
use crate::rules::{Order, minute, plain, span};
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
    pub stand: GateState,
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
        found.push(Gate { name, stand: state });
    };

    let lock = state.locks.get(stage).filter(|lock| lock.holds(at));
    let is_hard = lock.is_some_and(|lock| lock.hard);
    add("lock", lock.map(|lock| lock.refusal(pipeline)), Text::plain("not locked"), passes && !is_hard);
    if let Some(freeze) = &policy.freeze {
        let closed = (freeze.is_on(at) != Some(false)).then(|| {
            let ends = freeze.ends().map_or(String::new(), |ends| format!(" until {}", minute(ends)));
            Refusal::new(
                "frozen",
                format!("`{stage}` is frozen{ends}: {}.", plain(&freeze.reason)),
                "Wait until it ends. An admin or someone on call can override it, with a reason.",
            )
        });
        add("freeze", closed, Text::plain(format!("not active now: {freeze}")), passes);
    }
    if let Some(window) = &policy.window {
        let closed = (window.is_open(at) != Some(true)).then(|| {
            let opens =
                window.opens(at).map_or(String::new(), |opens| format!(" It opens at {}.", minute(opens)));
            Refusal::new(
                "outside-window",
                format!("`{stage}` can change only in its window, {window}.{opens}"),
                "Try again when it opens. An admin or someone on call can override it, with a reason.",
            )
        });
        add("window", closed, Text::plain(format!("open: {window}")), passes);
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
            let runs = runs.map_or("nothing yet".to_owned(), |current| format!("`{}`", current.release));
            Refusal::new(
                "out-of-order",
                format!("`{stage}` accepts only what runs on `{before}`. `{before}` runs {runs}."),
                format!("Promote `{release}` to `{before}` first: `/promote {pipeline} {before} {release}`."),
            )
        });
        add("order", closed, Text::default().code(from.as_str()).then(" runs it"), passes);
    }
    if policy.soak > 0 {
        let since = running.map(|now| now.since);
        let ran = since.map(|since| at.duration_since(since).as_secs());
        let is_ripe = ran.is_some_and(|ran| u64::try_from(ran).unwrap_or(0) >= policy.soak);
        let closed = (!is_ripe).then(|| {
            let (how_long, left) = match ran {
                None => ("It does not run there now".to_owned(), policy.soak),
                Some(ran) => {
                    let ran = u64::try_from(ran).unwrap_or(0);
                    (format!("It has run there for {}", span(ran)), policy.soak.saturating_sub(ran))
                }
            };
            Refusal::new(
                "soaking",
                format!("`{release}` must run on `{from}` for {} first. {how_long}.", span(policy.soak)),
                format!("Try again in {}.", span(left)),
            )
        });
        add(
            "soak",
            closed,
            Text::plain(format!("it has run there for more than {}", span(policy.soak))),
            passes,
        );
    }
    let target = state.stages.get(stage);
    let left =
        target.and_then(|target| target.runs.iter().find(|run| run.release == release && run.rolled_back));
    if left.is_some() {
        let closed = (!again).then(|| {
            Refusal::new(
                "rolled-back",
                format!("`{stage}` was rolled back from `{release}`."),
                format!(
                    "To promote it again, run `/promote {pipeline} {stage} from {from} {release} again`."
                ),
            )
        });
        add("again", closed, Text::plain("it was rolled back there, and you requested it again"), passes);
    }
    found
}

/// The problems of the gates that the attempt overrides, or the refusal of the first closed gate.
pub fn pass(state: &PipelineState, attempt: &Attempt<'_>) -> Result<Vec<String>, Refusal> {
    let mut passed = vec![];
    for gate in gates(state, attempt) {
        match gate.stand {
            GateState::Open(_) => {}
            GateState::Passed(refusal) => passed.push(refusal.problem),
            GateState::Closed(refusal) => return Err(refusal),
        }
    }
    Ok(passed)
}
