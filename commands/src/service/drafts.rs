//! From a command and what is known of its pipeline to the draft of an operation, or to the reason why not.

use serde::Serialize;
use serde_json::Value;

use crate::card::{Card, Text, Tone};
use crate::domain::{
    BUILDS, Build, BuildState, RELEASES, Release, Stage, VersionSet, View, from_item, to_item,
};
use crate::grammar::Command;
use crate::ids::{BuildNumber, OperationId, PipelineName, ReleaseNumber, StageName};
use crate::operation::{Draft, Refusal, Trouble};
use crate::operations::{build, deploy, promote, repo_create, rollback, stage_add};
use crate::ports::{Guard, Guards, Precondition, Write};
use crate::service::{Invocation, Service, Stop};

/// The pipeline that a changing command is about.
pub(crate) fn pipeline_of(command: &Command) -> Option<PipelineName> {
    match command {
        Command::RepoCreate { name, .. }
        | Command::Build { name, .. }
        | Command::Deploy { name, .. }
        | Command::StageAdd { name, .. }
        | Command::Promote { name, .. }
        | Command::Rollback { name, .. } => Some(name.clone()),
        _ => None,
    }
}

/// How many approvals a promotion to a protected stage needs (DESIGN 11).
const APPROVALS: usize = 1;

fn json(params: impl Serialize) -> Result<Value, Stop> {
    serde_json::to_value(params).map_err(|error| Trouble::Corrupt(error.to_string()).into())
}

fn taken(what: Text) -> Card {
    Card::new(Tone::Running, what).hint("Follow it in its message in the channel.")
}

fn counter(name: &str, number: u32) -> Guards {
    [(name.to_owned(), Guard::Number(number.into()))].into()
}

impl Service {
    /// The draft of a command, from a view of its pipeline.
    pub(crate) async fn draft(
        &self,
        invocation: &Invocation,
        command: &Command,
        view: &View,
        id: &OperationId,
    ) -> Result<Draft, Stop> {
        if let Command::RepoCreate { name, .. } = command {
            return self.repo_create(invocation, name, view, command);
        }
        let Some(name) = pipeline_of(command) else {
            return Err(Trouble::Corrupt(format!("no draft for {command}")).into());
        };
        if view.pipeline.is_none() {
            return Err(Stop::say(self.unknown_pipeline(&name, command).await?));
        }
        let pipeline = view.pipeline(&name)?;
        let draft = |kind, resolved: Command, params, counters, writes, answer| Draft {
            kind,
            params,
            pipeline: name.clone(),
            home: pipeline.home.clone(),
            command: command.to_string(),
            fingerprint: resolved.to_string(),
            counters,
            writes,
            answer: taken(answer),
        };
        match command {
            Command::Build { reference, .. } => {
                let number = BuildNumber(u32::try_from(view.counters.builds + 1).unwrap_or(u32::MAX));
                let params = build::Params {
                    name: name.clone(),
                    number,
                    reference: reference.clone().unwrap_or_else(|| pipeline.branch.clone()),
                    repository: pipeline.repository.clone(),
                    project: pipeline.project.clone(),
                    bucket: pipeline.bucket.clone(),
                };
                let world = self.engine.world();
                let begun = build::begun(&params, id, &invocation.actor, world.clock.now());
                let item = to_item(world.keys.build(&name, number), Guards::new(), &begun)?;
                let answer = Text::plain("Building ")
                    .code(name.as_str())
                    .then(" from ")
                    .code(params.reference.clone())
                    .then(" as ")
                    .code(number.to_string())
                    .then(".");
                let writes = vec![Write::Put { item, when: Precondition::Absent }];
                let resolved =
                    Command::Build { name: name.clone(), reference: Some(params.reference.clone()) };
                Ok(draft("build", resolved, json(params)?, counter(BUILDS, number.0), writes, answer))
            }
            Command::Deploy { build, stage, .. } => {
                let (params, number) = self.deploy(view, &name, *build, stage.as_ref()).await?;
                let answer = Text::plain("Deploying ")
                    .code(name.as_str())
                    .then(" build ")
                    .code(params.build.to_string())
                    .then(" to ")
                    .code(params.stage.as_str())
                    .then(" as ")
                    .code(number.to_string())
                    .then(".");
                let resolved = Command::Deploy {
                    name: name.clone(),
                    build: Some(params.build),
                    stage: Some(params.stage.clone()),
                };
                Ok(draft("deploy", resolved, json(params)?, counter(RELEASES, number.0), vec![], answer))
            }
            Command::StageAdd { stage, after, .. } => {
                stage_add::ordered(&name, &pipeline.stages, stage, after.as_ref())?;
                let params =
                    stage_add::Params { name: name.clone(), stage: stage.clone(), after: after.clone() };
                let answer = Text::plain("Adding stage ")
                    .code(stage.as_str())
                    .then(" to ")
                    .code(name.as_str())
                    .then(".");
                Ok(draft("stage-add", command.clone(), json(params)?, Guards::new(), vec![], answer))
            }
            Command::Promote { to, from, release, .. } => {
                let params = self.promote(view, &name, to, from.as_ref(), *release).await?;
                let answer = Text::plain("Promoting ")
                    .code(name.as_str())
                    .then(" ")
                    .code(params.release.number.to_string())
                    .then(" from ")
                    .code(params.from.as_str())
                    .then(" to ")
                    .code(to.as_str())
                    .then(".");
                let resolved = Command::Promote {
                    name: name.clone(),
                    to: to.clone(),
                    from: Some(params.from.clone()),
                    release: Some(params.release.number),
                    again: false,
                    override_reason: None,
                };
                Ok(draft("promote", resolved, json(params)?, Guards::new(), vec![], answer))
            }
            Command::Rollback { stage, release, reason, .. } => {
                let params = self.rollback(view, &name, stage, *release, reason.clone()).await?;
                let answer = Text::plain("Rolling ")
                    .code(name.as_str())
                    .then(" on ")
                    .code(stage.as_str())
                    .then(" back to ")
                    .code(params.release.number.to_string())
                    .then(".");
                let resolved = Command::Rollback {
                    name: name.clone(),
                    stage: stage.clone(),
                    release: Some(params.release.number),
                    reason: None,
                };
                Ok(draft(crate::operation::ROLLBACK, resolved, json(params)?, Guards::new(), vec![], answer))
            }
            other => Err(Trouble::Corrupt(format!("no draft for {other}")).into()),
        }
    }

