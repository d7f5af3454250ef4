//! A sandbox, from its first port to its last process.
//!
//! Guarantees: everything that was started ends with [`run`], however it ends; nothing starts before all ports are bound;
//! the sandbox's folder is empty at first.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::aws::{self, AwsConfig, Strict};
use crate::bot::{self, BotError};
use crate::calls::{Calls, Recording};
use crate::cli::Cli;
use crate::emulator::{self, EmulatorError};
use crate::packager;
use crate::ports::{PortError, Ports, port};
use crate::processes::{Process, Processes};
use crate::ready::{self, BOT_TOKEN, Ready, SIGNING_SECRET};
use crate::server;
use crate::setup::{SetupError, set_up};
use crate::slack::{Slack, SlackConfig};

/// Why a sandbox did not start, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Bot(#[from] BotError),
    #[error(
        "git is missing or too old (its http-backend is needed). Install it, for example with: apt-get install git"
    )]
    NoGit,
    #[error(transparent)]
    Emulator(#[from] EmulatorError),
    #[error("stopped before it was ready")]
    Stopped,
    #[error("{what}: {error}")]
    Io { what: &'static str, error: std::io::Error },
}

pub async fn run(cli: &Cli, stop: &CancellationToken) -> Result<(), SandboxError> {
    let started = tokio::select! {
        started = Sandbox::start(cli) => started?,
        // Dropping the future drops everything that it had started.
        () = stop.cancelled() => return Err(SandboxError::Stopped),
    };
    match started {
        Some(sandbox) => sandbox.run(stop).await,
        None => Ok(()),
    }
}

struct Sandbox {
    ready: Ready,
    folder: PathBuf,
    calls: Calls,
    servers: tokio::task::JoinSet<std::io::Result<()>>,
    emulator: Process,
    bot: Option<Process>,
    /// The shell command that starts the bot again.
    restart: String,
    shutdown: CancellationToken,
}

impl Sandbox {
    /// Starts everything; `None` after `--setup`.
    async fn start(cli: &Cli) -> Result<Option<Self>, SandboxError> {
        let (root, target) = folders();
        let processes = Processes::start().map_err(io("cannot start /bin/sh"))?;
        // First, to report a port in use at once.
        let ports = if cli.setup { None } else { Some(Ports::bind(cli.port).await?) };
        let installed = target.join("sandbox");
        let venv = set_up(&installed, &processes, &|line| say(line)).await?;
        let packager = packager::prepare(&root, &installed, &venv, &processes, &|line| say(line)).await?;
        let Some(ports) = ports else {
            say("The sandbox is installed.");
            return Ok(None);
        };
        check_git().await?;
        let folder = installed.join(format!("world-{}", port(&ports.page)));
        make_empty(&folder).map_err(io("cannot create the sandbox's folder"))?;
        let recording = Recording::from_env().map_err(io("cannot write to the folder in SANDBOX_RECORD"))?;
        let calls = Calls::with(recording);
        let strict = Strict::new(cli.lenient.as_ref().clone());
        let at = ports.at.clone();
        let mut slack = SlackConfig::new(&at.page, &at.bot, BOT_TOKEN, SIGNING_SECRET);
        slack.manifest = Some(root.join("manifest.yml")).filter(|path| path.exists());
        slack.strict = strict.clone();
        slack.uses_sockets = cli.socket;
        let mut ready = Ready::new(&at, &slack, &folder, &root);
        ready.env.insert("SLUICE_LOOK_AFTER".to_owned(), cli.look_after.to_string());
        ready::write_files(&ready, &venv.bin, &folder).map_err(io("cannot write the sandbox's files"))?;
        slack.ready = serde_json::to_value(&ready).unwrap_or_default();

        let (upstream, emulator) =
            emulator::start(ports.emulator, &at.aws, &venv, &folder, &processes).await?;
        let config = AwsConfig { at, strict, folder: folder.clone(), tools: venv.bin.clone(), packager };
        let mut servers = aws::serve(config, ports.aws, upstream, calls.clone(), processes.clone())
            .map_err(io("cannot serve AWS"))?;
        let shutdown = CancellationToken::new();
        let slack =
            Slack::new(slack, calls.clone(), shutdown.clone()).map_err(io("cannot read manifest.yml"))?;
        servers.spawn(server::serve(ports.page, slack));
        let mut restart = String::new();
        let bot = if cli.no_bot {
            drop(ports.bot);
            None
        } else {
            say("Building the bot…");
            let executable = bot::build(&root, &processes).await?;
            let key = &ready.env["AWS_ACCESS_KEY_ID"];
            let (env, program) = (folder.join("env.sh"), executable.display());
            restart = format!("(. {} && AWS_ACCESS_KEY_ID={key} {program} serve)", env.display());
            drop(ports.bot);
            Some(bot::start(&executable, &ready, &processes, &folder).await?)
        };
        ready.bot_pid = bot.as_ref().and_then(Process::id);
        announce(cli, &ready);
        Ok(Some(Self { ready, folder, calls, servers, emulator, bot, restart, shutdown }))
    }

    /// Waits for `stop` or for a failure, then ends everything in order.
    async fn run(mut self, stop: &CancellationToken) -> Result<(), SandboxError> {
        let ended = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                status = wait(&mut self.bot) => {
                    // The sandbox outlives its bot: the table has what the bot began, and a new bot resumes it.
                    self.bot = None;
                    say(&format!("{}\nStart it again with:\n    {}", bot::ended(status, &self.folder), self.restart));
                }
                status = self.emulator.wait() => break Err(emulator::ended(status, &self.folder).into()),
                server = self.servers.join_next() => {
                    let error = match server {
                        Some(Ok(Err(error))) => error,
                        _ => std::io::Error::other("a server ended"),
                    };
                    break Err(SandboxError::Io { what: "the sandbox failed", error });
                }
            }
        };
        // A call that a fault still holds would keep the bot from ending.
        self.calls.clear();
        if let Some(bot) = &mut self.bot {
            bot.stop(Duration::from_secs(5)).await;
        }
        self.shutdown.cancel();
        // The emulator has no state worth a clean shutdown.
        self.emulator.stop(Duration::ZERO).await;
        self.servers.shutdown().await;
        say(&format!("Stopped. The logs are in {}", self.ready.folder));
        ended
    }
}

