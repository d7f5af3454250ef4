//! Chaos on the real binary: two `sluice serve` on one table and one queue, people on several pipelines, faults on the way
//! to AWS and Slack, `kill -9` of a replica at random; and then the question whether everything that was accepted came to
//! one true end. The program `chaos` runs it long, the test of that name in a short form.
//!
//! All decisions follow from the seed; the order in which they meet does not, as it hangs on the machine. When the time is
//! up the faults are taken away, and what is open has five minutes to end.
#![allow(clippy::print_stdout, reason = "it tells how it goes, and prints its result")]

mod book;
mod chat;
mod evidence;
mod judge;
mod people;
mod replicas;
mod weather;

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::{Bot, Options, World};
use book::Book;
use chat::Chat;
pub use judge::Verdict;
use people::Person;
use replicas::{QUEUE, Replicas};

/// What a run is to be.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How long people work in bad weather.
    pub working: Duration,
    /// From which all decisions follow.
    pub seed: u64,
    /// How many people there are, each with a pipeline.
    pub pipelines: usize,
}

/// Runs it, and judges what came of it.
pub async fn run(plan: Plan) -> Verdict {
    let world = World::start(Options { no_bot: true, ..Options::default() }).await;
    Bot::init_with(&world, &QUEUE);
    let (chat, book) = (Chat::new(&world), Book::new(&world).await);
    let replicas = Replicas::start(&world, &book).await;
    let story = async {
        let settling = (0..plan.pipelines).map(|n| Person::settle(&world, &chat, &book, plan.seed, n));
        let mut people = join_all(settling).await;
        println!("{} pipelines are there; the weather turns", people.len());
        let until = Instant::now() + plan.working;
        let work = join_all(people.iter_mut().map(|person| person.live(until)));
        tokio::join!(
            work,
            weather::blow(&world, &book, plan.seed, until),
            replicas.die_and_rise(plan.seed, until)
        );
        world.clear_faults().await;
        replicas.all_rise().await;
        judge::judge(&world, &chat, &book).await
    };
    tokio::select! {
        verdict = story => verdict,
        never = chat.follow() => match never {},
    }
}
