//! A world from its first port to its last process.
//!
//! Guarantees: everything that was started ends with [`run`], whichever way it ends; nothing is started before all
//! ports are held; the folder of a world begins empty.

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
use crate::ports::{PortError, Ports, port};
use crate::processes::{Process, Processes};
use crate::ready::{self, BOT_TOKEN, Ready, SIGNING_SECRET};
use crate::setup::{SetupError, set_up};
use crate::slack::{self, SlackConfig};

/// Why a world does not start, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Bot(#[from] BotError),
    #[error(
        "git is missing or too old (its http-backend is needed). Install it, as with: apt-get install git"
    )]
    NoGit,
    #[error(transparent)]
    Emulator(#[from] EmulatorError),
    #[error("stopped before it was ready")]
    Stopped,
    #[error("{what}: {error}")]
    Io { what: &'static str, error: std::io::Error },
}

/// Runs a world until `stop`.
pub async fn run(cli: &Cli, stop: &CancellationToken) -> Result<(), WorldError> {
    let started = tokio::select! {
        started = World::start(cli) => started?,
        // Dropping the start drops all that it had started.
        () = stop.cancelled() => return Err(WorldError::Stopped),
    };
    match started {
        Some(world) => world.live(stop).await,
        None => Ok(()),
    }
}

struct World {
    ready: Ready,
    folder: PathBuf,
    calls: Calls,
    servers: tokio::task::JoinSet<std::io::Result<()>>,
    emulator: Process,
    bot: Option<Process>,
    /// How a person starts the bot again.
    again: String,
    shutdown: CancellationToken,
}

impl World {
    /// Starts everything; `None` if only the set-up was wanted.
    async fn start(cli: &Cli) -> Result<Option<Self>, WorldError> {
        let (root, target) = folders();
        let processes = Processes::start().map_err(io("cannot start /bin/sh"))?;
        // First of all, so that a port in use is said at once.
        let ports = if cli.setup { None } else { Some(Ports::take(cli.port).await?) };
        let venv = set_up(&target.join("sandbox"), &processes, &|line| say(line)).await?;
        let Some(ports) = ports else {
            say("The sandbox is set up.");
            return Ok(None);
        };
        check_git().await?;
        let folder = target.join("sandbox").join(format!("world-{}", port(&ports.page)));
        make_empty(&folder).map_err(io("cannot make the world's folder"))?;
        let recording =
            Recording::of_environment().map_err(io("cannot record in the folder of SANDBOX_RECORD"))?;
        let calls = Calls::with(recording);
        let strict = Strict::new(cli.lenient.as_ref().clone());
        let at = ports.at.clone();
        let mut slack = SlackConfig::new(&at.page, &at.bot, BOT_TOKEN, SIGNING_SECRET);
        slack.manifest = Some(root.join("manifest.yml")).filter(|path| path.exists());
        slack.strict = strict.clone();
        let mut ready = Ready::new(&at, &slack, &folder);
        ready::write_files(&ready, &venv.bin, &folder).map_err(io("cannot write the world's files"))?;
        slack.ready = serde_json::to_value(&ready).unwrap_or_default();

        let (upstream, emulator) =
            emulator::start(ports.emulator, &at.aws, &venv, &folder, &processes).await?;
        let config = AwsConfig {
            front: at.aws.clone(),
            git: at.git.clone(),
            codebuild: at.codebuild.clone(),
            stages: at.stages.clone(),
            strict,
            folder: folder.clone(),
            tools: venv.bin.clone(),
        };
        let mut servers = aws::serve(config, ports.aws, upstream, calls.clone(), processes.clone())
            .map_err(io("cannot serve AWS"))?;
        let shutdown = CancellationToken::new();
        servers.spawn(slack::serve(ports.page, slack, calls.clone(), shutdown.clone()));
        let mut again = String::new();
        let bot = if cli.no_bot {
            drop(ports.bot);
            None
        } else {
            say("Building the bot…");
            let executable = bot::build(&root, &processes).await?;
            let key = &ready.env["AWS_ACCESS_KEY_ID"];
            let (env, program) = (folder.join("env.sh"), executable.display());
            again = format!("(. {} && AWS_ACCESS_KEY_ID={key} {program} serve)", env.display());
            drop(ports.bot);
            Some(bot::start(&executable, &ready, &processes, &folder).await?)
        };
        ready.bot_pid = bot.as_ref().and_then(Process::id);
        announce(cli, &ready);
        Ok(Some(Self { ready, folder, calls, servers, emulator, bot, again, shutdown }))
    }

    /// Waits for the stop, or for something to break, and ends everything in order.
    async fn live(mut self, stop: &CancellationToken) -> Result<(), WorldError> {
        let ended = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                status = wait(&mut self.bot) => {
                    // The world outlives its bot: what the bot had begun is in the table, and a new one goes on with it.
                    self.bot = None;
                    say(&format!("{}\nStart it again with:\n    {}", bot::ended(status, &self.folder), self.again));
                }
                status = self.emulator.wait() => break Err(emulator::ended(status, &self.folder).into()),
                server = self.servers.join_next() => {
                    let error = match server {
                        Some(Ok(Err(error))) => error,
                        _ => std::io::Error::other("a server ended"),
                    };
                    break Err(WorldError::Io { what: "the world broke", error });
                }
            }
        };
        // What a fault still holds would keep the bot from ending.
        self.calls.clear();
        if let Some(bot) = &mut self.bot {
            bot.stop(Duration::from_secs(5)).await;
        }
        self.shutdown.cancel();
        // It holds nothing that is worth a goodbye.
        self.emulator.stop(Duration::ZERO).await;
        self.servers.shutdown().await;
        say(&format!("Ended. The logs are in {}", self.ready.folder));
        ended
    }
}

async fn wait(bot: &mut Option<Process>) -> std::io::Result<std::process::ExitStatus> {
    match bot {
        Some(bot) => bot.wait().await,
        None => std::future::pending().await,
    }
}

/// The workspace's root and its target folder: where cargo put this very program.
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

async fn check_git() -> Result<(), WorldError> {
    let path = Command::new("git").arg("--exec-path").stdin(Stdio::null()).output().await;
    let path = path.map_err(|_| WorldError::NoGit)?;
    let folder = PathBuf::from(String::from_utf8_lossy(&path.stdout).trim());
    if folder.join("git-http-backend").exists() { Ok(()) } else { Err(WorldError::NoGit) }
}

fn announce(cli: &Cli, ready: &Ready) {
    if cli.headless {
        print(&serde_json::to_string(ready).unwrap_or_default());
        return;
    }
    let bot = if cli.no_bot { "not started; expected at" } else { "answers at" };
    print(&format!(
        "\nSluice is ready. Open this page and type /repo create orders\n\n    {}\n\n\
         The bot {bot} {}. For the aws command line in this world:\n    . {}/env.sh\n\
         Logs are in {}. Ctrl-C ends everything.\n",
        ready.page, ready.bot, ready.folder, ready.folder
    ));
}

/// To standard output, which is for what people and programs wait for.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// To standard error: what goes on meanwhile.
pub fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> WorldError {
    move |error| WorldError::Io { what, error }
}
