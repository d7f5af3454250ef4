//! The HTTP server beneath the routes: HTTP/1.1 with a bound on everything that a stranger could use up.
//!
//! | what | bound |
//! |---|---|
//! | open connections | [`Limits::connections`]; one more closes the one that has waited longest for its request |
//! | from a connection's start, or a request's first byte, to the end of its headers | [`Limits::head`] |
//! | a request, from its headers to its answer | [`Limits::request`] |
//! | a connection without a request | [`Limits::idle`]: longer than a load balancer's, which must close first |
//! | a connection in all | [`Limits::lifetime`]: its next answer closes it |
//! | headers | 64 KiB, 100 of them |
//!
//! A connection whose request was found to be signed ([`Connection::trust`]) is never closed for another one.

mod connection;
mod io;
mod open;

use std::io as std_io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::quiet::Quiet;
use crate::tasks::{Kind, Tasks};
pub(crate) use connection::Connection;
use open::Open;

/// What a server allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Which server it is, for metrics.
    pub(crate) server: &'static str,
    pub(crate) connections: usize,
    pub(crate) head: Duration,
    pub(crate) request: Duration,
    pub(crate) idle: Duration,
    pub(crate) lifetime: Duration,
}

impl Limits {
    /// For Slack, and everybody else who reaches the address that Slack is given.
    pub(crate) const PUBLIC: Self = Self {
        server: "slack",
        connections: 512,
        head: Duration::from_secs(5),
        request: Duration::from_secs(15),
        idle: Duration::from_secs(75),
        lifetime: Duration::from_secs(300),
    };
    /// For the collector of metrics.
    pub(crate) const METRICS: Self = Self { server: "metrics", connections: 16, ..Self::PUBLIC };
}

/// After the listener failed to accept.
const PAUSE: Duration = Duration::from_millis(50);
/// So many connections are closed when the process has no file descriptor left for another one.
const CLOSED_FOR_WANT_OF_DESCRIPTORS: usize = 16;

/// Serves until the process stops.
pub(crate) async fn serve(listener: TcpListener, app: Router, limits: Limits, tasks: Tasks) {
    let open = Arc::new(Open::new(limits.server, limits.connections));
    let quiet = Quiet::default();
    let stopping = tasks.stopping().clone();
    while let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                // Small answers are not held back.
                let _ = stream.set_nodelay(true);
                let Some(connection) = open.admit() else {
                    crate::metrics::connection_closed("refused");
                    continue;
                };
                let served = connection::serve(stream, connection, app.clone(), limits, stopping.clone());
                tasks.spawn(Kind::Connection, served);
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                if let Some(more) = quiet.says("accept") {
                    tracing::error!(%error, more, "cannot accept connections");
                }
                open.close_oldest(CLOSED_FOR_WANT_OF_DESCRIPTORS);
                let _ = stopping.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
    }
}

/// Trouble of a connection that was about to be accepted, and not of the listener.
fn is_the_clients(error: &std_io::Error) -> bool {
    use std_io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
