//! Plans a deploy: a green build becomes a new release on a stage that accepts deploys directly. A build that already runs
//! there does not create a release.

use std::time::Duration;

use jiff::Timestamp;

use crate::deploy::messages;
use crate::deploy::params::Params;
use crate::installation::{Installation, Invocation, Plan, Planning, Reject, misdirected};
use crate::operation::{DEPLOY, EngineError, marked};
use crate::records::{
    Build, BuildState, Current, Pipeline, PipelineState, RELEASES, StackChoices, from_item,
};
use crate::rules::{Attempt, Want, pass};
use sluice_grammar::{Command, DeployCommand};
use sluice_model::{Answer, BuildNumber, CommitId, PipelineName, ReleaseNumber, StageName};

/// How long a deploy waits for the tip of the branch.
const PATIENCE: Duration = Duration::from_millis(300);

impl Installation {
    /// The stage that a deploy changes: the first one, unless the command names another that accepts deploys.
    pub(super) fn stage_to_deploy<'a>(
        state: &'a PipelineState,
        name: &PipelineName,
        stage: Option<&'a StageName>,
    ) -> Result<&'a StageName, Reject> {
        let pipeline = state.pipeline(name)?;
        let first =
            pipeline.stages.first().ok_or_else(|| EngineError::Corrupt(format!("{name} has no stage")))?;
        let stage = stage.unwrap_or(first);
        state.stage(name, stage)?;
        match pipeline.is_protected(stage) {
            true => Err(messages::protected_stage(name, stage, first).into()),
            false => Ok(stage),
        }
    }

    /// Deploys the newest green build to the first stage, unless the command names others.
    pub(crate) async fn deploy(
        &self,
        state: &PipelineState,
        name: &PipelineName,
        build: Option<BuildNumber>,
        stage: Option<&StageName>,
        replace: bool,
    ) -> Result<Plan, Reject> {
        let stage = Self::stage_to_deploy(state, name, stage)?;
        let at = self.engine.world().clock.now();
        pass(state, &Attempt { pipeline: name, stage, want: Want::Deploy, at })?;
        let mut params = self.deployment(state, name, build, stage).await?;
        params.stack.replace = replace;
        let answer = messages::deploying(&params);
        let command = Command::Deploy(DeployCommand::Deploy {
            name: name.clone(),
            build: Some(params.build),
            stage: Some(stage.clone()),
            replace,
            anyway: false,
        });
        let (release, newer) = (params.release, params.newer.clone());
        Ok(Plan::new(params, command, answer)?.counting(RELEASES, release.0).noting(newer))
    }

    /// The deploy of that build, or of the newest green one. Gates are not checked.
    pub(super) async fn deployment(
        &self,
        state: &PipelineState,
        name: &PipelineName,
        build: Option<BuildNumber>,
        stage: &StageName,
    ) -> Result<Params, Reject> {
        let (pipeline, record) = (state.pipeline(name)?, state.stage(name, stage)?);
        let at = self.engine.world().clock.now();
        let number = build.or(state.counters.newest_green());
        let number = number.ok_or_else(|| messages::no_green_build(name))?;
        let (found, newer) = match build {
            Some(_) => (self.build_of(name, number).await?, None),
            None => {
                let (found, newest, tip) = tokio::join!(
                    self.build_of(name, number),
                    self.newest_build(state, name, number),
                    self.tip(pipeline)
                );
                let found = found?;
                let newer = newer(pipeline, found.as_ref(), newest?.as_ref(), tip.as_ref());
                (found, newer)
            }
        };
        let Some(Build { artifact: Some(artifact), commit: Some(commit), .. }) = found else {
            return Err(messages::undeployable(name, number, found.map(|build| build.state)).into());
        };
        let policy = state.policy(stage);
        let is_same = |now: &&Current| {
            record.mixed.is_none()
                && now.digest == artifact.digest
                && now.parameters == policy.parameters
                && now.events_off == policy.events_off
        };
        if let Some(current) = record.current.as_ref().filter(is_same)
            && !self.has_changed_outside(name, record, current).await?
        {
            let card = messages::already_runs((name, stage), number, (current.release, current.build));
            return Err(Reject::answer(newer.iter().fold(card, |card, newer| card.text(marked(newer)))));
        }
        let release = ReleaseNumber(u32::try_from(state.counters.releases + 1).unwrap_or(u32::MAX));
        Ok(Params {
            name: name.clone(),
            stage: stage.clone(),
            build: number,
            commit,
            artifact,
            bucket: pipeline.bucket.clone(),
            release,
            before: record.current.as_ref().map(|current| current.release),
            has_stack: record.current.as_ref().is_some_and(|current| current.has_stack),
            apis: record.current.as_ref().map(|current| current.apis.clone()).unwrap_or_default(),
            settings: record.current.as_ref().map(|current| current.settings.clone()).unwrap_or_default(),
            next: pipeline.next(stage).filter(|next| is_open(state, name, next, at)).cloned(),
            has_next: pipeline.next(stage).is_some(),
            smoke: policy.smoke,
            outside: None,
            parameters: policy.parameters,
            parameters_before: record.current.as_ref().map(|now| now.parameters.clone()).unwrap_or_default(),
            system_before: record.current.as_ref().map(|now| now.system.clone()).unwrap_or_default(),
            stack: StackChoices { events_off: policy.events_off, replace: false },
            newer,
        })
    }

    async fn build_of(&self, name: &PipelineName, number: BuildNumber) -> Result<Option<Build>, Reject> {
        let world = self.engine.world();
        let found = world.store.get(&world.keys.build(name, number)).await?;
        Ok(found.map(|item| from_item(&item)).transpose()?)
    }

    /// The newest build, if it is newer than that one.
    async fn newest_build(
        &self,
        state: &PipelineState,
        name: &PipelineName,
        green: BuildNumber,
    ) -> Result<Option<Build>, Reject> {
        match u32::try_from(state.counters.builds).ok().map(BuildNumber) {
            Some(newest) if newest.0 > green.0 => self.build_of(name, newest).await,
            _ => Ok(None),
        }
    }

    /// The commit at the tip of the default branch, if CodeCommit answers in time.
    async fn tip(&self, pipeline: &Pipeline) -> Option<CommitId> {
        let world = self.engine.world();
        let branch = world.ports.repositories.branch(&world.target, &pipeline.repository, &pipeline.branch);
        tokio::time::timeout(PATIENCE, branch).await.ok()?.ok()?
    }

    /// `/deploy cancel`: the running deploy.
    pub(crate) async fn signal_deploy(
        &self,
        invocation: &Invocation,
        command: DeployCommand,
    ) -> Result<Answer, Reject> {
        let DeployCommand::Cancel { name } = command else {
            return Err(misdirected(Command::Deploy(command)));
        };
        self.cancel(invocation, &name, DEPLOY, |_| Ok(true), messages::nothing_runs(&name)).await
    }
}

