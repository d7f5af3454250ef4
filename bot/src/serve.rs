//! `sluice serve`: listens first, so that `/healthz` answers and people are told to try again; then finds out who it is
//! at Slack and at AWS, for as long as that takes; then opens the door. Credentials that are refused and a table that
//! is missing end the start; whatever may pass is waited for.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;
use sluice_model::TeamId;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::backend::{Backend, Obstacle, Parts};
use crate::config::Config;
use crate::exit::Exit;
use crate::health::{self, Readiness};
use crate::http::{self, Limits};
use crate::ingress::{self, Door, Live};
use crate::notify::Replies;
use crate::slack::{Method, Trouble, WebApi};
use crate::system_clock::SystemClock;
use crate::tasks::{Kind, Tasks};

/// Between two looks at whether Slack and the state still answer.
const WATCH: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long closing the state may take when everything else has ended.
const CLOSING: Duration = Duration::from_millis(500);
const SLACK: &str = "slack";
const STATE: &str = "state";
/// Somebody is there to take commands: the last part, since it needs the others.
const COMMANDS: &str = "commands";

/// Where a process listens.
pub(crate) struct Listeners {
    /// For Slack, and for health checks.
    pub(crate) slack: TcpListener,
    /// For metrics.
    pub(crate) metrics: Option<TcpListener>,
}

/// Serves until `stop` is done, or until it cannot go on.
pub(crate) async fn serve(
    listeners: Listeners,
    config: &Config,
    slack: Arc<dyn WebApi>,
    backend: Arc<dyn Backend>,
    accept_only: bool,
    stop: impl Future<Output = ()>,
) -> Exit {
    let (tasks, readiness) = (Tasks::new(), Readiness::waiting_for(&[SLACK, STATE, COMMANDS]));
    let (live, replies) = (Arc::new(OnceLock::new()), Arc::new(Replies::default()));
    let door = Door::new(
        &config.slack.signing_secret,
        Arc::new(SystemClock),
        Arc::clone(&live),
        Arc::clone(&slack),
        Arc::clone(&replies),
        tasks.clone(),
    );
    let app = ingress::router(door).merge(health::router(readiness.clone()));
    tasks.spawn(Kind::Listener, http::serve(listeners.slack, app, Limits::PUBLIC, tasks.clone()));
    if let Some(listener) = listeners.metrics {
        let served = http::serve(listener, health::metrics_router(), Limits::METRICS, tasks.clone());
        tasks.spawn(Kind::Listener, served);
    }
    let parts = Parts { slack, replies, tasks: tasks.clone(), accept_only };
    let (sender, refused) = oneshot::channel();
    let state = Arc::clone(&backend);
    tasks.spawn(Kind::Probe, async move {
        if let Err(obstacle) = begin_and_watch(backend, parts, &live, &readiness).await {
            // Nobody listens only if the process stops anyway.
            let _ = sender.send(obstacle);
        }
    });
    let exit = tokio::select! {
        () = stop => Exit::Done,
        () = tasks.broken().cancelled() => Exit::Failed,
        Ok(obstacle) = refused => {
            crate::warn(&format!("sluice cannot start: {}\n", obstacle.words()));
            Exit::Refused
        }
    };
    tracing::info!("stopping");
    if !tasks.shut_down().await {
        tracing::warn!("some tasks did not end in time; what they did not record is done again elsewhere");
    }
    if tokio::time::timeout(CLOSING, state.close()).await.is_err() {
        tracing::warn!("the state could not be closed in time; what it holds is safe");
    }
    exit
}

/// Ends only if the start is refused.
async fn begin_and_watch(
    backend: Arc<dyn Backend>,
    parts: Parts,
    live: &OnceLock<Live>,
    readiness: &Readiness,
) -> Result<(), Obstacle> {
    let (slack, accept_only) = (Arc::clone(&parts.slack), parts.accept_only);
    // Side by side, so that a refusal by one is not hidden by an outage of the other.
    let (team, target) = futures::future::try_join(
        until(SLACK, readiness, || whoami(slack.as_ref())),
        until(STATE, readiness, || backend.inspect()),
    )
    .await?;
    let service = backend.assemble(target.clone(), parts)?;
    // The only setter; the cell is empty.
    let _ = live.set(Live { team: team.clone(), service });
    readiness.good(COMMANDS);
    tracing::info!(%team, %target, accept_only, version = crate::cli::VERSION, "ready");
    loop {
        tokio::time::sleep(WATCH).await;
        note(readiness, SLACK, whoami(slack.as_ref()).await.map(drop));
        note(readiness, STATE, backend.ping().await);
    }
}

/// Asks until there is an answer, or a refusal.
async fn until<T, F: Future<Output = Result<T, Obstacle>>>(
    part: &'static str,
    readiness: &Readiness,
    ask: impl Fn() -> F,
) -> Result<T, Obstacle> {
    let mut pause = FIRST_PAUSE;
    loop {
        match ask().await {
            Ok(answer) => {
                readiness.good(part);
                return Ok(answer);
            }
            Err(Obstacle::Passing(reason)) => readiness.bad(part, reason),
            Err(refused) => {
                readiness.bad(part, refused.words());
                return Err(refused);
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn note(readiness: &Readiness, part: &'static str, outcome: Result<(), Obstacle>) {
    match outcome {
        Ok(()) => readiness.good(part),
        Err(obstacle) => readiness.bad(part, obstacle.words()),
    }
}

/// The workspace that our token belongs to.
pub(crate) async fn whoami(slack: &dyn WebApi) -> Result<TeamId, Obstacle> {
    match slack.call(Method::AuthTest, &json!({})).await {
        Ok(answer) => answer["team_id"]
            .as_str()
            .and_then(|team| TeamId::new(team).ok())
            .ok_or_else(|| Obstacle::Passing("Slack's answer names no workspace; trying again".into())),
        Err(Trouble::Refused(code)) if code.starts_with("http_") => {
            Err(Obstacle::Passing(format!("Slack answers with {code}; is SLACK_API_URL right?")))
        }
        Err(Trouble::Refused(code)) => Err(Obstacle::Refused(format!(
            "Slack refuses SLACK_BOT_TOKEN ({code}); reinstall the app and copy its bot token"
        ))),
        Err(Trouble::Wait(_)) => Err(Obstacle::Passing("Slack asks to wait".into())),
        Err(Trouble::Unreached | Trouble::Unknown) => {
            Err(Obstacle::Passing("Slack cannot be reached".into()))
        }
    }
}

#[cfg(test)]
mod tests;
