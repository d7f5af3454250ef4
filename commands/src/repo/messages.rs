//! What people read about `/repo`.

use crate::names::console;
use crate::operation::{OperationState, Summary, marked};
use crate::records::Pipeline;
use crate::repo::params::{FIRST_STAGE, PIPELINES};
use crate::steps::next_buttons;
use sluice_grammar::Language;
use sluice_model::{Card, Part, PipelineName, Refusal, Target, Text, Tone};

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

pub(super) fn summary(op: &OperationState, from: Language, clone_url: Option<String>) -> Summary {
    let name = &op.spec.pipeline;
    let pipeline = |words: &str| Text::plain(words).code(name.as_str());
    let doing = pipeline("Creating pipeline ");
    let mut summary = Summary::new(doing.clone()).headlines(doing, pipeline("Created pipeline "));
    if let Some(url) = clone_url {
        summary = summary.field("Clone", Text::default().code(format!("git clone {url}")));
    }
    summary = summary
        .field("Template", Text::default().code(from.word()))
        .field("Stages", Text::default().code(FIRST_STAGE))
        .field("Home channel", Text::default().channel(&op.spec.home));
    if op.ended.is_some_and(|(_, succeeded)| succeeded) {
        let next = match from {
            Language::Sam => "Next: push your application, then run ",
            _ => "Next: ",
        };
        summary.hint = Some(Text::plain(next).code(format!("/build {name}")));
        if from != Language::Sam {
            summary.next.push(next_buttons::build(name));
        }
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

/// What Sluice created for a pipeline.
pub(super) fn show(pipeline: &Pipeline, target: &Target) -> Card {
    let Pipeline { name, home, creator, created, repository, clone_url, branch, project, bucket, stages } =
        pipeline;
    let Target { account, region } = target;
    let browse = format!("codesuite/codecommit/repositories/{repository}/browse?region={region}");
    let builds = format!("codesuite/codebuild/{account}/projects/{project}/history?region={region}");
    let stages = stages.iter().enumerate().fold(Text::default(), |text, (nth, stage)| {
        let text = if nth > 0 { text.then(" → ") } else { text };
        text.code(stage.as_str())
    });
    let fields = [
        ("Repository", Text::default().link(console(region, &browse), repository)),
        ("Clone", Text::default().code(format!("git clone {clone_url}"))),
        ("Default branch", Text::default().code(branch)),
        ("Build project", Text::default().link(console(region, &builds), project)),
        ("Artifacts", Text::default().code(bucket)),
        ("Stages", stages),
        ("Home channel", Text::default().channel(home)),
        ("Created by", Text::default().user(&creator.id).then(" ").time(*created)),
    ];
    let fields = fields.map(|(label, value)| (label.to_owned(), value));
    Card::new(Tone::Neutral, Text::plain("Pipeline ").code(name.as_str()))
        .part(Part::Fields(fields.into()))
        .hint(marked(&format!("To see what its stages run, run `/pipeline status {name}`.")))
}
