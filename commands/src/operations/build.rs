//! `/build`: one commit becomes a numbered build with a pinned artifact.
//!
//! The reference is resolved once; the build is started with a token and found again by `SLUICE_OP`; what it leaves is
//! pinned by version and SHA-256 before anything may deploy it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join3;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::card::{Part, Text};
use crate::domain::{About, Artifact, Build, BuildState, Change, GREEN, Pinned, View, to_item};
use crate::ids::{BuildNumber, CommitId, PipelineName, Target};
use crate::operation::effects::START_BUILD;
use crate::operation::{
    CANCELLED, Context, Definition, Effect, End, Facts, Node, Observed, Progress, Refusal, Step, StepId,
    Story, Trouble, Undone,
};
use crate::operations::names;
use crate::operations::steps::ours;
use crate::ports::{BuildRequest, BuildRun, BuildStatus, DueChange, Guard, LogStream, Precondition, Write};
use crate::template::Manifest;

/// The variable by which a build is found again.
pub const OPERATION_VARIABLE: &str = "SLUICE_OP";
/// No file of an artifact is larger.
pub const ARTIFACT_LIMIT: u64 = 4 * 1024 * 1024;
/// How many lines of a failed build's log the message shows.
const LOG_LINES: u32 = 60;

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The build's number.
    pub number: BuildNumber,
    /// A branch or a full commit id.
    pub reference: String,
    /// The pipeline's repository.
    pub repository: String,
    /// The pipeline's build project.
    pub project: String,
    /// The artifact bucket.
    pub bucket: String,
}

/// What is known of a started build.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Started {
    id: String,
    log: Option<LogStream>,
    link: Option<String>,
}

impl Started {
    fn of(run: &BuildRun) -> Self {
        Self { id: run.id.clone(), log: run.log.clone(), link: run.log_link.clone() }
    }
}

/// How a build ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Finished {
    green: bool,
    log: Option<LogStream>,
    link: Option<String>,
    phase: Option<String>,
    message: Option<String>,
    tail: Option<String>,
}

/// The operation.
pub struct BuildOperation;

fn id(name: &str) -> StepId {
    StepId::new(name)
}

impl Definition for BuildOperation {
    fn kind(&self) -> &'static str {
        "build"
    }

    fn nodes(&self, facts: &Facts, target: &Target) -> Result<Vec<Node>, Trouble> {
        let params: Params = facts.params()?;
        let at = At { target: target.clone(), params: params.clone() };
        let reference = Text::plain("find ").code(params.reference.clone());
        let mut nodes = vec![Node::new(id("source"), reference, Source(at.clone()))];
        let Some(change) = facts.output::<Change>(&id("source"))? else { return Ok(nodes) };
        let is_over = facts.is_done(&id("follow"));
        nodes.push(
            Node::new(id("start"), "start the build", StartBuild { at: at.clone(), commit: change.id })
                .after([id("source")])
                .spent_if(is_over),
        );
        let Some(started) = facts.output::<Started>(&id("start"))? else { return Ok(nodes) };
        let since = facts.step(&id("start")).and_then(|fact| fact.done.as_ref()).map(|(at, _)| *at);
        let follow = Follow { at: at.clone(), build: started.id, since };
        nodes.push(Node::new(id("follow"), "build", follow).after([id("start")]));
        let Some(finished) = facts.output::<Finished>(&id("follow"))? else { return Ok(nodes) };
        if !finished.green {
            nodes.push(Node::new(id("verdict"), "", Red(finished, params.name)).after([id("follow")]));
            return Ok(nodes);
        }
        nodes.push(
            Node::new(id("artifact"), "pin the artifact", PinArtifact(at.clone())).after([id("follow")]),
        );
        nodes.push(Node::new(id("record"), "", Record(at)).after([id("artifact")]).point_of_no_return());
        Ok(nodes)
    }

    fn on_end(&self, facts: &Facts, succeeded: bool, cx: &End<'_>) -> Result<Vec<Write>, Trouble> {
        let params: Params = facts.params()?;
        let keys = crate::operation::Keys::new(cx.target);
        let state = match facts.failure() {
            _ if succeeded => BuildState::Succeeded,
            Some(refusal) if refusal.code == CANCELLED => BuildState::Cancelled,
            _ => BuildState::Failed,
        };
        let build = record(facts, &params, state, Some(cx.at))?;
        let item = to_item(keys.build(&params.name, params.number), Default::default(), &build)?;
        Ok(vec![Write::Put { item, when: Precondition::Any }])
    }

    fn about(&self, facts: &Facts) -> About {
        About {
            build: facts.params::<Params>().ok().map(|params| params.number),
            commit: facts.output(&id("source")).ok().flatten(),
            ..About::default()
        }
    }

    fn story(&self, facts: &Facts) -> Story {
        let Ok(params) = facts.params::<Params>() else { return Story::new("A build".into()) };
        let (name, number) = (&params.name, params.number);
        let title = Text::plain("Build ").code(number.to_string()).then(" of ").code(name.as_str());
        let mut story = Story::new(title).field("Source", Text::default().code(params.reference.clone()));
        if let Ok(Some(change)) = facts.output::<Change>(&id("source")) {
            story = story.field("Commit", change_text(&change));
        }
        let finished = facts.output::<Finished>(&id("follow")).ok().flatten();
        let started = facts.output::<Started>(&id("start")).ok().flatten();
        let link = finished.as_ref().and_then(|f| f.link.clone()).or(started.and_then(|s| s.link));
        if let Some(link) = link {
            story = story.field("Log", Text::default().link(link, "open the log"));
        }
        if let Some(tail) = finished.and_then(|finished| finished.tail) {
            story.parts.push(Part::Code(tail));
        }
        if facts.ended.is_some_and(|(_, succeeded)| succeeded) {
            story.hint = Some(Text::plain("Next: ").code(format!("/deploy {name} {number}")));
        }
        story
    }
}

