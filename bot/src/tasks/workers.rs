//! Threads for CPU-bound work, so it cannot delay a heartbeat or an answer to Slack.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_commands::ports::{Job, Workers};
use tokio::sync::Semaphore;

/// Jobs at the same time, which also limits their memory.
const JOBS: usize = 2;

/// A few of Tokio's threads for blocking work.
pub(crate) struct BlockingThreads(Arc<Semaphore>);

impl BlockingThreads {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(JOBS)))
    }
}

#[async_trait]
impl Workers for BlockingThreads {
    async fn run(&self, job: Job) {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&self.0).acquire_owned().await else { return };
        #[expect(clippy::disallowed_methods, reason = "part of tasks; its end is observed below")]
        let run = tokio::task::spawn_blocking(move || {
            job();
            // Held until the end of the job, even if its caller is gone.
            drop(permit);
        });
        // Fails only if the runtime shuts down and drops the job, which its caller notices.
        let _ = run.await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use sluice_commands::ports::{NoResult, compute};

    use super::*;

    #[tokio::test]
    async fn a_job_does_not_block_the_thread_that_waits_for_it() {
        let threads = BlockingThreads::new();
        let (sender, receiver) = mpsc::channel();
        let job = compute(&threads, move || receiver.recv().unwrap());
        // On this test's only thread, the job would wait forever.
        let (result, ()) = futures::future::join(job, async { sender.send(7).unwrap() }).await;
        assert_eq!(result, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_is_reported_and_frees_its_thread() {
        let threads = BlockingThreads::new();
        for _ in 0..=JOBS {
            assert_eq!(compute(&threads, || panic!("on purpose")).await, Err::<(), _>(NoResult::Panicked));
        }
        assert_eq!(threads.0.available_permits(), JOBS);
    }
}
