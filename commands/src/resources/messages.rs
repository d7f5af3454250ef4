//! What people read about AWS resources: titles of steps, notes and refusals.

use crate::operation::{Observed, Undone};
use crate::rules::Drift;
use sluice_model::{ApiKind, Refusal, ReleaseNumber, StageName, Text, shown};

// The titles of the steps, in the order of a deploy.

pub(super) const CREATE_API_ROLE: &str = "Create role of the API";

/// "API" for those that SAM makes of events, whose logical ids nobody chose; otherwise with the logical id.
fn api(logical: &str, kind: ApiKind) -> Text {
    match (logical, kind) {
        ("ServerlessHttpApi", ApiKind::Http) => Text::plain("API"),
        ("ServerlessRestApi", ApiKind::Rest) => Text::plain("REST API"),
        _ => Text::plain("API ").code(logical),
    }
}

/// What people call an API that SAM makes of events, whose logical id nobody chose; `None` for others.
pub(crate) fn implicit_api(logical: &str, kind: ApiKind) -> Option<&'static str> {
    match (logical, kind) {
        ("ServerlessHttpApi", ApiKind::Http) => Some("HTTP API"),
        ("ServerlessRestApi", ApiKind::Rest) => Some("REST API"),
        _ => None,
    }
}

/// An API in a sentence.
pub(super) fn api_name(logical: &str, kind: ApiKind) -> String {
    implicit_api(logical, kind).map_or_else(|| format!("API {logical}"), |kind| format!("the {kind}"))
}

pub(super) fn create_api(logical: &str, kind: ApiKind) -> Text {
    Text::plain("Create ").join(api(logical, kind))
}

pub(super) fn import_api(logical: &str, kind: ApiKind) -> Text {
    Text::plain("Import definition of ").join(api(logical, kind))
}

pub(super) fn deploy_api(logical: &str, kind: ApiKind) -> Text {
    Text::plain("Create deployment of ").join(api(logical, kind))
}

pub(super) fn publish_layer(logical: &str) -> Text {
    Text::plain("Publish layer ").code(logical)
}

pub(super) fn create_role(subject: &str) -> Text {
    Text::plain("Create role of ").code(subject)
}

pub(super) fn create_log_group(function: &str) -> Text {
    Text::plain("Create log group of ").code(function)
}

pub(super) fn create_function(function: &str) -> Text {
    Text::plain("Create function ").code(function)
}

pub(super) fn update_configuration(function: &str) -> Text {
    Text::plain("Update configuration of ").code(function)
}

pub(super) fn publish_version(function: &str) -> Text {
    Text::plain("Publish version of ").code(function)
}

pub(super) fn restore_version(function: &str, version: &str) -> Text {
    Text::plain("Restore ").code(function).then(format!(" version {version}"))
}

pub(super) fn move_alias(function: &str, stage: &str, version: &str, is_new: bool) -> Text {
    let verb = if is_new { "Create" } else { "Move" };
    let text = Text::plain(format!("{verb} alias ")).code(stage).then(" of ").code(function);
    text.then(format!("{} version {version}", if is_new { " at" } else { " to" }))
}

/// `what`: the setting in words. `value`: the value that it gets.
pub(super) fn change_setting(function: &str, what: &str, value: &str) -> Text {
    Text::plain(format!("Set {what} of ")).code(function).then(" to ").then(value)
}

/// A setting that somebody else set. `values`: the one that it has, and the one of the release.
pub(super) fn setting_left(
    function: &str,
    what: &str,
    (now, wanted): (&str, &str),
    line: Option<&str>,
) -> String {
    let how = line.map_or("Set it in the Lambda console if it should change.".to_owned(), |line| {
        format!("To set it, run `{line}`.")
    });
    format!("`{function}`: {what} is {now}, set outside Sluice; this release has {wanted}. {how}")
}

pub(super) fn serve_deployment(logical: &str, kind: ApiKind, stage: &str) -> Text {
    Text::plain("Move ").join(api(logical, kind)).then(" of ").code(stage)
}

pub(super) fn stop_serving(logical: &str, kind: ApiKind, stage: &str) -> Text {
    Text::plain("Stop ").join(api(logical, kind)).then(" of ").code(stage)
}

/// `api`: an API in a sentence.
pub(super) fn stops_answering(api: &str) -> String {
    format!("{} stops answering", sentence(api))
}