/// A commit as messages show it.
pub fn change_text(change: &Change) -> Text {
    Text::default().code(change.id.short()).then(format!(" {} · {}", change.subject, change.author))
}

/// The build's record as far as it is known.
fn record(
    facts: &Facts,
    params: &Params,
    state: BuildState,
    ended: Option<jiff::Timestamp>,
) -> Result<Build, Trouble> {
    let finished = facts.output::<Finished>(&id("follow"))?;
    let started = facts.output::<Started>(&id("start"))?;
    Ok(Build {
        number: params.number,
        operation: facts.id.clone(),
        state,
        reference: params.reference.clone(),
        commit: facts.output(&id("source"))?,
        actor: facts.charter.actor.clone(),
        asked: facts.charter.accepted,
        ended,
        log: finished.as_ref().and_then(|f| f.log.clone()).or(started.as_ref().and_then(|s| s.log.clone())),
        log_link: finished.and_then(|f| f.link).or(started.and_then(|s| s.link)),
        artifact: facts.output(&id("artifact"))?,
    })
}

/// The record that a build begins with.
pub fn begun(
    params: &Params,
    operation: &crate::ids::OperationId,
    actor: &crate::service::Actor,
    asked: jiff::Timestamp,
) -> Build {
    Build {
        number: params.number,
        operation: operation.clone(),
        state: BuildState::Running,
        reference: params.reference.clone(),
        commit: None,
        actor: actor.clone(),
        asked,
        ended: None,
        log: None,
        log_link: None,
        artifact: None,
    }
}

#[derive(Clone)]
struct At {
    target: Target,
    params: Params,
}

/// Resolves the reference: a branch first, then a commit.
struct Source(At);

#[async_trait]
impl Step for Source {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let At { target, params } = &self.0;
        let repositories = &cx.world.repositories;
        let tip = repositories.branch(target, &params.repository, &params.reference).await?;
        let commit = match tip.or_else(|| CommitId::new(params.reference.clone()).ok()) {
            Some(id) => repositories.commit(target, &params.repository, &id).await?,
            None => None,
        };
        let Some(commit) = commit else {
            return Err(Trouble::Refused(Refusal::new(
                "no-such-reference",
                format!("Repository `{}` has no branch or commit `{}`.", params.repository, params.reference),
                format!("Push it first, or build the default branch with `/build {}`.", params.name),
            )));
        };
        Progress::done(Change { id: commit.id, author: commit.author, subject: commit.subject })
    }
}

struct StartBuild {
    at: At,
    commit: CommitId,
}

