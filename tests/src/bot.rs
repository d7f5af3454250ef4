//! The bot as a child process of the test: started, stopped, killed, started again, or run to its end.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::binaries;
use crate::eventually::{PATIENCE, eventually};
use crate::rights;
use crate::world::World;

/// The exit status of a run and what it printed.
type Output = (Option<i32>, String);

/// A running bot. Dropping it kills it.
#[derive(Debug)]
pub struct Bot {
    bot: Child,
    url: String,
    /// A shell that kills the bot when its standard input closes: the bot then ends even if this program is killed.
    watcher: Child,
}

impl Drop for Bot {
    fn drop(&mut self) {
        // The watcher first: after the bot's end its process id may belong to another process.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
        let _ = self.bot.kill();
        let _ = self.bot.wait();
    }
}

impl Bot {
    /// Runs `sluice init` in a world without a bot. It is safe to repeat, which a busy machine needs.
    pub fn init(world: &World) {
        Self::init_with(world, &[]);
    }

    /// The same, with variables on top of the world's.
    pub fn init_with(world: &World, more: &[(&str, &str)]) {
        let env = with(world, more);
        let runs = || command(world, &["init"], &env).status().expect("the bot starts").success();
        assert!((0..5).any(|_| runs()), "sluice init\n{}", world.log_tail());
    }

    /// Starts `sluice serve` with variables on top of the world's, and waits until it is ready.
    pub async fn serve(world: &World, more: &[(&str, &str)]) -> Self {
        Self::spawn(world, &["serve"], more).ready(world).await
    }

    /// Starts `sluice serve --accept-only` in the place of `serve`: it accepts commands and clicks and drives nothing.
    pub async fn serve_accept_only(world: &World) -> Self {
        Self::spawn(world, &["serve", "--accept-only"], &[]).ready(world).await
    }

    /// Starts one more `sluice serve` with an address of its own: see [`World::via`].
    pub async fn replica(world: &World, more: &[(&str, &str)]) -> Self {
        Self::beside(world, &["serve"], more).await
    }

    /// The same with `--accept-only`.
    pub async fn front(world: &World, more: &[(&str, &str)]) -> Self {
        Self::beside(world, &["serve", "--accept-only"], more).await
    }

    async fn beside(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> Self {
        let listen = free_address();
        let more = [&[("SLUICE_LISTEN", listen.as_str())], more].concat();
        Self::spawn(world, arguments, &more).ready(world).await
    }

    async fn ready(mut self, world: &World) -> Self {
        let (url, bot) = (format!("{}/readyz", self.url), &mut self.bot);
        eventually("the bot is ready", PATIENCE, async || {
            if let Ok(Some(status)) = bot.try_wait() {
                panic!("the bot ended with {status}\n{}", world.log_tail());
            }
            match world.http.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => Ok(()),
                Ok(answer) => Err(answer.text().await.unwrap_or_default()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        self
    }

    /// Starts `sluice` with these arguments and does not wait. Its output goes to the world's log.
    pub fn spawn(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> Self {
        let env = with(world, more);
        let bot = command(world, arguments, &env).spawn().expect("the bot starts");
        let mut watcher = Command::new("sh");
        watcher.args(["-c", &format!("cat > /dev/null; kill -9 {}", bot.id())]).stdin(Stdio::piped());
        let url = format!("http://{}", env["SLUICE_LISTEN"]);
        Self { bot, url, watcher: watcher.spawn().expect("a shell starts") }
    }

    /// The address that it listens on.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.bot.id()
    }

    /// Sends SIGTERM, as every scheduler does: the exit status, and the time until the end.
    pub async fn terminate(mut self, world: &World) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.signal("-TERM");
        let bot = &mut self.bot;
        let ended = eventually("the bot ends", Duration::from_secs(30), async || match bot.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}\n{}", world.log_tail())),
        });
        (ended.await, began.elapsed())
    }

    /// Sends SIGHUP.
    pub fn sighup(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.expect("kill starts").success());
    }

    /// `kill -9`.
    pub fn kill(self) {
        drop(self);
    }

    /// Runs `sluice` with these arguments, and variables on top of the world's.
    pub fn run(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> Output {
        Self::run_with(world, arguments, &with(world, more))
    }

    /// The same as [`Bot::run`], with that standard input.
    pub fn run_with_input(world: &World, arguments: &[&str], input: &str) -> Output {
        let mut command = command(world, arguments, &with(world, &[]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the bot starts");
        // A refused command may end before it reads.
        let _ = process.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        let output = process.wait_with_output().expect("the bot ends");
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
    }

    /// The same with exactly these variables.
    pub fn run_with(world: &World, arguments: &[&str], env: &BTreeMap<String, String>) -> Output {
        let mut command = command(world, arguments, env);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the bot starts");
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
    }

    /// The same as [`Bot::run`], with standard output only; the rest goes to the world's log.
    pub fn stdout_of(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> Output {
        let mut command = command(world, arguments, &with(world, more));
        let output = command.stdout(Stdio::piped()).output().expect("the bot starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The standard output of `sluice` with these arguments, in no world.
    pub fn print(arguments: &[&str]) -> String {
        let output =
            Command::new(binaries::bot()).args(arguments).env_clear().output().expect("the bot starts");
        assert!(output.status.success(), "sluice {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl World {
    /// The same world, with deliveries to that bot.
    pub fn via(&self, bot: &Bot) -> Self {
        Self { to: Some(bot.url().to_owned()), ..self.clone() }
    }

    /// From now on, deliveries that name no bot go to these in turn.
    pub async fn balance(&self, bots: &[&Bot]) {
        let urls: Vec<&str> = bots.iter().map(|bot| bot.url()).collect();
        self.control("bots", &json!({ "urls": urls })).await;
    }
}

/// An address that was free a moment ago. If another process takes it first, the bot reports that and the test fails.
pub fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    free.to_string()
}

/// The world's variables and these.
fn with(world: &World, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut env = world.ready.env.clone();
    env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    env
}

fn command(world: &World, arguments: &[&str], env: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(binaries::bot());
    let log = log(world);
    let own = world.ready.env["AWS_ACCESS_KEY_ID"].as_str();
    let key = rights::key(&world.ready.folder, (own, arguments), env);
    let env = rights::with_key(env.clone(), key);
    command.args(arguments).current_dir(&world.ready.folder).env_clear().envs(env);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command
}

fn log(world: &World) -> File {
    OpenOptions::new().create(true).append(true).open(world.ready.folder.join("bot.log")).unwrap()
}