/// `api`: an API in a sentence.
pub(super) fn gets_another_url(api: &str) -> String {
    format!("{} gets another URL; the present one stops answering", sentence(api))
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

// Notes while a step waits.

pub(super) const WAITS_FOR_LAMBDA: &str = "waiting for Lambda";
pub(super) const WAITS_FOR_API_GATEWAY: &str = "waiting for API Gateway";

// Resources that somebody else made or moved.

/// The code of a refusal to overwrite what somebody moved by hand.
pub(crate) const MOVED_OUTSIDE: &str = "moved-outside";
const MOVED_HINT: &str = "Check who changed it and why, then run the command again.";

/// The observation that somebody else created it.
pub(crate) fn foreign(what: String) -> Observed {
    Observed::Foreign(foreign_refusal(&what))
}

/// `what`: the resource whose name Sluice needs.
pub(crate) fn foreign_refusal(what: &str) -> Refusal {
    Refusal::new(
        "not-ours",
        format!("{what} already exists, and Sluice did not create it for this pipeline."),
        "Sluice changes only what it created. Rename or remove the existing one, or choose another name, then run the command again.",
    )
}

pub(super) fn role(name: &str) -> String {
    format!("Role `{name}`")
}

pub(super) fn other_policy(role: &str) -> String {
    format!("Another policy of role `{role}`")
}

pub(super) fn function(name: &str) -> String {
    format!("Function `{name}`")
}

pub(super) fn other_version(function: &str) -> String {
    format!("Another version of function `{function}`")
}

pub(super) fn api_stage(stage: &StageName) -> String {
    format!("The API stage of `{stage}`")
}

pub(super) fn stage_moved_outside(stage: &StageName, drift: &Drift, line: &str) -> Refusal {
    Refusal::new(
        MOVED_OUTSIDE,
        format!("Stage `{stage}` was moved outside Sluice: {}.", drift.words(stage)),
        format!("Check who changed it and why. To continue from its current state, run `{line}`."),
    )
}

/// `version`: the version to which the alias points now.
pub(super) fn alias_moved_outside(function: &str, stage: &StageName, version: &str) -> Refusal {
    let problem = format!(
        "Alias `{stage}` of `{function}` was moved outside Sluice: it points to version {version} now."
    );
    Refusal::new(MOVED_OUTSIDE, problem, MOVED_HINT)
}

/// `now`: the deployment and the variables that it serves now; `None` if it does not exist.
pub(super) fn api_moved_outside(stage: &StageName, now: Option<&str>) -> Refusal {
    let now = match now {
        Some(served) => format!("it serves deployment `{served}` now"),
        None => "it no longer exists".to_owned(),
    };
    let problem = format!("The API stage of `{stage}` was moved outside Sluice: {now}.");
    Refusal::new(MOVED_OUTSIDE, problem, MOVED_HINT)
}

// What an undo leaves as it is.

pub(super) fn left_for(release: ReleaseNumber) -> Undone {
    Undone::Left(format!("the stage moved to {release} since"))
}

pub(super) fn left_without_weights() -> Undone {
    Undone::Left("it now sends all calls to that version; before, it sent some to others".into())
}

/// `version`: the version to which the alias points now; `None` if it does not exist.
pub(super) fn left_alias(version: Option<&str>) -> Undone {
    Undone::Left(
        version.map_or("it no longer exists".into(), |version| format!("it points to version {version}")),
    )
}

/// `value`: the value of the setting now; `None` if the function does not exist.
pub(super) fn left_setting(value: Option<&str>) -> Undone {
    Undone::Left(value.map_or("the function no longer exists".into(), |value| format!("it is {value} now")))
}

/// `served`: what the API stage serves; `None` if it does not exist.
pub(super) fn left_api(served: Option<&str>) -> Undone {
    Undone::Left(
        served.map_or("it no longer exists".into(), |served| format!("it serves deployment {served}")),
    )
}

// Lambda and API Gateway.

pub(super) fn function_gone(function: &str) -> Refusal {
    Refusal::new(
        "function-gone",
        format!("Function `{function}` disappeared while it was deployed."),
        "Somebody deleted it outside Sluice. Deploy again to recreate it.",
    )
}

/// `what`: the change that Lambda applies.
pub(super) fn lambda_too_slow(what: &str, minutes: u64) -> Refusal {
    Refusal::new(
        "lambda-too-slow",
        format!("Lambda did not finish {what} within {minutes} minutes."),
        "Check the function's state in the Lambda console, then run the command again.",
    )
}

pub(super) fn function_failed(function: &str, reason: &str) -> Refusal {
    Refusal::new(
        "function-failed",
        format!("Lambda could not activate function `{function}` ({reason})."),
        match reason {
            "ImageDeleted" => {
                "Its image is no longer in ECR. Push and build again, then deploy the new build."
            }
            _ => "Fix the cause, then run the command again.",
        },
    )
}

/// `reason`: Lambda's code.
pub(super) fn version_failed(function: &str, version: &str, reason: &str) -> Refusal {
    Refusal::new(
        "version-failed",
        format!(
            "Lambda could not restore version {version} of `{function}`, which nobody called for weeks ({reason})."
        ),
        "Fix the cause, or choose another release, then run the command again.",
    )
}

pub(super) fn version_gone(function: &str, version: &str) -> Refusal {
    Refusal::new(
        "version-gone",
        format!("Version {version} of `{function}` does not exist any more."),
        "Somebody deleted it outside Sluice. Choose another release.",
    )
}

/// `property`: what Lambda decides when it creates a function.
pub(super) fn permanent(function: &str, property: &str) -> Refusal {
    Refusal::new(
        "permanent-property",
        format!(
            "Lambda cannot add `{property}` to function `{function}`, or remove it: that is decided when a function is created."
        ),
        "Undo that change of the template, or give the function another logical id, which creates a new function.",
    )
}

/// `is_image`: whether the release has an image.
pub(super) fn other_package(function: &str, is_image: bool) -> Refusal {
    let (now, wanted) = match is_image {
        true => ("a zip archive", "a container image"),
        false => ("a container image", "a zip archive"),
    };
    Refusal::new(
        "other-package",
        format!(
            "The code of function `{function}` is {now}, and this release has {wanted} for it. Lambda cannot convert a function."
        ),
        "Give the function another logical id in the template, which creates a new function. Nothing was changed.",
    )
}

/// Lambda may not read the image. `statement`: what the repository's policy lacks.
pub(super) fn image_unreadable(function: &str, repository: &str, policy: &str) -> Refusal {
    Refusal::new(
        "image-unreadable",
        format!("Lambda may not read the image of function `{function}` in the repository `{repository}`."),
        format!(
            "An admin of the account allows it with `aws ecr set-repository-policy --repository-name {repository} --policy-text \
             '{policy}'`. That replaces the repository's policy: if it has one (`aws ecr get-repository-policy`), add the \
             statement to it. Then run the command again."
        ),
    )
}

pub(super) fn configuration(function: &str) -> String {
    format!("the new configuration of `{function}`")
}

pub(super) fn version(function: &str, version: &str) -> String {
    format!("version {version} of `{function}`")
}

pub(super) fn version_differs(function: &str, version: &str) -> Refusal {
    Refusal::new(
        "version-differs",
        format!(
            "Version {version} of `{function}` does not have the code and configuration of this release."
        ),
        "Somebody changed the function outside Sluice at the same time. Run the command again.",
    )
}

pub(super) fn layer_differs(layer: &str) -> Refusal {
    Refusal::new(
        "layer-differs",
        format!("Lambda's version of the layer `{layer}` does not have the content of this release."),
        "Somebody changed the object in the artifact bucket. Build again, and deploy that build.",
    )
}

/// `warnings`: API Gateway's own sentences.
pub(super) fn import_incomplete(warnings: &[String]) -> Refusal {
    let list = warnings.iter().map(|warning| shown(warning)).collect::<Vec<_>>().join("; ");
    Refusal::new(
        "import-incomplete",
        format!("API Gateway left out parts of the API's definition: {list}. Nothing was deployed."),
        "Change these parts of the API in the template, push, then build and deploy again.",
    )
}

const DEPLOYMENT_HINT: &str =
    "Check the API's deployments in the API Gateway console, then run the command again.";

pub(super) fn deployment_failed(why: &str) -> Refusal {
    let why = if why.is_empty() { "it gave no reason".into() } else { shown(why) };
    let problem = format!("API Gateway could not deploy the API: {why}.");
    Refusal::new("deployment-failed", problem, DEPLOYMENT_HINT)
}

pub(super) fn deployment_too_slow(deployment: &str, minutes: u64) -> Refusal {
    let problem = format!("API Gateway did not finish deployment `{deployment}` within {minutes} minutes.");
    Refusal::new("deployment-too-slow", problem, DEPLOYMENT_HINT)
}
