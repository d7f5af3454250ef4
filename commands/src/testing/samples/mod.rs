//! Samples of all that is told: operations in each of their states, and a pipeline's records to ask about.
//!
//! Journals are folded step by step from what the definitions name, so that a sample is what a driver could have
//! written: a step that is renamed or added is in the samples without anyone remembering.

mod journal;
mod outputs;
mod records;
mod stories;

pub use journal::Journal;
pub use outputs::application;
pub use records::{CHANNEL, access, actor, change, orders, stand, waiting};
pub use stories::{all, promotion};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::Access;
use crate::operation::{BoundOperation, Head, OperationState, Settings, Status, StepId};
use crate::ports::Update;
use crate::testing::{MemoryStore, RecordingNotifier, RecordingRunner, TestClock, world};
use sluice_model::Text;

/// One state of one operation.
pub struct Sample {
    /// What it shows.
    pub name: &'static str,
    /// Which kind it is.
    pub definition: Arc<dyn BoundOperation>,
    /// What is known of it.
    pub op: OperationState,
    /// What its running steps said last.
    pub notes: BTreeMap<StepId, Text>,
}

impl Sample {
    /// What is told of it.
    pub fn news(&self) -> Update {
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

/// What is told of an operation whose record makes no sense.
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
