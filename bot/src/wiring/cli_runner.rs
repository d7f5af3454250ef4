//! The runner of `sluice run`. It drives nothing until an operation starts here, and reports how driving each one ended.
//!
//! From then on it sweeps like every replica: a rollback may have to wait for operations of a replica that died.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use sluice_commands::operation::Engine;
use sluice_commands::ports::Runner;
use sluice_model::OperationId;

use crate::notify::{CliEvent, CliOutput};
use crate::tasks::{OperationDriver, Operations};

pub(super) struct CliRunner {
    operations: Arc<Operations>,
    output: CliOutput,
    sweep_interval: Duration,
    engine: OnceLock<Arc<dyn OperationDriver>>,
}

impl CliRunner {
    /// Without an engine: the engine needs this runner before it can be made.
    pub(super) fn new(operations: Arc<Operations>, output: CliOutput, sweep_interval: Duration) -> Self {
        Self { operations, output, sweep_interval, engine: OnceLock::new() }
    }

    pub(super) fn set_engine(&self, engine: Arc<Engine>) {
        let reporting = ReportingEngine { engine, output: self.output.clone() };
        // Nothing else sets the cell.
        let _ = self.engine.set(Arc::new(reporting));
    }
}

impl Runner for CliRunner {
    fn run(&self, operation: OperationId) {
        let Some(engine) = self.engine.get() else { return };
        self.output.send(CliEvent::Started(operation.clone()));
        self.operations.start(Arc::clone(engine), self.sweep_interval);
        self.operations.run(operation);
    }
}

/// Reports how driving each operation ended.
struct ReportingEngine {
    engine: Arc<Engine>,
    output: CliOutput,
}

#[async_trait]
impl OperationDriver for ReportingEngine {
    async fn drive(&self, operation: &OperationId) {
        let driven = Engine::drive(&self.engine, operation).await;
        self.output.send(CliEvent::Driven(operation.clone(), driven));
    }

    fn nudge(&self, operation: &OperationId) {
        Engine::nudge(&self.engine, operation);
    }

    async fn sweep(&self) -> Vec<OperationId> {
        OperationDriver::sweep(&*self.engine).await
    }

    fn stop(&self) {
        Engine::stop(&self.engine);
    }
}
