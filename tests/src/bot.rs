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
pub struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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
            if let Ok(Some(status)) = bot.0.try_wait() {
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
        let mut env = world.ready.env.clone();
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self(command(world, &["serve"], &env).spawn().expect("the bot starts"))
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.0.kill().expect("the bot is killed");
        let _ = self.0.wait();
    }
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
