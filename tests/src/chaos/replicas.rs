//! Two replicas, one of which is killed and restarted from time to time.

use std::cell::RefCell;
use std::time::Duration;

use crate::{Aws, Bot, World};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::evidence::Head;
use super::run_log::{Kill, RunLog};

/// The replicas wake each other through a queue.
pub(crate) const QUEUE: [(&str, &str); 1] = [("SLUICE_QUEUE", "sqs:wake")];

/// A running replica, and its name in the table.
struct Running {
    bot: Bot,
    name: String,
}

/// The two replicas.
pub(crate) struct Replicas<'a> {
    world: &'a World,
    log: &'a RunLog,
    slots: [RefCell<Option<Running>>; 2],
}

impl<'a> Replicas<'a> {
    /// Starts both. Deliveries go to each in turn, and skip a killed one.
    pub(crate) async fn start(world: &'a World, log: &'a RunLog) -> Self {
        let replicas = Self { world, log, slots: Default::default() };
        replicas.start_missing().await;
        replicas
    }

    /// Starts the killed ones again.
    pub(crate) async fn start_missing(&self) {
        for slot in &self.slots {
            if slot.borrow().is_none() {
                let bot = Bot::replica(self.world, &QUEUE).await;
                // They start one after the other, so the newest name in their common log is this one's.
                let name = self.newest_name();
                *slot.borrow_mut() = Some(Running { bot, name });
            }
        }
        let running = self.slots.each_ref().map(|slot| slot.borrow());
        let bots: Vec<&Bot> =
            running.iter().filter_map(|running| running.as_ref()).map(|running| &running.bot).collect();
        self.world.balance(&bots).await;
    }

    /// `kill -9` of one of them, and a restart, until the time is up. The other one keeps running.
    pub(crate) async fn kill_and_restart(&self, seed: u64, until: Instant) {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x4445_4144);
        loop {
            sleep(Duration::from_millis(rng.random_range(6_000..20_000))).await;
            if Instant::now() >= until {
                return;
            }
            self.kill(rng.random_range(0..2)).await;
            sleep(Duration::from_millis(rng.random_range(500..25_000))).await;
            self.start_missing().await;
        }
    }

    async fn kill(&self, which: usize) {
        let Running { bot, name } = self.slots[which].borrow_mut().take().expect("it runs");
        bot.kill();
        let at_us = self.log.now_us();
        let items = Aws(self.world).table().await;
        let heads = items.iter().filter_map(Head::of);
        let orphans: Vec<Head> = heads.filter(|head| head.owner == name && head.is_driven()).collect();
        println!("replica {which} was killed with {} operations", orphans.len());
        self.log.kills.borrow_mut().push(Kill { at_us, orphans });
    }

    fn newest_name(&self) -> String {
        let log = std::fs::read_to_string(self.world.folder().join("bot.log")).unwrap_or_default();
        let lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut names = lines.filter_map(|line| line["replica"].as_str().map(str::to_owned));
        names.next().expect("a replica logs its name")
    }
}
