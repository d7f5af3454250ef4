//! `cargo sandbox`: a local world to try Sluice in and to test it against. See `sandbox/README.md`.
#![allow(
    clippy::disallowed_methods,
    reason = "a world for trials: it spawns its servers where they are made, and time is the real one"
)]
#![allow(unreachable_pub, reason = "a binary: `pub` means for the other modules")]

mod aws;
mod bot;
mod calls;
mod cli;
mod control;
mod emulator;
mod page;
mod ports;
mod processes;
mod ready;
mod setup;
mod slack;
mod world;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("SANDBOX_LOG");
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .init();
    let stop = CancellationToken::new();
    if let Err(error) = watch_signals(&stop) {
        world::say(&format!("Cannot listen to signals: {error}"));
        return ExitCode::FAILURE;
    }
    if cli.headless && std::env::var("SLUICE_SANDBOX_STDIN").is_ok_and(|value| value == "1") {
        watch_stdin(stop.clone());
    }
    match world::run(&cli, &stop).await {
        Ok(()) => ExitCode::SUCCESS,
        // As a shell has it for what Ctrl-C ended.
        Err(world::WorldError::Stopped) => ExitCode::from(130),
        Err(error) => {
            world::say(&format!("cargo sandbox: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C, `kill` and a closed terminal end the world.
fn watch_signals(stop: &CancellationToken) -> std::io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let (mut signals, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(())
}

/// Ends the world when whoever started it is gone: a thread, because a read of stdin cannot be cancelled.
fn watch_stdin(stop: CancellationToken) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stop.cancel();
    });
}
