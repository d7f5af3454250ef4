//! Why a promotion is refused or ends.

use crate::operation::{EXPIRED, REJECTED, Status, VOID};
use crate::promote::params::Params;
use crate::records::{Current, PipelineState};
use sluice_model::{PipelineName, Refusal, ReleaseNumber, StageName, UserId};

/// `1 approval`.
pub(super) fn approvals(count: usize) -> String {
    format!("{count} approval{}", if count == 1 { "" } else { "s" })
}

// At the request.

pub(super) fn first_stage(name: &PipelineName, to: &StageName) -> Refusal {
    Refusal::new(
        "first-stage",
        format!("`{to}` is the first stage, so there is no earlier stage to promote from."),
        format!("Deploy to it: `/deploy {name}`."),
    )
}

/// `before`: the stage before `to`.
pub(super) fn not_earlier(
    name: &PipelineName,
    from: &StageName,
    to: &StageName,
    before: &StageName,
) -> Refusal {
    Refusal::new(
        "not-earlier",
        format!("`{from}` is not before `{to}`."),
        format!("Promote from an earlier stage, as in `/promote {name} {to} from {before}`."),
    )
}

pub(super) fn runs_nothing(name: &PipelineName, from: &StageName, is_first: bool) -> Refusal {
    let hint = match is_first {
        true => format!("Deploy to it first: `/deploy {name}`."),
        false => format!("Promote to it first: `/promote {name} {from}`."),
    };
    Refusal::new("nothing-runs", format!("Stage `{from}` runs nothing yet."), hint)
}

pub(super) fn mixed(name: &PipelineName, from: &StageName) -> Refusal {
    Refusal::new(
        "mixed-stage",
        format!(
            "Stage `{from}` is in a mixed state: an operation on it was resolved by hand, and its functions run different \
             releases."
        ),
        format!(
            "First bring all its functions to one release, with a promotion or `/rollback {name} {from}`."
        ),
    )
}

pub(super) fn never_ran(
    name: &PipelineName,
    from: &StageName,
    to: &StageName,
    release: ReleaseNumber,
    running: &Current,
) -> Refusal {
    Refusal::new(
        "never-ran",
        format!("Release `{release}` never ran on `{from}`, so it cannot be promoted to `{to}`."),
        format!("`{from}` runs `{}`. To promote that, run `/promote {name} {to}`.", running.release),
    )
}

// While it waits.

fn request_again(name: &PipelineName, to: &StageName) -> String {
    format!("To request it again, run `/promote {name} {to}`.")
}

fn void(params: &Params, problem: String) -> Refusal {
    Refusal::new(VOID, problem, request_again(&params.name, &params.to))
}

pub(super) fn other_approvers(params: &Params) -> Refusal {
    void(params, format!("The approvers of `{}` changed after this was requested.", params.to))
}

pub(super) fn more_approvals(params: &Params, now: usize) -> Refusal {
    let Params { to, approvals: then, .. } = params;
    void(params, format!("`{to}` now needs {}; when this was requested, it needed {then}.", approvals(now)))
}

/// `valid`: how many of the approvals count. `reasons`: why others do not.
pub(super) fn too_few_valid<'a>(
    params: &Params,
    valid: usize,
    reasons: impl Iterator<Item = &'a Refusal>,
) -> Refusal {
    let needed = approvals(params.approvals);
    let mut problem = format!("It needs {needed}, and only {valid} of those given still count.");
    for reason in reasons {
        if !problem.contains(&reason.problem) {
            problem = format!("{problem} {}", reason.problem);
        }
    }
    void(params, problem)
}

pub(super) fn rejected(by: &UserId, to: &StageName) -> Refusal {
    Refusal::new(
        REJECTED,
        format!("<@{by}> rejected it. `{to}` was not changed."),
        format!("Talk to <@{by}> before you request it again."),
    )
}

pub(super) fn expired(params: &Params, given: usize) -> Refusal {
    let Params { name, to, .. } = params;
    let problem = format!("It was not approved in time: {given} of {}.", approvals(params.approvals));
    Refusal::new(EXPIRED, problem, request_again(name, to))
}

pub(super) fn stage_moved(name: &PipelineName, to: &StageName, state: &PipelineState) -> Refusal {
    let now = state.stages.get(to).and_then(|stage| stage.current.as_ref());
    let moved = now.map_or("It now runs nothing.".to_owned(), |now| {
        format!("<@{}> moved it to `{}`.", now.by.id, now.release)
    });
    Refusal::new(
        VOID,
        format!("Stage `{to}` changed after this was requested. {moved}"),
        format!("See `/pipeline status {name}`. {}", request_again(name, to)),
    )
}

// At a decision.

/// A promotion as answers name it.
pub(super) fn subject(params: &Params) -> String {
    format!("`{}` `{}` to `{}`", params.name, params.release.number, params.to)
}

pub(super) fn late(params: &Params, status: Status) -> Refusal {
    let what = subject(params);
    let problem = match status {
        Status::Succeeded => format!("{what} already succeeded. Nothing was changed."),
        Status::Failed => format!("{what} already ended. Nothing was changed."),
        _ => format!("{what} is not waiting for your decision. Nothing was changed."),
    };
    Refusal::new("late", problem, see_status(&params.name))
}

/// `r7` by @ann, requested 5m ago.
pub(super) fn listed(release: ReleaseNumber, requester: &UserId, ago: &str) -> String {
    format!("`{release}` by <@{requester}>, requested {ago} ago")
}

pub(super) fn none_waits(name: &PipelineName, to: &StageName) -> Refusal {
    let problem = format!("No promotion of `{name}` to `{to}` is waiting for a decision.");
    Refusal::new("nothing-waits", problem, see_status(name))
}

pub(super) fn none_runs(name: &PipelineName, to: &StageName) -> Refusal {
    let problem = format!("No promotion of `{name}` to `{to}` is running or waiting.");
    Refusal::new("nothing-runs", problem, see_status(name))
}

fn see_status(name: &PipelineName) -> String {
    format!("See `/pipeline status {name}`.")
}

/// `line`: the command without the release. `open`: the open promotions, as `list` shows them.
pub(super) fn not_open(
    code: &str,
    (line, to): (&str, &StageName),
    release: ReleaseNumber,
    (open, list): (&[ReleaseNumber], &str),
) -> Refusal {
    let first = open.first().map(ToString::to_string).unwrap_or_default();
    Refusal::new(
        code,
        format!("No promotion of `{release}` to `{to}` is open. These are open: {list}."),
        format!("Name one of these, as in `{line} {first}`."),
    )
}

pub(super) fn several_of(release: ReleaseNumber, to: &StageName, list: &str) -> Refusal {
    Refusal::new(
        "several-waiting",
        format!("Several promotions of `{release}` to `{to}` are open: {list}."),
        "Use the buttons on the message of the one you mean.",
    )
}

pub(super) fn several(
    (name, to): (&PipelineName, &StageName),
    line: &str,
    (open, list): (&[ReleaseNumber], &str),
) -> Refusal {
    let lines: Vec<_> = open.iter().take(3).map(|release| format!("`{line} {release}`")).collect();
    Refusal::new(
        "several-waiting",
        format!("{} promotions of `{name}` to `{to}` are open: {list}.", open.len()),
        format!("Name the release: {}.", lines.join(" or ")),
    )
}
