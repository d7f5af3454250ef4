//! One task per operation, and the sweep that finds operations without an owner.
//!
//! A task costs some kilobytes while its operation waits for AWS, so there is no limit but [`MOST`]: a hundred builds that run
//! for an hour do not delay a rollback. The limits are on concurrent work: store calls (`wiring/priority_store.rs`), steps of
//! one operation (`Settings::width`), and open builds of one pipeline.
//!
//! The race to prevent is a `run` while the task of that operation is about to end. `run` nudges the engine *and* sets a mark;
//! a task that ends with the mark set is followed by another one.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use sluice_commands::ports::Runner;
use sluice_model::OperationId;

use super::spawn::{Kind, Tasks};

/// Operations with a task in this process. The sweep finds those beyond it later.
const MOST: usize = 10_000;

/// Drives operations: the engine, or a fake in tests.
#[async_trait]
pub(crate) trait OperationDriver: Send + Sync {
    /// Drives an operation until it waits or ends.
    async fn drive(&self, operation: &OperationId);
    /// Wakes a running `drive` to read new records.
    fn nudge(&self, operation: &OperationId);
    /// The operations that this replica may claim now.
    async fn sweep(&self) -> Vec<OperationId>;
    /// Makes every `drive` release its operation, also those that begin later.
    fn stop(&self);
}

/// Runs no operation: `serve --accept-only`.
pub(crate) struct NoRunner;

impl Runner for NoRunner {
    fn run(&self, _operation: OperationId) {}
}

pub(crate) struct Operations {
    tasks: Tasks,
    /// Operations with a task; `true` if `run` was called since it began.
    running: Mutex<HashMap<OperationId, bool>>,
    engine: OnceLock<Arc<dyn OperationDriver>>,
    weak: Weak<Operations>,
}

impl Operations {
    /// Without an engine: the engine needs this runner before it can be made.
    pub(crate) fn new(tasks: Tasks) -> Arc<Self> {
        Arc::new_cyclic(|weak| Self {
            tasks,
            running: Mutex::default(),
            engine: OnceLock::new(),
            weak: weak.clone(),
        })
    }

    /// Sets the engine and starts the sweep.
    pub(crate) fn start(&self, engine: Arc<dyn OperationDriver>, every: Duration) {
        if self.engine.set(Arc::clone(&engine)).is_err() {
            return;
        }
        let Some(operations) = self.weak.upgrade() else { return };
        let stopping = self.tasks.stopping().clone();
        self.tasks.spawn(Kind::Sweep, async move {
            let sweeps = async {
                loop {
                    for operation in engine.sweep().await {
                        operations.run(operation);
                    }
                    tokio::time::sleep(every).await;
                }
            };
            stopping.run_until_cancelled(sweeps).await;
            engine.stop();
        });
    }

    fn spawn(&self, operation: OperationId) {
        let (Some(engine), Some(operations)) = (self.engine.get().cloned(), self.weak.upgrade()) else {
            return;
        };
        self.tasks.spawn(Kind::Operation, async move {
            // Dropped with the task, also when it panics or is cancelled.
            let _guard = RunningGuard { operations, operation: operation.clone() };
            engine.drive(&operation).await;
        });
    }
}

impl Runner for Operations {
    fn run(&self, operation: OperationId) {
        let Some(engine) = self.engine.get() else { return };
        let mut running = self.running.lock();
        if let Some(again) = running.get_mut(&operation) {
            *again = true;
            drop(running);
            engine.nudge(&operation);
            return;
        }
        if running.len() >= MOST {
            return;
        }
        running.insert(operation.clone(), false);
        crate::metrics::operations_running(running.len());
        drop(running);
        self.spawn(operation);
    }
}

