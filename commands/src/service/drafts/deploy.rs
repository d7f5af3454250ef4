//! The draft of a deploy: a green build comes to a stage that takes deploys directly, as a new release. What runs there
//! already makes no release.

use crate::card::{Card, Text, Tone};
use crate::domain::{Attempt, Build, BuildState, RELEASES, View, Want, from_item, pass};
use crate::grammar::Command;
use crate::ids::{BuildNumber, PipelineName, ReleaseNumber, StageName};
use crate::operation::{DEPLOY, Refusal, Trouble};
use crate::operations::deploy;
use crate::service::drafts::Resolved;
use crate::service::{Service, Stop};

impl Service {
    /// Of the newest green build to the first stage, unless others are named.
    pub(super) async fn deploy(
        &self,
        view: &View,
        name: &PipelineName,
        build: Option<BuildNumber>,
        stage: Option<&StageName>,
    ) -> Result<Resolved, Stop> {
        let pipeline = view.pipeline(name)?;
        let first =
            pipeline.stages.first().ok_or_else(|| Trouble::Corrupt(format!("{name} has no stage")))?;
        let stage = stage.unwrap_or(first);
        let record = view.stage(name, stage)?;
        if pipeline.is_protected(stage) {
            return Err(Refusal::new(
                "protected-stage",
                format!("Stage `{stage}` is protected: nothing is deployed to it directly."),
                format!("Deploy to `{first}`, then: `/promote {name} {stage}`."),
            )
            .into());
        }
        let at = self.engine.world().clock.now();
        pass(view, &Attempt { pipeline: name, stage, want: Want::Deploy, at })?;
        let number = match build.or(view.counters.newest_green()) {
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
        let world = self.engine.world();
        let found = world.store.get(&world.keys.build(name, number)).await?;
        let found: Option<Build> = found.map(|item| from_item(&item)).transpose()?;
        let (Some(artifact), Some(commit)) =
            (found.as_ref().and_then(|b| b.artifact.clone()), found.as_ref().and_then(|b| b.commit.clone()))
        else {
            return Err(undeployable(name, number, found.map(|build| build.state)).into());
        };
        if let Some(current) =
            record.current.as_ref().filter(|now| record.mixed.is_none() && now.digest == artifact.digest)
        {
            return Err(Stop::say(already_runs(name, stage, number, current.release, current.build)));
        }
        let release = ReleaseNumber(u32::try_from(view.counters.releases + 1).unwrap_or(u32::MAX));
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
            next: pipeline.next(stage).cloned(),
            smoke: view.policy(stage).smoke,
            outside: None,
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
        let command = Command::Deploy {
            name: name.clone(),
            build: Some(number),
            stage: Some(stage.clone()),
            anyway: false,
        };
        Ok(Resolved::new(DEPLOY, params, command, answer)?.counting(RELEASES, release.0))
    }
}

fn undeployable(name: &PipelineName, number: BuildNumber, state: Option<BuildState>) -> Refusal {
    let why = match state {
        None => format!("Pipeline `{name}` has no build `{number}`."),
        Some(BuildState::Running) => format!("Build `{number}` of `{name}` is not finished yet."),
        Some(_) => format!("Build `{number}` of `{name}` failed: it cannot be deployed."),
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
        .then(format!(" runs {release} (build {build})"));
    title = if asked == build {
        title.then(" already.")
    } else {
        title.then(", which is equal to build ").code(asked.to_string()).then(".")
    };
    Card::new(Tone::Neutral, title)
        .hint("There is nothing to deploy; no release was made.")
        .foot(Text::plain("code ").code("already-runs"))
}
