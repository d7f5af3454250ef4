//! Samples of all messages: operations in each of their states, and a pipeline's records to query.
//!
//! A sample folds its journal step by step from the nodes of the operation, as a driver would write it: a renamed or new step
//! appears in the samples by itself.

mod journal;
mod operations;
mod outputs;
mod records;

pub use journal::Journal;
pub use operations::{all, promotion};
pub use outputs::application;
pub use records::{CHANNEL, access, actor, aws_as_recorded, change, orders, stage, waiting};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::operation::{BoundOperation, Head, OperationState, Row, Settings, Status, StepId};
use crate::ports::Update;
use crate::rules::Access;
use crate::testing::{MemoryStore, RecordingNotifier, RecordingRunner, TestClock, world};
use sluice_model::Text;

/// One state of one operation.
pub struct Sample {
    /// The state that it shows.
    pub name: &'static str,
    /// Which kind it is.
    pub definition: Arc<dyn BoundOperation>,
    /// Its folded journal.
    pub op: OperationState,
    /// The journal's rows.
    pub rows: Vec<Row>,
    /// The last notes of its running steps.
    pub notes: BTreeMap<StepId, Text>,
}

impl Sample {
    /// Its update.
    pub fn update(&self) -> Update {
        let world = world(
            Settings::new("sample"),
            Access::default(),
            Arc::new(MemoryStore::new()),
            Arc::new(TestClock::at(journal::BEGIN)),
            Arc::new(RecordingNotifier::default()),
            Arc::new(RecordingRunner::default()),
        );
        crate::operation::told(&*self.definition, &self.op, &world, &self.notes, 1)
            .expect("a sample makes sense")
    }
}

/// The update of an operation whose record is corrupt.
pub fn parked() -> Update {
    let op = all().into_iter().next().expect("samples").op;
    crate::operation::of_parked(
        &Head {
            id: op.id,
            spec: op.spec,
            status: Status::Stuck,
            sequence: op.sequence,
            owner: String::new(),
            beat: 1,
            fence: 1,
            awaits: String::new(),
            undelivered_since: 0,
            claims: 0,
        },
        false,
        &crate::operation::EngineError::Corrupt(String::new()).refusal(),
    )
}
