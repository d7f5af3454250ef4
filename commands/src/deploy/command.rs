//! Plans a deploy: a green build becomes a new release on a stage that accepts deploys directly. A build that already runs
//! there does not create a release.

use std::time::Duration;

use jiff::Timestamp;

use crate::deploy;
use crate::installation::{Installation, Plan, Reject};
use crate::operation::{DEPLOY, EngineError, marked};
use crate::records::{Build, BuildState, Current, Pipeline, PipelineState, RELEASES, from_item};
use crate::rules::{Attempt, Want, pass};
use crate::service::Invocation;
use sluice_grammar::{Command, DeployCommand};
use sluice_model::{
    Answer, BuildNumber, Card, CommitId, PipelineName, Refusal, ReleaseNumber, StageName, Text, Tone,
};

impl Installation {
    /// Deploys the newest green build to the first stage, unless the command names others.
    pub(crate) async fn deploy(
        &self,
        state: &PipelineState,
        name: &PipelineName,
        build: Option<BuildNumber>,
        stage: Option<&StageName>,
    ) -> Result<Plan, Reject> {
        let pipeline = state.pipeline(name)?;
        let first =
            pipeline.stages.first().ok_or_else(|| EngineError::Corrupt(format!("{name} has no stage")))?;
        let stage = stage.unwrap_or(first);
        let record = state.stage(name, stage)?;
        if pipeline.is_protected(stage) {
            return Err(Refusal::new(
                "protected-stage",
                format!("Stage `{stage}` is protected, so you cannot deploy to it directly."),
                format!("Deploy to `{first}`, then run `/promote {name} {stage}`."),
            )
            .into());
        }
        let at = self.engine.world().clock.now();
        pass(state, &Attempt { pipeline: name, stage, want: Want::Deploy, at })?;
        let number = match build.or(state.counters.newest_green()) {
            Some(number) => number,
            None => {
                return Err(Refusal::new(
                    "no-green-build",
                    format!("Pipeline `{name}` has no green build yet."),
                    format!("Build it first: `/build {name}`."),
                )
                .into());
            }
        };
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
        let (Some(artifact), Some(commit)) =
            (found.as_ref().and_then(|b| b.artifact.clone()), found.as_ref().and_then(|b| b.commit.clone()))
        else {
            return Err(undeployable(name, number, found.map(|build| build.state)).into());
        };
        let policy = state.policy(stage);
        let is_same = |now: &&Current| {
            record.mixed.is_none() && now.digest == artifact.digest && now.parameters == policy.parameters
        };
        if let Some(current) = record.current.as_ref().filter(is_same) {
            let card = already_runs(name, stage, number, current.release, current.build);
            return Err(Reject::say(newer.iter().fold(card, |card, newer| card.text(marked(newer)))));
        }
        let release = ReleaseNumber(u32::try_from(state.counters.releases + 1).unwrap_or(u32::MAX));
        let params = deploy::Params {
            name: name.clone(),
            stage: stage.clone(),
            build: number,
            commit,
            artifact,
            bucket: pipeline.bucket.clone(),
            release,
            before: record.current.as_ref().map(|current| current.release),
            api: record.current.as_ref().and_then(|current| current.api.clone()),
            next: pipeline.next(stage).filter(|next| is_open(state, name, next, at)).cloned(),
            has_next: pipeline.next(stage).is_some(),
            smoke: policy.smoke,
            outside: None,
            parameters: policy.parameters,
            parameters_before: record.current.as_ref().map(|now| now.parameters.clone()).unwrap_or_default(),
            newer: newer.clone(),
        };
        let answer = Text::plain("Deploying ")
            .code(name.as_str())
            .then(" build ")
            .code(number.to_string())
            .then(" to ")
            .code(stage.as_str())
            .then(" as ")
            .code(release.to_string())
            .then(".");
        let command = Command::Deploy(DeployCommand::Deploy {
            name: name.clone(),
            build: Some(number),
            stage: Some(stage.clone()),
            anyway: false,
        });
        Ok(Plan::new(DEPLOY, params, command, answer)?.counting(RELEASES, release.0).noting(newer))
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
        let branch = world.repositories.branch(&world.target, &pipeline.repository, &pipeline.branch);
        tokio::time::timeout(PATIENCE, branch).await.ok()?.ok()?
    }
}

