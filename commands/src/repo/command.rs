//! Plans `/repo create` and answers `/repo list`.

use crate::installation::{Installation, Plan, Reject, table};
use crate::operation::marked;
use crate::records::PipelineState;
use crate::repo;
use sluice_grammar::Command;
use sluice_model::{Answer, Card, PipelineName, Refusal, Text, Tone};

/// How many pipelines the status of all shows, and how many are read in parallel.
pub(crate) const PIPELINES: u32 = 40;

pub(crate) fn planned(state: &PipelineState, name: &PipelineName, command: &Command) -> Result<Plan, Reject> {
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
    Plan::new("repo-create", params, command.clone(), answer)
}

impl Installation {
    /// `/repo list`.
    pub(crate) async fn list_pipelines(&self) -> Result<Answer, Reject> {
        let names = self.pipelines(PIPELINES).await?;
        if names.is_empty() {
            return Ok(Answer::private(none_yet()));
        }
        let views = self.views(&names).await?;
        let rows = views.iter().filter_map(|(name, state)| {
            let pipeline = state.pipeline.as_ref()?;
            Some(vec![
                Text::default().code(name.as_str()),
                Text::default().code(pipeline.repository.as_str()),
                Text::default().channel(&pipeline.home),
                Text::default().user(&pipeline.creator.id),
            ])
        });
        let card = Card::new(Tone::Neutral, pipelines_title("List of ", names.len()))
            .hint(marked("For the details of a pipeline, run `/pipeline status NAME`."));
        Ok(Answer::private(table(card, ["Pipeline", "Repository", "Home", "Created by"], rows.collect())))
    }
}

pub(crate) fn none_yet() -> Card {
    Card::new(Tone::Neutral, "There are no pipelines yet.").hint(marked("Create one: `/repo create orders`."))
}

pub(crate) fn pipelines_title(before: &str, count: usize) -> String {
    match count {
        1 => format!("{before}1 pipeline"),
        // There may be more: see `PIPELINES`.
        count if count == PIPELINES as usize => format!("{before}the first {count} pipelines"),
        count => format!("{before}{count} pipelines"),
    }
}
