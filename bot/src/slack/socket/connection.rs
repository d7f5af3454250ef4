//! One connection, from Slack's greeting to its end.
//!
//! Each delivery has a task of its own, so a slow one delays no other. It is acknowledged on the connection that it came by. If that is
//! not possible any more, the person gets the answer at the delivery's `response_url`.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::super::ingress::{Acknowledgement, Deliveries, of_envelope};
use super::frame::{Disconnect, Envelope, Frame, acknowledgement};
use crate::log_throttle::LogThrottle;
use crate::tasks::{Kind, Tasks};

/// How long Slack may be silent before it is asked for a sign of life, and then until it counts as gone. Slack sends pings, too.
const SILENCE: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);
/// How long writing a message may take.
const WRITE: Duration = Duration::from_secs(5);
/// How long deliveries in work may take before a connection is closed. Each is answered within two seconds.
const DRAIN: Duration = Duration::from_millis(2_500);
/// How long Slack may take to confirm the end of a connection. It does not close it itself.
const CLOSE: Duration = Duration::from_secs(1);
/// Deliveries of one connection at the same time. While there are that many, no more are read.
const AT_ONCE: usize = 100;

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Slack closed it, or this process did.
    Closed,
    /// Nothing was heard for too long.
    Silent,
    /// It could not be read or written.
    Broken,
    /// Slack has too many connections of this app.
    TooMany,
    /// Socket Mode is switched off.
    Disabled,
}

/// What its owner learns of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// Deliveries come.
    Open,
    /// Slack is about to close it: another one is needed.
    Leaving,
    Over(Over),
}

/// What a connection needs besides the WebSocket.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) deliveries: Arc<Deliveries>,
    pub(super) tasks: Tasks,
    pub(super) throttle: Arc<LogThrottle>,
}

/// An acknowledgement on its way out.
struct Outgoing {
    id: String,
    acknowledgement: Acknowledgement,
    accepts_body: bool,
}

/// Reads and acknowledges deliveries until the connection is over or `close` is cancelled.
pub(super) async fn run<S>(
    socket: WebSocketStream<S>,
    context: Context,
    notify: impl Fn(Notice),
    close: CancellationToken,
) -> Over
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (sender, mut outgoing) = mpsc::channel(AT_ONCE);
    let mut connection = Connection { socket, context, sender, in_work: Arc::new(Semaphore::new(AT_ONCE)) };
    let over = connection.serve(&mut outgoing, &notify, &close).await;
    let Connection { context, .. } = connection;
    // What cannot be acknowledged here any more is answered elsewhere; tasks that are not done yet find the channel closed.
    outgoing.close();
    while let Some(Outgoing { acknowledgement, .. }) = outgoing.recv().await {
        context.deliveries.answer_later(acknowledgement);
    }
    over
}

