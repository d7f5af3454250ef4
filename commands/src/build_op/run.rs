//! The steps of a build until it ends: find the commit, start CodeBuild once for it, and follow the build.
//!
//! If the answer to a start was lost, the build is searched for among the project's builds, so one operation never
//! has two builds.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::application::Sluice;
use crate::build_op::messages;
use crate::build_op::params::{BuildContext, OPERATION_VARIABLE, Params};
use crate::operation::effects::START_BUILD;
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step, Undone};
use crate::packager;
use crate::ports::{BuildRequest, BuildRun, BuildStatus, LogStream};
use crate::records::Change;
use crate::resources::ours;
use crate::rules::redact;
use sluice_model::{CommitId, PipelineName};

/// How many lines at the end of a failed build's log are read.
const LOG_LINES: u32 = 120;
/// How many lines around the first error are shown, how many of them before it, and how many at the end.
const FIRST_LINES: usize = 8;
const LINES_BEFORE: usize = 2;
const LAST_LINES: usize = 6;

/// Resolves the reference: a branch first, then a commit.
pub(super) struct Source(pub(super) BuildContext);

#[async_trait]
impl Step<Sluice> for Source {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let BuildContext { target, params } = &self.0;
        let repositories = &cx.world.ports.repositories;
        let tip = repositories.branch(target, &params.repository, &params.reference).await?;
        let commit = match tip.or_else(|| CommitId::new(params.reference.clone()).ok()) {
            Some(id) => repositories.commit(target, &params.repository, &id).await?,
            None => None,
        };
        let Some(commit) = commit else {
            return Err(EngineError::Refused(messages::no_such_reference(params)));
        };
        Progress::done(Change::new(commit.id, &commit.author, &commit.subject))
    }
}

/// The output of [`StartBuild`]: a started build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Started {
    pub(super) id: String,
    pub(super) log: Option<LogStream>,
    pub(super) link: Option<String>,
}

impl Started {
    fn of(run: &BuildRun) -> Self {
        Self { id: run.id.clone(), log: run.log.clone(), link: run.log_link.clone() }
    }
}

/// The variables of a build. They include those of the project, because the documentation does not say whether a
/// build that overrides some variables keeps the others.
pub(super) fn environment(params: &Params, operation: &str) -> BTreeMap<String, String> {
    let own = [(OPERATION_VARIABLE.to_owned(), operation.to_owned())];
    own.into_iter().chain(packager::environment(&params.bucket, &params.name)).collect()
}

pub(super) struct StartBuild {
    pub(super) cx: BuildContext,
    pub(super) commit: CommitId,
}

#[async_trait]
impl Step<Sluice> for StartBuild {
    fn effect(&self) -> Effect {
        Effect::Mutate(&START_BUILD)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let BuildContext { target, params } = &self.cx;
        let request = BuildRequest {
            project: params.project.clone(),
            commit: self.commit.clone(),
            token: cx.operation.to_string(),
            environment: environment(params, cx.operation.as_str()),
            bucket: params.bucket.clone(),
            prefix: params.prefix(),
        };
        Progress::done(Started::of(&cx.world.ports.builders.start_build(target, &request).await?))
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let BuildContext { target, params } = &self.cx;
        let builders = &cx.world.ports.builders;
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
    async fn undo(&self, cx: &Context, output: &Value) -> Result<Undone, EngineError> {
        let started = serde_json::from_value::<Started>(output.clone());
        let started = started.map_err(|error| EngineError::Corrupt(format!("a started build: {error}")))?;
        let (builders, target) = (&cx.world.ports.builders, &self.cx.target);
        let found = builders.builds(target, std::slice::from_ref(&started.id)).await?;
        // The last look may be outdated. Stopping a build that ended or is unknown is not an error.
        if found.first().is_none_or(|run| run.status == BuildStatus::InProgress) {
            builders.stop_build(target, &started.id).await?;
        }
        Ok(Undone::Yes)
    }
}

/// The output of [`Follow`]: an ended build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Finished {
    pub(super) green: bool,
    pub(super) log: Option<LogStream>,
    pub(super) link: Option<String>,
    phase: Option<String>,
    message: Option<String>,
    pub(super) tail: Option<String>,
}

/// Looks at the running build until it ends. The output of a failed build has the phase and the log around the
/// first error.
pub(super) struct Follow {
    pub(super) cx: BuildContext,
    pub(super) build: String,
    /// The time at which the start was recorded.
    pub(super) since: Option<jiff::Timestamp>,
}

#[async_trait]
impl Step<Sluice> for Follow {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let BuildContext { target, params } = &self.cx;
        let found = cx.world.ports.builders.builds(target, std::slice::from_ref(&self.build)).await?;
        let Some(run) = found.into_iter().next() else {
            // Control planes are eventually consistent: a new build may not be visible yet.
            let age = self.since.map(|since| cx.world.clock.now().duration_since(since));
            if age.is_some_and(|age| age.unsigned_abs() < 2 * cx.world.settings.settle) {
                return Ok(Progress::NotYet { after: Duration::from_secs(1), note: None });
            }
            return Err(EngineError::Refused(messages::build_gone(&params.name)));
        };
        if run.status == BuildStatus::InProgress {
            let note = run.current_phase.as_deref().map(messages::phase);
            return Ok(Progress::NotYet { after: poll_interval(&run, cx), note });
        }
        let green = run.status == BuildStatus::Succeeded;
        let failed = run
            .phases
            .iter()
            .find(|phase| phase.status.is_some_and(|status| status != BuildStatus::Succeeded));
        let tail = match (&run.log, green) {
            (Some(log), false) => Some(excerpt(&cx.world.ports.logs.tail(target, log, LOG_LINES).await?)),
            _ => None,
        };
        Progress::done(Finished {
            green,
            phase: failed.map(|phase| phase.name.clone()),
            message: failed.and_then(|phase| phase.message.as_deref()).map(redact::line),
            log: run.log,
            link: run.log_link,
            tail: tail.filter(|tail| !tail.is_empty()),
        })
    }
}

