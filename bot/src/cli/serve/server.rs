//! The life of a serving process.
//!
//! It listens first, so `/healthz` answers and people get an answer that asks them to try again. Then it waits until Slack and AWS have
//! confirmed the credentials, and only then takes commands, and opens the connections of Socket Mode. Refused credentials and
//! a missing table end the start; it waits for everything else.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::backend::{Backend, Parts};
use crate::cli::args::VERSION;
use crate::cli::console::warn;
use crate::cli::exit::Exit;
use crate::config::Config;
use crate::http::{self, Limits, Readiness};
use crate::slack::socket::{self, SOCKET, SlackDialer};
use crate::slack::{self, Deliveries, Ready, ResponseUrls, SlackServer, WebApi, whoami};
use crate::startup::StartupError;
use crate::system_clock::SystemClock;
use crate::tasks::{Kind, Tasks};

/// The pause between two checks whether Slack and the state still answer.
const WATCH: Duration = Duration::from_secs(30);
/// The pauses between the attempts to start.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_delay(Duration::from_secs(15))
    .without_max_times();
/// How long closing the state may take after all tasks have ended.
const CLOSING: Duration = Duration::from_millis(500);
const SLACK: &str = "slack";
const STATE: &str = "state";
/// The command handler. It is last because it needs the other two.
const COMMANDS: &str = "commands";

pub(super) struct Listeners {
    /// For Slack, and for health checks.
    pub(super) slack: TcpListener,
    pub(super) metrics: Option<TcpListener>,
}

/// How to reach Slack.
pub(super) struct Connections {
    pub(super) slack: Arc<dyn WebApi>,
    /// Opens the connections of Socket Mode, if it is used.
    pub(super) dialer: Option<SlackDialer>,
}

/// Serves until `stop` is done, the start is refused, or a vital task panics.
pub(super) async fn serve(
    listeners: Listeners,
    config: &Config,
    connections: Connections,
    backend: Arc<dyn Backend>,
    accept_only: bool,
    stop: impl Future<Output = ()>,
) -> Exit {
    let Connections { slack, dialer } = connections;
    let socket = dialer.is_some().then_some(SOCKET);
    let parts: Vec<_> = [SLACK, STATE, COMMANDS].into_iter().chain(socket).collect();
    let (tasks, readiness) = (Tasks::new(), Readiness::waiting_for(&parts));
    let (ready, response_urls) = (Arc::new(OnceLock::new()), Arc::new(ResponseUrls::default()));
    let (of_slack, urls) = (Arc::clone(&slack), Arc::clone(&response_urls));
    let deliveries = Arc::new(Deliveries::new(Arc::clone(&ready), of_slack, urls, tasks.clone()));
    let mut app = http::health_router(readiness.clone());
    if let Some(secret) = &config.slack.signing_secret {
        let server = SlackServer::new(secret, Arc::new(SystemClock), Arc::clone(&deliveries));
        app = app.merge(slack::router(server));
    }
    tasks.spawn(Kind::Listener, http::serve(listeners.slack, app, Limits::PUBLIC, tasks.clone()));
    if let Some(listener) = listeners.metrics {
        let served = http::serve(listener, http::metrics_router(), Limits::METRICS, tasks.clone());
        tasks.spawn(Kind::Listener, served);
    }
    let parts = Parts { slack, response_urls, tasks: tasks.clone(), accept_only };
    let (sender, refused) = oneshot::channel();
    let state = Arc::clone(&backend);
    let serving = tasks.clone();
    tasks.spawn(Kind::Probe, async move {
        let connect = |dialer| {
            serving
                .spawn(Kind::Listener, socket::serve(dialer, deliveries, readiness.clone(), serving.clone()));
        };
        if let Err(error) = start_and_watch(backend, parts, dialer, &ready, &readiness, connect).await {
            // The receiver is gone only if the process stops anyway.
            let _ = sender.send(error);
        }
    });
    let exit = tokio::select! {
        () = stop => Exit::Done,
        () = tasks.broken().cancelled() => Exit::Failed,
        Ok(error) = refused => {
            warn(&format!("sluice cannot start: {}\n", error.message()));
            Exit::Refused
        }
    };
    tracing::info!("stopping");
    if !tasks.shut_down().await {
        tracing::warn!("some tasks did not end in time; another replica repeats what they did not record");
    }
    if tokio::time::timeout(CLOSING, state.close()).await.is_err() {
        tracing::warn!("the state was not closed in time; no data is lost");
    }
    exit
}

/// Returns only if the start is refused.
async fn start_and_watch(
    backend: Arc<dyn Backend>,
    parts: Parts,
    dialer: Option<SlackDialer>,
    ready: &OnceLock<Ready>,
    readiness: &Readiness,
    connect: impl FnOnce(SlackDialer),
) -> Result<(), StartupError> {
    let (slack, accept_only) = (Arc::clone(&parts.slack), parts.accept_only);
    let check_socket = async || match &dialer {
        Some(dialer) => attempts(SOCKET, readiness, || dialer.check()).await,
        None => Ok(()),
    };
    // In parallel, so an outage of one does not hide a refusal by the other.
    let (team, target, ()) = futures::future::try_join3(
        until(SLACK, readiness, || whoami(slack.as_ref())),
        until(STATE, readiness, || backend.preflight()),
        check_socket(),
    )
    .await?;
    let handler = backend.assemble(target.clone(), parts)?;
    // Nothing else sets the cell.
    let _ = ready.set(Ready { team: team.clone(), handler });
    readiness.ok(COMMANDS);
    // Not earlier: Slack delivers to every connection that is open, also where another replica could answer.
    if let Some(dialer) = dialer {
        connect(dialer);
    }
    tracing::info!(%team, %target, accept_only, version = VERSION, "ready");
    loop {
        tokio::time::sleep(WATCH).await;
        note(readiness, SLACK, whoami(slack.as_ref()).await.map(drop));
        note(readiness, STATE, backend.ping().await);
    }
}

/// Repeats `attempt` until it succeeds or fails permanently; the part is in order then.
async fn until<T, F: Future<Output = Result<T, StartupError>>>(
    part: &'static str,
    readiness: &Readiness,
    attempt: impl Fn() -> F,
) -> Result<T, StartupError> {
    attempts(part, readiness, attempt).await.inspect(|_| readiness.ok(part))
}

/// Repeats `attempt` until it succeeds or fails permanently.
async fn attempts<T, F: Future<Output = Result<T, StartupError>>>(
    part: &'static str,
    readiness: &Readiness,
    attempt: impl Fn() -> F,
) -> Result<T, StartupError> {
    attempt
        .retry(PAUSES)
        .when(|error| {
            readiness.failed(part, error.message());
            matches!(error, StartupError::Temporary(_))
        })
        .await
}

fn note(readiness: &Readiness, part: &'static str, outcome: Result<(), StartupError>) {
    match outcome {
        Ok(()) => readiness.ok(part),
        Err(error) => readiness.failed(part, error.message()),
    }
}
