//! One connection: what it is doing, until when it may, and how it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::Limits;
use super::io::Watched;
use super::open::Open;

/// Headers and what is read ahead, in bytes.
const BUFFER: usize = 64 * 1024;
/// How long a stopping process lets a request go on that nobody knows to be Slack's, and one that is.
const STRANGER_GRACE: Duration = Duration::from_secs(1);
const TRUSTED_GRACE: Duration = Duration::from_millis(2_500);

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its headers are to come: it is new, or has sent the first byte of its next request.
    Head,
    /// A request is being read and answered.
    Request,
    /// The same, and its body is signed.
    Trusted,
    /// It has been answered, and sends nothing.
    Idle,
}

/// One connection, as the parts that deal with it know it.
pub(crate) struct Connection {
    open: Arc<Open>,
    /// Cancelled when another connection takes its place.
    close: CancellationToken,
    began: Instant,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    phase: Phase,
    since: Instant,
    /// Its number among those that wait.
    waiting: Option<u64>,
    crowded_out: bool,
}

impl Connection {
    /// A new one, which waits for its first request.
    pub(super) fn new(open: Arc<Open>) -> Arc<Self> {
        let (close, now) = (CancellationToken::new(), Instant::now());
        let waiting = Some(open.wait(&close));
        let state = State { phase: Phase::Head, since: now, waiting, crowded_out: false };
        Arc::new(Self { open, close, began: now, state: Mutex::new(state), changed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.state();
        (state.phase, state.since) = (phase, Instant::now());
        drop(state);
        self.changed.notify_one();
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        if self.state().phase == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// Its request is Slack's own: from now to its answer it keeps its place.
    pub(crate) fn trust(&self) {
        let mut state = self.state();
        if let Some(number) = state.waiting.take()
            && !self.open.stop_waiting(number)
        {
            state.crowded_out = true;
        }
        state.phase = Phase::Trusted;
    }

    fn answered(&self) {
        let mut state = self.state();
        // Answered, it may give way again, behind all that wait longer.
        if !state.crowded_out {
            if let Some(number) = state.waiting.take() {
                state.crowded_out = !self.open.stop_waiting(number);
            }
            if !state.crowded_out {
                state.waiting = Some(self.open.wait(&self.close));
            }
        }
        drop(state);
        self.enter(Phase::Idle);
    }

    /// Until when it may do what it does, and what it is called if it takes longer.
    fn deadline(&self, limits: &Limits) -> (Instant, &'static str) {
        let state = self.state();
        let (after, reason) = match state.phase {
            Phase::Head => (limits.head, "slow-headers"),
            Phase::Request | Phase::Trusted => (limits.request, "slow-request"),
            Phase::Idle => (limits.idle, "idle"),
        };
        (state.since + after, reason)
    }

    /// How long it may still go on in a process that stops.
    fn grace(&self) -> Duration {
        match self.state().phase {
            Phase::Head | Phase::Idle => Duration::ZERO,
            Phase::Request => STRANGER_GRACE,
            Phase::Trusted => TRUSTED_GRACE,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let was_closed = match state.waiting.take() {
            Some(number) => !self.open.stop_waiting(number),
            None => state.crowded_out,
        };
        if !was_closed {
            self.open.ended();
        }
    }
}

/// Serves one connection to its end.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    connection: Arc<Connection>,
    app: Router,
    limits: Limits,
    stopping: CancellationToken,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (app, connection) = (app.clone(), Arc::clone(&connection));
        async move {
            connection.enter(Phase::Request);
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Arc::clone(&connection));
            let mut response = app.oneshot(request).await;
            if let Ok(response) = &mut response
                && connection.began.elapsed() > limits.lifetime
            {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            connection.answered();
            response
        }
    });
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&connection)));
    let served = Builder::new().max_buf_size(BUFFER).serve_connection(io, service);
    let mut served = std::pin::pin!(served);
    loop {
        let (deadline, reason) = connection.deadline(&limits);
        tokio::select! {
            // Trouble here is the client's: it went, or speaks no HTTP.
            _ = served.as_mut() => return,
            () = connection.close.cancelled() => return,
            () = stopping.cancelled() => break,
            () = tokio::time::sleep_until(deadline) => {
                if connection.deadline(&limits).0 <= Instant::now() {
                    crate::metrics::connection_closed(reason);
                    return;
                }
            }
            // The deadline is another one now.
            () = connection.changed.notified() => {}
        }
    }
    let grace = connection.grace();
    if !grace.is_zero() {
        served.as_mut().graceful_shutdown();
        // A client that is not answered by then is a stranger, or was told to watch the channel.
        let _ = tokio::time::timeout(grace, served).await;
    }
}