    fn repo_create(
        &self,
        invocation: &Invocation,
        name: &PipelineName,
        view: &View,
        command: &Command,
    ) -> Result<Draft, Stop> {
        if view.pipeline.is_some() {
            return Err(Refusal::new(
                "pipeline-exists",
                format!("Pipeline `{name}` exists already."),
                format!("See it with `/pipeline status {name}`, or choose another name."),
            )
            .into());
        }
        let answer = Text::plain("Creating pipeline ").code(name.as_str()).then(".");
        Ok(Draft {
            kind: "repo-create",
            params: json(repo_create::Params { name: name.clone() })?,
            pipeline: name.clone(),
            home: invocation.channel.clone(),
            command: command.to_string(),
            fingerprint: command.to_string(),
            counters: Guards::new(),
            writes: vec![],
            answer: taken(answer),
        })
    }

    async fn deploy(
        &self,
        view: &View,
        name: &PipelineName,
        build: Option<BuildNumber>,
        stage: Option<&StageName>,
    ) -> Result<(deploy::Params, ReleaseNumber), Stop> {
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
        };
        Ok((params, release))
    }

    async fn promote(
        &self,
        view: &View,
        name: &PipelineName,
        to: &StageName,
        from: Option<&StageName>,
        release: Option<ReleaseNumber>,
    ) -> Result<promote::Params, Stop> {
        let pipeline = view.pipeline(name)?;
        let target = view.stage(name, to)?;
        let Some(before) = pipeline.before(to) else {
            return Err(Refusal::new(
                "first-stage",
                format!("`{to}` is the first stage: nothing stands before it to promote from."),
                format!("Deploy to it: `/deploy {name}`."),
            )
            .into());
        };
        let from = from.unwrap_or(before);
        let source = view.stage(name, from)?;
        let position = |stage: &StageName| pipeline.stages.iter().position(|known| known == stage);
        if position(from) >= position(to) {
            return Err(Refusal::new(
                "not-earlier",
                format!("`{from}` does not come before `{to}`."),
                format!("Promote from an earlier stage, as in `/promote {name} {to} from {before}`."),
            )
            .into());
        }
        let Some(running) = &source.current else {
            return Err(Refusal::new(
                "nothing-runs",
                format!("Stage `{from}` runs nothing yet."),
                if Some(from) == pipeline.stages.first() {
                    format!("Deploy to it first: `/deploy {name}`.")
                } else {
                    format!("Promote to it first: `/promote {name} {from}`.")
                },
            )
            .into());
        };
        if source.mixed.is_some() {
            return Err(Refusal::new(
                "mixed-stage",
                format!("Stage `{from}` runs no one release: an operation on it was resolved by hand."),
                format!("Bring all of it to one first, with a promotion or `/rollback {name} {from}`."),
            )
            .into());
        }
        let number = release.unwrap_or(running.release);
        if !source.has_run(number) {
            return Err(Refusal::new(
                "never-ran",
                format!("Release `{number}` never ran on `{from}`, so it cannot go on to `{to}`."),
                format!("`{from}` runs `{}`: `/promote {name} {to}`.", running.release),
            )
            .into());
        }
        let is_whole = target.mixed.is_none();
        if target.current.as_ref().is_some_and(|current| is_whole && current.release == number) {
            return Err(Stop::say(
                Card::new(
                    Tone::Neutral,
                    Text::default()
                        .code(to.as_str())
                        .then(" of ")
                        .code(name.as_str())
                        .then(format!(" runs {number} already.")),
                )
                .hint("There is nothing to do.")
                .foot(Text::plain("code ").code("already-runs")),
            ));
        }
        let release = self.release(name, number).await?;
        let access = &self.engine.world().access;
        Ok(promote::Params {
            name: name.clone(),
            to: to.clone(),
            from: from.clone(),
            release,
            bucket: pipeline.bucket.clone(),
            before: target
                .current
                .as_ref()
                .map(|current| promote::Before { release: current.release, commit: current.commit.clone() }),
            api: running.api.clone(),
            approvals: if pipeline.is_protected(to) { APPROVALS } else { 0 },
            approvers: access.approvers().iter().cloned().collect(),
        })
    }

    async fn release(&self, name: &PipelineName, number: ReleaseNumber) -> Result<Release, Stop> {
        let world = self.engine.world();
        let found = world.store.get(&world.keys.release(name, number)).await?;
        let found: Option<Release> = found.map(|item| from_item(&item)).transpose()?;
        found.filter(|release| release.succeeded).ok_or_else(|| {
            Refusal::new(
                "no-such-release",
                format!("Pipeline `{name}` has no release `{number}` that succeeded."),
                format!("See what ran where: `/pipeline history {name}`."),
            )
            .into()
        })
    }

    async fn rollback(
        &self,
        view: &View,
        name: &PipelineName,
        stage: &StageName,
        release: Option<ReleaseNumber>,
        reason: Option<String>,
    ) -> Result<rollback::Params, Stop> {
        view.pipeline(name)?;
        let record = view.stage(name, stage)?;
        let Some(current) = &record.current else {
            return Err(Refusal::new(
                "nothing-runs",
                format!("Stage `{stage}` runs nothing yet, so there is nothing to go back from."),
                format!("See `/pipeline status {name}`."),
            )
            .into());
        };
        let number = match release {
            Some(number) if number == current.release && record.mixed.is_none() => {
                return Err(Refusal::new(
                    "already-runs",
                    format!("Stage `{stage}` runs `{number}` already."),
                    ran_here(record, current.release),
                )
                .into());
            }
            Some(number) if !record.has_run(number) => {
                return Err(Refusal::new(
                    "never-ran",
                    format!("Release `{number}` never ran on `{stage}`."),
                    ran_here(record, current.release),
                )
                .into());
            }
            Some(number) => number,
            None => record.rollback_target().ok_or_else(|| {
                Refusal::new(
                    "nothing-before",
                    format!(
                        "Nothing ran on `{stage}` before `{}` that was not rolled back itself.",
                        current.release
                    ),
                    ran_here(record, current.release),
                )
            })?,
        };
        let release = self.release(name, number).await?;
        let world = self.engine.world();
        let set = world.store.get(&world.keys.version_set(name, number, stage)).await?;
        let set: Option<VersionSet> = set.map(|item| from_item(&item)).transpose()?;
        let set =
            set.ok_or_else(|| Trouble::Corrupt(format!("{name} {number} has no versions on {stage}")))?;
        Ok(rollback::Params {
            name: name.clone(),
            stage: stage.clone(),
            before: current.release,
            before_commit: current.commit.clone(),
            release,
            set,
            reason,
            goes_first: view.tickets.iter().any(|ticket| ticket.kind == promote::KIND),
        })
    }
}

/// The releases that ran on a stage, for who has to name one.
fn ran_here(stage: &Stage, current: ReleaseNumber) -> String {
    let others: Vec<_> = stage
        .runs
        .iter()
        .rev()
        .filter(|run| run.release != current)
        .take(8)
        .map(|run| format!("`{}`{}", run.release, if run.rolled_back { " (rolled back)" } else { "" }))
        .collect();
    match others.as_slice() {
        [] => "No other release ever ran here.".to_owned(),
        others => format!("Name one that ran here: {}.", others.join(", ")),
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
