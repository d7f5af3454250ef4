//! One connection of Socket Mode, as Slack's end.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::registry::Order;
use crate::slack::Slack;

/// The period of Slack's pings.
const PING: Duration = Duration::from_secs(10);
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
                    close(slack, socket).await;
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

/// Takes the acknowledgements that are on their way, too.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(slack: &Slack, mut socket: WebSocketStream<S>) {
    let closed = async {
        if socket.close(None).await.is_err() {
            return;
        }
        while let Some(Ok(message)) = socket.next().await {
            take(slack, &message);
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
