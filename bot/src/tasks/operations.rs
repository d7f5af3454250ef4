//! One task per operation, and the sweep that finds what has no owner.
//!
//! A task costs some kilobytes while its operation waits for AWS, so nothing holds a permit: a hundred builds that run for
//! an hour hold up no rollback. What is bounded is what tasks do at the same time: calls of the store (`wiring/lanes.rs`),
//! steps of one operation (`Settings::width`), open builds of one pipeline.
//!
//! The race it prevents: news for an operation whose task is just about to end. A call of `run` while a task is there
//! nudges the engine *and* leaves a mark; a task that ends with the mark set is followed by another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sluice_commands::ports::Runner;
use sluice_model::OperationId;

use super::{Kind, Tasks};

/// So many operations have a task at one time in this process; what is beyond that, the sweep finds again.
const MOST: usize = 10_000;

/// What drives operations: the engine, or a fake in tests.
#[async_trait]
pub(crate) trait Drives: Send + Sync {
    /// Carries an operation on until it waits or ends.
    async fn drive(&self, operation: &OperationId);
    /// Tells a running `drive` that something happened.
    fn nudge(&self, operation: &OperationId);
    /// The operations that this replica may claim now.
    async fn sweep(&self) -> Vec<OperationId>;
    /// Has every `drive` let go of its operation, those that are yet to begin included.
    fn stop(&self);
}

/// Runs no operation: `serve --accept-only`.
pub(crate) struct Parked;

impl Runner for Parked {
    fn run(&self, _operation: OperationId) {}
}

/// The operations that have a task.
pub(crate) struct Operations {
    tasks: Tasks,
    book: Mutex<Book>,
    engine: std::sync::OnceLock<Arc<dyn Drives>>,
    myself: std::sync::Weak<Operations>,
}

#[derive(Default)]
struct Book {
    /// Operations with a task; `true` if something happened since it began.
    running: HashMap<OperationId, bool>,
}

impl Operations {
    /// Without an engine yet: the engine is made with this runner in its hand.
    pub(crate) fn new(tasks: Tasks) -> Arc<Self> {
        Arc::new_cyclic(|myself| Self {
            tasks,
            book: Mutex::default(),
            engine: std::sync::OnceLock::new(),
            myself: myself.clone(),
        })
    }

    /// Gives it the engine and starts the sweep.
    pub(crate) fn start(&self, engine: Arc<dyn Drives>, every: Duration) {
        if self.engine.set(Arc::clone(&engine)).is_err() {
            return;
        }
        let Some(myself) = self.myself.upgrade() else { return };
        let stopping = self.tasks.stopping().clone();
        self.tasks.spawn(Kind::Sweep, async move {
            let sweeps = async {
                loop {
                    for operation in engine.sweep().await {
                        myself.run(operation);
                    }
                    tokio::time::sleep(every).await;
                }
            };
            stopping.run_until_cancelled(sweeps).await;
            engine.stop();
        });
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, operation: OperationId) {
        let (Some(engine), Some(myself)) = (self.engine.get().cloned(), self.myself.upgrade()) else {
            return;
        };
        self.tasks.spawn(Kind::Operation, async move {
            // Dropped with the task, also when it panics or is cancelled: the book never keeps what has no task.
            let _place = Place { operations: myself, operation: operation.clone() };
            engine.drive(&operation).await;
        });
    }
}

impl Runner for Operations {
    fn run(&self, operation: OperationId) {
        let Some(engine) = self.engine.get() else { return };
        let mut book = self.book();
        if let Some(again) = book.running.get_mut(&operation) {
            *again = true;
            drop(book);
            engine.nudge(&operation);
            return;
        }
        if book.running.len() >= MOST {
            return;
        }
        book.running.insert(operation.clone(), false);
        crate::metrics::gauge("sluice_operations_running", book.running.len() as u64);
        drop(book);
        self.spawn(operation);
    }
}

/// A task's place in the book.
struct Place {
    operations: Arc<Operations>,
    operation: OperationId,
}

impl Drop for Place {
    fn drop(&mut self) {
        // After a panic the sweep is to find it, at its own pace.
        let may_repeat = !std::thread::panicking() && !self.operations.tasks.stopping().is_cancelled();
        let mut book = self.operations.book();
        let again = book.running.remove(&self.operation).unwrap_or_default() && may_repeat;
        if again {
            book.running.insert(self.operation.clone(), false);
        }
        crate::metrics::gauge("sluice_operations_running", book.running.len() as u64);
        drop(book);
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
    impl Drives for Engine {
        async fn drive(&self, operation: &OperationId) {
            self.drives.lock().unwrap().push(operation.clone());
            if self.panics.load(Ordering::SeqCst) > 0 {
                self.panics.fetch_sub(1, Ordering::SeqCst);
                panic!("told to");
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
            self.swept.lock().unwrap().clone()
        }
        fn stop(&self) {
            self.stopped.store(true, Ordering::SeqCst);
            // Those that wait now, and those that come.
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
    async fn a_second_run_nudges_and_is_followed_up() {
        let engine = Arc::new(Engine::default());
        let operations = started(&engine);
        operations.run(operation(1));
        settle().await;
        operations.run(operation(1));
        settle().await;
        assert_eq!(engine.drives.lock().unwrap().len(), 1);
        assert_eq!(engine.nudges.load(Ordering::SeqCst), 1);
        engine.gate.notify_one();
        settle().await;
        assert_eq!(engine.drives.lock().unwrap().len(), 2, "what happened since it began is looked at");
        engine.gate.notify_one();
        settle().await;
        assert_eq!(engine.drives.lock().unwrap().len(), 2);
        assert!(operations.book().running.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_rests_holds_up_nobody() {
        let engine = Arc::new(Engine::default());
        let operations = started(&engine);
        for number in 0..200 {
            operations.run(operation(number));
        }
        settle().await;
        operations.run(operation(200));
        settle().await;
        assert_eq!(engine.now.load(Ordering::SeqCst), 201, "builds that rest, and a rollback");
        engine.stop();
        settle().await;
        assert!(operations.book().running.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_panicked_is_found_again_by_the_sweep() {
        let engine = Arc::new(Engine::default());
        engine.panics.store(1, Ordering::SeqCst);
        engine.swept.lock().unwrap().push(operation(7));
        let operations = started(&engine);
        settle().await;
        assert!(operations.book().running.is_empty());
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(engine.drives.lock().unwrap().len(), 2);
        assert_eq!(operations.book().running.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_reaches_what_runs_and_what_is_accepted_meanwhile() {
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
        assert_eq!(engine.drives.lock().unwrap().len() as u128, all + 1);
        assert_eq!(engine.now.load(Ordering::SeqCst), 0, "each was driven until it let go");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}