/// A note about what is newer than the deployed build: a build that is not green, or commits without a build.
fn newer(
    pipeline: &Pipeline,
    green: Option<&Build>,
    newest: Option<&Build>,
    tip: Option<&CommitId>,
) -> Option<String> {
    let green = green?;
    if newest.is_some_and(|newest| newest.state == BuildState::Succeeded) {
        // It succeeded after the pipeline was read.
        return None;
    }
    let is_built = |tip: &&CommitId| {
        let is_of = |build: &Build| build.commit.as_ref().is_some_and(|commit| commit.id == **tip);
        // The commit of a build that has just started is not known yet.
        let may_be_of = |newest: &Build| newest.commit.is_none() || is_of(newest);
        is_of(green) || newest.is_some_and(may_be_of) || green.reference != pipeline.branch
    };
    let newest = newest.map(|newest| (newest.number, newest.state));
    messages::newer(pipeline, green, newest, tip.filter(|tip| !is_built(tip)))
}

/// Whether the gates of a stage are open at that time. Only then is it suggested as the next step.
fn is_open(state: &PipelineState, name: &PipelineName, stage: &StageName, at: Timestamp) -> bool {
    let attempt = Attempt { pipeline: name, stage, want: Want::Deploy, at };
    state.stage(name, stage).is_ok() && pass(state, &attempt).is_ok()
}

impl Installation {
    /// Plans a `/deploy` command.
    pub(crate) async fn plan_deploy(
        &self,
        planning: Planning<'_>,
        command: &DeployCommand,
    ) -> Result<Plan, Reject> {
        let DeployCommand::Deploy { build, stage, replace, .. } = command else {
            return Err(misdirected(planning.command));
        };
        self.deploy(&planning.snapshot.state, planning.name, *build, stage.as_ref(), *replace).await
    }
}
