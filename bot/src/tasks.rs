//! The only place that spawns. Every task has a [`Kind`], and a kind says what becomes of it when the process stops and
//! what a panic in it means; the end of every task is looked at here.
//!
//! | kind | on stop | on panic |
//! |---|---|---|
//! | listener | takes nothing more | the process stops: nobody would hear Slack |
//! | connection | closed, or after the request that it is at: 1 s for a stranger's, 2.5 s for Slack's | logged; it is closed |
//! | sweep | ends, and has the engine stop | the process stops: work would be lost in silence |
//! | probe | dropped while it waits | the process stops: nobody would know how it is |
//! | backup | dropped; what bears a backup's name is whole | the process stops: there would be no more of them |
//! | delivery | finished: a transaction may be on its way | logged; the person was told to watch, or repeats |
//! | operation | the engine lets go of it; after the grace it is dropped: its journal continues elsewhere | logged; the sweep finds it again |
//! | reply, telling | given the grace to tell the latest; once all operations ended, telling waits for no slot | logged; told again with the next news |
//! | listening | dropped while it waits | logged: without hints the sweep finds everything |
//! | asking | dropped while it waits | logged: after a while it is asked again |
//! | tidying | dropped while it waits | logged: another replica does it, or the next start |
//! | bell | rings until no operation is left | logged likewise |

mod hints;
pub(crate) mod last_resort;
mod operations;
mod tidying;
mod workers;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use sluice_commands::ports::Background;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use hints::{Bell, listen};
pub(crate) use operations::{Drives, Operations, Parked};
pub(crate) use tidying::{Tidies, tidy_hourly};
pub(crate) use workers::BlockingThreads;

/// How long a stopping process waits for what is under way: it is to be gone in ten seconds.
pub(crate) const GRACE: Duration = Duration::from_secs(9);
/// After that a process ends in any case, whatever its threads are busy with.
pub(crate) const LAST_RESORT: Duration = Duration::from_millis(9_800);
/// How much of it deliveries and operations have (the engine waits five seconds for steps in flight); the rest is for
/// telling.
const OPERATIONS_GRACE: Duration = Duration::from_millis(6_500);

/// What a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Accepts connections.
    Listener,
    /// Serves one connection.
    Connection,
    /// Looks for operations without an owner.
    Sweep,
    /// Looks whether Slack and the store can be reached.
    Probe,
    /// Backs the state up.
    Backup,
    /// Handles one delivery.
    Delivery,
    /// Answers at a `response_url`.
    Reply,
    /// Drives one operation.
    Operation,
    /// Tells one operation.
    Telling,
    /// Receives hints from other replicas.
    Listening,
    /// Sends hints to other replicas.
    Bell,
    /// Asks Slack who somebody is, or AWS what runs.
    Asking,
    /// Has pipelines tidied that are due.
    Tidying,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Listener => "listener",
            Kind::Connection => "connection",
            Kind::Sweep => "sweep",
            Kind::Probe => "probe",
            Kind::Backup => "backup",
            Kind::Delivery => "delivery",
            Kind::Reply => "reply",
            Kind::Operation => "operation",
            Kind::Telling => "telling",
            Kind::Listening => "listening",
            Kind::Bell => "bell",
            Kind::Asking => "asking",
            Kind::Tidying => "tidying",
        }
    }
    /// Dropped at its next wait when the process stops.
    fn is_dropped_on_stop(self) -> bool {
        matches!(self, Kind::Probe | Kind::Listening | Kind::Backup | Kind::Asking | Kind::Tidying)
    }
    /// Without it the process is of no use.
    fn is_vital(self) -> bool {
        matches!(self, Kind::Listener | Kind::Sweep | Kind::Probe | Kind::Backup)
    }
}

tokio::task_local! {
    /// What the task that runs is for.
    static KIND: Kind;
}

/// Whether the task that runs answers somebody who waits.
pub(crate) fn answers_somebody() -> bool {
    KIND.try_with(|kind| *kind == Kind::Delivery).unwrap_or(false)
}

/// The tasks of this process.
#[derive(Clone)]
pub(crate) struct Tasks(Arc<Inner>);

struct Inner {
    /// What may bring operations in.
    intake: TaskTracker,
    operations: TaskTracker,
    rest: TaskTracker,
    stop: CancellationToken,
    drained: CancellationToken,
    drop_operations: CancellationToken,
    broken: CancellationToken,
}

