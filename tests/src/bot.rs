//! The bot as a child of the test: started, killed and started again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::binaries;
use crate::eventually::{PATIENCE, eventually};
use crate::rights;
use crate::world::World;

/// A bot that is running; dropped, it is killed.
#[derive(Debug)]
pub struct Bot {
    bot: Child,
    url: String,
    /// Kills the bot when its standard input closes: should this program die without a goodbye, the bot does too.
    watcher: Child,
}

impl Drop for Bot {
    fn drop(&mut self) {
        // The watcher first: it must not aim at a number that somebody else has by then.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
        let _ = self.bot.kill();
        let _ = self.bot.wait();
    }
}

impl Bot {
    /// `sluice init` in a world without a bot. It says itself that it is safe to run again, which a machine too busy to
    /// answer in time needs.
    pub fn init(world: &World) {
        Self::init_with(world, &[]);
    }

    /// The same, with these variables besides the world's.
    pub fn init_with(world: &World, more: &[(&str, &str)]) {
        let env = with(world, more);
        let runs = || command(world, &["init"], &env).status().expect("the bot starts").success();
        assert!((0..5).any(|_| runs()), "sluice init\n{}", world.log_tail());
    }

    /// `sluice serve`, ready, with these variables besides the world's.
    pub async fn serve(world: &World, more: &[(&str, &str)]) -> Self {
        Self::spawn(world, more).ready(world).await
    }

    /// One more `sluice serve` in the same world, ready, at an address of its own: see [`World::via`].
    pub async fn replica(world: &World, more: &[(&str, &str)]) -> Self {
        Self::beside(world, &["serve"], more).await
    }

    /// The same, but `sluice serve --accept-only`: it takes commands and clicks, and leaves the work to others.
    pub async fn front(world: &World, more: &[(&str, &str)]) -> Self {
        Self::beside(world, &["serve", "--accept-only"], more).await
    }

    async fn beside(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> Self {
        let listen = free_address();
        let more = [&[("SLUICE_LISTEN", listen.as_str())], more].concat();
        Self::start(world, arguments, &more).ready(world).await
    }

    async fn ready(mut self, world: &World) -> Self {
        let (url, bot) = (format!("{}/readyz", self.url), &mut self.bot);
        eventually("the bot is to be ready", PATIENCE, async || {
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

    /// `sluice serve`, as it begins.
    pub fn spawn(world: &World, more: &[(&str, &str)]) -> Self {
        Self::start(world, &["serve"], more)
    }

    /// `sluice` with these arguments, as it begins; what it prints goes to the log.
    pub fn begins(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> Self {
        Self::start(world, arguments, more)
    }

    fn start(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> Self {
        let env = with(world, more);
        let bot = command(world, arguments, &env).spawn().expect("the bot starts");
        let mut watcher = Command::new("sh");
        watcher.args(["-c", &format!("cat > /dev/null; kill -9 {}", bot.id())]).stdin(Stdio::piped());
        let url = format!("http://{}", env["SLUICE_LISTEN"]);
        Self { bot, url, watcher: watcher.spawn().expect("a shell starts") }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// SIGTERM, as every scheduler sends it: with what status it ended, and after how long.
    pub async fn terminate(mut self, world: &World) -> (ExitStatus, Duration) {
        let began = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &self.bot.id().to_string()]).status();
        assert!(sent.expect("kill starts").success());
        let bot = &mut self.bot;
        let ended = eventually("the bot is to end", Duration::from_secs(30), async || match bot.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}\n{}", world.log_tail())),
        });
        (ended.await, began.elapsed())
    }

    /// SIGHUP, after its configuration was changed.
    pub fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.bot.id().to_string()]).status();
        assert!(sent.expect("kill starts").success());
    }

    /// `kill -9`.
    pub fn kill(self) {
        drop(self);
    }

    /// `sluice serve` with exactly these variables, which is to refuse: its exit status and what it printed.
    pub fn refuses(world: &World, env: &BTreeMap<String, String>) -> (Option<i32>, String) {
        Self::outcome(world, "serve", env)
    }

    /// `sluice check` with exactly these variables: its exit status and what it printed.
    pub fn checks(world: &World, env: &BTreeMap<String, String>) -> (Option<i32>, String) {
        Self::outcome(world, "check", env)
    }

    fn outcome(world: &World, verb: &str, env: &BTreeMap<String, String>) -> (Option<i32>, String) {
        let mut command = command(world, &[verb], env);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the bot starts");
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
    }

    /// `sluice` with these arguments and these variables besides the world's, to its end: its exit status and what it
    /// printed.
    pub fn runs(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = command(world, arguments, &with(world, more));
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the bot starts");
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
    }

    /// The same, but only what it wrote to standard output; the rest goes to the log.
    pub fn writes(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = command(world, arguments, &with(world, more));
        let output = command.stdout(Stdio::piped()).output().expect("the bot starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What `sluice` prints for these arguments.
    pub fn prints(arguments: &[&str]) -> String {
        let output =
            Command::new(binaries::bot()).args(arguments).env_clear().output().expect("the bot starts");
        assert!(output.status.success(), "sluice {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The world's variables and these.
/// An address that was free a moment ago; should somebody be quicker, the bot says so and the test fails.
pub fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    free.to_string()
}

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
