//! What `/rollback` says.

use crate::operation::{OperationState, Summary, VOID, marked};
use crate::pipeline::tidy::WINDOW;
use crate::records::{Current, NoRollbackTarget, Pipeline, Release, Stage};
use crate::rollback::params::Params;
use crate::steps::{Looked, accepted_drift, change_text, with_first_minutes, with_urls};
use sluice_model::{Actor, PipelineName, Refusal, ReleaseNumber, StageName, Text};

pub(super) fn rolling_back(params: &Params) -> Text {
    let Params { name, stage, release, .. } = params;
    let text = Text::plain("Rolling ").code(name.as_str()).then(" on ").code(stage.as_str());
    text.then(" back to ").code(release.number.to_string()).then(".")
}

/// The title of the step.
pub(super) fn check_stage(stage: &StageName) -> Text {
    Text::plain("Check stage ").code(stage.as_str())
}

pub(super) fn summary(params: &Params, op: &OperationState) -> Summary {
    let Params { name, stage, before, release, .. } = params;
    let (before, number) = (before.to_string(), release.number.to_string());
    let title = Text::plain("Rollback of ").code(name.as_str()).then(" on ").code(stage.as_str());
    let title = title.then(" from ").code(before.clone()).then(" to ").code(number.clone());
    let doing = Text::plain("Rolling back ").code(stage.as_str()).then(" of ").code(name.as_str());
    let doing = doing.then(" to ").code(number.clone());
    let done = Text::default().code(name.as_str()).then(" ").code(number.clone()).then(" is live on ");
    let mut summary = Summary::new(title)
        .headlines(doing, done.code(stage.as_str()).then(" again"))
        .field("From", Text::default().code(before).then(" ").join(change_text(&params.before_commit)))
        .field("To", Text::default().code(number).then(" ").join(change_text(&release.commit)));
    if let Some(reason) = &params.reason {
        let label = if params.overrides { "Override reason" } else { "Reason" };
        summary = summary.field(label, Text::plain(reason.clone()));
    }
    if !params.passed.is_empty() {
        summary = summary.field("Skipped gates", marked(&params.passed.join(" ")));
    }
    if let Some(outside) = &params.outside {
        summary = summary.field("Moved outside Sluice", accepted_drift(outside, stage, op));
    }
    summary = with_urls(summary, op);
    summary.broadcast = true;
    if op.ended.is_some_and(|(_, succeeded)| succeeded) {
        summary.hint = Some(Text::plain("Fix it, push, then run ").code(format!("/build {name}")).then("."));
    }
    // A further rollback would be a new decision, so none is offered.
    let looked = Looked { pipeline: name, stage, is_protected: !params.is_first, can_roll_back: false };
    with_first_minutes(summary, op, &looked)
}

/// `now`: what the stage runs instead.
pub(super) fn stage_moved(params: &Params, now: Option<&Current>) -> Refusal {
    let Params { name, stage, before, .. } = params;
    let moved = now.map_or("it runs nothing".to_owned(), |now| {
        format!("<@{}> already moved it to `{}`", now.by.id, now.release)
    });
    Refusal::new(
        VOID,
        format!("Stage `{stage}` no longer runs `{before}`: {moved}."),
        format!("Check `/pipeline status {name}`, then roll back again if it is still needed."),
    )
}

pub(super) fn nothing_runs(name: &PipelineName, stage: &StageName) -> Refusal {
    Refusal::new(
        "nothing-runs",
        format!("Stage `{stage}` runs nothing yet, so it cannot be rolled back."),
        format!("See `/pipeline status {name}`."),
    )
}

pub(super) fn already_runs(name: &PipelineName, stage: &Stage, current: ReleaseNumber) -> Refusal {
    let problem = format!("Stage `{}` already runs `{current}`.", stage.name);
    Refusal::new("already-runs", problem, ran_here(name, stage, current))
}

