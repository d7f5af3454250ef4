//! A sandbox without a bot, a bot of our own beside it, and the ways to talk to both.
//!
//! The programs are built first, so that no old one is measured. All of it ends with the value that holds it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Result;

/// How long anything may take to come about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The executables of this workspace.
pub(crate) struct Programs {
    sluice: PathBuf,
    sandbox: PathBuf,
}

/// Builds them, in the profile of this very program.
pub(crate) fn build() -> Result<Programs> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    // The features of dependencies as the tests and the sandbox choose them: the AWS SDK is compiled once for all.
    command.args(["build", "--workspace", "--bins", "--examples"]);
    command.args(["--message-format=json-render-diagnostics"]).stderr(Stdio::inherit());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    // What `cargo run` says of this package would make some build scripts run again.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_")) {
        if !["CARGO_HOME", "CARGO_TARGET_DIR"].iter().any(|kept| name == *kept) {
            command.env_remove(name);
        }
    }
    let output = command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).output()?;
    if !output.status.success() {
        return Err("the programs could not be built".into());
    }
    let executable = |wanted: &str| {
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let mut messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        messages.find_map(|message| {
            let found = message["target"]["name"] == wanted && message["target"]["kind"][0] == "bin";
            message["executable"].as_str().filter(|_| found).map(PathBuf::from)
        })
    };
    let missing = "cargo named no executable";
    Ok(Programs {
        sluice: executable("sluice").ok_or(missing)?,
        sandbox: executable("sluice-sandbox").ok_or(missing)?,
    })
}

/// The line of `--headless`, as far as it is needed.
#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) page: String,
    pub(crate) bot: String,
    pub(crate) aws: String,
    pub(crate) git: String,
    pub(crate) users: Vec<String>,
    pub(crate) channel: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) observer: String,
    pub(crate) folder: PathBuf,
}

/// A world that runs.
pub(crate) struct World {
    pub(crate) ready: Ready,
    pub(crate) http: reqwest::Client,
    executable: PathBuf,
    sandbox: Child,
    bot: Option<Child>,
}

impl World {
    /// Starts a sandbox and sets its table up; there is no bot yet.
    pub(crate) async fn start(programs: &Programs) -> Result<Self> {
        let mut sandbox = Command::new(&programs.sandbox)
            .args(["--headless", "--no-bot", "--port", "0", "--lenient", "all"])
            .env("SLUICE_SANDBOX_STDIN", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = sandbox.stdout.take().ok_or("the sandbox has no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let ready: Ready = serde_json::from_str(&line.ok_or("the sandbox ended before it was ready")?)?;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        let world = Self { ready, http, executable: programs.sluice.clone(), sandbox, bot: None };
        let init = world.command(&["init"])?.status().await?;
        if !init.success() {
            return Err(format!("`sluice init` ended with {init}").into());
        }
        Ok(world)
    }

    fn command(&self, args: &[&str]) -> Result<Command> {
        let log = File::options().create(true).append(true).open(self.ready.folder.join("bot.log"))?;
        let mut command = Command::new(&self.executable);
        command.args(args).env_clear().envs(&self.ready.env).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    /// Starts a bot and waits until it takes commands.
    pub(crate) async fn start_bot(&mut self, args: &[&str]) -> Result<()> {
        let args: Vec<&str> = ["serve"].iter().chain(args).copied().collect();
        self.bot = Some(self.command(&args)?.spawn()?);
        let url = format!("{}/readyz", self.ready.bot);
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the bot was not ready in time: see bot.log of the world".into())
    }

    /// Ends the bot, as `kill -9` does: what it promises must not depend on a farewell.
    pub(crate) async fn stop_bot(&mut self) -> Result<()> {
        if let Some(mut bot) = self.bot.take() {
            bot.kill().await?;
        }
        Ok(())
    }

    /// The bot's memory, in MB.
    pub(crate) fn resident_mb(&self) -> f64 {
        self.bot.as_ref().and_then(Child::id).map_or(0.0, crate::machine::resident_mb)
    }

    /// Ends the world.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.stop_bot().await?;
        drop(self.sandbox.stdin.take());
        self.sandbox.wait().await?;
        Ok(())
    }

    /// Asks the control API.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        Ok(self
            .http
            .get(format!("{}{path}", self.ready.page))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?)
    }

    /// Tells the control API something.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.http.post(format!("{}{path}", self.ready.page)).json(body).send().await?;
        let status = answer.status();
        let said: Value = answer.json().await?;
        if status.is_success() { Ok(said) } else { Err(format!("{path}: {status}: {said}").into()) }
    }

    /// Takes Slack's rate limits away: they are not what is measured.
    pub(crate) async fn lift_limits(&self) -> Result<()> {
        let rate = json!({"burst": 100_000, "per_second": 10_000.0});
        self.post("/control/limits", &json!({"post": rate, "update": rate})).await?;
        Ok(())
    }

    /// Types a command; the text of the answer.
    pub(crate) async fn say(&self, user: usize, line: &str) -> Result<String> {
        let (command, text) = line.split_once(' ').unwrap_or((line, ""));
        let user = self.ready.users.get(user).ok_or("there are not so many people")?;
        let body = json!({"user": user, "channel": self.ready.channel, "command": command, "text": text});
        let answer = self.post("/control/command", &body).await?;
        if answer["http_status"] != 200 {
            return Err(format!("{line}: {answer}").into());
        }
        let said = &answer["ack_body"];
        Ok(said["text"].as_str().or(said.as_str()).unwrap_or_default().to_owned())
    }

    /// The newest message of the channel in which `wanted` finds what it looks for.
    pub(crate) async fn message(&self, wanted: impl Fn(&str, &Value) -> bool) -> Result<Value> {
        let path = format!("/control/messages?channel={}", self.ready.channel);
        let until = Instant::now() + PATIENCE;
        let mut last = Value::Null;
        while Instant::now() < until {
            last = self.get(&path).await?["messages"].take();
            let mut newest = last.as_array().into_iter().flatten().rev();
            if let Some(found) =
                newest.find(|message| wanted(message["text"].as_str().unwrap_or(""), message))
            {
                return Ok(found.clone());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let newest = last.as_array().and_then(|all| all.last()).map(|message| message["text"].clone());
        Err(format!("the expected message did not come; the newest is {newest:?}").into())
    }
}
