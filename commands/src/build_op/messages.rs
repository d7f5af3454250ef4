//! What people read about `/build`.

use crate::build_op::params::Params;
use crate::operation::{OperationState, Summary, marked};
use crate::packager;
use crate::records::{BuildState, Change, Pipeline};
use crate::setup::bucket;
use crate::steps::{change_text, next_buttons, plain};
use sluice_model::{BuildNumber, Card, Part, PipelineName, Refusal, Text, Tone};
use sluice_template::TemplateError;

// The titles of the steps.
pub(super) const START: &str = "Start build";
pub(super) const RUN: &str = "Run build";
pub(super) const PIN: &str = "Pin artifact";

pub(super) fn resolve(reference: &str) -> Text {
    Text::plain("Resolve ").code(reference)
}

/// `POST_BUILD` as "post build".
pub(super) fn phase(phase: &str) -> Text {
    Text::plain(phase.to_lowercase().replace('_', " "))
}

pub(super) fn building(params: &Params) -> Text {
    let Params { name, reference, number, .. } = params;
    let text = Text::plain("Building ").code(name.as_str()).then(" from ").code(reference.clone());
    text.then(" as ").code(number.to_string()).then(".")
}

/// What is known of a build's log.
pub(super) struct Log {
    pub(super) link: Option<String>,
    pub(super) tail: Option<String>,
}

pub(super) fn summary(params: &Params, op: &OperationState, change: Option<&Change>, log: Log) -> Summary {
    let Params { name, number, reference, .. } = params;
    let title = Text::plain("Build ").code(number.to_string()).then(" of ").code(name.as_str());
    let what = |verb: &str| Text::plain(verb).code(name.as_str()).then(" ").code(number.to_string());
    let mut summary = Summary::new(title)
        .headlines(what("Building "), what("Built "))
        .field("Source", Text::default().code(reference.clone()));
    if let Some(change) = change {
        summary = summary.field("Commit", change_text(change));
    }
    if let Some(link) = log.link {
        summary = summary.field("Log", Text::default().link(link, "open the log"));
    }
    summary.parts.extend(log.tail.map(Part::Code));
    match op.ended {
        Some((_, true)) => {
            summary.hint = Some(Text::plain("Next: ").code(format!("/deploy {name} {number}")));
            summary.next.push(next_buttons::deploy(name, *number));
        }
        Some((_, false)) => {
            summary.next =
                vec![next_buttons::build_log(name, *number), next_buttons::build_again(name, *number)];
        }
        None => {}
    }
    summary
}

pub(super) const IF_TOO_LARGE: &str = "Shorten the commit message or the template.";

pub(super) fn too_many_builds(name: &PipelineName, open: usize) -> Refusal {
    Refusal::new(
        "too-many-builds",
        format!("`{name}` has {open} builds in progress, which is the limit."),
        format!(
            "Wait until one ends, or cancel one: `/build cancel {name} #N`. See them with `/build list {name}`."
        ),
    )
}

pub(super) fn still_running(name: &PipelineName, number: BuildNumber) -> Refusal {
    Refusal::new(
        "still-running",
        format!("Build `{number}` of `{name}` is still running, so it was not built again."),
        format!("Wait until it ends, or cancel it first: `/build cancel {name} {number}`."),
    )
}

/// Before the build is accepted.
pub(super) fn unknown_reference(pipeline: &Pipeline, reference: &str) -> Refusal {
    let Pipeline { name, repository, branch, .. } = pipeline;
    Refusal::new(
        "no-such-reference",
        format!("Repository `{repository}` has no branch or commit `{reference}`, so nothing was built."),
        format!("Push it first, or build `{branch}` with `/build {name}`."),
    )
}

/// While the build runs.
pub(super) fn no_such_reference(params: &Params) -> Refusal {
    Refusal::new(
        "no-such-reference",
        format!("Repository `{}` has no branch or commit `{}`.", params.repository, params.reference),
        unknown_reference_hint(params),
    )
}

fn unknown_reference_hint(params: &Params) -> String {
    let reference = &params.reference;
    let is_short = (4..40).contains(&reference.len()) && reference.bytes().all(|b| b.is_ascii_hexdigit());
    if is_short {
        return format!(
            "CodeCommit finds commits only by their full id of 40 characters. To print it, run `git rev-parse {reference}`."
        );
    }
    format!(
        "Push it first, or build the default branch with `/build {}`. Use a branch or a full commit id: CodeCommit \
         finds no tags.",
        params.name
    )
}

pub(super) fn build_gone(name: &PipelineName) -> Refusal {
    let hint = format!("Build again: `/build {name}`.");
    Refusal::new("build-gone", "CodeBuild no longer has this build.", hint)
}

pub(super) fn build_failed(name: &PipelineName, phase: Option<&str>, message: Option<&str>) -> Refusal {
    let mut problem = match phase {
        Some(phase) => format!("The build failed in phase `{phase}`."),
        None => "The build failed.".to_owned(),
    };
    if let Some(message) = message {
        problem.push_str(&format!(" CodeBuild reports: `{}`", message.replace('`', "'")));
    }
    let is_not_packaged = phase == Some(UPLOAD) && message.is_some_and(|text| text.contains("no matching"));
    let hint = match is_not_packaged {
        true => format!("{} Push that, then run `/build {name}`.", run_packager()),
        false => format!("Fix it, push, then run `/build {name}`."),
    };
    Refusal::new("build-failed", problem, hint)
}

/// CodeBuild's name of the phase that fails if the build did not leave a file that the buildspec names.
const UPLOAD: &str = "UPLOAD_ARTIFACTS";

