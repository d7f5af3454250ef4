//! A world whose bot can be killed, with a pipeline in it.

use std::cell::RefCell;

use sluice_e2e::{Bot, Message, Options, PATIENCE, Reply, Repository, World, eventually};

/// Short leases: what a dead bot held is free after a second.
const HASTE: [(&str, &str); 2] = [("SLUICE_LEASE", "1"), ("SLUICE_SETTLE", "1")];

pub(crate) const PIPELINE: &str = "orders";

pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) repository: Repository,
    bot: RefCell<Option<Bot>>,
}

impl Site {
    /// A pipeline with two releases on two stages, `r1` older than `r2`.
    pub(crate) async fn new() -> Self {
        let world = World::start(Options { no_bot: true }).await;
        Bot::init(&world);
        let bot = RefCell::new(Some(Bot::serve(&world, &HASTE).await));
        let ann = world.ann();
        let created = world.asks(ann, "/repo create orders").await.succeeds().await;
        let repository = Repository::clone_as_told(&created);
        world.asks(ann, "/stage add orders prod").await.succeeds().await;
        Self { world, repository, bot }
    }

    /// A new commit; the handler greets with the words.
    pub(crate) fn commit(&self, words: &str) {
        self.repository.greet(words);
        self.repository.push(words);
    }

    /// A command that has to succeed.
    pub(crate) async fn does(&self, line: &str) -> Message {
        self.world.asks(self.world.ann(), line).await.succeeds().await
    }

    /// A promotion with its approval.
    pub(crate) async fn promotes(&self) -> Message {
        let promotion = self.world.asks(self.world.ann(), "/promote orders prod").await;
        let waiting = promotion.waits().await;
        self.world.clicks(self.world.bob(), &waiting, "promotion.approve").await;
        promotion.succeeds().await
    }

    /// `kill -9`, and a new bot.
    pub(crate) async fn kill_and_restart(&self) {
        let bot = self.bot.borrow_mut().take();
        bot.expect("a bot is alive").kill();
        self.world.clear_faults().await;
        let bot = Bot::serve(&self.world, &HASTE).await;
        *self.bot.borrow_mut() = Some(bot);
    }

    /// Delivers until there is an answer: Slack does not, but a person types again, and the same delivery is the
    /// harder case of the two.
    pub(crate) async fn insists(&self, first: Reply) -> Reply {
        if first.status == Some(200) {
            return first;
        }
        eventually("the delivery is to be answered", PATIENCE, async || {
            let reply = self.world.redeliver(&first.trigger_id).await;
            let taken = reply.status == Some(200) && !reply.words().contains("Try again");
            if taken { Ok(reply) } else { Err(format!("{reply:?}")) }
        })
        .await
    }
}
