//! One connection: its phase, its deadline, and how it ends.

use std::sync::Arc;
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
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::Limits;
use super::io::ObservedStream;
use super::pool::Pool;

/// The read buffer in bytes, which also limits the headers.
const BUFFER: usize = 64 * 1024;
/// How long a stopping process lets a request continue: one without a verified signature, and one of Slack's.
const STRANGER_GRACE: Duration = Duration::from_secs(1);
const TRUSTED_GRACE: Duration = Duration::from_millis(2_500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waiting for headers: the connection is new, or has sent the first byte of its next request.
    Head,
    /// A request is being read and answered.
    Request,
    /// The same, and the signature is valid.
    Trusted,
    /// Between two requests.
    Idle,
}

/// The state of a connection, shared by its task and its request handler.
pub(crate) struct Connection {
    pool: Arc<Pool>,
    /// Cancelled when another connection takes its slot.
    close: CancellationToken,
    began: Instant,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    phase: Phase,
    since: Instant,
    /// Its number in the pool while it may be closed for another one.
    waiting: Option<u64>,
    /// Its slot belongs to another connection.
    crowded_out: bool,
}

impl Connection {
    /// A new connection, if the pool has a slot for it.
    pub(super) fn admit(pool: &Arc<Pool>) -> Option<Arc<Self>> {
        if !pool.take_slot() {
            return None;
        }
        let (close, now) = (CancellationToken::new(), Instant::now());
        let waiting = Some(pool.wait(&close));
        let state = State { phase: Phase::Head, since: now, waiting, crowded_out: false };
        let (pool, state) = (Arc::clone(pool), Mutex::new(state));
        Some(Arc::new(Self { pool, close, began: now, state, changed: Notify::new() }))
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.state.lock();
        (state.phase, state.since) = (phase, Instant::now());
        drop(state);
        self.changed.notify_one();
    }

    fn received(&self) {
        if self.state.lock().phase == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// The signature of its request is valid: it keeps its slot until it is answered.
    pub(crate) fn trust(&self) {
        let mut state = self.state.lock();
        if let Some(number) = state.waiting.take()
            && !self.pool.stop_waiting(number)
        {
            state.crowded_out = true;
        }
        state.phase = Phase::Trusted;
    }

    fn answered(&self) {
        let mut state = self.state.lock();
        // It may be closed for another one again, after all that have waited longer.
        if !state.crowded_out {
            if let Some(number) = state.waiting.take() {
                state.crowded_out = !self.pool.stop_waiting(number);
            }
            if !state.crowded_out {
                state.waiting = Some(self.pool.wait(&self.close));
            }
        }
        drop(state);
        self.enter(Phase::Idle);
    }

    /// The end of its phase, and the reason in metrics for closing it then.
    fn deadline(&self, limits: &Limits) -> (Instant, &'static str) {
        let state = self.state.lock();
        let (after, reason) = match state.phase {
            Phase::Head => (limits.head, "slow-headers"),
            Phase::Request | Phase::Trusted => (limits.request, "slow-request"),
            Phase::Idle => (limits.idle, "idle"),
        };
        (state.since + after, reason)
    }

    /// How long it may continue in a stopping process.
    fn grace(&self) -> Duration {
        match self.state.lock().phase {
            Phase::Head | Phase::Idle => Duration::ZERO,
            Phase::Request => STRANGER_GRACE,
            Phase::Trusted => TRUSTED_GRACE,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let was_closed = match state.waiting.take() {
            Some(number) => !self.pool.stop_waiting(number),
            None => state.crowded_out,
        };
        if !was_closed {
            self.pool.free_slot();
        }
    }
}

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
    let observed = Arc::clone(&connection);
    let io = TokioIo::new(ObservedStream::new(stream, move || observed.received()));
    let served = Builder::new().max_buf_size(BUFFER).serve_connection(io, service);
    let mut served = std::pin::pin!(served);
    loop {
        let (deadline, reason) = connection.deadline(&limits);
        tokio::select! {
            // An error here is the client's: it closed the connection, or does not speak HTTP.
            _ = served.as_mut() => return,
            () = connection.close.cancelled() => return,
            () = stopping.cancelled() => break,
            () = tokio::time::sleep_until(deadline) => {
                if connection.deadline(&limits).0 <= Instant::now() {
                    crate::metrics::connection_closed(reason);
                    return;
                }
            }
            // The deadline has changed.
            () = connection.changed.notified() => {}
        }
    }
    let grace = connection.grace();
    if !grace.is_zero() {
        served.as_mut().graceful_shutdown();
        // A client without an answer by then is not Slack, or got the answer "not confirmed".
        let _ = tokio::time::timeout(grace, served).await;
    }
}
