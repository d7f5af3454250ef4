//! What people read about the steps that several operations share.

use std::collections::BTreeMap;

use crate::operation::{OperationState, Summary, VOID, marked};
use crate::records::{ApiUrl, Change};
use crate::resources::{RanBefore, implicit_api, left_serving, left_settings};
use crate::rules::{self, Drift, Parameters, Smoke, parameters_text, plain as unmarked};
use crate::steps::artifact_reference::read_artifact;
use crate::steps::record::moved_urls;
use sluice_model::{PinnedCode, PipelineName, PortError, Refusal, ReleaseNumber, StageName, Text};
use sluice_template::{TemplateCode, TemplateError};

// The titles of the steps.
pub(super) const READ_ARTIFACT: &str = "Read artifact";
pub(super) const READ_VALUES: &str = "Read values of the stack";

pub(super) fn smoke_test(smoke: &Smoke) -> Text {
    Text::plain("Run smoke test ").code(smoke.act())
}

pub(super) fn resolve(stage: &StageName) -> Text {
    Text::plain("Check what runs on ").code(stage.as_str())
}

// Fields of the messages of operations that move a stage.

/// A commit, formatted for messages.
pub(crate) fn change_text(change: &Change) -> Text {
    Text::default().code(change.id.short()).then(format!(" {} · {}", change.subject, change.author))
}

/// Drift that the requester accepted.
pub(crate) fn accepted_drift(drift: &Drift, stage: &StageName, op: &OperationState) -> Text {
    marked(&drift.words(stage)).then(". Accepted by ").join(op.spec.actor.attribution()).then(".")
}

/// How many APIs of a stage a message links to.
const LINKED: usize = 5;

/// A link to each API. If there are several, each link follows the name of its API.
pub(crate) fn links(urls: &[ApiUrl]) -> Vec<Text> {
    let link = |ApiUrl { logical, kind, url }: &ApiUrl| {
        let name = match implicit_api(logical, *kind) {
            _ if urls.len() == 1 => return Text::default().link(url, url),
            Some(kind) => Text::plain(kind),
            None => Text::default().code(logical),
        };
        name.then(" ").link(url, url)
    };
    let more = urls.len().saturating_sub(LINKED);
    let more = (more > 0).then(|| Text::plain(format!("and {more} more")));
    urls.iter().take(LINKED).map(link).chain(more).collect()
}

/// Where the stage answers, once it moved.
pub(crate) fn with_urls(mut summary: Summary, op: &OperationState) -> Summary {
    let left = left_serving(op);
    if !left.is_empty() {
        let apis = left.join(", ");
        let still = format!(
            "{apis}: the release does not have it, but API Gateway does not delete its stage. Something uses it, such as a custom domain or a \
             usage plan; delete that, then the stage."
        );
        summary = summary.field("Still answers", Text::plain(still));
    }
    let settings = left_settings(op);
    if !settings.is_empty() {
        summary = summary.field("Settings left as they are", marked(&settings.join("\n")));
    }
    let links = links(&moved_urls(op));
    match links.len() {
        0 => summary,
        1 => summary.field("URL", Text::joined(links, "")),
        _ => summary.field("URLs", Text::joined(links, "\n")),
    }
}

/// The values of the template's parameters: what changes, what stays, and what the template does not declare.
pub(crate) fn with_parameters(
    summary: Summary,
    op: &OperationState,
    before: &Parameters,
    now: &Parameters,
) -> Summary {
    let unknown = read_artifact(op).ok().flatten().map(|artifact| artifact.unknown_parameters);
    let fields = parameter_fields(before, now, &unknown.unwrap_or_default());
    fields.into_iter().fold(summary, |summary, (label, text)| summary.field(label, text))
}

/// The same as fields. `unknown`: the parameters that the template does not declare.
pub(crate) fn parameter_fields(
    before: &Parameters,
    now: &Parameters,
    unknown: &[String],
) -> Vec<(&'static str, Text)> {
    let changed = rules::parameters_changed(before, now);
    let values = changed.or_else(|| (!now.is_empty()).then(|| parameters_text(now)));
    let names = unknown.iter().map(|name| Text::default().code(name));
    let unknown = (!unknown.is_empty())
        .then(|| Text::joined(names, ", ").then(": set on the stage, not declared in the template"));
    let values = values.map(|values| ("Parameters", values));
    values.into_iter().chain(unknown.map(|unknown| ("Unused parameters", unknown))).collect()
}

// Why an operation is void.

const REPEAT: &str = "Run the command again if it is still needed.";

