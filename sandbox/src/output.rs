//! Programs of the installation, whose output is shown only if they fail.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::processes::Processes;

/// Runs a command; its last lines of output if it fails.
pub async fn run(processes: &Processes, command: &mut Command) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("output");
    let output = File::create(&path).map_err(|error| error.to_string())?;
    let copy = output.try_clone().map_err(|error| error.to_string())?;
    command.stdin(Stdio::null()).stdout(output).stderr(copy);
    let status = match processes.spawn(command) {
        Ok(mut process) => process.wait().await.map_err(|error| error.to_string())?,
        Err(error) => return Err(error.to_string()),
    };
    if status.success() {
        return Ok(());
    }
    Err(last_lines(&path, 8))
}

/// The last lines of a log.
pub fn last_lines(log: &Path, count: usize) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
