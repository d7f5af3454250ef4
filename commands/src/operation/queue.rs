//! The line before a slot: taking it in turn, giving it back, waking who is next.

use std::collections::BTreeSet;

use crate::domain::{
    DEACTIVATED, FINGERPRINT, GROUP_UNKNOWN, KIND, OPERATION, PipelineState, QUEUED, STUCK, Subjects, to_item,
};
use crate::operation::definition::BoundOperation;
use crate::operation::engine::Engine;
use crate::operation::head::{Head, OperationSpec, guards};
use crate::operation::slot::{Slot, Ticket, is_my_turn, next_in_line};
use crate::operation::snapshot::Snapshot;
use crate::operation::state::OperationState;
use crate::operation::step::{EngineError, Node};
use crate::operation::world::World;
use crate::ports::{Cause, DueChange, Guard, Hint, Item, Precondition, StoreError, Write};
use sluice_model::{OperationId, PipelineName, Refusal};

/// What came of standing before a slot.
pub(crate) enum Acquire {
    /// It is free and it is our turn: these writes, in the same transaction as the journal row, take it.
    Free(Vec<Write>),
    /// Somebody holds it, or is before us in the line.
    Taken,
    /// A gate closed since the operation was accepted.
    Refused(Refusal),
}

/// Reads the line, asks the gates again, and marks our ticket if we have to wait.
pub(crate) async fn try_acquire(
    world: &World,
    definition: &dyn BoundOperation,
    op: &OperationState,
    slot: &Slot,
) -> Result<Acquire, EngineError> {
    let pipeline = &op.spec.pipeline;
    // Nobody is asked about who only goes back.
    let subjects = if is_new(op) { definition.subjects(op) } else { Subjects::default() };
    let snapshot = Snapshot::read_about(world, pipeline, subjects).await?;
    let acquire = acquire(world, definition, op, slot, &snapshot)?;
    let queued =
        snapshot.state.tickets.iter().any(|t| t.operation == op.id && t.queued.as_ref() == Some(slot));
    if matches!(acquire, Acquire::Taken) && !queued {
        match world.store.write(mark(world, op, slot.to_string())).await {
            Ok(()) | Err(StoreError::Lost(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(acquire)
}

/// Who goes back, or only records what is, passes the gates: they are for what is new.
fn is_new(op: &OperationState) -> bool {
    op.failure().is_none() && op.resolved.is_none()
}

/// What stands before a slot, in the pipeline and by the roles as they were seen: pure.
pub(crate) fn acquire(
    world: &World,
    definition: &dyn BoundOperation,
    op: &OperationState,
    slot: &Slot,
    snapshot: &Snapshot,
) -> Result<Acquire, EngineError> {
    let Snapshot { state, access, .. } = snapshot;
    if is_new(op) {
        let actor = &op.spec.actor.id;
        if let Err(refusal) = access.permit(definition.permission(), actor) {
            let lost = || format!("<@{actor}> lost the role that allowed it before anything moved here.");
            let says_why = [DEACTIVATED, GROUP_UNKNOWN].contains(&refusal.code.as_str());
            let problem = if says_why { refusal.problem.clone() } else { lost() };
            return Ok(Acquire::Refused(Refusal { problem, ..refusal }));
        }
        if let Err(refusal) = definition.gate(op, slot, snapshot, world.clock.now()) {
            return Ok(Acquire::Refused(refusal));
        }
    }
    // A slot of ours that the journal does not know we marked before we were stuck. A rollback passes what is stuck, and
    // a lock that waits for other stages: nothing holds back a way back but what a gate says.
    let is_open = |holder: &OperationId| {
        let is_passed = |ticket: &Ticket| {
            &ticket.operation == holder && (ticket.stuck || ticket.kind == crate::operation::LOCK)
        };
        let is_rollback = op.spec.kind == crate::operation::ROLLBACK;
        holder == &op.id || is_rollback && state.tickets.iter().any(is_passed)
    };
    let held = state.slots.get(slot);
    if held.is_some_and(|holder| !is_open(holder)) || !is_my_turn(slot, &op.id, &state.tickets) {
        return Ok(Acquire::Taken);
    }
    let holder = |operation: &OperationId| guards([(OPERATION, Guard::Text(operation.to_string()))]);
    let item = to_item(world.keys.slot(&op.spec.pipeline, slot), holder(&op.id), &serde_json::json!({}))?;
    // Who ended left its slots behind: nobody but the next one writes them.
    let when = match held.or(state.left_behind.get(slot)) {
        Some(before) => Precondition::Equals(holder(before)),
        None => Precondition::Absent,
    };
    let mut writes = vec![Write::Put { item, when }];
    let is_marked = |ticket: &Ticket| ticket.stuck || ticket.queued.as_ref() == Some(slot);
    if state.tickets.iter().any(|ticket| ticket.operation == op.id && is_marked(ticket)) {
        // Who holds it stands in the line no more: it may give it back and wait for people for hours. Nor is it stuck any
        // more: a rollback must not pass who moves.
        writes.push(unmark(world, op));
    }
    Ok(Acquire::Free(writes))
}

/// Says on our ticket that we are stuck.
pub(crate) fn mark_stuck(world: &World, spec: &OperationSpec) -> Write {
    Write::Update {
        key: world.keys.ticket(&spec.pipeline, spec.ticket),
        set: guards([(QUEUED, Guard::Text(String::new())), (STUCK, Guard::Text(STUCK.into()))]),
        due: DueChange::Keep,
        when: Precondition::Present,
    }
}

/// Says on our ticket that we neither wait nor are stuck.
fn unmark(world: &World, op: &OperationState) -> Write {
    Write::Update {
        key: world.keys.ticket(&op.spec.pipeline, op.spec.ticket),
        set: guards([(QUEUED, Guard::Text(String::new())), (STUCK, Guard::Text(String::new()))]),
        due: DueChange::Keep,
        when: Precondition::Present,
    }
}

/// Says on our ticket what we wait for.
fn mark(world: &World, op: &OperationState, queued: String) -> Write {
    Write::Update {
        key: world.keys.ticket(&op.spec.pipeline, op.spec.ticket),
        set: guards([(QUEUED, Guard::Text(queued))]),
        due: DueChange::Keep,
        when: Precondition::Present,
    }
}

/// Gives a slot back while the operation goes on. One that ends leaves its slots behind with its ticket.
pub(crate) fn release(world: &World, pipeline: &PipelineName, slot: &Slot, operation: &OperationId) -> Write {
    let held = guards([(OPERATION, Guard::Text(operation.to_string()))]);
    Write::Delete { key: world.keys.slot(pipeline, slot), when: Precondition::Equals(held) }
}

/// Leaves the line.
pub(crate) fn leave(world: &World, op: &OperationState) -> Write {
    Write::Delete { key: world.keys.ticket(&op.spec.pipeline, op.spec.ticket), when: Precondition::Any }
}

/// A ticket's item.
pub(crate) fn ticket(world: &World, pipeline: &PipelineName, ticket: &Ticket) -> Result<Item, StoreError> {
    let marks = guards([
        (OPERATION, Guard::Text(ticket.operation.to_string())),
        (KIND, Guard::Text(ticket.kind.clone())),
        (FINGERPRINT, Guard::Text(ticket.fingerprint.clone())),
        (QUEUED, Guard::Text(String::new())),
    ]);
    to_item(world.keys.ticket(pipeline, ticket.number), marks, &serde_json::json!({}))
}

/// The slots that an operation's steps name.
pub(crate) fn wanted(nodes: &[Node]) -> BTreeSet<Slot> {
    nodes.iter().filter_map(|node| node.slot.clone()).collect()
}

/// Wakes the head of the line of slots that an operation gave back, here or wherever it is carried. Should this fail, who
/// waits looks again by itself.
pub(crate) async fn wake_next(engine: &Engine, by: &Head, slots: &BTreeSet<Slot>) {
    if slots.is_empty() {
        return;
    }
    let (world, pipeline) = (engine.world(), &by.spec.pipeline);
    match PipelineState::read(&*world.store, &world.keys, pipeline).await {
        Ok(state) => {
            for slot in slots {
                let Some(next) = next_in_line(slot, &state.tickets).map(|ticket| &ticket.operation) else {
                    continue;
                };
                if !engine.is_carrying(next) {
                    let cause = Cause::Slot(by.id.clone());
                    world.wakeups.wake(Hint { operation: next.clone(), sequence: by.sequence, cause });
                }
                world.runner.run(next.clone());
            }
        }
        Err(error) => {
            tracing::warn!(%pipeline, %error, "the line could not be read; who waits looks again by itself")
        }
    }
}
