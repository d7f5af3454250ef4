//! What `/repo` says.

use crate::operation::{OperationState, Summary, marked};
use crate::repo::params::{FIRST_STAGE, PIPELINES};
use sluice_model::{Card, PipelineName, Refusal, Text, Tone};

// The titles of the steps.
pub(super) const LOOK: &str = "Check existing resources";
pub(super) const FIRST_COMMIT: &str = "Create initial commit";
pub(super) const CREATE_ROLE: &str = "Create role of builds";
pub(super) const CREATE_PROJECT: &str = "Create build project";

pub(super) fn create_repository(name: &PipelineName) -> Text {
    Text::plain("Create repository ").code(name.as_str())
}

pub(super) fn creating(name: &PipelineName) -> Text {
    Text::plain("Creating pipeline ").code(name.as_str()).then(".")
}

pub(super) fn summary(op: &OperationState, clone_url: Option<String>) -> Summary {
    let name = &op.spec.pipeline;
    let pipeline = |words: &str| Text::plain(words).code(name.as_str());
    let mut summary = Summary::new(pipeline("Creation of pipeline "))
        .headlines(pipeline("Creating pipeline "), pipeline("Created pipeline "));
    if let Some(url) = clone_url {
        summary = summary.field("Clone", Text::default().code(format!("git clone {url}")));
    }
    summary = summary
        .field("Stages", Text::default().code(FIRST_STAGE))
        .field("Home channel", Text::default().channel(&op.spec.home));
    if op.ended.is_some_and(|(_, succeeded)| succeeded) {
        summary.hint = Some(Text::plain("Next: ").code(format!("/build {name}")));
    }
    summary
}

pub(super) fn pipeline_exists(name: &PipelineName) -> Refusal {
    Refusal::new(
        "pipeline-exists",
        format!("Pipeline `{name}` already exists."),
        format!("See it with `/pipeline status {name}`, or choose another name."),
    )
}

/// `count` of at most [`PIPELINES`] pipelines.
pub(crate) fn pipelines_title(before: &str, count: usize) -> String {
    match count {
        1 => format!("{before}1 pipeline"),
        count if count == PIPELINES as usize => format!("{before}the first {count} pipelines"),
        count => format!("{before}{count} pipelines"),
    }
}

pub(crate) fn no_pipelines() -> Card {
    Card::new(Tone::Neutral, "There are no pipelines yet.").hint(marked("Create one: `/repo create orders`."))
}

pub(super) const LIST_HINT: &str = "For the details of a pipeline, run `/pipeline status NAME`.";
pub(super) const LIST_COLUMNS: [&str; 4] = ["Pipeline", "Repository", "Home", "Created by"];

pub(super) fn repository(name: &PipelineName) -> String {
    format!("A CodeCommit repository `{name}`")
}

pub(super) fn project(name: &str) -> String {
    format!("A CodeBuild project `{name}`")
}
