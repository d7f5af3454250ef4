//! Suggestions for commands that name no pipeline, or lack a stage.

use crate::installation::{Installation, Reject, SIDE_BY_SIDE, messages};
use crate::records::PipelineState;
use sluice_grammar::{Command, DeployCommand, ParseError, PromoteCommand};
use sluice_model::{Card, PipelineName, StageName};

impl Installation {
    /// The answer to a command whose pipeline does not exist.
    pub(crate) async fn unknown_pipeline(
        &self,
        name: &PipelineName,
        command: &Command,
    ) -> Result<Card, Reject> {
        let known = self.pipelines(200).await?;
        let near = match self.swapped(&known, command).await? {
            Some(command) => Some(command.to_string()),
            None => sluice_grammar::closest(name.as_str(), known.iter().map(PipelineName::as_str))
                .map(str::to_owned)
                .or_else(|| command.other_reading()),
        };
        Ok(messages::no_such_pipeline(name, near))
    }

    /// The command with pipeline and stage swapped, if both exist: `/rollback prod orders`.
    pub(crate) async fn swapped(
        &self,
        known: &[PipelineName],
        command: &Command,
    ) -> Result<Option<Command>, Reject> {
        let Some((name, stage, swapped)) = command.swapped().filter(|(name, ..)| known.contains(name)) else {
            return Ok(None);
        };
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, &name).await?;
        if !state.stages.contains_key(&stage) {
            return Ok(None);
        }
        // A protected stage does not accept deploys.
        let is_deploy = matches!(swapped, Command::Deploy(DeployCommand::Deploy { .. }));
        Ok(Some(match swapped {
            _ if is_deploy && state.is_protected(&stage) => Command::promotion(name, stage),
            other => other,
        }))
    }

    /// Adds the pipeline's stages to the answer to a command that lacks a stage.
    pub(crate) async fn with_stages(
        &self,
        slash: &str,
        mut wrong: Box<ParseError>,
    ) -> Result<Box<ParseError>, Reject> {
        let Some(name) = wrong.lacks_stage_of.clone() else { return Ok(wrong) };
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, &name).await?;
        let reads = |text: String| {
            sluice_grammar::parse(slash, &text, &self.names).ok().filter(|read| !read.waives())
        };
        if let Some(pipeline) = &state.pipeline {
            let stages: Vec<&str> = pipeline.stages.iter().map(StageName::as_str).collect();
            wrong.problem = messages::lacks_stage(&wrong.problem, &name, &stages);
            // No release is promoted to the first stage.
            let reading = stages.last().and_then(|stage| reads(format!("{} {stage}", wrong.typed)));
            let is_meant = |read: &Command| {
                stages.len() > 1 || !matches!(read, Command::Promote(PromoteCommand::Promote { .. }))
            };
            wrong.nearest = wrong.nearest.take().or(reading.filter(is_meant).map(|read| read.to_string()));
            return Ok(wrong);
        }
        // `/rollback prod` names the stage but not the pipeline.
        let known = self.pipelines(SIDE_BY_SIDE as u32).await?;
        let states = self.states(&known).await?;
        let has_stage =
            |state: &PipelineState| state.stages.keys().any(|stage| stage.as_str() == name.as_str());
        wrong.understood = None;
        let mut with_stage = states.iter().filter(|(_, state)| has_stage(state)).map(|(name, _)| name);
        if let Some(first) = with_stage.next() {
            wrong.problem = messages::lacks_pipeline(&name);
            let is_only = with_stage.next().is_none();
            let reading = reads(format!("{first} {name}")).filter(|_| is_only);
            wrong.nearest = wrong.nearest.take().or(reading.map(|read| read.to_string()));
        } else {
            wrong.problem = messages::names_no_pipeline(&name);
        }
        Ok(wrong)
    }
}
