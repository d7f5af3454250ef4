//! What people read about `/deploy`.

use crate::deploy::params::Params;
use crate::operation::{OperationState, Summary, marked};
use crate::records::{Build, BuildState, Pipeline};
use crate::steps::{
    Looked, accepted_drift, change_text, next_buttons, smoke_hint, with_first_minutes, with_parameters,
    with_urls, with_values,
};
use sluice_model::{
    BuildNumber, Card, CommitId, PipelineName, Refusal, ReleaseNumber, StageName, Text, Tone,
};

pub(super) fn deploying(params: &Params) -> Text {
    deploying_what(params).then(" as ").code(params.release.to_string()).then(".")
}

/// The beginning of a sentence about a deploy.
pub(super) fn deploying_what(Params { name, build, stage, .. }: &Params) -> Text {
    let text = Text::plain("Deploying ").code(name.as_str()).then(" build ").code(build.to_string());
    text.then(" to ").code(stage.as_str())
}

/// What the stage would run.
pub(super) fn new_build(params: &Params) -> Vec<(&'static str, Text)> {
    let build = Text::default().code(params.build.to_string()).then(" ").join(change_text(&params.commit));
    vec![("Build", build)]
}

/// After the changes of a deploy that nobody requested.
pub(super) fn how_to_deploy(name: &PipelineName, build: BuildNumber, stage: &StageName) -> Text {
    let text = Text::plain("To deploy it, run ").code(format!("/deploy {name} {build}"));
    text.then(". ").code(format!("/pipeline check {name} {stage}")).then(" explains the gates.")
}

pub(super) fn summary(params: &Params, op: &OperationState) -> Summary {
    let Params { name, stage, build, release, .. } = params;
    let title = Text::plain("Deploy of ").code(name.as_str()).then(" build ").code(build.to_string());
    let title = title.then(" to ").code(stage.as_str()).then(" as ").code(release.to_string());
    let doing = Text::plain("Deploying ").code(name.as_str()).then(" ").code(build.to_string());
    let done = Text::default().code(name.as_str()).then(" ").code(release.to_string());
    let mut summary = Summary::new(title)
        .headlines(doing.then(" to ").code(stage.as_str()), done.then(" is live on ").code(stage.as_str()))
        .field("Commit", change_text(&params.commit))
        .field("Build", Text::default().code(build.to_string()));
    if let Some(before) = params.before {
        summary = summary.field("Previous", Text::default().code(before.to_string()));
    }
    if let Some(outside) = &params.outside {
        summary = summary.field("Moved outside Sluice", accepted_drift(outside, stage, op));
    }
    if let Some(newer) = &params.newer {
        summary = summary.field("Newer changes", marked(newer));
    }
    summary = with_parameters(summary, op, &params.parameters_before, &params.parameters);
    summary = with_values(summary, op, &params.system_before);
    summary = with_urls(summary, op);
    if op.ended.is_some_and(|(_, succeeded)| succeeded) {
        let promote = |next| next_buttons::promote(name, *release, stage, next);
        summary.next.extend(params.next.as_ref().map(promote));
        let next = Text::plain("Next: ").code(match &params.next {
            Some(next) => format!("/promote {name} {next}"),
            None if params.has_next => format!("/pipeline check {name}"),
            None => format!("/stage add {name} prod"),
        });
        let is_first = params.before.is_none() && params.smoke.is_none();
        let test = is_first.then(|| smoke_hint(op, (name, stage), &params.release(op, true))).flatten();
        summary.hint = Some(match test {
            Some(test) => next.then(". ").join(test),
            None => next,
        });
    }
    let looked = Looked { pipeline: name, stage, is_protected: false, can_roll_back: false };
    with_first_minutes(summary, op, &looked)
}

/// A note about a build that is newer than the deployed one and not green, or a commit that has no build.
pub(super) fn newer(
    pipeline: &Pipeline,
    green: &Build,
    newest: Option<(BuildNumber, BuildState)>,
    tip: Option<&CommitId>,
) -> Option<String> {
    let mut parts = vec![];
    if let Some((number, state)) = newest {
        let how = match state {
            BuildState::Failed => "failed",
            BuildState::Cancelled => "was cancelled",
            BuildState::Running => "is still running",
            BuildState::Succeeded => "succeeded",
        };
        parts.push(format!("The newest build, `{number}`, {how}."));
    }
    if let Some(tip) = tip {
        parts.push(format!(
            "The newest commit on `{}`, `{}`, has no build yet.",
            pipeline.branch,
            tip.short()
        ));
    }
    if parts.is_empty() {
        return None;
    }
    let commit = green.commit.as_ref().map(|commit| format!(" of commit `{}`", commit.id.short()));
    parts.push(format!("This deploy uses `{}`{}.", green.number, commit.unwrap_or_default()));
    if tip.is_some() {
        parts.push(format!("To build the newest commit, run `/build {}`.", pipeline.name));
    }
    Some(parts.join(" "))
}

pub(super) fn protected_stage(name: &PipelineName, stage: &StageName, first: &StageName) -> Refusal {
    Refusal::new(
        "protected-stage",
        format!("Stage `{stage}` is protected, so you cannot deploy to it directly."),
        format!("Deploy to `{first}`, then run `/promote {name} {stage}`."),
    )
}

pub(super) fn no_green_build(name: &PipelineName) -> Refusal {
    let problem = format!("Pipeline `{name}` has no green build yet.");
    Refusal::new("no-green-build", problem, format!("Build it first: `/build {name}`."))
}

/// `state`: `None` if there is no such build.
pub(super) fn undeployable(name: &PipelineName, number: BuildNumber, state: Option<BuildState>) -> Refusal {
    let why = match state {
        None => format!("Pipeline `{name}` has no build `{number}`."),
        Some(BuildState::Running) => format!("Build `{number}` of `{name}` is not finished yet."),
        Some(_) => format!("Build `{number}` of `{name}` did not succeed, so it cannot be deployed."),
    };
    Refusal::new("no-green-build", why, format!("See its builds with `/build list {name}`."))
}

pub(super) fn already_runs(
    (name, stage): (&PipelineName, &StageName),
    requested: BuildNumber,
    (release, build): (ReleaseNumber, BuildNumber),
) -> Card {
    let title = Text::default().code(stage.as_str()).then(" of ").code(name.as_str());
    let title = title.then(format!(" already runs {release} (build {build})"));
    let title = match requested == build {
        true => title.then("."),
        false => title.then(", which is equal to build ").code(requested.to_string()).then("."),
    };
    Card::new(Tone::Neutral, title).hint("There is nothing to deploy, so no release was created.")
}

pub(super) fn nothing_runs(name: &PipelineName) -> Refusal {
    let problem = format!("No deploy of `{name}` is running.");
    Refusal::new("nothing-runs", problem, format!("See `/pipeline status {name}`."))
}