/// The time until the next look: half a second in the first 20 seconds of the build, then five seconds.
fn poll_interval(run: &BuildRun, cx: &Context) -> Duration {
    let age = run.started.map_or(0, |started| cx.world.clock.now().duration_since(started).as_secs());
    Duration::from_millis(if age < 20 { 500 } else { 5000 })
}

/// The part of a failed build's log that the message shows: the first line that looks like an error with the
/// lines around it, and the last lines, because the cause is often at the end of a long trace. Values that
/// look like secrets are masked.
fn excerpt(lines: &[String]) -> String {
    let lines = redact::lines(lines.iter().map(String::as_str));
    // CodeBuild's own lines on phases do not help to find the cause.
    let lines: Vec<_> = lines
        .into_iter()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("[Container]"))
        .collect();
    let is_error = |line: &String| {
        let line = line.to_lowercase();
        ["error", "traceback", "failed", "exception"].iter().any(|word| line.contains(word))
    };
    let end = lines.len().saturating_sub(LAST_LINES);
    let first = lines.iter().position(is_error).unwrap_or(end);
    let from = first.saturating_sub(LINES_BEFORE).min(end.saturating_sub(LINES_BEFORE));
    let until = (from + FIRST_LINES).min(end);
    let mut shown: Vec<String> = lines.iter().take(until).skip(from).cloned().collect();
    if until < end {
        shown.push("…".to_owned());
    }
    shown.extend(lines.into_iter().skip(end));
    redact::tail(&shown)
}

/// Ends the operation of a failed build.
pub(super) struct FailBuild(pub(super) Finished, pub(super) PipelineName);

#[async_trait]
impl Step<Sluice> for FailBuild {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, _: &Context) -> Result<Progress, EngineError> {
        let Self(Finished { phase, message, .. }, name) = self;
        Err(EngineError::Refused(messages::build_failed(name, phase.as_deref(), message.as_deref())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(reference: &str) -> Params {
        Params {
            name: "orders".parse().unwrap(),
            number: sluice_model::BuildNumber(3),
            reference: reference.to_owned(),
            repository: "orders".into(),
            project: "sluice-orders".into(),
            bucket: "artifacts".into(),
            nonce: "n0nce".into(),
        }
    }

    #[test]
    fn a_build_starts_with_all_of_its_variables() {
        let sent = environment(&params("main"), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        let names: Vec<_> = sent.keys().map(String::as_str).collect();
        assert_eq!(names, ["SLUICE_BUCKET", "SLUICE_OP", "SLUICE_PACKAGE", "SLUICE_PREFIX"]);
        assert_eq!((sent["SLUICE_BUCKET"].as_str(), sent["SLUICE_PREFIX"].as_str()), ("artifacts", "orders"));
        assert_eq!(sent["SLUICE_OP"], "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        assert!(sent["SLUICE_PACKAGE"].contains(&packager::archive().key()), "{sent:?}");
    }

    #[test]
    fn the_log_is_shown_around_the_first_error_and_at_its_end() {
        let mut lines: Vec<String> = (0..60).map(|n| format!("line {n}")).collect();
        lines[20] = "Traceback (most recent call last):".into();
        lines[55] = "ModuleNotFoundError: No module named 'idna'".into();
        lines.push(String::new());
        lines.push("[Container] 2026/11/28 Phase complete: BUILD State: FAILED".into());
        let shown = excerpt(&lines);
        assert!(shown.starts_with("line 18\nline 19\nTraceback"), "{shown}");
        assert!(shown.contains("\n…\n") && shown.contains("No module named 'idna'"), "{shown}");
        assert!(shown.ends_with("line 59"), "{shown}");
        assert!(shown.lines().count() <= 15);
        lines[20] = "quiet".into();
        assert!(excerpt(&lines).ends_with("line 59"));
        assert_eq!(
            excerpt(&["one".to_owned(), "an error".to_owned(), "two".to_owned()]),
            "one\nan error\ntwo"
        );
    }

    #[test]
    fn a_log_excerpt_is_short_and_shows_no_secret() {
        let huge = vec!["x".repeat(200_000), "y".repeat(200_000), "export API_TOKEN=s3cr3t".to_owned()];
        let shown = excerpt(&huge);
        assert!(shown.chars().count() <= redact::TAIL_LIMIT, "{}", shown.len());
        assert!(shown.contains("API_TOKEN=[redacted]") && !shown.contains("s3cr3t"), "{shown}");
        assert_eq!(excerpt(&[]), "");
    }
}
