//! `cargo sandbox`: Slack, AWS and git on one machine, to try Sluice in and to test it against. See `sandbox/README.md`.
#![allow(
    clippy::disallowed_methods,
    reason = "not part of the product: it spawns its servers where it creates them, and uses the wall clock"
)]
#![allow(unreachable_pub, reason = "a binary: `pub` means visible to other modules")]

mod addresses;
mod aws;
mod bot;
mod calls;
mod cli;
mod control;
mod emulator;
mod guard;
mod node;
mod output;
mod packager;
mod page;
mod ports;
mod processes;
mod ready;
mod sandbox;
mod server;
mod setup;
mod slack;
mod token_bucket;

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
        sandbox::say(&format!("Cannot listen for signals: {error}"));
        return ExitCode::FAILURE;
    }
    if cli.headless && std::env::var("SLUICE_SANDBOX_STDIN").is_ok_and(|value| value == "1") {
        watch_stdin(stop.clone());
    }
    match sandbox::run(&cli, &stop).await {
        Ok(()) => ExitCode::SUCCESS,
        // The status that a shell gives a program ended by Ctrl-C.
        Err(sandbox::SandboxError::Stopped) => ExitCode::from(130),
        Err(error) => {
            sandbox::say(&format!("cargo sandbox: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C, `kill` and a closed terminal end the sandbox.
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

/// Ends the sandbox when the program that started it ends. A thread, because a read of stdin cannot be cancelled.
fn watch_stdin(stop: CancellationToken) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stop.cancel();
    });
}
