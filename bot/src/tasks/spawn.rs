//! The only place that spawns tasks.
//!
//! Every task has a [`Kind`], which decides what happens to it when the process stops and what a panic in it means. The end of
//! every task is observed here.
//!
//! | kind | on stop | on panic |
//! |---|---|---|
//! | listener | accepts no more connections | the process stops: it would receive nothing from Slack |
//! | connection | closed, or after its request: 1 s for a stranger's, 2.5 s for Slack's | logged; it is closed |
//! | sweep | ends, and stops the engine | the process stops: operations without an owner would be lost |
//! | probe | dropped at its next await | the process stops: its readiness would be unknown |
//! | backup | dropped; files with a backup's name are complete | the process stops: there would be no more backups |
//! | delivery | finished: its transaction may be under way | logged; the answer asked the person to watch the channel, or they repeat it |
//! | operation | the engine releases it; after the grace period it is dropped, and its journal continues elsewhere | logged; the sweep finds it again |
//! | reply, notification | may post the latest state within the grace period; once all operations ended, it does not wait for the rate limit | logged; posted with the next update |
//! | wakeup receiver | dropped at its next await | logged: without hints the sweep finds everything |
//! | lookup | dropped at its next await | logged: repeated after a while |
//! | tidying | dropped at its next await | logged: another replica does it, or the next start |
//! | wakeup sender | sends until no operation has a task | logged: without hints the sweep finds everything |

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use sluice_commands::ports::Background;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a stopping process waits for its tasks. It has ten seconds in total.
pub(crate) const GRACE: Duration = Duration::from_secs(9);
/// When a stopping process ends, whatever its threads do.
pub(crate) const LAST_RESORT: Duration = Duration::from_millis(9_800);
/// The part of [`GRACE`] for deliveries and operations (the engine waits five seconds for steps in flight). The rest is for
/// notifications.
const OPERATIONS_GRACE: Duration = Duration::from_millis(6_500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Accepts connections.
    Listener,
    Connection,
    /// Finds operations without an owner.
    Sweep,
    /// Checks whether Slack and the store can be reached.
    Probe,
    /// Backs up the state.
    Backup,
    /// Handles one delivery.
    Delivery,
    /// Posts at a `response_url`.
    Reply,
    /// Drives one operation.
    Operation,
    /// Posts and edits the messages of one operation in one channel.
    Notification,
    /// Receives hints from other replicas.
    WakeupReceiver,
    /// Sends hints to other replicas.
    WakeupSender,
    /// Looks up people in Slack, or what runs in AWS.
    Lookup,
    /// Starts tidying pipelines that are due.
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
            Kind::Notification => "notification",
            Kind::WakeupReceiver => "wakeup-receiver",
            Kind::WakeupSender => "wakeup-sender",
            Kind::Lookup => "lookup",
            Kind::Tidying => "tidying",
        }
    }
    /// Whether it is dropped at its next await when the process stops.
    fn is_dropped_on_stop(self) -> bool {
        matches!(self, Kind::Probe | Kind::WakeupReceiver | Kind::Backup | Kind::Lookup | Kind::Tidying)
    }
    /// Whether the process stops when it panics.
    fn is_vital(self) -> bool {
        matches!(self, Kind::Listener | Kind::Sweep | Kind::Probe | Kind::Backup)
    }
}

tokio::task_local! {
    static KIND: Kind;
}

/// Whether the current task answers a person who waits.
pub(crate) fn answers_somebody() -> bool {
    KIND.try_with(|kind| *kind == Kind::Delivery).unwrap_or(false)
}

#[derive(Clone)]
pub(crate) struct Tasks(Arc<Inner>);

struct Inner {
    /// Tasks that may start operations.
    intake: TaskTracker,
    operations: TaskTracker,
    rest: TaskTracker,
    stop: CancellationToken,
    drained: CancellationToken,
    drop_operations: CancellationToken,
    broken: CancellationToken,
}

impl Tasks {
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

    /// Cancelled when the process stops and no operation has a task.
    pub(crate) fn drained(&self) -> &CancellationToken {
        &self.0.drained
    }

    /// Cancelled when a vital task has panicked.
    pub(crate) fn broken(&self) -> &CancellationToken {
        &self.0.broken
    }

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

    /// Stops all tasks, as their kinds say. `false` if some did not end within [`GRACE`].
    pub(crate) async fn shut_down(&self) -> bool {
        let inner = &self.0;
        inner.stop.cancel();
        for tracker in [&inner.intake, &inner.operations, &inner.rest] {
            tracker.close();
        }
        let deadline = tokio::time::Instant::now() + GRACE;
        // In this order: a delivery may start an operation, which has to be released, too.
        let driven = async {
            inner.intake.wait().await;
            inner.operations.wait().await;
        };
        if tokio::time::timeout(OPERATIONS_GRACE, driven).await.is_err() {
            tracing::info!(
                left = inner.operations.len(),
                "dropping operations; the next replica that claims them continues them"
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
        Tasks::spawn(self, Kind::Lookup, work);
    }
}

/// The message of a panic. Ours contain no user input, and those of libraries are short.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_delivery_is_finished_and_a_slow_operation_is_dropped() {
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
    async fn only_a_vital_task_stops_the_process() {
        let tasks = Tasks::new();
        tasks.spawn(Kind::Operation, async { panic!("on purpose") });
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!tasks.broken().is_cancelled());
        tasks.spawn(Kind::Sweep, async { panic!("on purpose") });
        tasks.broken().cancelled().await;
    }
}
