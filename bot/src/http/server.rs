//! The loop that accepts connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use super::Limits;
use super::connection::{self, Connection};
use super::pool::Pool;
use crate::log_throttle::LogThrottle;
use crate::tasks::{Kind, Tasks};

/// The pause after the listener failed to accept.
const PAUSE: Duration = Duration::from_millis(50);
/// Connections that are closed when the process has no file descriptor left for a new one.
const CLOSED_WITHOUT_DESCRIPTORS: usize = 16;

/// Serves until the process stops.
pub(crate) async fn serve(listener: TcpListener, app: Router, limits: Limits, tasks: Tasks) {
    let pool = Arc::new(Pool::new(limits.server, limits.connections));
    let throttle = LogThrottle::default();
    let stopping = tasks.stopping().clone();
    while let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                // Send small answers at once.
                let _ = stream.set_nodelay(true);
                let Some(connection) = Connection::admit(&pool) else {
                    crate::metrics::connection_closed("refused");
                    continue;
                };
                let served = connection::serve(stream, connection, app.clone(), limits, stopping.clone());
                tasks.spawn(Kind::Connection, served);
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                if let Some(more) = throttle.admit("accept") {
                    tracing::error!(%error, more, "cannot accept connections");
                }
                pool.close_oldest(CLOSED_WITHOUT_DESCRIPTORS);
                let _ = stopping.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
    }
}

/// Whether the error is of the connection that was about to be accepted, and not of the listener.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
