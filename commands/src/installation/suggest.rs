//! Suggestions for commands that name no pipeline, or lack a stage.

use crate::installation::{Installation, Reject, SIDE_BY_SIDE};
use crate::operation::marked;
use crate::records::{PipelineState, and};
use sluice_grammar::{Command, DeployCommand, ParseError, PromoteCommand};
use sluice_model::{Card, PipelineName, StageName, Text, Tone};

impl Installation {
    /// The answer to a command whose pipeline does not exist.
    pub(crate) async fn unknown_pipeline(
        &self,
        name: &PipelineName,
        command: &Command,
    ) -> Result<Card, Reject> {
        let known = self.pipelines(200).await?;
        let mut card =
            Card::new(Tone::Bad, Text::plain("There is no pipeline ").code(name.as_str()).then("."));
        let near = sluice_grammar::closest(name.as_str(), known.iter().map(PipelineName::as_str));
        let swapped = self.swapped(&known, command).await?;
        card = match near {
            _ if swapped.is_some() => {
                let line = swapped.map(|command| command.to_string()).unwrap_or_default();
                card.hint(Text::plain("Did you mean ").code(line).then("?"))
            }
            Some(near) => card.hint(Text::plain("Did you mean ").code(near).then("?")),
            None => match command.other_reading() {
                Some(line) => card.hint(Text::plain("Did you mean ").code(line).then("?")),
                None => {
                    card.hint(marked(&format!("Create it with `/repo create {name}`, or see `/repo list`.")))
                }
            },
        };
        Ok(card.foot(Text::plain("code ").code("no-such-pipeline")))
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
            wrong.problem = format!("{}; `{name}` has {}", wrong.problem, and(&stages));
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
        let views = self.views(&known).await?;
        let has_it = |state: &PipelineState| state.stages.keys().any(|stage| stage.as_str() == name.as_str());
        let mut having = views.iter().filter(|(_, state)| has_it(state)).map(|(name, _)| name);
        if let Some(first) = having.next() {
            wrong.problem = format!("`{name}` is a stage, and the name of the pipeline is missing");
            wrong.understood = None;
            let is_only = having.next().is_none();
            let reading = reads(format!("{first} {name}")).filter(|_| is_only);
            wrong.nearest = wrong.nearest.take().or(reading.map(|read| read.to_string()));
        } else {
            wrong.problem = format!("there is no pipeline `{name}`");
            wrong.understood = None;
        }
        Ok(wrong)
    }
}
