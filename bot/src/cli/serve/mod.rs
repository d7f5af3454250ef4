//! `sluice serve`: loads the configuration, binds the sockets, and serves until a signal or a fatal error.

mod open_files;
mod server;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::exit::Exit;
use super::setup::{both, slack_client, slack_dialer};
use super::signals::{exit_by_deadline, on_hang_up, stop_requested};
use crate::config::{Config, Problem, Reload, Sources};
use crate::wiring::Account;
use server::{Connections, Listeners, serve};

pub(super) async fn run(sources: Sources, accept_only: bool) -> Result<Exit, Vec<Problem>> {
    let (config, account) = both(Config::load(sources.clone()), Account::load().await)?;
    let backend = account.with_state(&config.base);
    let reload = Reload::new(sources, config.clone(), backend.pinned());
    let connections = Connections { slack: Arc::new(slack_client(&config)?), dialer: slack_dialer(&config)? };
    exit_by_deadline();
    open_files::raise_limit();
    let metrics = match config.base.metrics {
        Some(address) => Some(listen("SLUICE_METRICS", address).await?),
        None => None,
    };
    let listeners = Listeners { slack: listen("SLUICE_LISTEN", config.base.listen).await?, metrics };
    let serving = serve(listeners, &config, connections, Arc::new(backend), accept_only, stop_requested());
    Ok(tokio::select! {
        exit = serving => exit,
        never = on_hang_up(|| reload.again()) => match never {},
    })
}

async fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener, Vec<Problem>> {
    match TcpListener::bind(address).await {
        Ok(listener) => {
            let address = listener.local_addr().unwrap_or(address);
            tracing::info!(%address, setting, "listening");
            Ok(listener)
        }
        Err(error) => {
            Err(vec![Problem::new(setting, format!("cannot listen on {address}: {}", error.kind()))])
        }
    }
}
