//! `/deploy plan`: what a deploy would change. It reads the build's artifact as the deploy reads it, and changes nothing.

use crate::comparison::{Comparison, LookAtCommits, Previewed, Question, mixed_here, preview_card};
use crate::deploy::messages;
use crate::deploy::params::Params;
use crate::installation::{Installation, Reject, misdirected};
use crate::operation::marked;
use crate::records::{Change, Pipeline};
use crate::resources::pinned_values;
use crate::rules::{Attempt, Gate, Want, gates};
use crate::steps::SystemSource;
use sluice_grammar::{Command, DeployCommand};
use sluice_model::{Answer, BuildNumber, CommitId, PipelineName, ReleaseNumber, Target};

impl Params {
    fn previewed(&self, target: &Target, pipeline: &Pipeline, runs: Option<CommitId>) -> Previewed {
        let commits = runs.map(|runs| LookAtCommits {
            target: target.clone(),
            repository: pipeline.repository.clone(),
            newest: self.commit.clone(),
            runs,
        });
        let of = Comparison {
            target: target.clone(),
            pipeline: self.name.clone(),
            stage: self.stage.clone(),
            bucket: self.bucket.clone(),
            is_first: true,
            before: self.before,
            parameters: self.parameters_before.clone(),
            from: None,
            artifact: self.artifact.clone(),
            wanted: self.parameters.clone(),
            system_before: self.system_before.clone(),
            system: SystemSource::Now,
            apis: pinned_values(&self.apis),
        };
        Previewed {
            of,
            release: self.release,
            has_stack: self.has_stack,
            choices: self.stack,
            has_approvers: false,
            commits,
        }
    }
}

/// What the person asked. `current`: what the stage runs. `is_mixed`: whether its functions run different releases.
pub(crate) fn question(
    params: &Params,
    current: Option<(ReleaseNumber, Change)>,
    gates: Vec<Gate>,
    is_mixed: bool,
) -> Question {
    let mixed = is_mixed.then(|| mixed_here(&params.stage));
    Question {
        doing: messages::deploying_what(params),
        current,
        new: messages::new_build(params),
        parameters: (params.parameters_before.clone(), params.parameters.clone()),
        gates,
        approvals: 0,
        notes: mixed.into_iter().chain(params.newer.as_deref().map(marked)).collect(),
        hint: messages::how_to_deploy(&params.name, params.build, &params.stage),
    }
}

impl Installation {
    /// Answers a `/deploy` command that changes nothing.
    pub(crate) async fn read_deploy(&self, command: DeployCommand) -> Result<Answer, Reject> {
        match command {
            DeployCommand::Plan { name, build } => self.plan_of(&name, build).await,
            other => Err(misdirected(Command::Deploy(other))),
        }
    }

    async fn plan_of(&self, name: &PipelineName, build: Option<BuildNumber>) -> Result<Answer, Reject> {
        let state = self.state(name).await?;
        let (pipeline, world) = (state.pipeline(name)?, self.engine.world());
        let stage = Self::stage_to_deploy(&state, name, None)?;
        let params = self.deployment(&state, name, build, stage).await?;
        let record = state.stage(name, stage)?;
        let current = record.current.as_ref();
        let attempt = Attempt { pipeline: name, stage, want: Want::Deploy, at: world.clock.now() };
        let runs_now = current.map(|now| (now.release, now.commit.clone()));
        let question = question(&params, runs_now, gates(&state, &attempt), record.mixed.is_some());
        let runs = current.map(|now| now.commit.id.clone());
        let found = self.preview(params.previewed(&world.target, pipeline, runs)).await;
        Ok(Answer::private(preview_card(question, found)))
    }
}
