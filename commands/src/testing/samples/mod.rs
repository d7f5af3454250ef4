//! Samples of all messages: operations in each of their states, and a pipeline's records to query.
//!
//! A sample folds its journal step by step from the nodes of the operation, as a driver would write it: a renamed or new step
//! appears in the samples by itself.

mod journal;
mod operations;
mod outputs;
mod previews;
mod records;
mod stacks;

pub use journal::Journal;
pub use operations::{all, promotion};
pub use outputs::{app_api, application};
pub use previews::previews;
pub use records::{CHANNEL, access, actor, aws_as_recorded, change, orders, other_code, stage, waiting};
pub use stacks::with_stacks;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::application::{BoundOperation, Sluice};
use crate::ports::Update;
use crate::testing::target;

pub use crate::testing::fake_aws::API;

use sluice_engine::{Head, Hooks as _, OperationState, Report, Row, Status, StepId};
use sluice_model::Text;

/// One state of one operation.
pub struct Sample {
    /// The state that it shows.
    pub name: &'static str,
    /// Which kind it is.
    pub definition: Arc<BoundOperation>,
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
        let nodes = self.definition.nodes(&self.op, &target()).expect("steps that can be named");
        let (definition, op) = (&*self.definition, &self.op);
        Sluice::update(&Report { definition, op, nodes: &nodes, notes: &self.notes, own_since: 1 })
    }
}

/// The update of an operation whose record is corrupt.
pub fn parked() -> Update {
    let op = all().into_iter().next().expect("samples").op;
    Sluice::update_of_parked(
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
        &sluice_engine::EngineError::Corrupt(String::new()).refusal(),
    )
}
