//! The bot as a child of the test: started, killed and started again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::binaries;
use crate::eventually::eventually;
use crate::world::World;

/// A bot that is running; dropped, it is killed.
#[derive(Debug)]
pub struct Bot {
    bot: Child,
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
    /// `sluice init` in a world without a bot.
    pub fn init(world: &World) {
        let status = command(world, &["init"], &world.ready.env).status().expect("the bot starts");
        assert!(status.success(), "sluice init: {status}\n{}", world.log_tail());
    }

    /// `sluice serve`, ready, with these variables besides the world's.
    pub async fn serve(world: &World, more: &[(&str, &str)]) -> Self {
        let mut bot = Self::spawn(world, more);
        let url = format!("{}/readyz", world.ready.bot);
        eventually("the bot is to be ready", Duration::from_secs(30), async || {
            if let Ok(Some(status)) = bot.bot.try_wait() {
                panic!("the bot ended with {status}\n{}", world.log_tail());
            }
            match world.http.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => Ok(()),
                Ok(answer) => Err(answer.text().await.unwrap_or_default()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        bot
    }

    /// `sluice serve`, as it begins.
    pub fn spawn(world: &World, more: &[(&str, &str)]) -> Self {
        let bot = command(world, &["serve"], &with(world, more)).spawn().expect("the bot starts");
        let mut watcher = Command::new("sh");
        watcher.args(["-c", &format!("cat > /dev/null; kill -9 {}", bot.id())]).stdin(Stdio::piped());
        Self { bot, watcher: watcher.spawn().expect("a shell starts") }
    }

    /// `kill -9`.
    pub fn kill(self) {
        drop(self);
    }

    /// `sluice serve` with exactly these variables, which is to refuse: its exit status and what it printed.
    pub fn refuses(world: &World, env: &BTreeMap<String, String>) -> (Option<i32>, String) {
        let mut command = command(world, &["serve"], env);
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

    /// What `sluice` prints for these arguments.
    pub fn prints(arguments: &[&str]) -> String {
        let output =
            Command::new(binaries::bot()).args(arguments).env_clear().output().expect("the bot starts");
        assert!(output.status.success(), "sluice {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
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
    command.args(arguments).current_dir(&world.ready.folder).env_clear().envs(env);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command
}

fn log(world: &World) -> File {
    OpenOptions::new().create(true).append(true).open(world.ready.folder.join("bot.log")).unwrap()
}