impl Tasks {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            intake: TaskTracker::new(),
            operations: TaskTracker::new(),
            rest: TaskTracker::new(),
            stop: CancellationToken::new(),
            drained: CancellationToken::new(),
            drop_operations: CancellationToken::new(),
            broken: CancellationToken::new(),
        }))
    }

    /// Cancelled when the process begins to stop.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Cancelled when the process stops and no operation has a task any more.
    pub(crate) fn drained(&self) -> &CancellationToken {
        &self.0.drained
    }

    /// Cancelled when a task without which the process is of no use has panicked.
    pub(crate) fn broken(&self) -> &CancellationToken {
        &self.0.broken
    }

    /// Starts a task.
    pub(crate) fn spawn(&self, kind: Kind, task: impl Future<Output = ()> + Send + 'static) {
        let inner = Arc::clone(&self.0);
        let dropped_by = match kind {
            Kind::Operation => Some(inner.drop_operations.clone()),
            kind if kind.is_dropped_on_stop() => Some(inner.stop.clone()),
            _ => None,
        };
        let tracker = match kind {
            Kind::Operation => &self.0.operations,
            Kind::Listener | Kind::Connection | Kind::Delivery => &self.0.intake,
            _ => &self.0.rest,
        };
        tracker.spawn(async move {
            let guarded = AssertUnwindSafe(KIND.scope(kind, task)).catch_unwind();
            let ended = match dropped_by {
                Some(token) => token.run_until_cancelled(guarded).await.unwrap_or(Ok(())),
                None => guarded.await,
            };
            if let Err(panic) = ended {
                crate::metrics::panicked(kind.name());
                tracing::error!(task = kind.name(), panic = message(panic.as_ref()), "a task panicked");
                if kind.is_vital() {
                    inner.broken.cancel();
                }
            }
        });
    }

    /// Stops: takes nothing more in, waits for what is under way, and tells whether all of it ended in time.
    pub(crate) async fn shut_down(&self) -> bool {
        let inner = &self.0;
        inner.stop.cancel();
        for tracker in [&inner.intake, &inner.operations, &inner.rest] {
            tracker.close();
        }
        let deadline = tokio::time::Instant::now() + GRACE;
        // In this order: what is still being accepted becomes an operation, and that has to be let go of as well.
        let driven = async {
            inner.intake.wait().await;
            inner.operations.wait().await;
        };
        if tokio::time::timeout(OPERATIONS_GRACE, driven).await.is_err() {
            tracing::info!(
                left = inner.operations.len(),
                "leaving operations to the replica that claims them next"
            );
            inner.drop_operations.cancel();
        }
        inner.drained.cancel();
        let all = async {
            inner.intake.wait().await;
            inner.operations.wait().await;
            inner.rest.wait().await;
        };
        tokio::time::timeout_at(deadline, all).await.is_ok()
    }
}

impl Background for Tasks {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        Tasks::spawn(self, Kind::Asking, work);
    }
}

/// What a panic said. Ours say nothing about what people typed; the libraries' are short.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_delivery_is_finished_and_an_operation_that_takes_too_long_is_dropped() {
        let tasks = Tasks::new();
        let (delivered, driven) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (seen_delivered, seen_driven) = (delivered.clone(), driven.clone());
        tasks.spawn(Kind::Delivery, async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            delivered.store(true, Ordering::SeqCst);
        });
        tasks.spawn(Kind::Operation, async move {
            tokio::time::sleep(Duration::from_secs(100)).await;
            driven.store(true, Ordering::SeqCst);
        });
        tasks.spawn(Kind::Probe, std::future::pending());
        let begun = tokio::time::Instant::now();
        assert!(tasks.shut_down().await);
        assert!(seen_delivered.load(Ordering::SeqCst));
        assert!(!seen_driven.load(Ordering::SeqCst));
        assert!(begun.elapsed() < GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_vital_task_takes_the_process_with_it() {
        let tasks = Tasks::new();
        tasks.spawn(Kind::Operation, async { panic!("told to") });
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!tasks.broken().is_cancelled());
        tasks.spawn(Kind::Sweep, async { panic!("told to") });
        tasks.broken().cancelled().await;
    }
}
