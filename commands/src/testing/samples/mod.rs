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
use crate::operation::{Definition, Facts, Head, Settings, Status, StepId};
use crate::ports::News;
use crate::testing::{MemoryStore, RecordingHerald, RecordingRunner, TestClock, world};
use sluice_model::Text;

/// One state of one operation.
pub struct Sample {
    /// What it shows.
    pub name: &'static str,
    /// Which kind it is.
    pub definition: Arc<dyn Definition>,
    /// What is known of it.
    pub facts: Facts,
    /// What its running steps said last.
    pub notes: BTreeMap<StepId, Text>,
}

impl Sample {
    /// What is told of it.
    pub fn news(&self) -> News {
        let world = world(
            Settings::new("sample"),
            Access::default(),
            Arc::new(MemoryStore::new()),
            Arc::new(TestClock::at(journal::BEGIN)),
            Arc::new(RecordingHerald::default()),
            Arc::new(RecordingRunner::default()),
        );
        crate::operation::told(&*self.definition, &self.facts, &world, &self.notes, 1)
            .expect("a sample makes sense")
    }
}

/// What is told of an operation whose record makes no sense.
pub fn parked() -> News {
    let facts = all().into_iter().next().expect("samples").facts;
    crate::operation::of_parked(
        &Head {
            id: facts.id,
            charter: facts.charter,
            status: Status::Stuck,
            sequence: facts.sequence,
            owner: String::new(),
            beat: 1,
            fence: 1,
            awaits: String::new(),
            untold: 0,
            claims: 0,
        },
        false,
        &crate::operation::Trouble::Corrupt(String::new()).refusal(),
    )
}
