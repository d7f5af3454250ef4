//! A world whose bot can be killed, with a pipeline in it.

use std::cell::{Cell, RefCell};

use sluice_e2e::{
    Asked, Aws, Bot, Call, Fault, Message, Options, PATIENCE, Reply, Repository, State, World, eventually,
};

/// Short leases: what a dead bot held is free after two seconds. Not less: an end that waits 1.5 s for its edit would be
/// taken for the work of somebody dead, and be told twice.
const HASTE: [(&str, &str); 2] = [("SLUICE_LEASE", "2"), ("SLUICE_SETTLE", "1")];

pub(crate) const PIPELINE: &str = "orders";

pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) repository: Repository,
    bot: RefCell<Option<Bot>>,
    /// The last call that was looked at.
    seen: Cell<u64>,
}

impl Site {
    /// A pipeline with the stages `dev` and `prod`, and nothing on them.
    pub(crate) async fn new() -> Self {
        let world = World::start(Options { no_bot: true, ..Options::default() }).await;
        Bot::init(&world);
        let bot = RefCell::new(Some(Bot::serve(&world, &HASTE).await));
        let ann = world.ann();
        let created = world.asks(ann, "/repo create orders").await.succeeds().await;
        let repository = Repository::clone_as_told(&created);
        world.asks(ann, "/stage add orders prod").await.succeeds().await;
        Self { world, repository, bot, seen: Cell::new(0) }
    }

    /// A new commit; the handler greets with the words.
    pub(crate) fn commit(&self, words: &str) {
        self.repository.greet(words);
        self.repository.push(words);
    }

    /// A command that has to succeed, and to be over.
    pub(crate) async fn does(&self, line: &str) {
        self.world.asks(self.world.ann(), line).await.succeeds().await;
        self.rests().await;
    }

    /// A promotion, typed so, with its approval, over.
    pub(crate) async fn promotes(&self, line: &str) {
        let promotion = self.world.asks(self.world.ann(), line).await;
        self.approves(&promotion).await;
        promotion.succeeds().await;
        self.rests().await;
    }

    /// Approves a promotion. A click that met no bot is delivered again, and so is one whose author was told to try again,
    /// as a bot does that is not ready yet.
    pub(crate) async fn approves(&self, promotion: &Asked) {
        let (world, bob) = (&self.world, self.world.bob());
        let waiting = promotion.waits().await;
        let mut told = world.whispers(bob).await.len();
        let mut reply = world.clicks(bob, &waiting, "promotion.approve").await;
        eventually("the click is to be taken", PATIENCE, async || {
            let whispers = world.whispers(bob).await;
            let is_to_repeat = whispers.iter().skip(told).any(|told| told.words().contains("Try again"));
            told = whispers.len();
            if reply.status != Some(200) || is_to_repeat {
                reply = world.redeliver(&reply.trigger_id).await;
            }
            let state = promotion.messages().await.last().and_then(Message::state);
            if state == Some(State::Waiting) { Err(format!("it still waits; {reply:?}")) } else { Ok(()) }
        })
        .await;
    }

    /// Waits until nothing is left to do or to tell: a message says *succeeded* before that is on record.
    pub(crate) async fn rests(&self) {
        eventually("nothing is to be due", PATIENCE, async || {
            let due = Aws(&self.world).due().await;
            if due.is_empty() { Ok(()) } else { Err(format!("{due:?}")) }
        })
        .await;
    }

    /// The calls since this was asked last.
    pub(crate) async fn new_calls(&self) -> Vec<Call> {
        let calls = self.calls_so_far().await;
        self.seen.set(calls.last().map_or(self.seen.get(), |call| call.seq));
        calls
    }

    /// The same, and they are new the next time too.
    pub(crate) async fn calls_so_far(&self) -> Vec<Call> {
        self.world.calls(self.seen.get()).await
    }

    /// `kill -9` while a call is held, and a new bot. What was held is over before anything else begins: a call that
    /// waits before its effect loses its client and never has one.
    pub(crate) async fn kill_and_restart(&self, fault: &Fault) {
        let bot = self.bot.borrow_mut().take();
        bot.expect("a bot is alive").kill();
        eventually("the world is to see the bot's death", PATIENCE, async || {
            if fault.holds().await { Err("it still holds the call") } else { Ok(()) }
        })
        .await;
        self.world.clear_faults().await;
        let bot = Bot::serve(&self.world, &HASTE).await;
        *self.bot.borrow_mut() = Some(bot);
    }

    /// Delivers until the command is taken: Slack does not, but a person types again, and the same delivery is the harder
    /// case of the two.
    pub(crate) async fn insists(&self, first: Reply) -> Reply {
        if is_taken(&first) {
            return first;
        }
        eventually("the command is to be taken", PATIENCE, async || {
            let reply = self.world.redeliver(&first.trigger_id).await;
            if is_taken(&reply) { Ok(reply) } else { Err(format!("{reply:?}")) }
        })
        .await
    }
}

fn is_taken(reply: &Reply) -> bool {
    reply.status == Some(200) && !reply.words().contains("Try again")
}
