use std::panic::{AssertUnwindSafe, catch_unwind};

use async_trait::async_trait;
use futures::channel::oneshot;

/// A piece of work that also delivers its result.
pub type Job = Box<dyn FnOnce() + Send>;

/// Threads for work that keeps a processor busy. The threads that drive operations must never do such work:
/// they renew leases and answer Slack.
#[async_trait]
pub trait Workers: Send + Sync {
    /// Runs a job to its end, perhaps after others. A process that is stopping may drop it.
    async fn run(&self, job: Job);
}

/// Why a computation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoResult {
    /// It panicked: a defect.
    Panicked,
    /// The process is stopping.
    Stopping,
}

/// Runs a computation on these threads and returns its result.
pub async fn compute<T: Send + 'static>(
    workers: &dyn Workers,
    computation: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoResult> {
    let (sender, receiver) = oneshot::channel();
    let job = Box::new(move || {
        // A caller that no longer waits needs no result.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(computation)));
    });
    workers.run(job).await;
    receiver.await.map_err(|_| NoResult::Stopping)?.map_err(|_| NoResult::Panicked)
}

/// Runs each job on the caller's thread, which is blocked meanwhile.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnCaller;

#[async_trait]
impl Workers for OnCaller {
    async fn run(&self, job: Job) {
        job();
    }
}
