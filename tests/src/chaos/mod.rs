//! Chaos on the real binary: two `sluice serve` on one table and one queue, users on several pipelines, faults on the way to
//! AWS and Slack, and `kill -9` of a random replica. At the end, every accepted operation must have ended once, and table,
//! messages and AWS must agree. The program `chaos` runs it for minutes, the test `chaos` for seconds.
//!
//! All decisions follow from the seed. Their interleaving depends on the machine. When the time is up, the faults end and open
//! operations get five minutes to end.
#![allow(clippy::print_stdout, reason = "it reports its progress and prints its result")]

mod channel;
mod checks;
mod evidence;
mod faults;
mod judge;
mod replicas;
mod run_log;
mod stack;
mod stack_checks;
mod users;

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::{Bot, Options, World};
use channel::Channel;
pub use judge::Verdict;
use replicas::{QUEUE, Replicas};
use run_log::RunLog;
use users::User;

/// The parameters of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How long users work under faults.
    pub working: Duration,
    /// The seed of all decisions.
    pub seed: u64,
    /// The number of users, each with a pipeline.
    pub pipelines: usize,
}

/// Runs it and judges the result.
pub async fn run(plan: Plan) -> Verdict {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    Bot::init_with(&world, &QUEUE);
    let (channel, log) = (Channel::new(&world), RunLog::new(&world).await);
    let replicas = Replicas::start(&world, &log).await;
    let work = async {
        let creating = (0..plan.pipelines).map(|n| User::create(&world, &channel, &log, plan.seed, n));
        let mut users = join_all(creating).await;
        println!("{} pipelines are ready; the faults begin", users.len());
        let until = Instant::now() + plan.working;
        let working = join_all(users.iter_mut().map(|user| user.work(until)));
        tokio::join!(
            working,
            faults::inject(&world, &log, plan.seed, until),
            replicas.kill_and_restart(plan.seed, until)
        );
        world.clear_faults().await;
        replicas.start_missing().await;
        judge::judge(&world, &channel, &log).await
    };
    tokio::select! {
        verdict = work => verdict,
        never = channel.follow() => match never {},
    }
}