/// What a buildspec needs for packaging.
fn run_packager() -> String {
    let [packaged, lines, manifest] = packager::ARTIFACTS;
    format!(
        "`buildspec.yml` must run `{}` after its other commands, and name `{packaged}`, `{lines}` and `{manifest}` under \
         `artifacts: files:`.",
        packager::LINE
    )
}

pub(super) fn bad_manifest(error: &TemplateError) -> Refusal {
    Refusal::new(
        "bad-manifest",
        format!("The build's `sluice-manifest.json` is not valid: {}", plain(&error.problem)),
        error.hint.clone(),
    )
}

pub(super) fn no_artifact(file: &str) -> Refusal {
    Refusal::new(
        "no-artifact",
        format!("The build left no `{file}`, which the packager writes."),
        format!("{} Push that, then build again.", run_packager()),
    )
}

pub(super) fn artifact_too_large(file: &str) -> Refusal {
    Refusal::new(
        "artifact-too-large",
        format!("The build's `{file}` is larger than 1 MiB."),
        "Move data into files of the package, or split the application into two pipelines.",
    )
}

pub(super) fn not_versioned(params: &Params, file: &str) -> Refusal {
    let Params { name, bucket, .. } = params;
    let minutes = bucket::VERSIONS_AFTER.as_secs() / 60;
    Refusal::new(
        "not-versioned",
        format!("S3 stored `{file}` in bucket `{bucket}` without a version, so it could be replaced."),
        format!(
            "Versioning can take up to {minutes} minutes to start after `sluice init`. Then build again: `/build {name}`. \
             If that fails too, an admin must run `sluice init` again."
        ),
    )
}

pub(super) fn not_running(name: &PipelineName, number: Option<BuildNumber>) -> Refusal {
    let problem = match number {
        None => format!("No build of `{name}` is running."),
        Some(number) => format!("Build `{number}` of `{name}` is not running."),
    };
    Refusal::new("nothing-runs", problem, format!("See `/pipeline status {name}`."))
}

pub(super) fn state(state: BuildState) -> &'static str {
    match state {
        BuildState::Running => "running",
        BuildState::Succeeded => "succeeded",
        BuildState::Failed => "failed",
        BuildState::Cancelled => "cancelled",
    }
}

pub(super) fn no_builds(name: &PipelineName) -> Card {
    let title = Text::default().code(name.as_str()).then(" has no builds yet.");
    Card::new(Tone::Neutral, title).hint(marked(&format!("Build it: `/build {name}`.")))
}

pub(crate) fn no_such_build(name: &PipelineName, number: BuildNumber) -> Refusal {
    Refusal::new(
        "no-such-build",
        format!("Pipeline `{name}` has no build `{number}`."),
        format!("See its builds with `/build list {name}`."),
    )
}

pub(super) fn list(name: &PipelineName) -> Card {
    Card::new(Tone::Neutral, Text::plain("Builds of ").code(name.as_str()))
        .hint(marked(&format!("To see a log, run `/build log {name} #1`.")))
}

pub(super) const LIST_COLUMNS: [&str; 4] = ["Build", "State", "Commit", "Requested by"];

pub(super) fn log(
    name: &PipelineName,
    number: BuildNumber,
    build: BuildState,
    lines: Option<String>,
    link: Option<&str>,
) -> Card {
    let title = Text::plain("Log of build ").code(number.to_string()).then(" of ").code(name.as_str());
    let card = Card::new(Tone::Neutral, title.then(format!(" ({})", state(build))));
    let card = match lines {
        Some(lines) => card.part(Part::Code(lines)),
        None => card.text("There is no log yet."),
    };
    let card = match link {
        Some(link) => card.text(Text::default().link(link, "Full log")),
        None => card,
    };
    match build {
        BuildState::Running => card,
        BuildState::Succeeded => card
            .hint(Text::plain("Next: ").code(format!("/deploy {name} {number}")))
            .button(next_buttons::deploy(name, number)),
        BuildState::Failed | BuildState::Cancelled => {
            card.hint(marked(&format!("Fix it, push, then run `/build {name}`.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(reference: &str) -> Params {
        Params {
            name: "orders".parse().unwrap(),
            number: sluice_model::BuildNumber(3),
            reference: reference.to_owned(),
            repository: "orders".into(),
            project: "sluice-orders".into(),
            bucket: "artifacts".into(),
            nonce: "n0nce".into(),
        }
    }

    #[test]
    fn a_build_that_packaged_nothing_names_the_line_to_add() {
        let name: PipelineName = "orders".parse().unwrap();
        let failed = |phase, message| build_failed(&name, Some(phase), Some(message));
        let missing = failed("UPLOAD_ARTIFACTS", "no matching artifact paths found: packaged.json");
        let line = r#"must run `sh -c "$SLUICE_PACKAGE"` after"#;
        for refusal in [&missing, &no_artifact("packaged.json")] {
            assert!(
                refusal.hint.contains(line) && refusal.hint.contains("`sluice-lines.json`"),
                "{refusal:?}"
            );
        }
        assert!(missing.hint.ends_with("then run `/build orders`."), "{missing:?}");
        for other in [failed("UPLOAD_ARTIFACTS", "AccessDenied"), failed("BUILD", "no matching tests")] {
            assert_eq!(other.hint, "Fix it, push, then run `/build orders`.");
        }
    }

    #[test]
    fn an_unknown_reference_explains_which_ones_work() {
        assert!(unknown_reference_hint(&params("4c92514")).contains("full id"));
        assert!(unknown_reference_hint(&params("v1.2")).contains("no tags"));
        assert!(unknown_reference_hint(&params("wip")).contains("Push it first"));
    }
}