/// Removes an operation from [`Operations::running`] when its task ends.
struct RunningGuard {
    operations: Arc<Operations>,
    operation: OperationId,
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        // After a panic the sweep finds it, which limits the rate of panics.
        let may_repeat = !std::thread::panicking() && !self.operations.tasks.stopping().is_cancelled();
        let mut running = self.operations.running.lock();
        let again = running.remove(&self.operation).unwrap_or_default() && may_repeat;
        if again {
            running.insert(self.operation.clone(), false);
        }
        crate::metrics::operations_running(running.len());
        drop(running);
        if again {
            self.operations.spawn(self.operation.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use tokio::sync::Notify;

    #[derive(Default)]
    struct Engine {
        drives: Mutex<Vec<OperationId>>,
        nudges: AtomicUsize,
        now: AtomicUsize,
        gate: Notify,
        stopped: AtomicBool,
        panics: AtomicUsize,
        swept: Mutex<Vec<OperationId>>,
    }

    #[async_trait]
    impl OperationDriver for Engine {
        async fn drive(&self, operation: &OperationId) {
            self.drives.lock().push(operation.clone());
            if self.panics.load(Ordering::SeqCst) > 0 {
                self.panics.fetch_sub(1, Ordering::SeqCst);
                panic!("on purpose");
            }
            self.now.fetch_add(1, Ordering::SeqCst);
            let gate = self.gate.notified();
            if !self.stopped.load(Ordering::SeqCst) {
                gate.await;
            }
            self.now.fetch_sub(1, Ordering::SeqCst);
        }
        fn nudge(&self, _operation: &OperationId) {
            self.nudges.fetch_add(1, Ordering::SeqCst);
        }
        async fn sweep(&self) -> Vec<OperationId> {
            self.swept.lock().clone()
        }
        fn stop(&self) {
            self.stopped.store(true, Ordering::SeqCst);
            // Later calls of `drive` see `stopped`.
            self.gate.notify_waiters();
        }
    }

    fn operation(number: u128) -> OperationId {
        OperationId::new(ulid::Ulid(number).to_string()).unwrap()
    }

    async fn settle() {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    fn started(engine: &Arc<Engine>) -> Arc<Operations> {
        let operations = Operations::new(Tasks::new());
        operations.start(engine.clone(), Duration::from_secs(5));
        operations
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_run_nudges_and_repeats_the_drive() {
        let engine = Arc::new(Engine::default());
        let operations = started(&engine);
        operations.run(operation(1));
        settle().await;
        operations.run(operation(1));
        settle().await;
        assert_eq!(engine.drives.lock().len(), 1);
        assert_eq!(engine.nudges.load(Ordering::SeqCst), 1);
        engine.gate.notify_one();
        settle().await;
        assert_eq!(engine.drives.lock().len(), 2, "the second run is followed by another drive");
        engine.gate.notify_one();
        settle().await;
        assert_eq!(engine.drives.lock().len(), 2);
        assert!(operations.running.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_operations_delay_nobody() {
        let engine = Arc::new(Engine::default());
        let operations = started(&engine);
        for number in 0..200 {
            operations.run(operation(number));
        }
        settle().await;
        operations.run(operation(200));
        settle().await;
        assert_eq!(engine.now.load(Ordering::SeqCst), 201, "waiting builds, and a rollback");
        engine.stop();
        settle().await;
        assert!(operations.running.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_sweep_runs_an_operation_again_after_a_panic() {
        let engine = Arc::new(Engine::default());
        engine.panics.store(1, Ordering::SeqCst);
        engine.swept.lock().push(operation(7));
        let operations = started(&engine);
        settle().await;
        assert!(operations.running.lock().is_empty());
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(engine.drives.lock().len(), 2);
        assert_eq!(operations.running.lock().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_releases_running_operations_and_those_accepted_meanwhile() {
        let engine = Arc::new(Engine::default());
        let operations = started(&engine);
        let all = 70;
        for number in 0..all {
            operations.run(operation(number));
        }
        let late = Arc::clone(&operations);
        operations.tasks.spawn(Kind::Delivery, async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            late.run(operation(all));
        });
        settle().await;
        let begun = tokio::time::Instant::now();
        assert!(operations.tasks.shut_down().await);
        assert_eq!(engine.drives.lock().len() as u128, all + 1);
        assert_eq!(engine.now.load(Ordering::SeqCst), 0, "every drive has ended");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}
