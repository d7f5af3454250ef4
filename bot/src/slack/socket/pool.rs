//! Keeps two connections open: Slack sends a delivery to any of them, so one may end while the other goes on. When Slack says
//! that it will close one, the next is opened first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, OptionFuture};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_util::sync::CancellationToken;

use super::super::ingress::Deliveries;
use super::connection::{self, Context, Notice, Over};
use super::dial::{Dial, messages};
use crate::http::Readiness;
use crate::log_throttle::LogThrottle;
use crate::slack::SlackError;
use crate::tasks::{Kind, Tasks};

/// The name of this part in `/readyz`.
pub(crate) const SOCKET: &str = "socket mode";
/// Connections that are kept open. Slack allows ten for an app, and each replica has its own.
const CONNECTIONS: usize = 2;
/// How long Slack may take to greet on a new connection.
const HELLO: Duration = Duration::from_secs(10);
/// How long a connection that Slack wants to close may stay after another one was opened. It gets no deliveries then.
const LEAVING: Duration = Duration::from_secs(30);
/// A connection that lasted less counts as a failure, or one that ends at once would be opened again at once.
const STEADY: Duration = Duration::from_secs(10);
/// The pause before the next attempt to connect: doubling, up to a minute.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Keeps connections open until the process stops.
pub(crate) async fn serve<D: Dial>(
    dialer: D,
    deliveries: Arc<Deliveries>,
    readiness: Readiness,
    tasks: Tasks,
) {
    let (sender, mut notices) = unbounded_channel();
    let context = Context { deliveries, tasks: tasks.clone(), throttle: Arc::new(LogThrottle::default()) };
    let mut pool = Pool::new(context, sender, readiness);
    let dialer = Arc::new(dialer);
    let mut dialing: Option<BoxFuture<'static, Result<WebSocketStream<D::Stream>, SlackError>>> = None;
    loop {
        if dialing.is_none() && pool.is_due() {
            let dialer = Arc::clone(&dialer);
            dialing = Some(async move { dialer.dial().await }.boxed());
        }
        tokio::select! {
            () = tasks.stopping().cancelled() => return,
            Some((id, notice)) = notices.recv() => pool.note(id, notice),
            Some(dialed) = OptionFuture::from(dialing.as_mut()) => {
                dialing = None;
                match dialed {
                    Ok(socket) => pool.add(socket),
                    Err(error) => pool.failed(error),
                }
            }
            () = sleep_until(pool.next_look()) => pool.close_late(),
        }
    }
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Slack has not greeted yet.
    New,
    Open,
    /// Slack is about to close it.
    Leaving,
}

struct Known {
    stage: Stage,
    /// When Slack greeted, if it has.
    opened: Option<Instant>,
    /// When it is closed if nothing changes.
    until: Option<Instant>,
    close: CancellationToken,
}

struct Pool {
    context: Context,
    sender: UnboundedSender<(u64, Notice)>,
    readiness: Readiness,
    connections: BTreeMap<u64, Known>,
    next: u64,
    /// Attempts in a row that gave no open connection.
    failures: u32,
    /// Not before then another attempt is made.
    again: Instant,
}

impl Pool {
    fn new(context: Context, sender: UnboundedSender<(u64, Notice)>, readiness: Readiness) -> Self {
        let (connections, again) = (BTreeMap::new(), Instant::now());
        Self { context, sender, readiness, connections, next: 0, failures: 0, again }
    }

    fn count(&self, is_counted: impl Fn(Stage) -> bool) -> usize {
        self.connections.values().filter(|known| is_counted(known.stage)).count()
    }

    fn lacks(&self) -> bool {
        self.count(|stage| stage != Stage::Leaving) < CONNECTIONS
    }

    /// Whether another connection is to be opened now.
    fn is_due(&self) -> bool {
        self.lacks() && Instant::now() >= self.again
    }

    /// When something is to be done without a notice.
    fn next_look(&self) -> Instant {
        let untils = self.connections.values().filter_map(|known| known.until);
        let again = self.lacks().then_some(self.again).filter(|again| *again > Instant::now());
        untils.chain(again).min().unwrap_or_else(|| Instant::now() + LONGEST_PAUSE)
    }