pub(super) fn stage_moved(pipeline: &PipelineName, stage: &StageName) -> Refusal {
    let hint =
        format!("Check `/pipeline status {pipeline}`, then run the command again if it is still needed.");
    Refusal::new(VOID, format!("Stage `{stage}` changed while this was being prepared."), hint)
}

pub(super) fn smoke_test_changed(stage: &StageName) -> Refusal {
    Refusal::new(VOID, format!("The smoke test of `{stage}` changed after this was requested."), REPEAT)
}

pub(super) fn events_changed(stage: &StageName) -> Refusal {
    let problem = format!("Events of `{stage}` were turned on or off after this was requested.");
    Refusal::new(VOID, problem, REPEAT)
}

pub(super) fn parameters_changed(stage: &StageName) -> Refusal {
    Refusal::new(VOID, format!("The parameters of `{stage}` changed after this was requested."), REPEAT)
}

pub(super) fn wild_rights_refused(stage: &StageName) -> Refusal {
    Refusal::new(
        VOID,
        format!(
            "Stage `{stage}` no longer allows wildcard rights (`wild_rights`), and this release has some."
        ),
        "Name actions and resources in the template, or ask an admin to allow wildcard rights.",
    )
}

pub(super) fn images_refused(stage: &StageName, repository: &str) -> Refusal {
    Refusal::new(
        VOID,
        format!(
            "Stage `{stage}` no longer allows images of the repository `{repository}` (`images`), and this release has one."
        ),
        "Push the image to a repository of the pipeline, or ask an admin to allow this one.",
    )
}

// Refusals about the artifact and its template.

/// The hint if a version set needs more than a record can hold.
pub(crate) const TOO_MANY_FUNCTIONS: &str = "Deploy fewer functions at once, or shorten their configuration.";

pub(super) fn artifact_read_differently() -> Refusal {
    Refusal::new(
        "artifact-read-differently",
        "This version of Sluice reads the template differently from the version that started this operation.",
        "Build and deploy again with this version.",
    )
}

pub(super) fn values_changed() -> Refusal {
    Refusal::new(
        "stack-values-changed",
        "The values that functions need of the stack changed while this operation ran.",
        "See who changed the stack in its events. Then deploy again.",
    )
}

pub(super) fn template_unreadable() -> Refusal {
    Refusal::new(
        "template-unreadable",
        "Reading the template failed unexpectedly.",
        "Nothing was changed. This is a defect in Sluice: report it with the template and the log of Sluice.",
    )
}

/// `key`: the key of a pinned object. The message has only the name of the file.
pub(super) fn artifact_changed(key: &str) -> Refusal {
    let file = key.rsplit('/').next().unwrap_or(key);
    Refusal::new(
        "artifact-changed",
        format!("`{file}` in the artifact bucket is not what the build recorded."),
        "Somebody changed or removed it. Build again, then deploy the new build.",
    )
}

/// How many errors of a template are listed.
const ERRORS: usize = 10;

pub(crate) fn template_refused(errors: &[TemplateError]) -> Refusal {
    let line = |error: &TemplateError| {
        let place = match (&error.resource, error.line) {
            (Some(resource), Some(line)) => format!("`{resource}`, template.yaml line {line}: "),
            (Some(resource), None) => format!("`{resource}`: "),
            (None, Some(line)) => format!("template.yaml line {line}: "),
            (None, None) => String::new(),
        };
        format!("• {place}{} — {}", plain(&error.problem), plain(&error.hint))
    };
    let mut lines: Vec<_> = errors.iter().take(ERRORS).map(line).collect();
    if errors.len() > ERRORS {
        lines.push(format!("• and {} more", errors.len() - ERRORS));
    }
    // Values of parameters are set on the stage, not in the template.
    let (problem, hint) = match errors.iter().all(|error| error.code == TemplateCode::Parameter) {
        true => (
            "Parameters of the template have missing or invalid values on this stage:",
            "Nothing was changed. Set the values, then run the command again.",
        ),
        false => (
            "Sluice cannot deploy this template:",
            "Nothing was changed. Fix the template, push, build and deploy again. docs/templates.md lists what is supported.",
        ),
    };
    Refusal::new("template-refused", format!("{problem}\n{}", lines.join("\n")), hint)
}

/// Text that may quote what people wrote, without our own marks.
pub(crate) fn plain(words: &str) -> String {
    words.replace('<', "‹").replace('>', "›")
}

// The smoke test. The result follows the name of the test: "`GET /health` answered 500, not 200".

/// How many characters of an answer are shown.
const SHOWN: usize = 120;
/// How many functions are named if the test names an unknown one.
const NAMED: usize = 6;
pub(super) const PASSED_ONCE: &str = "passed, repeating to confirm";