struct Connection<S> {
    socket: WebSocketStream<S>,
    context: Context,
    sender: mpsc::Sender<Outgoing>,
    in_work: Arc<Semaphore>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn serve(
        &mut self,
        outgoing: &mut mpsc::Receiver<Outgoing>,
        notify: &impl Fn(Notice),
        close: &CancellationToken,
    ) -> Over {
        let (mut heard, mut asked) = (Instant::now(), false);
        loop {
            let patience = if asked { SILENCE + PONG } else { SILENCE };
            tokio::select! {
                () = close.cancelled() => return self.close(outgoing).await,
                Some(acknowledged) = outgoing.recv() => {
                    if let Err(over) = self.acknowledge(acknowledged).await {
                        return over;
                    }
                }
                message = self.socket.next() => {
                    (heard, asked) = (Instant::now(), false);
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            if let Some(over) = self.read(&text, notify).await {
                                return over;
                            }
                        }
                        // The library answers pings.
                        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                        Some(Ok(Message::Close(_))) | None => return Over::Closed,
                        Some(Err(_)) => return Over::Broken,
                    }
                }
                () = sleep_until(heard + patience) => {
                    if asked {
                        return Over::Silent;
                    }
                    asked = true;
                    if let Err(over) = self.write(Message::Ping(vec![].into())).await {
                        return over;
                    }
                }
            }
        }
    }

    /// Handles a message; returns why the connection is over if it is.
    async fn read(&mut self, text: &str, notify: &impl Fn(Notice)) -> Option<Over> {
        match Frame::parse(text) {
            Ok(Frame::Hello) => notify(Notice::Open),
            Ok(Frame::Disconnect(Disconnect::Refresh)) => notify(Notice::Leaving),
            Ok(Frame::Disconnect(Disconnect::TooMany)) => return Some(Over::TooMany),
            Ok(Frame::Disconnect(Disconnect::Disabled)) => return Some(Over::Disabled),
            Ok(Frame::Envelope(envelope)) => self.hand_on(envelope).await,
            Ok(Frame::Unknown) => {}
            Err(reason) => self.refuse(reason),
        }
        None
    }

    fn refuse(&self, reason: &'static str) {
        crate::metrics::refused(reason);
        if let Some(more) = self.context.throttle.admit(reason) {
            tracing::warn!(reason, more, "delivery refused");
        }
    }

    /// Handles a delivery in a task of its own. Also one that cannot be read is acknowledged, or Slack would send it again.
    // `&mut`: a stream need not be `Sync`.
    async fn hand_on(&mut self, envelope: Envelope) {
        let arrived = Instant::now();
        let Envelope { id, kind, payload, accepts_body } = envelope;
        let payload = of_envelope(&kind, payload).inspect_err(|reason| self.refuse(reason)).ok();
        // The semaphore is never closed.
        let permit = Arc::clone(&self.in_work).acquire_owned().await.ok();
        let (deliveries, sender) = (Arc::clone(&self.context.deliveries), self.sender.clone());
        self.context.tasks.spawn(Kind::Connection, async move {
            let acknowledgement = match payload {
                Some(payload) => deliveries.answer(payload, arrived).await,
                None => Acknowledgement::default(),
            };
            if let Err(unsent) = sender.send(Outgoing { id, acknowledgement, accepts_body }).await {
                deliveries.answer_later(unsent.0.acknowledgement);
            }
            drop(permit);
        });
    }

    async fn acknowledge(&mut self, outgoing: Outgoing) -> Result<(), Over> {
        let Outgoing { id, acknowledgement: acknowledged, accepts_body } = outgoing;
        let body = acknowledged.body.as_ref().filter(|_| accepts_body);
        let is_complete = body.is_some() == acknowledged.body.is_some();
        let sent = self.write(Message::text(acknowledgement(&id, body))).await;
        if sent.is_ok() {
            crate::metrics::socket_acknowledged();
        }
        if sent.is_err() || !is_complete {
            self.context.deliveries.answer_later(acknowledged);
        }
        sent
    }

    async fn write(&mut self, message: Message) -> Result<(), Over> {
        match timeout(WRITE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Over::Broken),
        }
    }

    /// Acknowledges what is in work, then closes. Deliveries that Slack sends meanwhile are handled, too.
    async fn close(&mut self, outgoing: &mut mpsc::Receiver<Outgoing>) -> Over {
        let deadline = Instant::now() + DRAIN;
        while self.in_work.available_permits() < AT_ONCE {
            tokio::select! {
                Some(acknowledged) = outgoing.recv() => {
                    if let Err(over) = self.acknowledge(acknowledged).await {
                        return over;
                    }
                }
                () = sleep_until(deadline) => break,
            }
        }
        let confirmed = async {
            self.socket.close(None).await?;
            while let Some(message) = self.socket.next().await {
                if let Message::Text(text) = message? {
                    self.read(&text, &|_| {}).await;
                }
            }
            Ok::<_, tokio_tungstenite::tungstenite::Error>(())
        };
        // Whether Slack confirms it or not, it is over.
        let _ = timeout(CLOSE, confirmed).await;
        Over::Closed
    }
}