async fn wait(bot: &mut Option<Process>) -> std::io::Result<std::process::ExitStatus> {
    match bot {
        Some(bot) => bot.wait().await,
        None => std::future::pending().await,
    }
}

/// The root of the Cargo workspace, and the target folder that holds this program.
pub fn folders() -> (PathBuf, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default();
    let executable = std::env::current_exe().unwrap_or_default();
    let target = executable.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    let target = target.map_or_else(|| root.join("target"), Path::to_path_buf);
    (root, target)
}

fn make_empty(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(folder.join("tmp"))?;
    std::fs::create_dir_all(AwsConfig::policies_folder(folder))
}

async fn check_git() -> Result<(), SandboxError> {
    let path = Command::new("git").arg("--exec-path").stdin(Stdio::null()).output().await;
    let path = path.map_err(|_| SandboxError::NoGit)?;
    let folder = PathBuf::from(String::from_utf8_lossy(&path.stdout).trim());
    if folder.join("git-http-backend").exists() { Ok(()) } else { Err(SandboxError::NoGit) }
}

fn announce(cli: &Cli, ready: &Ready) {
    if cli.headless {
        print(&serde_json::to_string(ready).unwrap_or_default());
        return;
    }
    let bot = if cli.no_bot { "was not started; the sandbox expects yours at" } else { "answers at" };
    print(&format!(
        "\nSluice is ready. Open this page and type /repo create orders\n\n    {}\n\n\
          The bot {bot} {}. To use the aws command line with the sandbox, run:\n    . {}/env.sh\n\
          The logs are in {}. Press Ctrl-C to stop everything.\n",
        ready.page, ready.bot, ready.folder, ready.folder
    ));
}

/// Prints to standard output: the result that people and programs wait for.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints to standard error: progress and failures.
pub fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> SandboxError {
    move |error| SandboxError::Io { what, error }
}
