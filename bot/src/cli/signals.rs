//! The signals that `serve` and `run` react to.

use tokio::signal::unix::{SignalKind, signal};

use super::console::warn;
use crate::tasks;

/// Waits for SIGTERM, as from a service manager, or SIGINT, as from a terminal.
pub(super) async fn stop_requested() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the system's defaults apply: the process ends at once.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Ends the process ten seconds after the request to stop, whatever its threads do.
pub(super) fn exit_by_deadline() {
    tasks::last_resort::after(stop_requested(), tasks::LAST_RESORT, || {
        warn("sluice did not stop in time and ends now. Another replica continues its operations.\n");
        std::process::exit(1);
    });
}

/// Calls `reload` on each SIGHUP. It never returns.
pub(super) async fn on_hang_up(reload: impl Fn()) -> std::convert::Infallible {
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else { return std::future::pending().await };
    while hang_up.recv().await.is_some() {
        reload();
    }
    std::future::pending().await
}
