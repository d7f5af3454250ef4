//! One connection of Socket Mode, as Slack's end.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::super::links::Order;
use super::super::state::Slack;

/// The period of Slack's pings.
const PING: Duration = Duration::from_secs(10);
/// How often is looked whether somebody still waits for an acknowledgement.
const LOOK: Duration = Duration::from_millis(50);
/// How long the bot may take to confirm the end of a connection.
const CLOSE: Duration = Duration::from_secs(5);

/// Serves a connection until it ends.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(slack: &Slack, mut socket: WebSocketStream<S>) {
    let (id, mut orders) = slack.sockets().add(&slack.config().app);
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = slack.shutdown().cancelled() => break,
            order = orders.recv() => match order {
                Some(Order::Send(message)) => {
                    if socket.send(Message::text(message.to_string())).await.is_err() {
                        break;
                    }
                }
                Some(Order::Freeze) => slack.shutdown().cancelled().await,
                Some(Order::Cut) => break,
                Some(Order::Close) | None => {
                    slack.sockets().remove(id);
                    close(slack, id, socket).await;
                    return;
                }
            },
            _ = pings.tick() => {
                if socket.send(Message::Ping(vec![].into())).await.is_err() {
                    break;
                }
            }
            message = socket.next() => match message {
                Some(Ok(message)) => take(slack, &message),
                Some(Err(_)) | None => break,
            },
        }
    }
    slack.sockets().remove(id);
}

/// Waits for the acknowledgements of what was sent, then closes.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(slack: &Slack, id: u64, mut socket: WebSocketStream<S>) {
    let closed = async {
        while slack.sockets().is_awaited(id) {
            match tokio::time::timeout(LOOK, socket.next()).await {
                Ok(Some(Ok(message))) => take(slack, &message),
                Ok(Some(Err(_)) | None) => return,
                Err(_) => {}
            }
        }
        if socket.close(None).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // Slack does not wait for ever, either.
    let _ = tokio::time::timeout(CLOSE, closed).await;
}

fn take(slack: &Slack, message: &Message) {
    let Message::Text(text) = message else { return };
    let message: Value = serde_json::from_str(text).unwrap_or_default();
    if !slack.sockets().acknowledge(&message) {
        tracing::warn!("an acknowledgement came too late, or for an unknown envelope");
    }
}
