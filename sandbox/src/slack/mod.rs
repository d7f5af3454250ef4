//! Slack on this machine: the Web API, signed deliveries to the bot, the control API and the page, on one port.
//!
//! Guarantees: what Slack refuses is refused, in Slack's words (`blocks`, `chat`); every call of the bot goes through
//! the call log, where faults are armed; a web site that somebody has open cannot reach this port ([`guard`]).

mod blocks;
mod chat;
mod click;
mod clock;
mod command;
mod config;
mod deliver;
mod directory;
mod escape;
mod guard;
mod manifest;
mod message;
mod rate;
mod response_url;
mod web;
mod workspace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::calls::Calls;
pub use click::click;
pub use command::command;
pub use config::SlackConfig;
pub use deliver::{Delivered, Undeliverable, bot_url, redeliver};
pub use escape::escape;
pub use guard::is_here;
pub use manifest::Manifest;
pub use message::{Content, Message, Source};
pub use rate::{Buckets, Rate};
pub use workspace::{Bots, Change, Workspace};

/// The workspace and what it needs; clones share it.
#[derive(Clone)]
pub struct Slack(Arc<Shared>);

struct Shared {
    config: SlackConfig,
    manifest: Manifest,
    calls: Calls,
    workspace: Mutex<Workspace>,
    http: reqwest::Client,
    shutdown: CancellationToken,
}

impl Slack {
    /// A workspace where nothing was said yet.
    pub fn new(config: SlackConfig, calls: Calls, shutdown: CancellationToken) -> std::io::Result<Self> {
        let manifest = Manifest::read(config.manifest.as_deref())?;
        let mut workspace = Workspace::new(config.bot_url.clone());
        workspace.groups =
            config.groups.iter().map(|group| (group.id.clone(), group.users.clone())).collect();
        let workspace = Mutex::new(workspace);
        let http = deliver::client().map_err(std::io::Error::other)?;
        Ok(Self(Arc::new(Shared { config, manifest, calls, workspace, http, shutdown })))
    }

    /// Who and what there is.
    pub fn config(&self) -> &SlackConfig {
        &self.0.config
    }

    /// The app's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The call log.
    pub fn calls(&self) -> &Calls {
        &self.0.calls
    }

    /// Ends when the world ends.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    /// The memory. A panic under the lock leaves at worst one odd message: better than a world that is gone.
    pub fn workspace(&self) -> MutexGuard<'_, Workspace> {
        self.0.workspace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything on the first port.
    pub fn router(&self) -> Router {
        Router::new()
            .merge(web::router())
            .merge(response_url::router())
            .merge(crate::control::router())
            .merge(crate::page::router())
            .layer(axum::middleware::from_fn_with_state(self.clone(), guard::same_machine))
            .with_state(self.clone())
    }
}

/// Serves the workspace until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    config: SlackConfig,
    calls: Calls,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let slack = Slack::new(config, calls, shutdown.clone())?;
    let server =
        axum::serve(listener, slack.router()).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        ended = server => ended,
        // A call that a fault holds would keep its connection, and the world, for ever.
        () = async { shutdown.cancelled().await; tokio::time::sleep(LAST_WORDS).await } => Ok(()),
    }
}

/// How long open connections may go on when the world ends.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(1);

#[cfg(test)]
mod client_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
