//! What the engine asks of the application: to read what a decision depends on, to judge who may do what, and
//! to put the state of an operation into words.

use std::collections::BTreeMap;
use std::future::Future;

use crate::application::Application;
use crate::error::EngineError;
use crate::head::Head;
use crate::operation::BoundOperation;
use crate::ports::{StoreError, Update, Write};
use crate::recorded_signal::RecordedSignal;
use crate::state::OperationState;
use crate::step::Node;
use crate::step_id::StepId;
use crate::tickets::TicketQueue;
use crate::world::World;
use sluice_model::{Permission, PipelineName, Refusal, Subjects, Text, UserId};

/// The functions of an application that the engine calls.
pub trait Hooks: Application {
    /// Reads what a decision about a pipeline depends on, with what is known about these people and groups.
    fn read(
        world: &World<Self>,
        pipeline: &PipelineName,
        subjects: Subjects,
    ) -> impl Future<Output = Result<Self::Snapshot, StoreError>> + Send;
    /// The queue in a snapshot.
    fn queue(snapshot: &Self::Snapshot) -> &TicketQueue;
    /// Whether that person may still do what needs that permission. The refusal is shown to people.
    fn permit(snapshot: &Self::Snapshot, permission: Permission, person: &UserId) -> Result<(), Refusal>;
    /// The same objects, with the reason that a person gave.
    fn with_reason(subject: Self::AuditSubject, reason: Option<String>) -> Self::AuditSubject;
    /// The records of an operation that an admin ends although its journal cannot be read.
    fn forced_end(
        world: &World<Self>,
        head: &Head,
    ) -> impl Future<Output = Result<ForcedEnd, EngineError>> + Send;
    /// The update for the current state.
    fn update(report: &Report<'_, Self>) -> Update;
    /// The update for an operation that was parked and whose steps cannot be computed.
    fn update_of_parked(head: &Head, is_urgent: bool, why: &Refusal) -> Update;
    /// The update for an operation that was ended without its journal. `by`: the signal that marked it as
    /// resolved, if it is known.
    fn update_of_forced(head: &Head, by: Option<&RecordedSignal>, left: Option<Text>) -> Update;
}

/// The records of a forced end.
#[derive(Debug, Default)]
pub struct ForcedEnd {
    /// The writes. If one of their preconditions fails, everything is read again.
    pub writes: Vec<Write>,
    /// What people must know about what it leaves.
    pub left: Option<Text>,
}

/// The state of an operation that people are notified about.
pub struct Report<'a, A: Application> {
    /// The operation.
    pub definition: &'a dyn BoundOperation<A>,
    /// Its state.
    pub op: &'a OperationState,
    /// Its steps.
    pub nodes: &'a [Node<A>],
    /// The latest notes of running steps.
    pub notes: &'a BTreeMap<StepId, Text>,
    /// The first row that this process wrote.
    pub own_since: u64,
}
