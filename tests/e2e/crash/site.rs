//! A world with a pipeline, whose bot can be killed.

use std::cell::{Cell, RefCell};

use sluice_e2e::{
    Aws, Bot, Call, Fault, Message, Options, PATIENCE, Reply, Repository, State, Submitted, World, eventually,
};

/// Short leases: a killed bot's operations are free after two seconds. Not less: an end that waits 1.5 s for its edit would look
/// abandoned and be posted twice.
const SHORT_LEASES: [(&str, &str); 2] = [("SLUICE_LEASE", "2"), ("SLUICE_SETTLE", "1")];

pub(crate) const PIPELINE: &str = "orders";

pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) repository: Repository,
    bot: RefCell<Option<Bot>>,
    /// The last call that was read.
    seen: Cell<u64>,
}

impl Site {
    /// A pipeline with the empty stages `dev` and `prod`.
    pub(crate) async fn new() -> Self {
        let world = World::start(Options { no_bot: true, ..Options::default() }).await;
        Bot::init(&world);
        let bot = RefCell::new(Some(Bot::serve(&world, &SHORT_LEASES).await));
        let ann = world.ann();
        let created = world.submit(ann, "/repo create orders from sam").await.succeeds().await;
        let repository = Repository::clone_from_message(&created);
        world.submit(ann, "/stage add orders prod").await.succeeds().await;
        Self { world, repository, bot, seen: Cell::new(0) }
    }

    /// A new commit, which changes the greeting.
    pub(crate) fn commit(&self, subject: &str) {
        self.repository.set_greeting(subject);
        self.repository.push(subject);
    }

    /// Runs a command to its successful end.
    pub(crate) async fn run(&self, line: &str) {
        self.world.submit(self.world.ann(), line).await.succeeds().await;
        self.settle().await;
    }

    /// Runs a promotion, with its approval, to its successful end.
    pub(crate) async fn promote(&self, line: &str) {
        let promotion = self.world.submit(self.world.ann(), line).await;
        self.approve(&promotion).await;
        promotion.succeeds().await;
        self.settle().await;
    }

    /// Approves a promotion. A click without a bot is delivered again, and so is one that got *Try again*, the answer of a bot
    /// that is not ready yet.
    pub(crate) async fn approve(&self, promotion: &Submitted) {
        let (world, bob) = (&self.world, self.world.bob());
        let waiting = promotion.waits().await;
        let mut before = world.ephemerals(bob).await.len();
        let mut reply = world.click(bob, &waiting, "promotion.approve").await;
        eventually("the click is accepted", PATIENCE, async || {
            let messages = world.ephemerals(bob).await;
            let must_repeat =
                messages.iter().skip(before).any(|message| message.text().contains("Try again"));
            before = messages.len();
            if reply.status != Some(200) || must_repeat {
                reply = world.redeliver(&reply.trigger_id).await;
            }
            let state = promotion.messages().await.last().and_then(Message::state);
            if state == Some(State::Waiting) { Err(format!("it still waits; {reply:?}")) } else { Ok(()) }
        })
        .await;
    }

    /// Waits until nothing is due: a message shows success before that is recorded.
    pub(crate) async fn settle(&self) {
        eventually("nothing is due", PATIENCE, async || {
            let due = Aws(&self.world).due().await;
            if due.is_empty() { Ok(()) } else { Err(format!("{due:?}")) }
        })
        .await;
    }

    /// The calls since the last time.
    pub(crate) async fn new_calls(&self) -> Vec<Call> {
        let calls = self.calls_so_far().await;
        self.seen.set(calls.last().map_or(self.seen.get(), |call| call.seq));
        calls
    }

    /// The same, without marking them as read.
    pub(crate) async fn calls_so_far(&self) -> Vec<Call> {
        self.world.calls(self.seen.get()).await
    }

    /// `kill -9` while a call is held, and a new bot. The held call ends first: a call that is held before its effect loses its
    /// client and never has one.
    pub(crate) async fn kill_and_restart(&self, fault: &Fault) {
        let bot = self.bot.borrow_mut().take();
        bot.expect("a bot runs").kill();
        eventually("the sandbox drops the held call", PATIENCE, async || {
            if fault.is_holding().await { Err("it still holds the call") } else { Ok(()) }
        })
        .await;
        self.world.clear_faults().await;
        let bot = Bot::serve(&self.world, &SHORT_LEASES).await;
        *self.bot.borrow_mut() = Some(bot);
    }

    /// Delivers until the command is accepted. Slack does not, but people type again, and the same delivery is the harder case.
    pub(crate) async fn deliver_until_accepted(&self, first: Reply) -> Reply {
        if is_accepted(&first) {
            return first;
        }
        eventually("the command is accepted", PATIENCE, async || {
            let reply = self.world.redeliver(&first.trigger_id).await;
            if is_accepted(&reply) { Ok(reply) } else { Err(format!("{reply:?}")) }
        })
        .await
    }
}

fn is_accepted(reply: &Reply) -> bool {
    reply.status == Some(200) && !reply.text().contains("Try again")
}