    fn add<S>(&mut self, socket: WebSocketStream<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let id = self.next;
        self.next += 1;
        let close = self.context.tasks.stopping().child_token();
        let until = Some(Instant::now() + HELLO);
        self.connections.insert(id, Known { stage: Stage::New, opened: None, until, close: close.clone() });
        let (context, sender) = (self.context.clone(), self.sender.clone());
        self.context.tasks.spawn(Kind::Connection, async move {
            let mut reports = Reports { id, sender, over: Over::Broken };
            let notify = |notice| reports.send(notice);
            reports.over = connection::run(socket, context, notify, close).await;
        });
    }

    fn note(&mut self, id: u64, notice: Notice) {
        let Some(known) = self.connections.get_mut(&id) else { return };
        match notice {
            Notice::Open => {
                let now = Instant::now();
                (known.stage, known.opened, known.until) = (Stage::Open, Some(now), None);
                // This one takes the place of those that Slack is about to close.
                let leaving = self.connections.values_mut().filter(|known| known.stage == Stage::Leaving);
                leaving.for_each(|known| known.until = known.until.or(Some(now + LEAVING)));
                self.readiness.ok(SOCKET);
            }
            Notice::Leaving => known.stage = Stage::Leaving,
            Notice::Over(over) => {
                let was_steady = known.opened.is_some_and(|opened| opened.elapsed() >= STEADY);
                self.connections.remove(&id);
                crate::metrics::socket_closed(over.name());
                tracing::info!(reason = over.name(), "a connection of Socket Mode is over");
                match over {
                    Over::Disabled | Over::TooMany => self.pause(LONGEST_PAUSE),
                    _ if was_steady => self.failures = 0,
                    _ => self.pause(Duration::ZERO),
                }
                self.judge(over.message());
            }
        }
        crate::metrics::sockets(self.count(|stage| stage != Stage::New));
    }

    fn failed(&mut self, error: SlackError) {
        let at_least = match error {
            SlackError::RateLimited(pause) => pause,
            _ => Duration::ZERO,
        };
        self.pause(at_least);
        tracing::warn!(%error, "a connection of Socket Mode could not be opened");
        self.judge(messages::trouble(&error));
    }

    /// Waits before the next attempt, longer with each failure.
    fn pause(&mut self, at_least: Duration) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures += 1;
        self.again = Instant::now() + pause.max(at_least);
    }

    /// It is ready while one connection is open, also one that Slack is about to close.
    fn judge(&self, trouble: String) {
        if self.count(|stage| stage != Stage::New) == 0 {
            self.readiness.failed(SOCKET, trouble);
        }
    }

    /// Closes connections that Slack did not greet on, or did not close in time.
    fn close_late(&mut self) {
        let now = Instant::now();
        for known in
            self.connections.values_mut().filter(|known| known.until.is_some_and(|until| until <= now))
        {
            known.until = None;
            known.close.cancel();
        }
    }
}

impl Over {
    /// Its name in metrics and the log.
    fn name(self) -> &'static str {
        match self {
            Over::Closed => "closed",
            Over::Silent => "silent",
            Over::Broken => "broken",
            Over::TooMany => "too many",
            Over::Disabled => "disabled",
        }
    }

    /// Why there is no connection, for `/readyz`.
    fn message(self) -> String {
        match self {
            Over::Closed | Over::Silent | Over::Broken => "the connection to Slack ended; connecting again",
            Over::TooMany => "Slack allows ten connections for an app: stop replicas that are not needed",
            Over::Disabled => {
                "Socket Mode is switched off: switch it on in the app's settings at https://api.slack.com/apps"
            }
        }
        .to_owned()
    }
}

/// What a connection reports: its end in any case, also if its task panicked.
struct Reports {
    id: u64,
    sender: UnboundedSender<(u64, Notice)>,
    over: Over,
}

impl Reports {
    fn send(&self, notice: Notice) {
        // A process that stops has no receiver.
        let _ = self.sender.send((self.id, notice));
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        self.send(Notice::Over(self.over));
    }
}
