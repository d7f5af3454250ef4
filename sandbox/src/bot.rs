//! The real bot: built from this workspace at each start, initialised, and started.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::aws::{ACCESS_KEY, ACCOUNT, AwsConfig, INIT_KEY, REGION, policies_of};
use crate::output::last_lines;
use crate::processes::{Process, Processes};
use crate::ready::Ready;

/// How long the bot may take until it is ready.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the bot does not run.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    #[error("the bot could not be built; see cargo's messages above")]
    Build,
    #[error("cargo could not be started: {0}")]
    Cargo(std::io::Error),
    #[error("`sluice {command}` {how}. The last lines of {log}:\n{tail}", log = log.display())]
    Failed { command: &'static str, how: String, log: PathBuf, tail: String },
    #[error("the bot could not be started: {0}")]
    Start(#[from] std::io::Error),
}

/// `--workspace` and `--examples` make cargo choose the same features of dependencies as `cargo test --workspace`, and
/// compile them once for both: the AWS SDK alone takes minutes.
const BUILD: [&str; 6] =
    ["build", "--workspace", "--bin", "sluice", "--examples", "--message-format=json-render-diagnostics"];

/// Builds the bot; the path of its executable.
pub async fn build(root: &Path, processes: &Processes) -> Result<PathBuf, BotError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root)
        .args(BUILD)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    // The variables that `cargo run` sets for this package would make some build scripts run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
            .iter()
            .any(|own| text.starts_with(own))
        {
            command.env_remove(&name);
        }
    }
    let mut process = processes.spawn(&mut command).map_err(BotError::Cargo)?;
    let mut executable = None;
    if let Some(stdout) = process.stdout() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            executable = executable_of(&line).or(executable);
        }
    }
    let built = process.wait().await.map_err(BotError::Cargo)?.success();
    executable.filter(|_| built).ok_or(BotError::Build)
}

/// The executable in a line of cargo's messages, if it is the bot's.
fn executable_of(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let ours = message["reason"] == "compiler-artifact"
        && message["target"]["name"] == "sluice"
        && message["target"]["kind"][0] == "bin";
    message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
}

/// Runs `sluice init`, starts the bot, and waits until it is ready. Both run with the policies that `sluice policy`
/// prints for this configuration.
pub async fn start(
    executable: &Path,
    ready: &Ready,
    processes: &Processes,
    folder: &Path,
) -> Result<Process, BotError> {
    let path = folder.join("bot.log");
    let log = File::create(&path)?;
    for (key, verb) in [(INIT_KEY, &["policy", "--init"][..]), (ACCESS_KEY, &["policy"])] {
        let policies = std::path::absolute(policies_of(&AwsConfig::policies_folder(folder), key))?;
        let status = command(executable, verb, ready, folder, &log)?
            .args(["--account", ACCOUNT, "--region", REGION, "--out"])
            .arg(policies)
            .stdout(Stdio::null())
            .status()
            .await?;
        if !status.success() {
            return Err(failed("policy", format!("ended with {status}"), path));
        }
    }
    let mut init = command(executable, &["init"], ready, folder, &log)?;
    let mut init = processes.spawn(init.env("AWS_ACCESS_KEY_ID", INIT_KEY))?;
    let status = init.wait().await?;
    if !status.success() {
        return Err(failed("init", format!("ended with {status}"), path));
    }
    let mut process = processes.spawn(&mut command(executable, &["serve"], ready, folder, &log)?)?;
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build();
    let client = client.map_err(std::io::Error::other)?;
    let began = Instant::now();
    loop {
        if let Some(status) = process.ended() {
            return Err(failed("serve", format!("ended with {status}"), path));
        }
        let answer = client.get(format!("{}/readyz", ready.bot)).send().await;
        let why = match answer {
            Ok(answer) if answer.status().is_success() => return Ok(process),
            Ok(answer) => format!("{}: {}", answer.status(), answer.text().await.unwrap_or_default()),
            Err(_) => "no answer".into(),
        };
        if began.elapsed() > START_TIMEOUT {
            let how = format!("was not ready in {} s ({})", START_TIMEOUT.as_secs(), why.trim());
            return Err(failed("serve", how, path));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The error for a bot that ended by itself.
pub fn ended(status: std::io::Result<std::process::ExitStatus>, folder: &Path) -> BotError {
    let how = status.map_or_else(|error| error.to_string(), |status| format!("ended with {status}"));
    failed("serve", how, folder.join("bot.log"))
}

/// A command of the bot, with the sandbox's environment and little of the machine's.
fn command(
    executable: &Path,
    verb: &[&str],
    ready: &Ready,
    folder: &Path,
    log: &File,
) -> std::io::Result<Command> {
    let mut command = Command::new(executable);
    command.args(verb).current_dir(folder).env_clear().envs(&ready.env);
    for name in ["PATH", "RUST_LOG", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("HOME", folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
    Ok(command)
}

fn failed(command: &'static str, how: String, log: PathBuf) -> BotError {
    let tail = last_lines(&log, 12);
    BotError::Failed { command, how, log, tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_names_the_executable() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"sluice","kind":["bin"]},"executable":"/t/sluice"}"#;
        assert_eq!(executable_of(line), Some("/t/sluice".into()));
        assert_eq!(executable_of(&line.replace("\"bin\"", "\"lib\"")), None);
        assert_eq!(executable_of("not json"), None);
    }
}
