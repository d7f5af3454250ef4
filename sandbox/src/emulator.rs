//! The local AWS behind the front: ministack, from the Python environment, on loopback only.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::process::Command;

use crate::aws::{REGION, ROLE_KEY, Upstream};
use crate::bot;
use crate::ports::port;
use crate::processes::{Process, Processes};
use crate::setup::Venv;

/// Starts it, with credentials for functions that name their role.
const PROGRAM: &str = include_str!("emulator.py");
/// How long it may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no local AWS.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    #[error("the local AWS {how}. The last lines of {log}:\n{tail}", log = log.display())]
    Failed { how: String, log: PathBuf, tail: String },
    #[error("the local AWS could not be started: {0}")]
    Start(#[from] std::io::Error),
}

/// Starts it on the port that was held for it; returns when it answers. Functions find AWS at `front`.
pub async fn start(
    held: TcpListener,
    front: &str,
    venv: &Venv,
    folder: &Path,
    processes: &Processes,
) -> Result<(Upstream, Process), EmulatorError> {
    let number = port(&held);
    let base = format!("http://127.0.0.1:{number}");
    let upstream = Upstream::new(base).map_err(std::io::Error::other)?;
    let log = File::create(folder.join("aws.log"))?;
    let copy = log.try_clone()?;
    let host_path = std::env::var("PATH").unwrap_or_default();
    drop(held);
    let program = folder.join("emulator.py");
    std::fs::write(&program, PROGRAM)?;
    let mut command = Command::new(venv.bin.join("python3"));
    command
        .arg(program)
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:{host_path}", venv.bin.display()))
        .env("HOME", folder)
        .env("TMPDIR", folder.join("tmp"))
        .env("GATEWAY_PORT", number.to_string())
        // What functions inherit.
        .env("AWS_ENDPOINT_URL", front)
        .env("SANDBOX_ROLE_KEY", ROLE_KEY)
        // Without these it would open ports to the network.
        .env("BIND_HOST", "127.0.0.1")
        .env("IOT_MTLS_ENABLED", "0")
        .env("MINISTACK_HOST", "localhost")
        .env("MINISTACK_REGION", REGION)
        .env("LOG_LEVEL", "WARNING")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(copy);
    let mut process = processes.spawn(&mut command)?;
    let began = Instant::now();
    while !upstream.is_up().await {
        if let Some(status) = process.ended() {
            return Err(failed(format!("ended with {status}"), folder));
        }
        if began.elapsed() > PATIENCE {
            return Err(failed(format!("did not answer in {} s", PATIENCE.as_secs()), folder));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((upstream, process))
}

/// What it means that it ended although nobody asked it to.
pub fn ended(status: std::io::Result<ExitStatus>, folder: &Path) -> EmulatorError {
    failed(status.map_or_else(|error| error.to_string(), |status| format!("ended with {status}")), folder)
}

fn failed(how: String, folder: &Path) -> EmulatorError {
    let log = folder.join("aws.log");
    let tail = bot::tail(&log);
    EmulatorError::Failed { how, log, tail }
}
