//! Two replicas of which one dies now and then, and rises again.

use std::cell::RefCell;
use std::time::Duration;

use crate::{Aws, Bot, World};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::book::{Book, Death};
use super::evidence::Head;

/// The replicas wake each other through a queue.
pub(crate) const QUEUE: [(&str, &str); 1] = [("SLUICE_QUEUE", "sqs:wake")];

/// A replica that lives, and the name by which the table knows it.
struct Alive {
    bot: Bot,
    name: String,
}

/// The replicas.
pub(crate) struct Replicas<'a> {
    world: &'a World,
    book: &'a Book,
    seats: [RefCell<Option<Alive>>; 2],
}

impl<'a> Replicas<'a> {
    /// Starts both; deliveries go to each in turn, and past one that is dead.
    pub(crate) async fn start(world: &'a World, book: &'a Book) -> Self {
        let replicas = Self { world, book, seats: Default::default() };
        replicas.all_rise().await;
        replicas
    }

    /// Starts whoever is dead.
    pub(crate) async fn all_rise(&self) {
        for seat in &self.seats {
            if seat.borrow().is_none() {
                let bot = Bot::replica(self.world, &QUEUE).await;
                // They start one after the other, so the newest name in the log that they share is this one's.
                let name = self.newest_name();
                *seat.borrow_mut() = Some(Alive { bot, name });
            }
        }
        let alive = self.seats.each_ref().map(|seat| seat.borrow());
        let bots: Vec<&Bot> =
            alive.iter().filter_map(|alive| alive.as_ref()).map(|alive| &alive.bot).collect();
        self.world.balances(&bots).await;
    }

    /// `kill -9` of one of them, and another start, until the time is up. The other one lives meanwhile.
    pub(crate) async fn die_and_rise(&self, seed: u64, until: Instant) {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x4445_4144);
        loop {
            sleep(Duration::from_millis(rng.random_range(6_000..20_000))).await;
            if Instant::now() >= until {
                return;
            }
            self.kill(rng.random_range(0..2)).await;
            sleep(Duration::from_millis(rng.random_range(500..25_000))).await;
            self.all_rise().await;
        }
    }

    async fn kill(&self, which: usize) {
        let Alive { bot, name } = self.seats[which].borrow_mut().take().expect("it lives");
        bot.kill();
        let at_us = self.book.now_us();
        let items = Aws(self.world).table().await;
        let heads = items.iter().filter_map(Head::of);
        let orphans: Vec<Head> = heads.filter(|head| head.owner == name && head.is_in_hand()).collect();
        println!("replica {which} died with {} operations", orphans.len());
        self.book.deaths.borrow_mut().push(Death { at_us, orphans });
    }

    fn newest_name(&self) -> String {
        let log = std::fs::read_to_string(self.world.folder().join("bot.log")).unwrap_or_default();
        let lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut names = lines.filter_map(|line| line["replica"].as_str().map(str::to_owned));
        names.next().expect("a replica says its name in its log")
    }
}
