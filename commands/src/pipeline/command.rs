//! Dispatches the `/pipeline` commands.

use crate::installation::{Installation, Invocation, Plan, Planning, Reject, misdirected};
use crate::pipeline::history::HistoryFilter;
use crate::pipeline::{roles, tidy};
use sluice_grammar::PipelineCommand;
use sluice_model::Answer;

impl Installation {
    /// Answers a `/pipeline` command that changes nothing.
    pub(crate) async fn read_pipeline(
        &self,
        invocation: &Invocation,
        command: PipelineCommand,
    ) -> Result<Answer, Reject> {
        match command {
            PipelineCommand::Help { command } => {
                Ok(Answer::private(sluice_grammar::help(command.as_deref(), &self.names)))
            }
            PipelineCommand::Status { name: Some(name) } => self.status(&name).await,
            PipelineCommand::Status { name: None } => self.status_of_all().await,
            PipelineCommand::History { name, stage, person, since, until } => {
                let filter = HistoryFilter { name, stage, person, since, until };
                self.history(filter, invocation.actor.terminal, None).await
            }
            PipelineCommand::Logs { name, stage, since } => {
                self.function_logs(invocation, &name, stage.as_ref(), since.as_ref()).await
            }
            PipelineCommand::Who { name: Some(name) } => self.who_of(&name).await,
            PipelineCommand::Who { name: None } => self.who().await,
            PipelineCommand::Check { name, stage } => self.check(invocation, &name, stage.as_ref()).await,
            _ => Err(misdirected("/pipeline")),
        }
    }

    /// Plans a `/pipeline` command.
    pub(crate) fn plan_pipeline(
        &self,
        planning: Planning<'_>,
        command: &PipelineCommand,
    ) -> Result<Plan, Reject> {
        match command {
            PipelineCommand::Tidy { now, data, .. } => tidy::plan(planning, *now, data.as_deref()),
            PipelineCommand::Grant { .. } | PipelineCommand::Revoke { .. } => {
                roles::plan(planning, self.engine.world().clock.now())
            }
            _ => Err(misdirected(planning.command)),
        }
    }
}
