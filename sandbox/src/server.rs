//! The first port: Slack's Web API, response URLs, the control API and the page.

use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use tokio::net::TcpListener;

use crate::slack::{self, Slack};
use crate::{control, guard, page};

/// How long open connections may take to finish at shutdown. Without it, a call that a fault holds would keep its
/// connection, and the sandbox, open for ever.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// All routes. Requests of foreign web sites are refused.
pub fn router(slack: &Slack) -> Router {
    Router::new()
        .merge(slack::router())
        .merge(control::router())
        .merge(page::router())
        .layer(from_fn(guard::own_page))
        .with_state(slack.clone())
}

/// Serves until the shutdown token of `slack` is cancelled.
pub async fn serve(listener: TcpListener, slack: Slack) -> std::io::Result<()> {
    let shutdown = slack.shutdown().clone();
    let server =
        axum::serve(listener, router(&slack)).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        ended = server => ended,
        () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN_TIMEOUT).await } => Ok(()),
    }
}
