//! Plans the creation of a pipeline, an additional stage, and tidying. These commands have no optional parts to resolve.

use crate::records::PipelineState;
use crate::{repo, stage};
use crate::pipeline::tidy;
use crate::installation::Stop;
use crate::installation::Resolved;
use sluice_grammar::Command;
use sluice_model::{PipelineName, Refusal, StageName, Text};

pub(super) fn repo_create(
    state: &PipelineState,
    name: &PipelineName,
    command: &Command,
) -> Result<Resolved, Stop> {
    if state.pipeline.is_some() {
        return Err(Refusal::new(
            "pipeline-exists",
            format!("Pipeline `{name}` already exists."),
            format!("See it with `/pipeline status {name}`, or choose another name."),
        )
        .into());
    }
    let params = repo::Params { name: name.clone() };
    let answer = Text::plain("Creating pipeline ").code(name.as_str()).then(".");
    Resolved::new("repo-create", params, command.clone(), answer)
}

pub(super) fn stage_add(
    state: &PipelineState,
    name: &PipelineName,
    stage: &StageName,
    after: Option<&StageName>,
    command: &Command,
) -> Result<Resolved, Stop> {
    stage::add::ordered(name, &state.pipeline(name)?.stages, stage, after)?;
    let params = stage::add::Params { name: name.clone(), stage: stage.clone(), after: after.cloned() };
    let answer = Text::plain("Adding stage ").code(stage.as_str()).then(" to ").code(name.as_str()).then(".");
    Resolved::new("stage-add", params, command.clone(), answer)
}

pub(super) fn tidy(
    state: &PipelineState,
    name: &PipelineName,
    now: bool,
    command: &Command,
) -> Result<Resolved, Stop> {
    state.pipeline(name)?;
    let params = tidy::Params { name: name.clone(), delete: now, automatic: false };
    let what = if now { "Tidying " } else { "Finding what can be deleted from " };
    Resolved::new(tidy::KIND, params, command.clone(), Text::plain(what).code(name.as_str()).then("."))
}
