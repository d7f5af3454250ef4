//! The local AWS: ministack, from the Python environment, on loopback only.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::process::Command;

use crate::aws::{REGION, ROLE_KEY, Upstream};
use crate::output::last_lines;
use crate::ports::port;
use crate::processes::{Process, Processes};
use crate::setup::Venv;

/// Starts ministack, and gives functions credentials that name their role.
const PROGRAM: &str = include_str!("emulator.py");
/// How long the local AWS may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the local AWS does not run.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    #[error("the local AWS {how}. The last lines of {log}:\n{tail}", log = log.display())]
    Failed { how: String, log: PathBuf, tail: String },
    #[error("the local AWS could not be started: {0}")]
    Start(#[from] std::io::Error),
}

/// Starts the local AWS on the port of `held`, and waits until it answers. Functions get `front` as their AWS endpoint.
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
    // Functions are unpacked below the folder for temporary files, and Node.js looks for packages in all folders above.
    std::os::unix::fs::symlink(&venv.node_modules, folder.join("tmp/node_modules"))?;
    let mut command = Command::new(venv.bin.join("python3"));
    command
        .arg(program)
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:{host_path}", venv.bin.display()))
        .env("HOME", folder)
        .env("TMPDIR", folder.join("tmp"))
        .env("GATEWAY_PORT", number.to_string())
        // Functions inherit these two.
        .env("AWS_ENDPOINT_URL", front)
        .env("SANDBOX_ROLE_KEY", ROLE_KEY)
        // Without these, ministack would listen on all interfaces.
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
        if began.elapsed() > START_TIMEOUT {
            return Err(failed(format!("did not answer in {} s", START_TIMEOUT.as_secs()), folder));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((upstream, process))
}

/// The error for a local AWS that ended by itself.
pub fn ended(status: std::io::Result<ExitStatus>, folder: &Path) -> EmulatorError {
    failed(status.map_or_else(|error| error.to_string(), |status| format!("ended with {status}")), folder)
}

fn failed(how: String, folder: &Path) -> EmulatorError {
    let log = folder.join("aws.log");
    let tail = last_lines(&log, 12);
    EmulatorError::Failed { how, log, tail }
}
