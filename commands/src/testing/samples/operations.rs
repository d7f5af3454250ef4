//! Every kind of operation in every state that a channel can see, and some with extreme contents.

mod build;
mod deploy;
mod promote;
mod roles;
mod rollback;
mod stage;

pub(super) use deploy::parameters as deployment;
pub(super) use promote::changes;
pub use promote::promotion;

use super::records::{access, change, current, stage};
use super::{Journal, Sample};
use crate::operation::{EngineError, Snapshot};
use crate::records::{Change, PipelineState, stage_slot};
use sluice_model::{Class, PortError, Refusal, StageName};

const BUCKET: &str = "sluice-123456789012-eu-central-1";
/// As long as a name may be.
const LONG: &str = "orders-and-invoices-of-the-northern-shop";
const TEN: [&str; 10] = [
    "Archive",
    "Billing",
    "Cancel",
    "Deliver",
    "Export",
    "Forward",
    "Greet",
    "Hello",
    "Import",
    "JournalOfAllOrders",
];
/// A subject that is longer than a message shows, with characters that mean something to Slack.
const SUBJECT: &str = "<!channel> *fix* `rm -rf` 🎉 שלום עולם: a subject that goes on and on, since nobody told its author that fifty characters are a good length for the first line of a commit message & more > less";

/// All samples, those of one kind in the order in which a channel sees them.
pub fn all() -> Vec<Sample> {
    let by_kind = [
        build::samples(),
        stage::samples(),
        deploy::samples(),
        promote::samples(),
        roles::samples(),
        rollback::samples(),
    ];
    by_kind.into_iter().flatten().collect()
}

fn hostile(subject: &str) -> Change {
    Change { author: "`Eve` <!here>".into(), subject: subject.into(), ..change(2) }
}

fn denied(call: &'static str) -> Refusal {
    let error = PortError::new(call, Class::Denied, "AccessDeniedException", "User: arn:… is not authorized");
    EngineError::Port(error).refusal()
}

fn throttled(call: &'static str) -> Refusal {
    let error = PortError::new(call, Class::Throttled, "TooManyRequestsException", "Rate exceeded");
    EngineError::Port(error).refusal()
}

/// The refusal of a step that cannot read its record.
fn gone() -> Refusal {
    EngineError::Corrupt("the pipeline's record is gone".into()).refusal()
}

/// The gate's refusal of an operation whose stage moved to that release meanwhile.
fn void(journal: &Journal, release: u32) -> Refusal {
    let prod: StageName = "prod".parse().expect("a stage");
    let mut moved = stage("prod", release);
    moved.current = Some(crate::records::Current { by: super::actor("ben"), ..current("prod", release) });
    let state = PipelineState { stages: [(prod.clone(), moved)].into(), ..PipelineState::default() };
    let (definition, op) = journal.known();
    let snapshot = Snapshot { state, access: access(), ..Snapshot::default() };
    definition.gate(op, &stage_slot(&prod), &snapshot, jiff::Timestamp::UNIX_EPOCH).expect_err("it moved")
}
