//! The shared state of the imitated Slack.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::config::SlackConfig;
use super::links::Sockets;
use super::manifest::Manifest;
use super::workspace::Workspace;
use crate::calls::Calls;

/// How long Slack waits for an answer to a delivery.
const ACK_TIMEOUT: Duration = Duration::from_secs(3);

/// The workspace and what it needs; clones share it.
#[derive(Clone)]
pub struct Slack(Arc<Shared>);

struct Shared {
    config: SlackConfig,
    manifest: Manifest,
    calls: Calls,
    workspace: Mutex<Workspace>,
    http: reqwest::Client,
    sockets: Sockets,
    shutdown: CancellationToken,
}

impl Slack {
    /// A workspace without messages.
    pub fn new(config: SlackConfig, calls: Calls, shutdown: CancellationToken) -> std::io::Result<Self> {
        let manifest = Manifest::read(config.manifest.as_deref())?;
        let mut workspace = Workspace::new(config.bot_url.clone());
        workspace.groups =
            config.groups.iter().map(|group| (group.id.clone(), group.users.clone())).collect();
        let workspace = Mutex::new(workspace);
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(ACK_TIMEOUT)
            .build()
            .map_err(std::io::Error::other)?;
        let sockets = Sockets::default();
        Ok(Self(Arc::new(Shared { config, manifest, calls, workspace, http, sockets, shutdown })))
    }

    pub fn config(&self) -> &SlackConfig {
        &self.0.config
    }

    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    pub fn calls(&self) -> &Calls {
        &self.0.calls
    }

    /// The client for deliveries. It waits as long as Slack does.
    pub fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    /// The connections of Socket Mode.
    pub fn sockets(&self) -> &Sockets {
        &self.0.sockets
    }

    /// Cancelled when the sandbox ends.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    pub fn workspace(&self) -> MutexGuard<'_, Workspace> {
        self.0.workspace.lock()
    }
}