#[async_trait]
impl Step for StartBuild {
    fn effect(&self) -> Effect {
        Effect::Mutate(&START_BUILD)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let At { target, params } = &self.at;
        let request = BuildRequest {
            project: params.project.clone(),
            commit: self.commit.clone(),
            token: cx.operation.to_string(),
            environment: BTreeMap::from([(OPERATION_VARIABLE.to_owned(), cx.operation.to_string())]),
            bucket: params.bucket.clone(),
            prefix: names::build_prefix(&params.name, params.number),
        };
        Progress::done(Started::of(&cx.world.builders.start_build(target, &request).await?))
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let At { target, params } = &self.at;
        let builders = &cx.world.builders;
        let ids = builders.builds_of(target, &params.project).await?;
        if ids.is_empty() {
            return Ok(Observed::Absent);
        }
        let runs = builders.builds(target, &ids).await?;
        let mine =
            |run: &&BuildRun| run.environment.get(OPERATION_VARIABLE) == Some(&cx.operation.to_string());
        match runs.iter().find(mine) {
            Some(run) => ours(Started::of(run)),
            None => Ok(Observed::Absent),
        }
    }
    async fn undo(&self, cx: &Context, output: &Value) -> Result<Undone, Trouble> {
        let started = serde_json::from_value::<Started>(output.clone());
        let started = started.map_err(|error| Trouble::Corrupt(format!("a started build: {error}")))?;
        let (builders, target) = (&cx.world.builders, &self.at.target);
        let found = builders.builds(target, std::slice::from_ref(&started.id)).await?;
        // A look may be late: stopping what has ended, or is not known, is no error.
        if found.first().is_none_or(|run| run.status == BuildStatus::InProgress) {
            builders.stop_build(target, &started.id).await?;
        }
        Ok(Undone::Yes)
    }
}

/// Looks at the running build until it ends; on failure it keeps the phase and the lines around the first error.
struct Follow {
    at: At,
    build: String,
    /// When its start was recorded.
    since: Option<jiff::Timestamp>,
}

#[async_trait]
impl Step for Follow {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let At { target, params } = &self.at;
        let found = cx.world.builders.builds(target, std::slice::from_ref(&self.build)).await?;
        let Some(run) = found.into_iter().next() else {
            // Control planes are eventually consistent: what was just started may not show yet.
            let age = self.since.map(|since| cx.world.clock.now().duration_since(since));
            if age.is_some_and(|age| age.unsigned_abs() < 2 * cx.world.settings.settle) {
                return Ok(Progress::LookAgain { after: Duration::from_secs(1), note: None });
            }
            return Err(Trouble::Refused(Refusal::new(
                "build-gone",
                "CodeBuild does not know this build any more.".to_owned(),
                format!("Build it again: `/build {}`.", params.name),
            )));
        };
        if run.status == BuildStatus::InProgress {
            let phase = run.current_phase.as_deref().map(phase_name);
            return Ok(Progress::LookAgain { after: pace(&run, cx), note: phase.map(Text::plain) });
        }
        let green = run.status == BuildStatus::Succeeded;
        let failed = run
            .phases
            .iter()
            .find(|phase| phase.status.is_some_and(|status| status != BuildStatus::Succeeded));
        let tail = match (&run.log, green) {
            (Some(log), false) => {
                Some(around_first_error(&cx.world.logs.tail(target, log, LOG_LINES).await?))
            }
            _ => None,
        };
        Progress::done(Finished {
            green,
            phase: failed.map(|phase| phase.name.clone()),
            message: failed.and_then(|phase| phase.message.clone()),
            log: run.log,
            link: run.log_link,
            tail: tail.filter(|tail| !tail.is_empty()),
        })
    }
}

/// How soon to look again: often while it is young, then every five seconds.
fn pace(run: &BuildRun, cx: &Context) -> Duration {
    let age = run.started.map_or(0, |started| cx.world.clock.now().duration_since(started).as_secs());
    Duration::from_millis(if age < 20 { 500 } else { 5000 })
}

/// `POST_BUILD` as people say it.
fn phase_name(phase: &str) -> String {
    phase.to_lowercase().replace('_', " ")
}