pub(super) fn never_ran(
    name: &PipelineName,
    stage: &Stage,
    current: ReleaseNumber,
    number: ReleaseNumber,
) -> Refusal {
    let problem = format!("Release `{number}` never ran on `{}`.", stage.name);
    Refusal::new("never-ran", problem, ran_here(name, stage, current))
}

pub(super) fn nothing_before(name: &PipelineName, stage: &Stage, current: ReleaseNumber) -> Refusal {
    let problem = format!("There is no earlier good release on `{}`.", stage.name);
    Refusal::new("nothing-before", problem, ran_here(name, stage, current))
}

pub(super) fn just_rolled_back(name: &PipelineName, stage: &Stage, current: &Current) -> Refusal {
    let Current { release, by, .. } = current;
    let hint = match stage.rollback_target() {
        Some(further) => format!("To go further back, run `/rollback {name} {} {further}`.", stage.name),
        None => ran_here(name, stage, *release),
    };
    let problem = format!("<@{}> rolled `{}` back to `{release}` a moment ago.", by.id, stage.name);
    Refusal::new("just-rolled-back", problem, hint)
}

/// The hint names the command that runs it again, through the gates.
pub(super) fn no_rollback_target(
    pipeline: &Pipeline,
    stage: &StageName,
    release: &Release,
    why: NoRollbackTarget,
) -> Refusal {
    let number = release.number;
    let problem = match why {
        NoRollbackTarget::Newer => {
            format!(
                "`{number}` first ran on `{stage}` after the current release, so you cannot roll back to it."
            )
        }
        NoRollbackTarget::RolledBack => {
            format!("`{stage}` was rolled back from `{number}`, so you cannot roll back to it.")
        }
    };
    let name = &pipeline.name;
    let line = match (pipeline.before(stage), why) {
        (Some(_), NoRollbackTarget::Newer) => format!("/promote {name} {stage} {number}"),
        (Some(_), NoRollbackTarget::RolledBack) => format!("/promote {name} {stage} {number} again"),
        (None, _) => format!("/deploy {name} {}", release.build),
    };
    Refusal::new("no-way-back", problem, format!("To run it there again, use `{line}`."))
}

/// For people who may override that refusal.
pub(super) fn needs_reason(
    (name, stage): (&PipelineName, &StageName),
    number: ReleaseNumber,
    refusal: &Refusal,
) -> Refusal {
    let line = format!("/rollback {name} {stage} {number} REASON");
    let hint = format!("{} To roll back to it anyway, give a reason: `{line}`.", refusal.hint);
    Refusal { hint, ..refusal.clone() }
}

pub(super) fn versions_deleted(
    (name, stage): (&PipelineName, &StageName),
    release: &Release,
    is_protected: bool,
) -> Refusal {
    let number = release.number;
    let line = match is_protected {
        true => format!("/promote {name} {stage} {number}"),
        false => format!("/deploy {name} {}", release.build),
    };
    Refusal::new(
        "versions-deleted",
        format!("`{number}` is more than {WINDOW} releases back on `{stage}`, so its versions were deleted."),
        format!("To create them again, run `{line}`."),
    )
}

/// The releases that ran on a stage, as a hint.
fn ran_here(name: &PipelineName, stage: &Stage, current: ReleaseNumber) -> String {
    let others: Vec<_> = stage
        .runs
        .iter()
        .rev()
        .filter(|run| run.release != current)
        .take(8)
        .map(|run| {
            let why = match stage.no_rollback_target(run.release) {
                Some(NoRollbackTarget::RolledBack) => " (rolled back)",
                Some(NoRollbackTarget::Newer) => " (newer)",
                None => "",
            };
            format!("`{}`{why}", run.release)
        })
        .collect();
    match others.as_slice() {
        [] => format!("See `/pipeline history {name} {}`.", stage.name),
        others => format!("Other releases that ran here: {}.", others.join(", ")),
    }
}

/// Why a promotion to the stage stops.
pub(crate) fn goes_first(by: &Actor) -> Refusal {
    Refusal::new(
        VOID,
        format!("It was stopped for a rollback by <@{}>.", by.id),
        "Run the command again after the rollback if it is still needed.",
    )
}
