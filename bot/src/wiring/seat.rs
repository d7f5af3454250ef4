//! The engine of a terminal: it drives nothing until something begins here, and says how carrying each operation ended.
//!
//! From then on it sweeps as every replica does: what a rollback has to pass may be in the hands of a replica that died.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use sluice_commands::operation::Engine;
use sluice_commands::ports::Runner;
use sluice_model::OperationId;

use crate::tasks::{Drives, Operations};
use crate::terminal::Screen;

/// The runner of a terminal.
pub(super) struct Seat {
    operations: Arc<Operations>,
    screen: Screen,
    sweep: Duration,
    engine: OnceLock<Arc<dyn Drives>>,
}

impl Seat {
    /// Without an engine yet: the engine is made with this runner in its hand.
    pub(super) fn new(operations: Arc<Operations>, screen: Screen, sweep: Duration) -> Self {
        Self { operations, screen, sweep, engine: OnceLock::new() }
    }

    /// Gives it the engine.
    pub(super) fn drive(&self, engine: Arc<Engine>) {
        let watched = Watched { engine, screen: self.screen.clone() };
        // The only setter; the cell is empty.
        let _ = self.engine.set(Arc::new(watched));
    }
}

impl Runner for Seat {
    fn run(&self, operation: OperationId) {
        let Some(engine) = self.engine.get() else { return };
        self.screen.begun(&operation);
        self.operations.start(Arc::clone(engine), self.sweep);
        self.operations.run(operation);
    }
}

/// An engine that says what became of each operation.
struct Watched {
    engine: Arc<Engine>,
    screen: Screen,
}

#[async_trait]
impl Drives for Watched {
    async fn drive(&self, operation: &OperationId) {
        let driven = Engine::drive(&self.engine, operation).await;
        self.screen.carried(operation, driven);
    }

    fn nudge(&self, operation: &OperationId) {
        Engine::nudge(&self.engine, operation);
    }

    async fn sweep(&self) -> Vec<OperationId> {
        Drives::sweep(&*self.engine).await
    }

    fn stop(&self) {
        Engine::stop(&self.engine);
    }
}