/// The lines around the first one that looks like an error; else the last ones.
fn around_first_error(lines: &[String]) -> String {
    let looks_bad = |line: &String| {
        let line = line.to_lowercase();
        ["error", "traceback", "failed", "exception"].iter().any(|word| line.contains(word))
    };
    let first = lines.iter().position(looks_bad).unwrap_or(lines.len());
    let from = first.saturating_sub(2).min(lines.len().saturating_sub(12));
    let shown: Vec<_> = lines.iter().skip(from).take(12).map(|line| line.trim_end()).collect();
    shown.join("\n")
}

/// A red build's end, in words.
struct Red(Finished, PipelineName);

#[async_trait]
impl Step for Red {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, _: &Context) -> Result<Progress, Trouble> {
        let phase = self.0.phase.as_deref().map_or("it ran".to_owned(), |phase| format!("`{phase}`"));
        let mut problem = format!("The build failed in phase {phase}.");
        if let Some(message) = &self.0.message {
            problem.push_str(&format!(" CodeBuild says: `{}`", message.replace('`', "'")));
        }
        Err(Trouble::Refused(Refusal::new(
            "build-failed",
            problem,
            format!("Mend it, push, then: `/build {}`. The log has everything.", self.1),
        )))
    }
}

/// Reads what the build left and pins each object by version and SHA-256.
struct PinArtifact(At);

#[async_trait]
impl Step for PinArtifact {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let (packaged, template, manifest) = try_join3(
            self.pin(cx, "packaged.json"),
            self.pin(cx, "template.yaml"),
            self.pin(cx, "sluice-manifest.json"),
        )
        .await?;
        let parsed = Manifest::parse(&manifest.1).map_err(|error| {
            Trouble::Refused(Refusal::new(
                "bad-manifest",
                format!("The build's `sluice-manifest.json` cannot be used: {}", error.problem),
                error.hint,
            ))
        })?;
        let code = parsed.functions;
        let mut hash = Sha256::new();
        hash.update(packaged.0.sha256.as_bytes());
        hash.update(template.0.sha256.as_bytes());
        for (function, code) in &code {
            hash.update(function.as_bytes());
            hash.update(code.sha256.as_bytes());
        }
        let mut digest = hex::encode(hash.finalize());
        digest.truncate(32);
        Progress::done(Artifact {
            packaged: packaged.0,
            template: template.0,
            manifest: manifest.0,
            code,
            digest,
        })
    }
}

impl PinArtifact {
    async fn pin(&self, cx: &Context, file: &str) -> Result<(Pinned, String), Trouble> {
        let At { target, params } = &self.0;
        let key = format!("{}/artifact/{file}", names::build_prefix(&params.name, params.number));
        let missing = || {
            Trouble::Refused(Refusal::new(
                "no-artifact",
                format!("The build left no `{file}`."),
                "Keep the `artifacts` section of `buildspec.yml` as Sluice made it: docs/templates.md has it.",
            ))
        };
        let object = cx.world.objects.object(target, &params.bucket, &key, None, ARTIFACT_LIMIT).await?;
        let object = object.ok_or_else(missing)?;
        let sha256 = hex::encode(Sha256::digest(&object.content));
        let text = String::from_utf8(object.content.to_vec()).map_err(|_| missing())?;
        let version = object.version.ok_or_else(|| Trouble::Corrupt(format!("{key} has no version")))?;
        Ok((Pinned { key, version, sha256 }, text))
    }
}

/// Makes it the newest green build, unless a newer one is.
struct Record(At);

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let params = &self.0.params;
        let number = u64::from(params.number.0);
        let view = View::read(&*cx.world.store, &cx.world.keys, &params.name).await?;
        view.expect_pipeline()?;
        if view.counters.green >= number {
            return Progress::done(());
        }
        let green = |number| [(GREEN.to_owned(), Guard::Number(number))].into();
        let write = Write::Update {
            key: cx.world.keys.pipeline(&params.name),
            set: green(number),
            due: DueChange::Keep,
            when: Precondition::Equals(green(view.counters.green)),
        };
        Progress::recorded((), vec![write])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_shown_around_the_first_error() {
        let mut lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
        lines[20] = "Traceback (most recent call last):".into();
        let shown = around_first_error(&lines);
        assert!(shown.starts_with("line 18\nline 19\nTraceback"), "{shown}");
        lines[20] = "quiet".into();
        assert!(around_first_error(&lines).ends_with("line 39"));
        assert_eq!(around_first_error(&[]), "");
    }
}