/// How long a deploy waits for the tip of the branch.
const PATIENCE: Duration = Duration::from_millis(300);

/// A note about what is newer than the deployed build: a build that is not green, or commits without a build.
fn newer(
    pipeline: &Pipeline,
    green: Option<&Build>,
    newest: Option<&Build>,
    tip: Option<&CommitId>,
) -> Option<String> {
    let green = green?;
    let commit = |build: &Build| build.commit.as_ref().map(|commit| commit.id.clone());
    let this = format!("this deploy uses `{}`", green.number);
    let this = commit(green).map_or(this.clone(), |id| format!("{this} of commit `{}`", id.short()));
    let mut parts = vec![];
    if let Some(newest) = newest {
        let how = match newest.state {
            BuildState::Failed => "failed",
            BuildState::Cancelled => "was cancelled",
            BuildState::Running => "is still running",
            // It succeeded meanwhile.
            BuildState::Succeeded => return None,
        };
        parts.push(format!("The newest build, `{}`, {how}; {this}.", newest.number));
    }
    let is_built = |tip: &&CommitId| {
        let of = |build: Option<&Build>| build.and_then(commit).is_some_and(|id| id == **tip);
        // The commit of a build that has just started is not known yet.
        let is_unknown = newest.is_some_and(|newest| newest.commit.is_none());
        of(Some(green)) || of(newest) || is_unknown || green.reference != pipeline.branch
    };
    if let Some(tip) = tip.filter(|tip| !is_built(tip)) {
        let branch = &pipeline.branch;
        let line = format!("/build {}", pipeline.name);
        let and = if parts.is_empty() { format!("; {this}") } else { String::new() };
        parts.push(format!(
            "`{branch}` is at `{}`, which has no build yet{and}. To build it, run `{line}`.",
            tip.short()
        ));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Whether the gates of a stage are open at that time. Only then is it suggested as the next step.
fn is_open(state: &PipelineState, name: &PipelineName, stage: &StageName, at: Timestamp) -> bool {
    pass(state, &Attempt { pipeline: name, stage, want: Want::Deploy, at }).is_ok()
}

fn undeployable(name: &PipelineName, number: BuildNumber, state: Option<BuildState>) -> Refusal {
    let why = match state {
        None => format!("Pipeline `{name}` has no build `{number}`."),
        Some(BuildState::Running) => format!("Build `{number}` of `{name}` is not finished yet."),
        Some(_) => format!("Build `{number}` of `{name}` did not succeed, so it cannot be deployed."),
    };
    Refusal::new("no-green-build", why, format!("See its builds with `/build list {name}`."))
}

fn already_runs(
    name: &PipelineName,
    stage: &StageName,
    asked: BuildNumber,
    release: ReleaseNumber,
    build: BuildNumber,
) -> Card {
    let mut title = Text::default()
        .code(stage.as_str())
        .then(" of ")
        .code(name.as_str())
        .then(format!(" already runs {release} (build {build})"));
    title = if asked == build {
        title.then(".")
    } else {
        title.then(", which is equal to build ").code(asked.to_string()).then(".")
    };
    Card::new(Tone::Neutral, title)
        .hint("There is nothing to deploy, so no release was created.")
        .foot(Text::plain("code ").code("already-runs"))
}

impl Installation {
    /// `/deploy cancel`: the running deploy.
    pub(crate) async fn cancel_deploy(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
    ) -> Result<Answer, Reject> {
        self.cancel(invocation, name, "deploy", |_| Ok(true), format!("No deploy of `{name}` is running."))
            .await
    }
}
