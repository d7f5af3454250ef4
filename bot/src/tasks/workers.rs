//! Threads for work that keeps a processor busy. What runs there cannot stall a beat or an answer to Slack.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_commands::ports::{Job, Workers};
use tokio::sync::Semaphore;

/// So many jobs run at one time: what they hold in memory is bounded with them.
const JOBS: usize = 2;

/// Tokio's threads for blocking work, a few of them.
pub(crate) struct BlockingThreads(Arc<Semaphore>);

impl BlockingThreads {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(JOBS)))
    }
}

#[async_trait]
impl Workers for BlockingThreads {
    async fn run(&self, job: Job) {
        // It is never closed.
        let Ok(permit) = Arc::clone(&self.0).acquire_owned().await else { return };
        #[expect(clippy::disallowed_methods, reason = "part of tasks.rs; its end is looked at below")]
        let run = tokio::task::spawn_blocking(move || {
            job();
            // Kept to the end of the job, also if nobody waits for it any more.
            drop(permit);
        });
        // Fails only if the job was dropped because the runtime is shutting down: the caller that waits for its result sees it.
        let _ = run.await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use sluice_commands::ports::{NoResult, compute};

    use super::*;

    #[tokio::test]
    async fn a_job_does_not_hold_up_the_thread_that_waits_for_it() {
        let threads = BlockingThreads::new();
        let (sender, receiver) = mpsc::channel();
        let job = compute(&threads, move || receiver.recv().unwrap());
        // With the job on this test's only thread, nobody would ever send.
        let (result, ()) = futures::future::join(job, async { sender.send(7).unwrap() }).await;
        assert_eq!(result, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_is_told_and_gives_its_thread_back() {
        let threads = BlockingThreads::new();
        for _ in 0..=JOBS {
            assert_eq!(compute(&threads, || panic!("told to")).await, Err::<(), _>(NoResult::Panicked));
        }
        assert_eq!(threads.0.available_permits(), JOBS);
    }
}
