//! Server-sent events: each change of a message that a person may see. A page that lags behind must reload.

use std::convert::Infallible;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::slack::{MessageEvent, Slack};

#[derive(Deserialize)]
pub(super) struct As {
    user: String,
}

pub(super) async fn events(State(slack): State<Slack>, Query(As { user }): Query<As>) -> Response {
    let changes = slack.workspace().subscribe();
    // The page reads the state when it receives this event, so it misses no change after it.
    let hello = stream::once(async { Ok::<_, Infallible>(Event::default().event("ready").data("{}")) });
    let stream =
        hello.chain(message_events(changes, user)).take_until(slack.shutdown().clone().cancelled_owned());
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

fn message_events(
    changes: Receiver<MessageEvent>,
    user: String,
) -> impl futures::Stream<Item = Result<Event, Infallible>> {
    stream::unfold((changes, user), |(mut changes, user)| async move {
        loop {
            let event = match changes.recv().await {
                Ok(change) if change.to.as_deref().is_none_or(|to| to == user) => {
                    data("message", &change.message)
                }
                Ok(_) => continue,
                Err(RecvError::Lagged(_)) => data("ready", &Value::Null),
                Err(RecvError::Closed) => return None,
            };
            return Some((Ok(event), (changes, user)));
        }
    })
}

fn data(name: &str, value: &Value) -> Event {
    Event::default().event(name).data(value.to_string())
}
