//! Plans `/repo create` and answers `/repo list`.

use crate::installation::{Installation, Plan, Planning, Reject, misdirected};
use crate::operation::marked;
use crate::repo::messages;
use crate::repo::params::{PIPELINES, Params};
use sluice_grammar::{Language, RepoCommand};
use sluice_model::{Answer, Card, PipelineName, Text, Tone};

fn create(Planning { name, command, snapshot, .. }: Planning<'_>, from: Language) -> Result<Plan, Reject> {
    if snapshot.state.pipeline.is_some() {
        return Err(messages::pipeline_exists(name).into());
    }
    let params = Params { name: name.clone(), from };
    Plan::new(params, command.clone(), messages::creating(name))
}

impl Installation {
    /// `/repo list`.
    pub(crate) async fn list_pipelines(&self) -> Result<Answer, Reject> {
        let names = self.pipelines(PIPELINES).await?;
        if names.is_empty() {
            return Ok(Answer::private(messages::no_pipelines()));
        }
        let states = self.states(&names).await?;
        let rows = states.iter().filter_map(|(name, state)| {
            let pipeline = state.pipeline.as_ref()?;
            Some(vec![
                Text::default().code(name.as_str()),
                Text::default().code(pipeline.repository.as_str()),
                Text::default().channel(&pipeline.home),
                Text::default().user(&pipeline.creator.id),
            ])
        });
        let card = Card::new(Tone::Neutral, messages::pipelines_title("", names.len()))
            .hint(marked(messages::LIST_HINT));
        Ok(Answer::private(card.table(messages::LIST_COLUMNS, rows)))
    }
}

impl Installation {
    /// Answers a `/repo` command that changes nothing.
    pub(crate) async fn read_repo(&self, command: RepoCommand) -> Result<Answer, Reject> {
        match command {
            RepoCommand::List {} => self.list_pipelines().await,
            RepoCommand::Show { name } => self.show_pipeline(&name).await,
            _ => Err(misdirected("/repo")),
        }
    }

    /// `/repo show`.
    async fn show_pipeline(&self, name: &PipelineName) -> Result<Answer, Reject> {
        let state = self.state(name).await?;
        Ok(Answer::private(messages::show(state.pipeline(name)?, &self.engine.world().target)))
    }

    /// Plans a `/repo` command.
    pub(crate) fn plan_repo(&self, planning: Planning<'_>, command: &RepoCommand) -> Result<Plan, Reject> {
        match command {
            RepoCommand::Create { from, .. } => create(planning, from.unwrap_or_default()),
            _ => Err(misdirected(planning.command)),
        }
    }
}