pub(super) fn answered(status: u16, wanted: u16, body: &str) -> String {
    format!("answered {status}, not {wanted}{}", quoted(body))
}

pub(super) fn silent(why: &str) -> String {
    format!("got no answer: {why}")
}

pub(super) fn answered_by(other: &str, version: &str) -> String {
    format!("was answered by version {other}, not {version}")
}

pub(super) fn invocation_failed(error: &str) -> String {
    format!("failed{}", quoted(error))
}

pub(super) fn no_answer(error: &PortError) -> String {
    format!("got no answer from {} ({})", error.call, error.code)
}

/// `code`: the functions of the release, for a test of a function. Without it, the release has no routes.
pub(super) fn smoke_test_cannot_pass(
    before: &RanBefore,
    release: ReleaseNumber,
    smoke: &Smoke,
    code: Option<&BTreeMap<String, PinnedCode>>,
) -> Refusal {
    let RanBefore { pipeline, stage, .. } = before;
    let (why, what) = match code {
        None => ("it has no routes".to_owned(), "a route"),
        Some(code) => {
            let known: Vec<String> = code.keys().take(NAMED).map(|known| format!("`{known}`")).collect();
            (format!("it has no such function, only {}", known.join(", ")), "the function")
        }
    };
    let act = unmarked(&smoke.act());
    Refusal::new(
        "smoke-test-unfit",
        format!("Release `{release}` cannot pass the smoke test of `{stage}`, `{act}`: {why}."),
        format!(
            "Add {what}, or ask an admin to turn the test off: `/stage set {pipeline} {stage} smoke=off`."
        ),
    )
}

pub(super) fn smoke_test_failed(
    stage: &StageName,
    smoke: &Smoke,
    before: Option<ReleaseNumber>,
    seen: &str,
) -> Refusal {
    let runs = before.map_or("nothing".to_owned(), |before| format!("`{before}`"));
    Refusal::new(
        "smoke-test-failed",
        format!("`{stage}` did not pass its smoke test: `{}` {seen}.", unmarked(&smoke.act())),
        format!("`{stage}` runs {runs}, as before. Fix the release, build and deploy it, then try again."),
    )
}

/// A colon and the first line of an answer, shortened; empty if the answer is empty.
pub(crate) fn quoted(body: &str) -> String {
    let line = body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    if clean.is_empty() {
        return String::new();
    }
    let mut shown: String = clean.chars().take(SHOWN).collect();
    if shown.len() < clean.len() {
        shown.push('…');
    }
    format!(": {}", unmarked(&shown).trim_end_matches('.'))
}

/// A refusal of what is known only once the stack exists.
pub(super) fn refused_after_stack(refusal: Refusal) -> Refusal {
    let hint = "The stack has what the new release needs, and what runs is unchanged. Fix the template, push, build and deploy again.";
    Refusal { hint: hint.into(), ..refusal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_model::ApiKind;

    #[test]
    fn links_name_their_api_if_there_are_several() {
        let api = |logical: &str, kind| {
            let url = format!("https://{}/", logical.to_lowercase());
            ApiUrl { logical: logical.to_owned(), kind, url }
        };
        let words = |urls: &[ApiUrl]| Text::joined(links(urls), "\n").flat();
        let [http, rest] = [("Http", ApiKind::Http), ("Rest", ApiKind::Rest)]
            .map(|(kind, is)| api(&format!("Serverless{kind}Api"), is));
        assert_eq!(words(std::slice::from_ref(&http)), "https://serverlesshttpapi/");
        let three = [api("Admin", ApiKind::Rest), http, rest];
        let expected =
            "Admin https://admin/\nHTTP API https://serverlesshttpapi/\nREST API https://serverlessrestapi/";
        assert_eq!(words(&three), expected);
        let many: Vec<_> = (0..LINKED + 2).map(|nth| api(&format!("A{nth}"), ApiKind::Http)).collect();
        assert!(words(&many).ends_with("A4 https://a4/\nand 2 more"));
    }

    #[test]
    fn an_answer_is_quoted_as_one_short_line_without_marks() {
        assert_eq!(quoted(""), "");
        assert_eq!(quoted(" \n\u{7}\n"), "");
        assert_eq!(quoted("\n  <@U0ANN> said `no`.\nand more"), ": @U0ANN> said 'no'");
        let long = quoted(&"ü".repeat(500));
        assert_eq!((long.chars().count(), long.ends_with('…')), (SHOWN + 3, true));
    }
}
